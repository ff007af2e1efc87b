"""How fast what nodes kept becomes durable, and what a busy village costs a core.

A real Mosquitto, whose queue of QoS 1 messages is drained through the whole path: connection,
decoding, checks, intake, FULL commit, acknowledgement to the broker and to the nodes. The nodes
are in a process of their own; only the gateway's processor time is counted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt

from benchmarks.claims import Benchmark, Claim
from gateway.broker import Broker, BrokerSettings
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.simulation import broker as mosquitto
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.nodes import NodeSource
from gateway.sources.strangers import Strangers
from gateway.store.database import Database
from gateway.store.groups import stream_entries
from gateway.store.points import PointSetting, apply_settings
from gateway.wire.nodes import NodeReading, encode_reading
from gateway.wire.topics import Channel, topic

NODES = [f"meter-{number:03d}" for number in range(50)]
PASSWORDS = {name: f"password of {name}" for name in (*NODES, mosquitto.GATEWAY_USER)}
BACKLOG = 50_000
PER_S = 1_000
SECONDS = 15
FLUSH_S = 1.0
POINT = PointSetting("", 1, 0, "prepaid", 6_000, False, "none", "", "node", "", 0)  # noqa: FBT003


@dataclass(frozen=True)
class Site:
    """A gateway's field process, as far as nodes concern it."""

    database: Database
    settings: BrokerSettings
    source: NodeSource
    broker: Broker
    intake: Intake

    async def until_durable(self, count: int) -> float:
        """Run until so many readings are stored; returns processor seconds."""
        began_s = time.process_time()
        services = [one.run() for one in (self.intake, self.source, self.broker)]
        tasks = [asyncio.create_task(service) for service in services]
        while await self._stored() < count:  # noqa: ASYNC110 - the file is the only witness
            await asyncio.sleep(0.2)
        cpu_s = time.process_time() - began_s
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return cpu_s

    async def _stored(self) -> int:
        """A cheap lower bound: every reading is 1 Wh more than the one before it."""
        row = await self.database.fetch_one("SELECT SUM(energy_wh) FROM register")
        return int(row[0] or 0) if row else 0


@asynccontextmanager
async def site(folder: Path, since: datetime) -> AsyncIterator[Site]:
    """A broker that keeps messages for a gateway that is not there yet."""
    server = mosquitto.Broker(folder / "mosquitto", PASSWORDS)
    await server.start()
    database = await Database.open(folder / "usage.db")
    try:
        points = await apply_settings(
            database,
            [
                replace(POINT, label=name, slot=slot, serial=name, address=f"node/{name}")
                for slot, name in enumerate(NODES)
            ],
            int(since.timestamp()),
        )
        clock, user = Clock(), mosquitto.GATEWAY_USER
        settings = BrokerSettings("127.0.0.1", server.address.port, user, PASSWORDS[user])
        intake = Intake(IntakeSettings(FLUSH_S), points, lambda _: 1, database, clock)
        broker = Broker(settings)
        strangers = Strangers(database, clock)
        source = NodeSource(broker, points, intake, database, clock, strangers=strangers)
        await _subscribe(settings)
        yield Site(database, settings, source, broker, intake)
    finally:
        await database.close()
        await server.stop()


async def _subscribe(settings: BrokerSettings) -> None:
    """Be there once, so that the broker keeps what comes from now on."""
    online = asyncio.Event()

    async def report(reach: str, _message: str) -> None:
        if reach == "online":
            online.set()

    broker = Broker(settings)
    broker.listen(("nodes/+/up/#",), lambda _topic, _payload: None, report)
    task = asyncio.create_task(broker.run())
    await online.wait()
    task.cancel()
    await asyncio.wait([task])


def reading(name: str, number: int, at: datetime) -> bytes:
    """What the mission's node says, with sequence and boot."""
    return encode_reading(
        NodeReading(name, at, 230_400, 2_730, 628_990, number, 980, -60, number, "boot-1")
    )


async def send(port: int, since: datetime, each: int, every_s: float) -> None:
    """Every node sends so many readings; ``every_s`` 0: as fast as the broker takes them."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                aiomqtt.Client(
                    "127.0.0.1",
                    port,
                    username=name,
                    password=PASSWORDS[name],
                    identifier=name,
                    max_queued_outgoing_messages=0,
                )
            )
            for name in NODES
        ]
        begin_s = time.monotonic()
        for number in range(1, each + 1):
            at = since + timedelta(seconds=10 * number) if not every_s else datetime.now(UTC)
            await asyncio.gather(
                *(
                    client.publish(topic(name, Channel.READING), reading(name, number, at), qos=1)
                    for name, client in zip(NODES, clients, strict=True)
                )
            )
            await asyncio.sleep(max(0.0, begin_s + number * every_s - time.monotonic()))


def nodes(port: int, since: datetime, each: int, every_s: float) -> None:
    """The nodes' process."""
    asyncio.run(send(port, since, each, every_s))


async def drain(folder: Path) -> tuple[float, float, int]:
    """Wall and processor seconds for a backlog, and how many readings are found stored."""
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    async with site(folder, since) as here:
        await asyncio.to_thread(_feed, here, since, BACKLOG // len(NODES), 0.0)
        began_s = time.monotonic()
        cpu_s = await here.until_durable(BACKLOG)
        wall_s = time.monotonic() - began_s
        end_ms = int(time.time() * 1000)
        stored = [one async for one in stream_entries(here.database, 0, end_ms)]
    return wall_s, cpu_s, sum(isinstance(one, Reading) for one in stored)


async def live(folder: Path) -> float:
    """Processor seconds per second at a steady rate."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    async with site(folder, since) as here:
        each = PER_S * SECONDS // len(NODES)
        process = _start(here, since, each, len(NODES) / PER_S)
        began_s = time.monotonic()
        cpu_s = await here.until_durable(PER_S * SECONDS)
        wall_s = time.monotonic() - began_s
        process.join()
    return cpu_s / wall_s


def _start(
    here: Site, since: datetime, each: int, every_s: float
) -> multiprocessing.process.BaseProcess:
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=nodes, args=(here.settings.port, since, each, every_s))
    process.start()
    return process


def _feed(here: Site, since: datetime, each: int, every_s: float) -> None:
    _start(here, since, each, every_s).join()


def measure() -> Benchmark:
    """Drain a backlog, then keep up with a busy village."""
    with tempfile.TemporaryDirectory() as folder:
        wall_s, cpu_s, stored = asyncio.run(drain(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        share = asyncio.run(live(Path(folder)))
    per_core = round(BACKLOG / cpu_s)
    claims = (
        Claim("ingest.backlog_stored", stored, "readings", "=", BACKLOG),
        Claim("ingest.per_core", per_core, "durable readings/s", ">=", 15_000),
        Claim("ingest.core_at_1000_per_s", round(100 * share, 1), "% of a core", "<=", 10),
    )
    table = (
        f"{BACKLOG} readings of {len(NODES)} nodes, queued in Mosquitto while the gateway was "
        "away: broker to FULL commit, acknowledged to broker and nodes.",
        "",
        "| readings | wall s | processor s | us of a core per reading |",
        "|--:|--:|--:|--:|",
        f"| {BACKLOG} | {wall_s:.2f} | {cpu_s:.2f} | {cpu_s / BACKLOG * 1e6:.1f} |",
    )
    return Benchmark("ingest", claims, table)
