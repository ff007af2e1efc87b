"""ThingsBoard's IoT Gateway 3.8.5 on our work: a line of meters, a broker's messages, a kill.

Its own program in a process of its own, with its own defaults except for what
``thingsboard_config`` says. ``python -m benchmarks.peers.thingsboard --short`` tries everything.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.peers import publisher
from benchmarks.peers.figures import Ingested, Polled, Survived, survived
from benchmarks.peers.limit import limited
from benchmarks.peers.process import SCRATCH, until, until_all
from benchmarks.peers.thingsboard_config import SESSION, Layout, write_modbus
from benchmarks.peers.thingsboard_run import PASSWORD, START_S, running, serving, village
from gateway.simulation.bus import Bus
from gateway.simulation.household import Household
from gateway.simulation.pzem import Pzem

NODES = 50


def poll_bus(
    port: str,
    units: Sequence[int],
    seconds: float,
    timeout_s: float,
    *,
    layout: Layout = Layout.WORDS,
    cores: float | None = None,
) -> Polled:
    """Let its Modbus connector read PZEM-004T v3 meters for ``seconds`` after the first reading.

    Args:
        port: path of the serial line.
        units: unit ids to ask in turn, dead ones too.
        seconds: how long to watch, s.
        timeout_s: how long it waits for a reply; it does not ask again.
        layout: what it asks for; by default what is fastest for it.
        cores: hold it to this fraction of one core from the first reading on.

    Raises:
        RuntimeError: it ended by itself, or no reading came within 45 s.
    """
    return asyncio.run(_poll_bus(port, units, seconds, timeout_s, layout=layout, cores=cores))


def ingest(
    messages: int, *, timeout_s: float = 60, nodes: int = NODES, cores: float | None = None
) -> Ingested:
    """Hand its MQTT connector ``messages`` at once, with the server away; SQLite is its storage.

    It is stopped while the broker takes the messages, so that it has the machine for itself.

    Args:
        messages: how many, 233 bytes each, QoS 1.
        timeout_s: when to stop waiting for them.
        nodes: how many nodes send them in turn.
        cores: hold it to this fraction of one core while it takes them.

    Raises:
        RuntimeError: it ended by itself, or did not start.
    """
    return asyncio.run(_ingest(messages, None, timeout_s, nodes, cores=cores, online=False))


def ingest_at(
    per_s: float, seconds: float, *, online: bool = False, nodes: int = NODES
) -> Ingested:
    """The same at a steady rate: what it writes per reading.

    Args:
        per_s: messages per second.
        seconds: for how long, s.
        online: whether the server is there, and takes what it stores.
        nodes: how many nodes send them in turn.

    Raises:
        RuntimeError: it ended by itself, or did not start.
    """
    messages = round(per_s * seconds)
    return asyncio.run(_ingest(messages, per_s, seconds + 30, nodes, cores=None, online=online))


def kill(
    messages: int,
    per_s: float | None = None,
    *,
    booted_with_server: bool = True,
    nodes: int = NODES,
) -> Survived:
    """Kill it (SIGKILL) when the broker has taken the last of ``messages``; the server is away.

    Args:
        messages: how many are published while it receives.
        per_s: messages per second; None: as fast as they go.
        booted_with_server: whether the server was there when it started; else it never was.
        nodes: how many nodes send them in turn.

    Raises:
        RuntimeError: it ended by itself, or did not start.
    """
    return asyncio.run(_kill(messages, per_s, nodes, booted_with_server=booted_with_server))


async def _poll_bus(
    port: str,
    units: Sequence[int],
    seconds: float,
    timeout_s: float,
    *,
    layout: Layout,
    cores: float | None,
) -> Polled:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=SCRATCH)))
        platform = await stack.enter_async_context(serving(folder))
        write_modbus(folder, platform.address, port, units, timeout_s=timeout_s, layout=layout)
        peer = await stack.enter_async_context(running(folder, seconds))
        await until(lambda: bool(platform.arrivals), START_S, peer)
        if cores is not None:
            stack.enter_context(limited(cores, peer.pid))
        before, began_s = peer.footprint(), time.monotonic()
        await asyncio.sleep(seconds)
        peer.check()
        after = peer.footprint()
    whole = [one.at_s for one in platform.arrivals if len(one.values) == layout.values]
    return Polled(
        tuple(at_s for at_s in whole if began_s <= at_s < began_s + seconds),
        layout.requests,
        after.cpu_s - before.cpu_s,
        after.rss_bytes,
    )


async def _ingest(
    messages: int,
    per_s: float | None,
    timeout_s: float,
    nodes: int,
    *,
    cores: float | None,
    online: bool,
) -> Ingested:
    stream = publisher.Stream.until_now(nodes, messages)
    async with village(nodes, timeout_s, server=True) as here:
        if not online:
            await here.platform.leave()
        await asyncio.sleep(1)
        first_row, before = here.rows(), here.peer.footprint()
        count = (
            (lambda: len(here.arrived() & stream.keys()))
            if online
            else (lambda: here.rows() - first_row)
        )
        async with AsyncExitStack() as stack:
            began_s = time.monotonic()
            if per_s is None:
                with here.peer.paused():
                    await here.publish(stream, None)
                began_s = time.monotonic()
            else:
                await here.publish(stream, per_s)
            if cores is not None:
                stack.enter_context(limited(cores, here.peer.pid))
            ended_s = await until_all(count, messages, timeout_s, here.peer)
        after = await here.peer.stop()
        durable = (here.arrived() if online else here.stored()) & stream.keys()
    return Ingested(
        messages,
        len(durable),
        len(durable) / (ended_s - began_s),
        after.written_bytes - before.written_bytes,
        after.cpu_s - before.cpu_s,
        after.rss_bytes,
    )


async def _kill(
    messages: int, per_s: float | None, nodes: int, *, booted_with_server: bool
) -> Survived:
    stream = publisher.Stream.until_now(nodes, messages)
    seconds = messages / per_s if per_s else 30
    async with village(nodes, seconds, server=booted_with_server) as here:
        await here.platform.leave()
        await asyncio.sleep(1)
        await here.publish(stream, per_s)
        await here.peer.kill()
        held = await publisher.redelivered(here.broker.address, SESSION, PASSWORD)
        return survived(stream.keys(), held, here.stored())


def main() -> int:
    """Try everything in a few minutes, or briefly, and check what it returns."""
    short = "--short" in sys.argv[1:]
    seconds = 5 if short else 15
    meters = [Pzem(unit, Household(f"house-{unit}", _Idle(), 0)) for unit in range(1, 11)]
    bus = Bus(meters, lambda: 0)
    try:
        port = bus.start()
        for layout in Layout:
            polled = poll_bus(port, range(1, 11), seconds, 0.2, layout=layout)
            per_s = len(polled.readings_s) / seconds
            print(f"poll_bus {layout.name}: {per_s:.1f} readings/s", _brief(polled))
            assert 2 < per_s < 24, per_s  # noqa: S101 - this is the check; 24 is the line's ceiling
            assert polled.cpu_s > 0 < polled.rss_bytes, polled  # noqa: S101
    finally:
        bus.stop()
    count = 2_000 if short else 20_000
    burst = ingest(count)
    print("ingest", burst)
    assert burst.durable == count, burst  # noqa: S101
    slow = ingest(count // 4, cores=0.1)
    print("ingest, a tenth of a core", slow)
    assert slow.per_s < burst.per_s / 2, slow  # noqa: S101
    for online in (False, True):
        steady = ingest_at(5, 10 if short else 60, online=online)
        print(f"ingest_at 5/s {online=}: {steady.bytes_per_reading:.0f} B/reading", steady)
        assert steady.durable == steady.messages, steady  # noqa: S101
        assert steady.bytes_per_reading > publisher.MESSAGE_BYTES, steady  # noqa: S101
    for booted_with_server in (True, False):
        left = kill(1_000 if short else 4_000, booted_with_server=booted_with_server)
        print(f"kill {booted_with_server=}", left)
        assert 0 <= left.lost <= left.acknowledged <= left.published, left  # noqa: S101
    return 0


class _Idle:
    """Draws nothing."""

    def power_mw(self, minute: int) -> int:  # noqa: ARG002 - the same in every minute
        """None, in mW."""
        return 0


def _brief(polled: Polled) -> str:
    return (
        f"{polled.requests_per_reading} requests each, {polled.cpu_s:.2f} s CPU, "
        f"{polled.rss_bytes / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
