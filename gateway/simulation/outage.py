"""A cable between the gateway and the chain that can be pulled out and put back.

Everything passes unchanged while it is in; while it is out, connections are cut and new ones
are refused, as with a dead uplink.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK = 65_536


class Cable:
    """A TCP relay on loopback in front of one server.

    Args:
        host: the server's address.
        port: the server's port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._flows: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What the gateway is told is the chain."""
        return f"http://127.0.0.1:{self._port}"

    async def plug_in(self) -> None:
        """Let everything pass; the first time, on a free port that is kept from then on."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def pull_out(self) -> None:
        """Cut what is open and refuse what comes."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for flow in list(self._flows):
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flow = asyncio.current_task()
        if flow is None:  # start_server always runs this in a task
            raise AssertionError
        self._flows.add(flow)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._flows.discard(flow)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        try:
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
