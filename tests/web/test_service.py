"""The server around the page: it stops when told, and says why it cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.errors import Permanent
from gateway.store.database import Database
from gateway.web import WebService, patience
from tests.web.stage import DEADLINE_S, NOW_S, SETTINGS, ask, clock_at, serving, until


async def test_a_taken_port_is_named(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        service = WebService(database, clock_at(NOW_S), replace(SETTINGS, port=port))
        with pytest.raises(Permanent, match=f"port {port} is taken by another program"):
            await service.run()


async def test_a_name_that_is_no_address_is_refused(database: Database) -> None:
    settings = replace(SETTINGS, host="no such host")
    with pytest.raises(Permanent, match=r"web\.host 'no such host' and web\.port 0"):
        await WebService(database, clock_at(NOW_S), settings).run()


async def test_an_address_that_is_not_there_yet_is_waited_for(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(SETTINGS, host="192.0.2.1")
    running = asyncio.create_task(WebService(database, clock_at(NOW_S), settings).run())
    await until(lambda: "no network interface has the address 192.0.2.1 yet" in caplog.text)
    assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_it_stops_though_a_phone_keeps_its_connection_open(database: Database) -> None:
    loop = asyncio.get_running_loop()
    async with serving(database) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")  # and never the rest
        await writer.drain()
        began = loop.time()
    assert loop.time() - began < DEADLINE_S
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await ask(port, "/healthz")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /api/tokens HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{",
    ],
)
async def test_a_request_that_never_ends_is_hung_up_on(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    begun: bytes,
) -> None:
    """Else a few hundred of them keep everybody from the page for good."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.1)
    async with serving(database) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionResetError):
                await reader.read()
        writer.close()
        assert (await ask(port, "/healthz")).status == 200
    assert "Traceback" not in caplog.text


async def test_one_client_cannot_hold_every_connection(database: Database) -> None:
    async with serving(database) as port:
        held = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            for _ in range(patience.MOST_OF_ONE)
        ]
        with suppress(ConnectionResetError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.2", 0)
            )
            held.append((reader, writer))
            async with asyncio.timeout(DEADLINE_S):
                assert await reader.read() == b""
        assert (await ask(port, "/healthz")).status == 200
        for _, writer in held:
            writer.close()


async def test_signals_stay_with_the_program_around_it(database: Database) -> None:
    caught = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, caught.set)
    try:
        async with serving(database) as port:
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(DEADLINE_S):
                await caught.wait()
            assert (await ask(port, "/healthz")).status == 200
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
