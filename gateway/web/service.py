"""Serving the page: one uvicorn server that stops when its task is cancelled.

Leaves signals to the program around it, and keeps no access log: a card wears out, and who
looked at which meter is nobody's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator

import uvicorn

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.store.database import Database
from gateway.web.app import create_app
from gateway.web.patience import PatientProtocol
from gateway.web.settings import WebSettings

_log = logging.getLogger(__name__)

_GRACE_S = 2
_RETRY_S = 5.0
_MOST_CONNECTIONS = 200


class WebService:
    """The web server of the village.

    Args:
        database: open, and closed by the caller after :meth:`run` has ended.
        clock: the village's time.
        settings: where to listen and what to call things.
    """

    def __init__(self, database: Database, clock: Clock, settings: WebSettings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                create_app(database, clock, settings),
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self.port: int | None = None
        """The TCP port that is being served; None before that."""

    async def run(self) -> None:
        """Serve until cancelled; answers under way get 2 s to finish.

        Raises:
            Permanent: the address cannot be listened on until a person changes something.
        """
        listener = await self._listen()
        self.port = listener.getsockname()[1]
        _log.info("page served host=%s port=%s", self._settings.host, self.port)
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            self._server.should_exit = True
            await serving

    async def _listen(self) -> socket.socket:
        """Listen, waiting for an address that is not there yet: Wi-Fi comes up after us."""
        is_known = False
        while True:
            try:
                return _listener(self._settings.host, self._settings.port)
            except Transient as problem:
                if not is_known:
                    _log.warning("page not served yet reason=%s", problem)
                is_known = True
            await asyncio.sleep(_RETRY_S)


class _Server(uvicorn.Server):
    """A server that takes no signal handlers away from the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        match error.errno:
            case errno.EADDRNOTAVAIL:
                raise Transient(f"no network interface has the address {host} yet") from error
            case errno.EADDRINUSE:
                raise Permanent(
                    f"port {port} is taken by another program: stop it, or set web.port"
                ) from error
            case _:
                raise Permanent(
                    f"web.host {host!r} and web.port {port} can't be listened on: "
                    f"{error.strerror or error}"
                ) from error
    # Connections inherit it. Without it each answer waits 40 ms for a delayed acknowledgement:
    # asyncio sets it only on sockets that were made with IPPROTO_TCP, which these were not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
