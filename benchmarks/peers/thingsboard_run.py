"""ThingsBoard's IoT Gateway as a process between a broker with nodes, and its server."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import publisher
from benchmarks.peers.figures import Key
from benchmarks.peers.platform import Platform
from benchmarks.peers.process import ROOT, SCRATCH, PeerProcess, until
from benchmarks.peers.thingsboard_config import DATABASE, PYTHON, write_mqtt
from gateway.simulation.broker import Broker

START_S = 45.0
"""The longest it may take to be ready, s."""
PASSWORD = "only-on-loopback"  # noqa: S105 - of brokers that live for one run
_SLACK_S = 120
"""What a run may take besides what was asked for: starting, stopping, waiting for an answer."""
_STARTED = "Gateway core started."
_SUBSCRIBED = "subscription success to topic"
_REMOVES = Path("/tmp/gateway")  # noqa: S108 - it is not ours


@dataclass(frozen=True, slots=True)
class Village:
    """A running gateway between a broker with nodes and a server."""

    folder: Path
    broker: Broker
    platform: Platform
    peer: PeerProcess

    def rows(self) -> int:
        """How many rows its storage has ever had."""
        return int(self._ask("SELECT coalesce(max(id), 0) FROM messages")[0][0])

    def stored(self) -> set[Key]:
        """Which readings are in its storage."""
        keys: set[Key] = set()
        for (text,) in self._ask("SELECT message FROM messages"):
            message = json.loads(text)
            telemetry = message.get("telemetry") or []
            for entry in telemetry if isinstance(telemetry, list) else [telemetry]:
                if "sequence" in entry["values"]:
                    keys.add((message["deviceName"], entry["values"]["sequence"]))
        return keys

    def arrived(self) -> set[Key]:
        """Which readings have reached the server."""
        return {
            (one.device, sequence)
            for one in self.platform.arrivals
            if isinstance(sequence := one.values.get("sequence"), int)
        }

    async def publish(self, stream: publisher.Stream, per_s: float | None) -> None:
        """Let the nodes publish and the broker take it, by a process of its own."""
        address = self.broker.address
        await publisher.publish_apart(address, stream, PASSWORD, self.folder, per_s)

    def _ask(self, sql: str) -> list[tuple[str]]:
        path = f"file:{self.folder / DATABASE}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return database.execute(sql).fetchall()


@asynccontextmanager
async def village(nodes: int, seconds: float, *, server: bool) -> AsyncIterator[Village]:
    """All running, the connector subscribed, the server there or not."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=SCRATCH)))
        broker = Broker(folder / "broker", publisher.passwords(nodes, PASSWORD))
        address = await broker.start()
        stack.push_async_callback(broker.stop)
        if server:
            platform = await stack.enter_async_context(serving(folder))
        else:
            platform = Platform(folder / "platform")
        write_mqtt(folder, platform.address, address, PASSWORD)
        peer = await stack.enter_async_context(running(folder, seconds))
        signs = [_SUBSCRIBED, _STARTED] if server else [_SUBSCRIBED]
        await until(lambda: peer.said(*signs), START_S, peer)
        yield Village(folder, broker, platform, peer)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Platform]:
    """A server that is there."""
    platform = Platform(folder / "platform")
    await platform.start()
    try:
        yield platform
    finally:
        await platform.leave()


@asynccontextmanager
async def running(folder: Path, seconds: float) -> AsyncIterator[PeerProcess]:
    """Its process with the configuration in ``folder``; ends by itself long after ``seconds``.

    Raises:
        RuntimeError: it is not installed, or would remove what is not ours.
    """
    _check_it_can_run()
    start = ROOT / "benchmarks" / "peers" / "thingsboard_start.py"
    command = [str(PYTHON), "-P", str(start), str(round(seconds) + _SLACK_S)]
    peer = PeerProcess(command, folder, {"TB_GW_CONFIG_DIR": str(folder)})
    try:
        yield peer
    finally:
        await peer.stop()


def _check_it_can_run() -> None:
    if not PYTHON.exists():
        raise RuntimeError(f"{PYTHON} is missing: run scripts/setup.sh --peers")
    if _REMOVES.exists():
        raise RuntimeError(f"ThingsBoard's gateway removes {_REMOVES} when it ends: move it away")
