"""Messages of nodes until they are durable: how many a second, on how little, and none lost.

The real field process behind a real Mosquitto. Every receiver is stopped while the broker takes a
backlog for it, then let go: what is measured is from the broker to the disk, as after an outage.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import Benchmark, Claim
from benchmarks.field import clock_section
from benchmarks.peers import aiomqtt_default, publisher, thingsboard
from benchmarks.peers.figures import Ingested, Key, Survived, survived
from benchmarks.peers.limit import limited
from benchmarks.peers.process import PeerProcess, until, until_all
from gateway.simulation.broker import GATEWAY_USER, Broker
from gateway.simulation.kept import kept_readings
from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings

NODES = 50
MESSAGES = 60_000
TENTH_MESSAGES = 10_000
PEER_MESSAGES = 4_000
KILLED_MESSAGES, KILLED_PER_S = 8_000, 1_000.0
RUNS = 3
TENTH = 0.1
FLUSH_S = 10
DAY_S = 86_400
CLIENT_ID = "gateway"
_PASSWORD = "only-on-loopback"  # noqa: S105 - of brokers that live for one run
_SCRATCH = Path("/var/tmp")  # noqa: S108 - /tmp may be memory, and nothing is durable there
_START_S, _PATIENCE_S = 30.0, 180.0
_CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "usage.db"
flush_s = {flush_s}
[chain]
network = "local"
passphrase = "nowhere"
rpc = ["http://127.0.0.1:9"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "signing"
[mqtt]
port = {port}
username = "{user}"
password_file = "mqtt"
node_keys_file = "nodes"
"""
_POINT = """
[[meter_point]]
label = "house-{number:03d}"
slot = {number}
node = "{node}"
max_power_w = 5000
first_register_wh = 100000
"""


