"""A way to the chain that loses, doubles, delays, reorders, cuts and lies, as its chance has it.

A proxy on loopback between the gateway and the ledger. What it does to each request is drawn from
a seeded chance in the order in which requests come, so a run can be had again. Nothing here waits:
a delay is ledger time that passes while a request or its answer is on the way.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from stellar_sdk import xdr

from tests.ledger.wire import JsonObject, read_body

_Reply = bytes | None
"""What goes back on the wire, whole; None: the connection is cut."""


class Lie(StrEnum):
    """What may happen to one request."""

    LOSE_REQUEST = "request lost"
    LOSE_ANSWER = "answer lost"
    TWICE = "request doubled"
    LATE = "request delivered after later ones"
    SLOW_REQUEST = "request delayed"
    SLOW_ANSWER = "answer delayed"
    CUT = "answer cut off"
    SHORT = "answer cut to valid HTTP"
    PORTAL = "login page"
    BAD_GATEWAY = "502"
    RPC_ERROR = "error of the server's own"
    LAG = "server lags behind"
    DUPLICATE = "DUPLICATE, never seen"
    BUSY = "TRY_AGAIN_LATER"
    BUSY_AND_IN = "TRY_AGAIN_LATER, but taken"
    REFUSED = "ERROR"
    REFUSED_AND_IN = "ERROR, but taken"
    DROPPED = "PENDING, but dropped"
    OTHER_TOOL = "account used by another tool"
    NOT_FOUND = "NOT_FOUND, but in"
    FORGOTTEN = "transaction no longer remembered"
    EVENTS_GONE = "events gone"
    FEE_LOW = "fee simulated too low"
    FEE_HIGH = "fee simulated too high"


ANYWHERE = (
    Lie.LOSE_REQUEST,
    Lie.LOSE_ANSWER,
    Lie.TWICE,
    Lie.LATE,
    Lie.SLOW_REQUEST,
    Lie.SLOW_ANSWER,
    Lie.CUT,
    Lie.SHORT,
    Lie.PORTAL,
    Lie.BAD_GATEWAY,
    Lie.RPC_ERROR,
    Lie.LAG,
)
ABOUT: Mapping[str, Sequence[Lie]] = {
    "sendTransaction": (
        Lie.DUPLICATE,
        Lie.BUSY,
        Lie.BUSY_AND_IN,
        Lie.REFUSED,
        Lie.REFUSED_AND_IN,
        Lie.DROPPED,
        Lie.OTHER_TOOL,
    ),
    "getTransaction": (Lie.NOT_FOUND, Lie.FORGOTTEN),
    "getEvents": (Lie.EVENTS_GONE,),
    "simulateTransaction": (Lie.FEE_LOW, Lie.FEE_HIGH),
}
DELAYS_S = (1, 30, 299, 301, 3_000)
"""Seconds of ledger time; the gateway's envelopes live for 300."""
MOST_LAG = 8
"""Requests that a lagging server answers from its memory."""
LEAST_AT_A_TURN = 0.4
"""How likely something happens, at least, to what there are lies of its own about."""
ERRORS = (
    "txBAD_SEQ",
    "txTOO_LATE",
    "txINTERNAL_ERROR",
    "txINSUFFICIENT_FEE",
    "txINSUFFICIENT_BALANCE",
    "txSOROBAN_INVALID",
)
_MADE_UP = (
    Lie.PORTAL,
    Lie.BAD_GATEWAY,
    Lie.RPC_ERROR,
    Lie.EVENTS_GONE,
    Lie.DUPLICATE,
    Lie.BUSY,
    Lie.DROPPED,
    Lie.REFUSED,
)
_FEES = {Lie.FEE_LOW: (1, 3), Lie.FEE_HIGH: (1_000_000, 1)}


