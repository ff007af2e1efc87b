"""Which RPC server is asked: how each is doing, which comes first, and who is set aside.

The first of the list that is well is asked; after a fault the next one is, in the same breath,
and the first comes back by itself once it has rested. A server that shows ledgers long past is
passed over. One that belongs to another network, or goes back in time, is set aside with an alarm.
Keeps nothing across a restart but what it is told by :meth:`Endpoints.remember`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from stellar_sdk.client.aiohttp_client import AiohttpClient
from stellar_sdk.exceptions import BaseHorizonError, SdkError, SorobanRpcErrorResponse
from stellar_sdk.exceptions import ConnectionError as NoConnectionError
from stellar_sdk.soroban_server_async import SorobanServerAsync

from gateway.errors import Permanent, Transient

TIMEOUT_S = 20
MAX_LAG_LEDGERS = 60
"""Five minutes: the servers behind one address differ by a few ledgers."""
MAX_REST_S = 300.0
MAX_DOUBLINGS = 9
ASIDE_S = 600.0
"""After this long a server that was set aside is looked at again."""
_INTERNAL_ERROR = -32603
"""JSON-RPC's word for a fault of the server's own: https://www.jsonrpc.org/specification."""

T = TypeVar("T")


class RpcError(Transient):
    """The server answered with an error of its own."""


class _Unusable(Transient):
    """This server can't be used now; another one may be."""