def measure() -> Benchmark:
    """The same backlogs for ours and for the peers; medians where one run would be noise."""
    free = sorted((asyncio.run(_ingest(MESSAGES)) for _ in range(RUNS)), key=lambda run: run.per_s)
    ours = free[len(free) // 2]
    tenth = asyncio.run(_ingest(TENTH_MESSAGES, TENTH))
    killed = asyncio.run(_kill())
    board = thingsboard.ingest(PEER_MESSAGES)
    board_tenth = thingsboard.ingest(PEER_MESSAGES // 10, cores=TENTH)
    board_killed = thingsboard.kill(PEER_MESSAGES, KILLED_PER_S / 2)
    each = aiomqtt_default.ingest(PEER_MESSAGES)
    grouped = aiomqtt_default.ingest(MESSAGES, FLUSH_S)
    grouped_tenth = aiomqtt_default.ingest(TENTH_MESSAGES, FLUSH_S, cores=TENTH)
    each_killed = aiomqtt_default.kill(PEER_MESSAGES)
    return Benchmark(
        "ingest",
        (
            Claim(
                "ingest.durable_per_s",
                round(ours.per_s),
                "messages/s, durable",
                ">=",
                15_000,
                {
                    "ThingsBoard gateway": round(board.per_s),
                    "aiomqtt, a commit each": round(each.per_s),
                    "aiomqtt, a commit every 10 s": round(grouped.per_s),
                },
            ),
            Claim(
                "ingest.durable_per_s_tenth_core",
                round(tenth.per_s),
                "messages/s, durable, on a tenth of a core",
                ">=",
                1_000,
                {
                    "ThingsBoard gateway": round(board_tenth.per_s),
                    "aiomqtt, a commit every 10 s": round(grouped_tenth.per_s),
                },
            ),
            Claim(
                "ingest.lost_after_kill",
                killed.lost,
                "acknowledged messages lost by kill -9",
                "=",
                0,
                {
                    "ThingsBoard gateway": board_killed.lost,
                    "aiomqtt, a commit each": each_killed.lost,
                },
            ),
        ),
        (
            f"{MESSAGES} messages of 233 bytes from {NODES} nodes, MQTT QoS 1, median of {RUNS} "
            f"(from {free[0].per_s:.0f} to {free[-1].per_s:.0f}/s).",
            "",
            "| receiver | durable messages/s | on a tenth of a core | CPU us/message | memory MB "
            "| killed: acknowledged | lost |",
            "|---|--:|--:|--:|--:|--:|--:|",
            _row("gateway", ours, tenth, killed),
            _row("ThingsBoard gateway", board, board_tenth, board_killed),
            _row("aiomqtt, a commit each", each, None, each_killed),
            _row("aiomqtt, a commit every 10 s", grouped, grouped_tenth, None),
            "",
            "aiomqtt acknowledges on receipt and does nothing but store the bytes: no check, no "
            "usage, no chain.",
        ),
    )


def _row(name: str, free: Ingested, tenth: Ingested | None, killed: Survived | None) -> str:
    cpu_us = free.cpu_s / max(1, free.durable) * 1e6
    cells = (
        name,
        f"{free.per_s:,.0f}",
        f"{tenth.per_s:,.0f}" if tenth else "-",
        f"{cpu_us:.0f}",
        f"{free.rss_bytes / 1e6:.0f}",
        *((f"{killed.acknowledged:,}", f"{killed.lost:,}") if killed else ("-", "-")),
    )
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class _Receiving:
    """Our field process behind a broker with nodes."""

    folder: Path
    broker: Broker
    peer: PeerProcess

    async def publish(self, stream: publisher.Stream, per_s: float | None = None) -> None:
        address = self.broker.address
        await publisher.publish_apart(address, stream, _PASSWORD, self.folder, per_s)

    def counted_wh(self) -> int:
        """The sum of all registers as they were last believed, Wh."""
        return int(self._ask("SELECT IFNULL(SUM(cumulative_wh), 0) FROM register"))

    def online(self) -> bool:
        """Whether the process has subscribed."""
        return bool(
            self._ask("SELECT COUNT(*) FROM status WHERE name = 'broker' AND state = 'online'")
        )

    def _ask(self, sql: str) -> int:
        path = self.folder / "usage.db"
        if not path.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                return int(database.execute(sql).fetchone()[0])
        except sqlite3.OperationalError:  # not migrated yet
            return 0

    def stored(self) -> set[Key]:
        """Which readings are in its file, by node and sequence."""
        with closing(sqlite3.connect(f"file:{self.folder / 'usage.db'}?mode=ro", uri=True)) as file:
            nodes = dict(
                file.execute("SELECT meter_id, substr(address, 6) FROM installation").fetchall()
            )
            return {
                (nodes[kept.meter_id], (kept.energy_wh - 100_000) // publisher.STEP_WH)
                for kept in kept_readings(file)
            }


async def _ingest(messages: int, cores: float | None = None) -> Ingested:
    stream = publisher.Stream.until_now(NODES, messages)
    wanted_wh = messages // NODES * NODES * publisher.STEP_WH
    async with _receiving() as here:
        with here.peer.paused():
            await here.publish(stream)
        before, began_s = here.peer.footprint(), time.monotonic()
        async with AsyncExitStack() as stack:
            if cores is not None:
                stack.enter_context(limited(cores, here.peer.pid))
            ended_s = await until_all(here.counted_wh, wanted_wh, _PATIENCE_S, here.peer)
        after = await here.peer.stop()
        durable = here.stored() & stream.keys()
    return Ingested(
        messages,
        len(durable),
        len(durable) / (ended_s - began_s),
        after.written_bytes - before.written_bytes,
        after.cpu_s - before.cpu_s,
        after.rss_bytes,
    )


async def _kill() -> Survived:
    """Kill it while messages still come in; the broker knows what was acknowledged."""
    stream = publisher.Stream.until_now(NODES, KILLED_MESSAGES)
    async with _receiving() as here:
        await here.publish(stream, KILLED_PER_S)
        await here.peer.kill()
        held = await publisher.redelivered(here.broker.address, CLIENT_ID, _PASSWORD)
        return survived(stream.keys(), held, here.stored())


@asynccontextmanager
async def _receiving() -> AsyncIterator[_Receiving]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_SCRATCH)))
        broker = Broker(folder / "broker", publisher.passwords(NODES, _PASSWORD))
        address = await broker.start()
        stack.push_async_callback(broker.stop)
        _write_files(folder, address.port)
        await _install(folder / "usage.db")
        peer = PeerProcess(
            [sys.executable, "-m", "gateway", "run", "--only", "field", "--config", "gateway.toml"],
            folder,
            {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        stack.push_async_callback(peer.stop)
        here = _Receiving(folder, broker, peer)
        await until(here.online, _START_S, peer)
        yield here


async def _install(path: Path) -> None:
    """The meters hang there since yesterday: what was read before that nobody would believe."""
    database = await Database.open(path)
    points = [
        PointSetting(
            label=f"house-{number:03d}",
            site=1,
            slot=number,
            settlement_mode="prepaid",
            max_power_w=5_000,
            critical=False,
            relay="none",
            serial=f"node/{publisher.node_name(number)}",
            model="node",
            address=f"node/{publisher.node_name(number)}",
            first_register_wh=100_000,
        )
        for number in range(NODES)
    ]
    await apply_settings(database, points, int(time.time()) - DAY_S)
    await database.close()


def _write_files(folder: Path, port: int) -> None:
    points = "".join(
        _POINT.format(number=number, node=publisher.node_name(number)) for number in range(NODES)
    )
    config = _CONFIG.format(flush_s=FLUSH_S, port=port, user=GATEWAY_USER)
    (folder / "gateway.toml").write_text(config + clock_section() + points, "utf-8")
    for name, text in (("mqtt", _PASSWORD), ("nodes", "")):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text, "ascii")
