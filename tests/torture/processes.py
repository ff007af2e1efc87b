"""The gateway's processes as one: each has the store open for itself; they can be started anew."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from gateway.broker import Broker
from gateway.clock import Clock
from gateway.domain.supply import SupplyPolicy
from gateway.errors import GatewayError, Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.refresh import Refresher
from gateway.ledger.submit import Submitter
from gateway.relays import (
    Driver,
    NodeDriver,
    NodeSettings,
    SupplyControl,
    SupplySettings,
    SwitchSettings,
)
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.nodes import NodeSource
from gateway.sources.strangers import Strangers
from gateway.store.database import Database
from gateway.store.housekeeping import Housekeeper
from gateway.store.points import find_points
from gateway.store.retention import Retention
from tests.ledger.localnet import PASSPHRASE
from tests.relays.village import Contactors
from tests.torture.field import ROOM_MB
from tests.torture.ground import Stage, keypair, tier_at
from tests.torture.outage import KEY, NODE, PATIENCE_S, Radio

SETTLE_EVERY_S = 21_600


class Pins(Contactors):
    """Relays at the world's edge, and how each stands."""

    def __init__(self) -> None:
        super().__init__()
        self.position: dict[str, bool] = {}

    async def switch(self, name: str, *, connected: bool) -> None:
        """Take a position."""
        await super().switch(name, connected=connected)
        self.position[name] = connected


@dataclass(slots=True)
class World:
    """What the processes work with.

    Args:
        stage: ledger and store.
        clock: the village's time.
        url: the way to the chain.
        policy: of supply.
        pins: the relays.
        radio: a broker with a node; None: there is none.
    """

    stage: Stage
    clock: Clock
    url: str
    policy: SupplyPolicy
    pins: Pins
    radio: Radio | None


class Field:
    """What reads and switches.

    Args:
        database: its own.
        world: what it works with.
        intake: takes the readings.
    """

    def __init__(self, database: Database, world: World, intake: Intake) -> None:
        self.database = database
        self.intake = intake
        self._world = world
        self._drivers: dict[str, Driver] = {"pin": world.pins}
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: Broker | None = None
        self._calling: asyncio.Task[None] | None = None
        retention = Retention(room_mb=ROOM_MB)
        self.housekeeper = Housekeeper(database, world.clock, retention)
        self.supply = self.supply_anew()

    @classmethod
    async def open(cls, world: World) -> Field:
        """As it is after its start."""
        database = await Database.open(world.stage.path)
        points = await find_points(database)
        settings = IntakeSettings(overdraft_stroops=world.policy.overdraft_stroops)
        intake = Intake(settings, points, tier_at, database, world.clock)
        field = cls(database, world, intake)
        if world.radio is not None:
            field._connection = connection = world.radio.connection()
            clock = world.clock
            nodes = NodeSource(
                connection, points, intake, database, clock, strangers=Strangers(database, clock)
            )
            field._tasks.append(asyncio.create_task(nodes.run()))
            publish, keys = world.radio.counted(connection), {NODE: KEY}
            field._drivers["node"] = NodeDriver(NodeSettings(), publish, database, clock, keys)
            field.supply = field.supply_anew()
            await field.call()
        return field

    def supply_anew(self) -> SupplyControl:
        """Supply control as a process that has just started."""
        settings = SupplySettings(self._world.policy, SwitchSettings(retry_s=0.0))
        return SupplyControl(settings, self.database, self._world.clock, self._drivers)

    async def call(self) -> None:
        """Call the broker, if it is there, and wait until it answers."""
        await self._hang_up()
        if self._connection is None or self._world.radio is None or not self._world.radio.is_here:
            return
        self._calling = asyncio.create_task(self._connection.run())
        async with asyncio.timeout(PATIENCE_S):
            while not await self._is_through(self._connection):  # noqa: ASYNC110 - as from outside
                await asyncio.sleep(0.001)

    async def _hang_up(self) -> None:
        """Call no longer: the next call is the first again, and waits for nothing."""
        if self._calling is not None:
            await _cancelled(self._calling)
            self._calling = None

    async def close(self) -> None:
        """End; what waits in memory is lost."""
        await self._hang_up()
        await _cancelled(*self._tasks)
        await self.database.close()

    async def _is_through(self, connection: Broker) -> bool:
        try:
            await connection.publish("live/anybody", b"", 0)
        except Transient:
            return False
        return True


class Settlement:
    """What speaks with the chain.

    Args:
        database: its own.
        world: what it works with.
    """

    def __init__(self, database: Database, world: World) -> None:
        self.database = database
        self._client = LedgerClient([world.url], PASSPHRASE)
        self._hanging: list[asyncio.Task[Any]] = []
        settings = replace(
            world.stage.settings(world.url), settle_every_s=SETTLE_EVERY_S, credit_every_s=0
        )
        clock, key = world.clock, SigningKey(keypair("gateway"))
        self.submitter = Submitter(settings, database, clock, self._client, key)
        self.refresher = Refresher(settings, database, clock, self._client)

    async def look_in_vain(self, clock: Clock) -> None:
        """Ask somebody who takes each question and never answers; nobody waits for it."""
        if not self._hanging:
            for service in (self.submitter, self.refresher):
                self._hanging.append(asyncio.create_task(service.tick(clock.now())))
            await asyncio.sleep(0)

    async def stop_waiting(self) -> None:
        """Ask no longer."""
        await _cancelled(*self._hanging)
        self._hanging.clear()

    async def close(self) -> None:
        """End."""
        await self.stop_waiting()
        await self._client.close()
        await self.database.close()


@dataclass(slots=True)
class Processes:
    """All of them.

    Args:
        world: what they work with.
        field: reads and switches; None: it could not start.
        settlement: speaks with the chain.
        page: where people's acts come in.
    """

    world: World
    field: Field | None = None
    settlement: Settlement | None = None
    page: Database | None = None

    async def start(self) -> None:
        """Start those that are not running.

        Raises:
            GatewayError: the disk does not let them.
        """
        if self.field is None:
            self.field = await Field.open(self.world)
        if self.settlement is None:
            database = await Database.open(self.world.stage.path)
            self.settlement = Settlement(database, self.world)
        if self.page is None:
            self.page = await Database.open(self.world.stage.path)

    async def end(self) -> None:
        """End those that are running."""
        field, self.field = self.field, None
        settlement, self.settlement = self.settlement, None
        page, self.page = self.page, None
        for one in (field, settlement, page):
            if one is not None:
                with suppress(GatewayError):
                    await one.close()


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