@dataclass(slots=True)
class Liar:
    """The proxy.

    Args:
        upstream: the ledger's URL.
        chance: what is drawn from.
        lies: what may happen; empty: everything passes unchanged.
        rate: how likely something happens to a request, 0 to 1.
        pass_time: lets so many seconds of ledger time pass.
        other_tool: uses the gateway's account for something else.
        url: where it listens.
        told: how often each thing has happened.
        requests: how many have come.
    """

    upstream: str
    chance: random.Random
    lies: Sequence[Lie]
    rate: float
    pass_time: Callable[[int], None]
    other_tool: Callable[[], None]
    url: str = ""
    told: Counter[Lie] = field(default_factory=Counter)
    requests: int = 0
    _late: list[tuple[int, bytes]] = field(default_factory=list)
    _memory: dict[str, bytes] = field(default_factory=dict)
    _forgotten: set[str] = field(default_factory=set)
    _lag: int = 0
    _hang_up: bool = False
    _link: http.client.HTTPConnection | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it is cut or the client goes away."""
        try:
            while body := await read_body(reader):
                reply = self.answer(body)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
                if self._hang_up:
                    self._hang_up = False
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def tell_the_truth(self) -> None:
        """The faults are over; what was still on its way arrives now."""
        self.lies, self._lag = (), 0
        self._forgotten.clear()
        for _, body in self._late:
            self._forward(body)
        self._late.clear()

    def answer(self, body: bytes) -> _Reply:
        """What comes back for one request."""
        self.requests += 1
        self._deliver_late()
        asked = json.loads(body)
        method, params = asked["method"], asked.get("params") or {}
        lie = self._draw(method)
        if lie is not None:
            self.told[lie] += 1
        if self._lag and method.startswith("get"):
            self._lag -= 1
            remembered = self._memory.get(_question(method, params))
            if remembered is not None:
                return _http(_with_id(remembered, asked["id"]))
        return self._reply(lie, asked, method, params, body)

    def _draw(self, method: str) -> Lie | None:
        own = [lie for lie in ABOUT.get(method, ()) if lie in self.lies]
        rate = max(self.rate, LEAST_AT_A_TURN) if own else self.rate
        if not self.lies or self.chance.random() >= rate:
            return None
        general = [lie for lie in ANYWHERE if lie in self.lies]
        if own and (not general or self.chance.random() < 0.6):
            return self.chance.choice(own)
        return self.chance.choice(general) if general else None

    def _reply(
        self, lie: Lie | None, asked: JsonObject, method: str, params: JsonObject, body: bytes
    ) -> _Reply:
        if lie is Lie.LATE:
            self._late.append((self.requests + self.chance.randint(1, 12), body))
        if lie in (Lie.LATE, Lie.LOSE_REQUEST):
            return None
        if lie in _MADE_UP:
            return self._make_up(lie, asked)
        self._meddle(lie, params, body)
        answer = self._forward(body)
        if not self._lag:
            self._memory[_question(method, params)] = answer
        return self._spoil(lie, asked, params, answer)

    def _make_up(self, lie: Lie, asked: JsonObject) -> bytes:
        """An answer to what never reached the network."""
        match lie:
            case Lie.PORTAL:
                return _http(b"<html><body>Welcome! Please log in.</body></html>", "text/html")
            case Lie.BAD_GATEWAY:
                return _http(b"<h1>502</h1>", "text/html", "502 Bad Gateway")
            case Lie.RPC_ERROR:
                return _failure(asked, -32603, "internal error")
            case Lie.EVENTS_GONE:
                return _failure(asked, -32600, "startLedger must be within the ledger range")
        return self._say_sent(lie, asked)

    def _meddle(self, lie: Lie | None, params: JsonObject, body: bytes) -> None:
        """What happens while the request is on its way."""
        match lie:
            case Lie.OTHER_TOOL:
                self.other_tool()
            case Lie.SLOW_REQUEST:
                self.pass_time(self.chance.choice(DELAYS_S))
            case Lie.TWICE:
                self._forward(body)
            case Lie.LAG:
                self._lag = self.chance.randint(1, MOST_LAG)
            case Lie.FORGOTTEN:
                self._forgotten.add(str(params.get("hash")))

    def _spoil(
        self, lie: Lie | None, asked: JsonObject, params: JsonObject, answer: bytes
    ) -> _Reply:
        """What happens to the answer on its way back."""
        if lie is Lie.NOT_FOUND or str(params.get("hash")) in self._forgotten:
            answer = _not_found(answer)
        match lie:
            case Lie.LOSE_ANSWER:
                return None
            case Lie.SLOW_ANSWER:
                self.pass_time(self.chance.choice(DELAYS_S))
            case Lie.CUT:
                self._hang_up = True
                whole = _http(answer)
                return whole[: self.chance.randint(len(whole) - len(answer), len(whole) - 1)]
            case Lie.SHORT:
                return _http(answer[: self.chance.randint(0, len(answer) - 1)])
            case Lie.BUSY_AND_IN | Lie.REFUSED_AND_IN:
                return self._say_sent(lie, asked)
            case Lie.FEE_LOW | Lie.FEE_HIGH:
                answer = _with_fee(answer, *_FEES[lie])
        return _http(answer)

    def _say_sent(self, lie: Lie, asked: JsonObject) -> bytes:
        """An answer to sendTransaction that the network never gave."""
        statuses = {Lie.DUPLICATE: "DUPLICATE", Lie.DROPPED: "PENDING"}
        busy = lie in (Lie.BUSY, Lie.BUSY_AND_IN)
        result: JsonObject = {
            "status": statuses.get(lie, "TRY_AGAIN_LATER" if busy else "ERROR"),
            "hash": "0" * 64,
            "latestLedger": 1,
            "latestLedgerCloseTime": "1",
        }
        if result["status"] == "ERROR":
            result["errorResultXdr"] = _refusal(self.chance.choice(ERRORS))
        return _http(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode())

    def _deliver_late(self) -> None:
        due = [body for number, body in self._late if number <= self.requests]
        self._late = [one for one in self._late if one[0] > self.requests]
        for body in due:
            self._forward(body)

    def _forward(self, body: bytes) -> bytes:
        if self._link is None:
            parts = urlsplit(self.upstream)
            self._link = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._link.request("POST", "/", body, {"Content-Type": "application/json"})
        return self._link.getresponse().read()

    def close(self) -> None:
        """Let go of the ledger."""
        if self._link is not None:
            self._link.close()


def _question(method: str, params: JsonObject) -> str:
    return method + json.dumps(params, sort_keys=True)


def _with_id(answer: bytes, asked_id: object) -> bytes:
    return json.dumps(json.loads(answer) | {"id": asked_id}).encode()


def _with_fee(answer: bytes, times: int, per: int) -> bytes:
    said = json.loads(answer)
    result = said.get("result", {})
    if "minResourceFee" in result:
        fee_stroops = int(result["minResourceFee"]) * times // per
        result["minResourceFee"] = str(fee_stroops)
        data = xdr.SorobanTransactionData.from_xdr(result["transactionData"])
        data.resource_fee = xdr.Int64(fee_stroops)
        result["transactionData"] = data.to_xdr()
    return json.dumps(said).encode()


def _not_found(answer: bytes) -> bytes:
    said = json.loads(answer)
    if "result" in said:
        kept = {key: value for key, value in said["result"].items() if "Ledger" in key}
        said["result"] = kept | {"status": "NOT_FOUND"}
    return json.dumps(said).encode()


def _refusal(code: str) -> str:
    result = xdr.TransactionResultResult(xdr.TransactionResultCode[code])
    return xdr.TransactionResult(xdr.Int64(100), result, xdr.TransactionResultExt(0)).to_xdr()


def _failure(asked: JsonObject, code: int, message: str) -> bytes:
    error = {"code": code, "message": message}
    return _http(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode())


def _http(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def lying(liar: Liar) -> AsyncIterator[Liar]:
    """The proxy at work, until the block ends."""
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    liar.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield liar
    finally:
        server.close()
        liar.close()
