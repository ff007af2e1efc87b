"""The wire between gateway and network: loses, doubles and answers requests as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

JsonObject = dict[str, object]


class Fault(Enum):
    """What happens to one request."""

    LOSE_REQUEST = auto()
    LOSE_ANSWER = auto()
    TWICE = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One JSON-RPC request as it passed.

    Args:
        number: counts from 1.
        method: its name.
        params: what it asked.
    """

    number: int
    method: str
    params: JsonObject


Rule = Callable[[Request], Fault | JsonObject | None]
"""What to do with a request: a fault, an answer of one's own, or None to let it pass."""


def lose(method: str, fault: Fault = Fault.LOSE_REQUEST) -> Rule:
    """A rule that meets every request of one method with a fault."""
    return lambda request: fault if request.method == method else None


@dataclass(slots=True)
class Wire:
    """A proxy on loopback.

    Args:
        upstream: the ledger's URL.
        rule: asked for each request.
        passed: every request so far.
        url: where it listens.
        on_lost: called when a request or its answer has just been lost.
    """

    upstream: str
    rule: Rule = lambda _: None
    passed: list[Request] = field(default_factory=list)
    url: str = ""
    on_lost: Callable[[], None] = lambda: None

    def methods(self) -> list[str]:
        """The names of all requests so far."""
        return [request.method for request in self.passed]

    def sent(self) -> list[str]:
        """Every envelope that was sent, in order."""
        return [
            str(request.params["transaction"])
            for request in self.passed
            if request.method == "sendTransaction"
        ]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until a fault closes it or the client goes away."""
        try:
            while body := await read_body(reader):
                answer = await self._answer(body)
                if answer is None:
                    break
                writer.write(response(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, body: bytes) -> bytes | None:
        asked = json.loads(body)
        request = Request(len(self.passed) + 1, asked["method"], asked.get("params") or {})
        self.passed.append(request)
        verdict = self.rule(request)
        if isinstance(verdict, dict):
            return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": verdict}).encode()
        if verdict is Fault.LOSE_REQUEST:
            self.on_lost()
            return None
        answer = await self._forward(body)
        if verdict is Fault.TWICE:
            answer = await self._forward(body)
        if verdict is Fault.LOSE_ANSWER:
            self.on_lost()
            return None
        return answer

    async def _forward(self, body: bytes) -> bytes:
        parts = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = (
            f"POST / HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await read_body(reader)
        writer.close()
        return answer


async def read_body(reader: asyncio.StreamReader) -> bytes:
    """The body of one HTTP message; empty when the other side has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return await reader.readexactly(int(value))
    return b""


def response(body: bytes) -> bytes:
    """A body as an HTTP answer."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def tapped(upstream: str, rule: Rule = lambda _: None) -> AsyncIterator[Wire]:
    """A wire to a ledger, until the block ends."""
    wire = Wire(upstream, rule)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.url = f"http://127.0.0.1:{port}"
    try:
        yield wire
    finally:
        server.close()
