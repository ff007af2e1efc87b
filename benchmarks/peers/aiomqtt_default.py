"""aiomqtt as its documentation shows it: subscribe with QoS 1, loop over messages, insert each.

It acknowledges a message when it has received it, before the loop has seen it. The receiver is a
program of its own (``aiomqtt_receiver``), in a session that lasts, and commits after each message
or every few seconds. It runs in our own environment: ThingsBoard's has another module ``paho``.
``python -m benchmarks.peers.aiomqtt_default --short`` tries everything.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import publisher
from benchmarks.peers.aiomqtt_receiver import DATABASE, DONE, READY, SESSION
from benchmarks.peers.figures import Ingested, Key, Survived, survived
from benchmarks.peers.limit import limited
from benchmarks.peers.process import ROOT, SCRATCH, PeerProcess, until
from gateway.simulation.broker import Broker

NODES = 50
EACH = 0.0
"""``commit_every_s`` of a receiver that commits after each message."""
_PASSWORD = "only-on-loopback"  # noqa: S105 - of brokers that live for one run
_START_S = 20.0
_SLACK_S = 120


def ingest(
    messages: int,
    commit_every_s: float = EACH,
    *,
    timeout_s: float = 120,
    nodes: int = NODES,
    cores: float | None = None,
) -> Ingested:
    """Hand it ``messages`` at once; it is stopped while the broker takes them.

    Args:
        messages: how many, 233 bytes each, QoS 1.
        commit_every_s: how often it commits, s; :data:`EACH`: after each message. It also commits
            after the last message: waiting for the next commit is not held against it.
        timeout_s: the longest it may take.
        nodes: how many nodes send them in turn.
        cores: hold it to this fraction of one core while it takes them.

    Raises:
        RuntimeError: it ended by itself, did not start, or took longer.
    """
    return asyncio.run(_ingest(messages, commit_every_s, None, timeout_s, nodes=nodes, cores=cores))


def ingest_at(
    per_s: float, seconds: float, commit_every_s: float = EACH, *, nodes: int = NODES
) -> Ingested:
    """The same at a steady rate: what it writes per reading.

    Args:
        per_s: messages per second.
        seconds: for how long, s.
        commit_every_s: how often it commits, s.
        nodes: how many nodes send them in turn.

    Raises:
        RuntimeError: it ended by itself, or did not start.
    """
    messages = round(per_s * seconds)
    return asyncio.run(
        _ingest(messages, commit_every_s, per_s, seconds + 30, nodes=nodes, cores=None)
    )


def kill(
    messages: int, commit_every_s: float = EACH, *, per_s: float | None = None, nodes: int = NODES
) -> Survived:
    """Kill it (SIGKILL) when the broker has taken the last of ``messages``.

    Args:
        messages: how many are published while it receives.
        commit_every_s: how often it commits, s.
        per_s: messages per second; None: as fast as they go.
        nodes: how many nodes send them in turn.

    Raises:
        RuntimeError: it ended by itself, or did not start.
    """
    return asyncio.run(_kill(messages, commit_every_s, per_s, nodes))


@dataclass(frozen=True, slots=True)
class _Receiving:
    """A receiver behind a broker with nodes."""

    folder: Path
    broker: Broker
    peer: PeerProcess

    async def publish(self, stream: publisher.Stream, per_s: float | None) -> None:
        address = self.broker.address
        await publisher.publish_apart(address, stream, _PASSWORD, self.folder, per_s)

    def done_s(self) -> float:
        """When the last message was durable, s of the monotonic clock."""
        return float(self.peer.output.read_text().rpartition(DONE)[2].split()[0])

    def stored(self) -> set[Key]:
        """Which readings are in its database."""
        path = f"file:{self.folder / DATABASE}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return set(database.execute("SELECT device_id, sequence FROM reading"))


async def _ingest(
    messages: int,
    commit_every_s: float,
    per_s: float | None,
    timeout_s: float,
    *,
    nodes: int,
    cores: float | None,
) -> Ingested:
    stream = publisher.Stream.until_now(nodes, messages)
    async with _receiving(messages, commit_every_s, timeout_s, nodes) as here:
        before, began_s = here.peer.footprint(), time.monotonic()
        async with AsyncExitStack() as stack:
            if per_s is None:
                with here.peer.paused():
                    await here.publish(stream, None)
                began_s = time.monotonic()
            else:
                await here.publish(stream, per_s)
            if cores is not None:
                stack.enter_context(limited(cores, here.peer.pid))
            await until(lambda: here.peer.said(DONE), timeout_s, here.peer)
        after = await here.peer.stop(signal.SIGTERM)
        durable = here.stored() & stream.keys()
        return Ingested(
            messages,
            len(durable),
            len(durable) / (here.done_s() - began_s),
            after.written_bytes - before.written_bytes,
            after.cpu_s - before.cpu_s,
            after.rss_bytes,
        )


async def _kill(messages: int, commit_every_s: float, per_s: float | None, nodes: int) -> Survived:
    stream = publisher.Stream.until_now(nodes, messages)
    seconds = messages / per_s if per_s else 30
    never = messages + 1
    async with _receiving(never, commit_every_s, seconds, nodes) as here:
        await here.publish(stream, per_s)
        await here.peer.kill()
        held = await publisher.redelivered(here.broker.address, SESSION, _PASSWORD, version_5=False)
        return survived(stream.keys(), held, here.stored())


@asynccontextmanager
async def _receiving(
    messages: int, commit_every_s: float, seconds: float, nodes: int
) -> AsyncIterator[_Receiving]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=SCRATCH)))
        broker = Broker(folder / "broker", publisher.passwords(nodes, _PASSWORD))
        address = await broker.start()
        stack.push_async_callback(broker.stop)
        limits = (address.port, commit_every_s, messages, round(seconds) + _SLACK_S)
        peer = PeerProcess(
            [sys.executable, "-m", "benchmarks.peers.aiomqtt_receiver", *map(str, limits)],
            folder,
            {"MQTT_PASSWORD": _PASSWORD, "PYTHONPATH": str(ROOT)},
        )
        stack.push_async_callback(peer.stop, signal.SIGTERM)
        await until(lambda: peer.said(READY), _START_S, peer)
        yield _Receiving(folder, broker, peer)


def main() -> int:
    """Try everything in two minutes, or briefly, and check what it returns."""
    short = "--short" in sys.argv[1:]
    count = 2_000 if short else 20_000
    for commit_every_s in (EACH, 10.0):
        burst = ingest(count, commit_every_s)
        print(f"ingest {commit_every_s=}", burst)
        assert burst.durable == count, burst  # noqa: S101 - this is the check
        slow = ingest(count // 4, commit_every_s, cores=0.1)
        print(f"ingest {commit_every_s=}, a tenth of a core", slow)
        assert slow.durable == count // 4, slow  # noqa: S101
        assert slow.cpu_s * slow.per_s / slow.durable < 0.2, slow  # noqa: S101
        steady = ingest_at(5, 10 if short else 60, commit_every_s)
        print(f"ingest_at 5/s {commit_every_s=}: {steady.bytes_per_reading:.0f} B/reading", steady)
        assert steady.durable == steady.messages, steady  # noqa: S101
        left = kill(count, commit_every_s)
        print(f"kill {commit_every_s=}", left)
        assert left.acknowledged > 0 <= left.lost <= left.acknowledged, left  # noqa: S101
    return 0


if __name__ == "__main__":
    sys.exit(main())