@dataclass(slots=True)
class Endpoint:
    """One RPC server, and how it is doing.

    Args:
        server: the way to it.
        faults: how many in a row.
        trouble: the last of them, in words; empty: it is well.
        rests_until_s: not asked before, if another one can be (monotonic seconds).
        newest: the newest ledger that it has shown; 0: none yet.
        is_known: whether it was asked which network it belongs to.
        alarm: why it is set aside; empty: it is not.
    """

    server: SorobanServerAsync
    faults: int = 0
    trouble: str = ""
    rests_until_s: float = -math.inf
    newest: int = 0
    is_known: bool = False
    alarm: str = ""

    @property
    def url(self) -> str:
        """Its address; never shown, because it may hold a key."""
        return self.server.server_url

    @property
    def host(self) -> str:
        """What it is called in sentences."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


class Endpoints:
    """The RPC servers of one network.

    Args:
        urls: at least one, in order of preference.
        passphrase: the network's.
        max_lag_ledgers: how far behind the newest ledger seen anywhere an answer may be.
        now_s: monotonic seconds.
    """

    def __init__(
        self,
        urls: Sequence[str],
        passphrase: str,
        max_lag_ledgers: int = MAX_LAG_LEDGERS,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = [
            Endpoint(
                SorobanServerAsync(
                    url, AiohttpClient(request_timeout=TIMEOUT_S, post_timeout=TIMEOUT_S)
                )
            )
            for url in urls
        ]
        self._passphrase = passphrase
        self._max_lag_ledgers = max_lag_ledgers
        self._now_s = now_s
        self._newest = 0

    @property
    def count(self) -> int:
        """How many are configured."""
        return len(self._endpoints)

    async def close(self) -> None:
        """Let go of all connections."""
        for endpoint in self._endpoints:
            await endpoint.server.close()

    def remember(self, ledger: int) -> None:
        """Count a ledger as seen, from before this process began."""
        self._newest = max(self._newest, ledger)

    async def ask(
        self,
        request: Callable[[SorobanServerAsync], Awaitable[T]],
        ledger_of: Callable[[T], int] | None = None,
        *,
        but: str | None = None,
        of_any_network: bool = False,
    ) -> T:
        """Ask the first server that can answer.

        Args:
            request: may be made twice.
            ledger_of: the newest ledger that the server knows, from its answer; one that lags
                behind is not taken.
            but: the address of one that is left out.
            of_any_network: whether a server of another network may answer, too.

        Raises:
            RpcError: the server understood, and refuses.
            Transient: no server answers, in the words of the last one asked.
            Permanent: every one is set aside.
        """
        problem: Transient | None = None
        for endpoint in self._candidates(but):
            try:
                if not of_any_network:
                    await self._know(endpoint)
                answer = await _put(endpoint, request)
                if ledger_of is not None:
                    self._hear(endpoint, ledger_of(answer))
            except _Unusable as error:
                problem = error
                self._rest(endpoint, str(error))
            else:
                endpoint.faults, endpoint.trouble, endpoint.alarm = 0, "", ""
                return answer
        if problem is None:
            raise Permanent(self.alarm() or "no other RPC server is configured")
        if (alarm := self.alarm()) and all(one.alarm for one in self._endpoints):
            raise Permanent(alarm)
        raise Transient(str(problem))

    def has_other(self, url: str) -> bool:
        """Whether a server besides this one would be asked now."""
        return any(self._is_ready(one) for one in self._endpoints if one.url != url)

    def host_of(self, url: str) -> str:
        """What a server is called in sentences."""
        return next(one.host for one in self._endpoints if one.url == url)

    def alarm(self) -> str:
        """Why servers are set aside; empty: none is."""
        return "; ".join(one.alarm for one in self._endpoints if one.alarm)

    def troubles(self) -> str:
        """What is wrong with servers that are not set aside; empty: nothing.

        Only where there are several: what is wrong with the only one is said by whoever asked it.
        """
        if self.count == 1:
            return ""
        return "; ".join(one.trouble for one in self._endpoints if one.trouble and not one.alarm)

    def _candidates(self, but: str | None) -> Iterator[Endpoint]:
        """All that are well; if none is, the one that has rested longest."""
        usable = [
            one
            for one in self._endpoints
            if one.url != but and not (one.alarm and one.rests_until_s > self._now_s())
        ]
        ready = [one for one in usable if one.rests_until_s <= self._now_s()]
        yield from ready or sorted(usable, key=lambda one: one.rests_until_s)[:1]

    def _is_ready(self, endpoint: Endpoint) -> bool:
        return endpoint.rests_until_s <= self._now_s()

    def _rest(self, endpoint: Endpoint, trouble: str) -> None:
        endpoint.faults += 1
        endpoint.trouble = trouble
        rest_s = min(2.0 ** min(endpoint.faults, MAX_DOUBLINGS), MAX_REST_S)
        endpoint.rests_until_s = self._now_s() + (ASIDE_S if endpoint.alarm else rest_s)

    async def _know(self, endpoint: Endpoint) -> None:
        """Ask a server for its network before anything else, and again after it was set aside."""
        if endpoint.is_known and not endpoint.alarm:
            return
        answer = await _put(endpoint, lambda server: server.get_network())
        if answer.passphrase != self._passphrase:
            endpoint.alarm = (
                f"the RPC server {endpoint.host} belongs to another network: it is not used; "
                "correct chain.rpc, or chain.network and chain.passphrase"
            )
            raise _Unusable(endpoint.alarm)
        endpoint.is_known = True

    def _hear(self, endpoint: Endpoint, ledger: int) -> None:
        """Hold what a server shows against what it and the others have shown."""
        if ledger < endpoint.newest - self._max_lag_ledgers:
            endpoint.alarm = (
                f"the RPC server {endpoint.host} went back in time, by more than "
                f"{self._max_lag_ledgers} ledgers: it is not used until it has caught up; if that "
                "lasts, ask whoever runs it, or take it out of chain.rpc"
            )
            raise _Unusable(endpoint.alarm)
        endpoint.newest = max(endpoint.newest, ledger)
        if ledger < self._newest - self._max_lag_ledgers:
            raise _Unusable(
                f"the chain at {endpoint.host} lags by more than {self._max_lag_ledgers} ledgers "
                "behind what was seen before: it is not believed until it has caught up"
            )
        self._newest = max(self._newest, ledger)


async def _put(endpoint: Endpoint, request: Callable[[SorobanServerAsync], Awaitable[T]]) -> T:
    """One request to one server, its faults in words."""
    chain = f"the chain at {endpoint.host}"
    try:
        return await request(endpoint.server)
    except SorobanRpcErrorResponse as error:
        if error.code != _INTERNAL_ERROR:
            raise RpcError(f"{chain} refuses the request: {error.message}") from None
        why = f"has a fault of its own: {error.message}"
    except (NoConnectionError, OSError, TimeoutError):
        why = "can't be reached: no internet, or the server is away"
    except BaseHorizonError as error:
        why = f"answers with HTTP status {error.status}: it is overloaded, or chain.rpc is wrong"
    except (SdkError, ValueError, EOFError):
        why = "talks nonsense: a login page is in between, or chain.rpc is wrong"
    raise _Unusable(f"{chain} {why}")
