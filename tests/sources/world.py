"""A stage with a real broker beside it, on which nodes report to a gateway's source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiomqtt

from gateway.broker import Broker, BrokerSettings
from gateway.simulation import broker as mosquitto
from gateway.sources.node_tokens import NodeTokens
from gateway.sources.nodes import NodeSource
from gateway.sources.roster import Roster
from gateway.sources.strangers import Strangers
from gateway.store.points import MeterPoint
from gateway.store.tokens import TokenSettings
from gateway.wire.nodes import NodeReading, encode_reading
from gateway.wire.tokens import TokenKey
from gateway.wire.topics import Channel, topic
from tests.simulation.world import passwords
from tests.sources.stage import Stage, running, set_up, until

NODE, OTHER, STRANGER = "meter-001", "meter-002", "meter-999"
TOKEN_KEY = TokenKey(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123_456_789)
PASSWORDS = passwords(NODE, OTHER, STRANGER)


def on_nodes(points: Sequence[MeterPoint]) -> list[MeterPoint]:
    """The same points with their meters at nodes meter-001, meter-002, ..."""
    return [
        replace(point, address=f"node/meter-{number:03d}")
        for number, point in enumerate(points, start=1)
    ]


@dataclass(frozen=True)
class _Renaming:
    source: NodeSource

    def learn(self, points: Sequence[MeterPoint]) -> None:
        """Pass them on as the source knows them."""
        self.source.learn(on_nodes(points))


@dataclass(frozen=True)
class World:
    """A stage with a broker beside it."""

    stage: Stage
    mosquitto: mosquitto.Broker
    strangers: list[Strangers] = field(default_factory=list)

    def connection(self) -> Broker:
        """A connection as the gateway's user; not running yet."""
        address, user = self.mosquitto.address, mosquitto.GATEWAY_USER
        return Broker(BrokerSettings(address.host, address.port, user, PASSWORDS[user]))

    def source(self, connection: Broker) -> NodeSource:
        """A source for all points as meter-001, meter-002, ..."""
        stage = self.stage
        points = [
            replace(point, address=f"node/meter-{number:03d}")
            for number, point in enumerate(stage.points, start=1)
        ]
        self.strangers.append(Strangers(stage.database, stage.clock))
        return NodeSource(
            connection,
            points,
            stage.intake,
            stage.database,
            stage.clock,
            strangers=self.strangers[-1],
            tokens=self.tokens(connection),
        )

    def tokens(self, connection: Broker) -> NodeTokens:
        """What takes the tokens of nodes, with a key for the first house."""
        stage = self.stage
        settings = TokenSettings({stage.points[0].label: TOKEN_KEY}, 1_000, 500)
        return NodeTokens(settings, ZoneInfo("UTC"), connection, stage.database, stage.clock)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[NodeSource]:
        """A gateway's source, connected."""
        connection = self.connection()
        source = self.source(connection)
        async with running(source.run(), connection.run()):
            await self.until_status("broker", "online")
            yield source

    def roster(self, source: NodeSource, *, node_names: bool = False) -> Roster:
        """What keeps a source and the intake in step with the store; not running.

        Args:
            source: learns.
            node_names: True: every point's meter is at meter-001, meter-002, ... as in source().
        """
        stage = self.stage
        learner = _Renaming(source) if node_names else source
        return Roster(stage.database, stage.clock, self.strangers[-1], (stage.intake, learner))

    def node(self, name: str = NODE, **options: object) -> aiomqtt.Client:
        """A node's own connection."""
        address = self.mosquitto.address
        return aiomqtt.Client(
            address.host,
            address.port,
            username=name,
            password=PASSWORDS[name],
            identifier=name,
            **options,  # type: ignore[arg-type]
        )

    def reading(self, number: int, name: str = NODE) -> NodeReading:
        """The reading with this sequence number, one per second."""
        return NodeReading(
            device_id=name,
            read_at=self.stage.clock.now().replace(microsecond=0)
            + timedelta(seconds=number - 2_000),
            voltage_mv=230_100,
            current_ma=1_000,
            power_mw=230_100,
            energy_wh=1_000 + number,
            power_factor_milli=1_000,
            rssi_dbm=-60,
            sequence=number,
            boot_id="boot-1",
        )

    async def send(self, readings: Sequence[NodeReading], name: str = NODE) -> None:
        """Publish readings with QoS 1."""
        async with self.node(name) as node:
            for reading in readings:
                await publish(node, Channel.READING, encode_reading(reading), name)

    async def until_stored(self, count: int) -> None:
        """Wait for so many readings in the store."""

        async def enough() -> bool:
            return len(await self.stage.readings()) >= count

        await until(enough, f"{count} readings stored")

    async def until_status(self, name: str, state: str) -> str:
        """Wait for a status, and return its sentence."""

        async def reached() -> bool:
            status = await self.stage.status(name)
            return status is not None and status.state == state

        await until(reached, f"{name} is {state}")
        status = await self.stage.status(name)
        assert status is not None
        return status.message


async def only_event(stage: Stage, kind: str) -> str:
    """Wait for an event of a kind; there may be no second."""

    async def told() -> bool:
        return bool(await stage.events(kind))

    await until(told, f"an event {kind}")
    (detail,) = await stage.events(kind)
    return detail


async def publish(node: aiomqtt.Client, channel: Channel, payload: bytes, name: str = NODE) -> None:
    """Publish with QoS 1, as a node does."""
    retain = channel is not Channel.READING
    await node.publish(topic(name, channel), payload, qos=1, retain=retain)


@asynccontextmanager
async def set_up_world(folder: Path, flush_s: float) -> AsyncIterator[World]:
    """A world whose intake commits after ``flush_s``, unless somebody is in a hurry."""
    broker = mosquitto.Broker(folder / "mosquitto", PASSWORDS)
    await broker.start()
    try:
        async with set_up(folder, 2, flush_s) as stage:
            yield World(stage, broker)
    finally:
        await broker.stop()
