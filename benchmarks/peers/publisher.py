"""Publishes readings of many nodes in the mission's message form, each 233 bytes, QoS 1.

Run as a program, so that a receiver under test does not pay for it:
``python -m benchmarks.peers.publisher --port 1883 --nodes 50 --messages 1000 [--per-s 5]``, with
the nodes' password in ``MQTT_PASSWORD`` (none: anonymous). Each node has a connection of its own,
as the village's broker demands. Prints ``{"published": 1000, "seconds": 1.5}`` when the broker has
acknowledged all. A broker keeps what comes while a receiver with a lasting session is away:
``--session CLIENT-ID`` (:func:`open_session`) makes such a session first, so that publishing fills
its queue.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.peers.figures import Key
from benchmarks.peers.process import ROOT, PeerProcess
from gateway.simulation.broker import GATEWAY_USER, BrokerAddress
from gateway.wire.topics import Channel, topic, topic_filter

MESSAGE_BYTES = 233
STEP_S = 10
STEP_WH = 2
"""720 W for ten seconds."""
_FIRST_WH = 100_000
_BOOT_ID = "5ca1ab1e-0000-4000-80"
_AT_ONCE = 100
_SESSION_S = 3600
_QUIET_S = 1.5
_PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Stream:
    """Readings of ``nodes`` nodes in turn, each ten seconds and 2 Wh after its last.

    Args:
        nodes: how many, at most 999.
        messages: how many in all.
        start_s: when the first ones were read, unix s.
    """

    nodes: int
    messages: int
    start_s: int

    @classmethod
    def until_now(cls, nodes: int, messages: int) -> Stream:
        """One whose last readings were read just now, so that none lies in the future."""
        return cls(nodes, messages, int(time.time()) - (messages // nodes + 1) * STEP_S)

    def keys(self) -> set[Key]:
        """Node and sequence of every message."""
        return {(node_name(i % self.nodes), i // self.nodes + 1) for i in range(self.messages)}

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Index of the node and payload of each message, in order."""
        for index in range(self.messages):
            yield index % self.nodes, self._payload(index % self.nodes, index // self.nodes + 1)

    def _payload(self, node: int, sequence: int) -> bytes:
        energy_wh = _FIRST_WH + STEP_WH * sequence
        read_at = datetime.fromtimestamp(self.start_s + STEP_S * sequence, UTC)
        message = {
            "device_id": node_name(node),
            "timestamp": f"{read_at:%Y-%m-%dT%H:%M:%SZ}",
            "voltage": 230.4,
            "current": 3.189,
            "power_w": 720.1,
            "energy_kwh": energy_wh / 1000,
            "power_factor": 0.98,
            "rssi": -60,
            "sequence": sequence,
            "boot_id": _BOOT_ID,
            "frequency": 50.1,
        }
        # Blanks at the end, so that all have one length whatever the numbers have grown to.
        return json.dumps(message, separators=(",", ":")).encode().ljust(MESSAGE_BYTES)


def node_name(node: int) -> str:
    """The name, and MQTT user, of the node with this index."""
    return f"meter-{node + 1:03d}"


def passwords(nodes: int, password: str) -> dict[str, str]:
    """What :class:`gateway.simulation.broker.Broker` asks for: the gateway's and every node's."""
    return {GATEWAY_USER: password} | {node_name(node): password for node in range(nodes)}


def key_of(payload: bytes) -> Key:
    """Node and sequence of a message."""
    message = json.loads(payload)
    return message["device_id"], message["sequence"]


async def publish(
    address: BrokerAddress, stream: Stream, password: str | None, per_s: float | None = None
) -> float:
    """Publish all of it and wait until the broker has acknowledged it; the seconds it took.

    Args:
        address: of the broker.
        stream: what to publish.
        password: of every node; None: anonymous.
        per_s: messages per second; None: as fast as it goes.
    """
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(_node(address, node, password))
            for node in range(stream.nodes)
        ]
        began_s = time.monotonic()
        sending: set[asyncio.Task[None]] = set()
        for index, (node, payload) in enumerate(stream):
            if per_s:
                await asyncio.sleep(max(0.0, began_s + index / per_s - time.monotonic()))
            if len(sending) >= _AT_ONCE:
                _, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            to = topic(node_name(node), Channel.READING)
            sending.add(asyncio.create_task(clients[node].publish(to, payload, qos=1)))
        await asyncio.gather(*sending)
        return time.monotonic() - began_s


