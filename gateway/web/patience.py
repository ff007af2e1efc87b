"""How long a request may take to come in, and how many connections one client may hold.

Else a few hundred requests that never end would keep everybody else from the page for good.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.web.token_door import network_of

PATIENCE_S = 15.0
"""From the first byte of a request, or from connecting, to its last byte."""
MOST_OF_ONE = 40
"""Connections of one client; a browser holds six."""
_PROXY = ("127.0.0.1", "::1")
"""A proxy on this machine speaks for many clients."""


class PatientProtocol(H11Protocol):
    """A connection that is ended when its request does not come to an end."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse one more of a client that has its share."""
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and see whether more has to."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._rest()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._is_incomplete():
            self._rest()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(PATIENCE_S, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_incomplete(self) -> bool:
        """Whether a request has begun, or has to yet, and lacks something."""
        match self.conn.their_state:
            case h11.SEND_BODY:
                return True
            case h11.IDLE:
                return self.cycle is None or bool(self.conn.trailing_data[0])
            case _:
                return False

    def _is_one_too_many(self) -> bool:
        if self.client is None or self.client[0] in _PROXY:
            return False
        network = network_of(self.client[0])
        held = (one.client for one in self.connections if isinstance(one, PatientProtocol))
        return sum(one is not None and network_of(one[0]) == network for one in held) > MOST_OF_ONE
