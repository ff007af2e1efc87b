"""What several tests of sources stand on: a store, an intake that commits, a bus, waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.simulation.bus import Bus
from gateway.simulation.household import Household
from gateway.simulation.pzem import Pzem
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.status import Status, find_status
from gateway.wire.registers import PZEM_004T_V3
from tests.simulation.world import SteadyLoad
from tests.village import START_S, kept_in, settle_in

DEADLINE_S = 30.0
NOW_MS = (START_S + 3_600) * 1_000
FLUSH_S = 0.01


@dataclass(frozen=True)
class Stage:
    """A store with houses in it, and the door to it."""

    database: Database
    points: Sequence[MeterPoint]
    intake: Intake
    clock: Clock

    async def readings(self, meter_id: int | None = None) -> list[dict[str, int]]:
        """What is stored, oldest first."""
        kept = [one for one in kept_in(self.database) if meter_id in {None, one.meter_id}]
        return [one._asdict() for one in sorted(kept, key=lambda one: one.read_ms)]

    async def forget_readings(self) -> None:
        """Take every reading out of the file, so that what comes again can be told apart."""
        async with self.database.transaction() as connection:
            await connection.execute("DELETE FROM reading_group")

    async def events(self, kind: str) -> list[str]:
        """The sentences of every event of a kind."""
        rows = await self.database.fetch_all(
            "SELECT detail FROM event WHERE kind = :kind ORDER BY event_id", {"kind": kind}
        )
        return [row["detail"] for row in rows]

    async def status(self, name: str) -> Status | None:
        """One status, if it was ever marked."""
        return next((one for one in await find_status(self.database) if one.name == name), None)

    def poller(self, port: str, *, read_every_s: float = 0) -> BusPoller:
        """A poller of all points as units 1, 2, ..."""
        meters = [
            MeterOnBus(unit, PZEM_004T_V3, point.meter_id, point.meter_point_id, point.label)
            for unit, point in enumerate(self.points, start=1)
        ]
        settings = BusSettings("main", port, read_every_s=read_every_s)
        return BusPoller(settings, meters, self.intake, self.database, self.clock)


@asynccontextmanager
async def set_up(folder: Path, houses: int, flush_s: float = FLUSH_S) -> AsyncIterator[Stage]:
    """A stage whose intake commits after ``flush_s``."""
    database = await Database.open(folder / "usage.db")
    try:
        clock = Clock(origin_s=START_S + 3_600, wall_s=time.time())
        points = await settle_in(database, houses)
        intake = Intake(IntakeSettings(flush_s), points, lambda _: 1, database, clock)
        async with running(intake.run()):
            yield Stage(database, points, intake, clock)
    finally:
        await database.close()


@asynccontextmanager
async def running(*services: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Services that run during the block."""
    tasks = [asyncio.create_task(service) for service in services]
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for the world to change, but not for ever."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not await condition():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        await asyncio.sleep(0.01)


def register_wh(unit: int) -> int:
    """What the meter with this unit id shows; each its own, so that none passes for another."""
    return 1_000 + unit


def house(unit: int) -> Household:
    """A house that draws nothing, so that its register stands still."""
    return Household(
        f"house-{unit}", SteadyLoad(0), START_S * 1_000, first_register_wh=register_wh(unit)
    )


def line_with(houses: Sequence[Household]) -> Bus:
    """A bus with one meter per house as units 1, 2, ...; not started."""
    return Bus([Pzem(unit, home) for unit, home in enumerate(houses, start=1)], lambda: NOW_MS)