async def publish_apart(
    address: BrokerAddress,
    stream: Stream,
    password: str,
    folder: Path,
    per_s: float | None = None,
) -> None:
    """The same by a program of its own, so that it takes nothing from this process.

    Args:
        folder: where it keeps what it prints.

    Raises:
        RuntimeError: it failed.
    """
    arguments = {
        "--port": address.port,
        "--nodes": stream.nodes,
        "--messages": stream.messages,
        "--start-s": stream.start_s,
    } | ({"--per-s": per_s} if per_s else {})
    words = [str(word) for pair in arguments.items() for word in pair]
    here = folder / f"publisher-{time.monotonic_ns()}"
    here.mkdir()
    program = PeerProcess(
        [sys.executable, "-m", "benchmarks.peers.publisher", *words],
        here,
        {"MQTT_PASSWORD": password, "PYTHONPATH": str(ROOT)},
    )
    try:
        await program.wait(_PATIENCE_S + (stream.messages / per_s if per_s else 0))
    finally:
        await program.stop()


def _node(address: BrokerAddress, node: int, password: str | None) -> aiomqtt.Client:
    name = node_name(node)
    user = name if password else None
    client = aiomqtt.Client(
        address.host, address.port, username=user, password=password, identifier=name
    )
    client.pending_calls_threshold = _AT_ONCE  # it warns from ten on
    return client


async def open_session(
    address: BrokerAddress, identifier: str, password: str | None, *, version_5: bool = True
) -> None:
    """Subscribe to all readings in a lasting session and leave: the broker queues from now on.

    Args:
        address: of the broker.
        identifier: the client id that will come back.
        password: of the gateway's user; None: anonymous.
        version_5: whether the session is one of MQTT v5, kept for an hour; else 3.1.1, for ever.
    """
    async with session(address, identifier, password, version_5=version_5) as client:
        await client.subscribe(topic_filter(Channel.READING), qos=1)


async def redelivered(
    address: BrokerAddress, identifier: str, password: str | None, *, version_5: bool = True
) -> set[Key]:
    """Take over a session and read what the broker still holds for it, until nothing comes."""
    held: set[Key] = set()
    async with session(address, identifier, password, version_5=version_5) as client:
        messages = aiter(client.messages)
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(_QUIET_S):
                    message = await anext(messages)
                if isinstance(message.payload, bytes):
                    held.add(key_of(message.payload))
    return held


@asynccontextmanager
async def session(
    address: BrokerAddress, identifier: str, password: str | None, *, version_5: bool
) -> AsyncIterator[aiomqtt.Client]:
    """A connection as the gateway's user that resumes a lasting session."""
    user = GATEWAY_USER if password else None
    if version_5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        client = aiomqtt.Client(
            address.host,
            address.port,
            identifier=identifier,
            username=user,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
        )
    else:
        client = aiomqtt.Client(
            address.host,
            address.port,
            identifier=identifier,
            username=user,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
        )
    async with client:
        yield client


def main() -> int:
    """Publish as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.publisher")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--start-s", type=int, help="unix s of the first readings")
    parser.add_argument("--per-s", type=float, help="messages per second; left out: all at once")
    parser.add_argument("--session", help="client id of an MQTT v5 receiver that is away")
    chosen = parser.parse_args()
    stream = Stream.until_now(chosen.nodes, chosen.messages)
    if chosen.start_s is not None:
        stream = Stream(chosen.nodes, chosen.messages, chosen.start_s)
    password = os.environ.get("MQTT_PASSWORD")
    address = BrokerAddress(chosen.port)
    if chosen.session is not None:
        asyncio.run(open_session(address, chosen.session, password))
    seconds = asyncio.run(publish(address, stream, password, chosen.per_s))
    print(json.dumps({"published": stream.messages, "seconds": round(seconds, 3)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
