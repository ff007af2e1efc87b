"""A gateway that may not know the time: a driven machine, a keeper, the one door, true houses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.simulation.household import Household
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.timekeeping import ClockKeeper
from tests.machine import Y2K_S, World
from tests.simulation.world import SteadyLoad
from tests.village import kept_in, settle_in

TRUE_S = 1_800_000_000
POWER_MW = 1_500_000
FIRST_WH = 1_000


@dataclass
class Untimed:
    """The gateway's parts that have to do with time, on one machine.

    Args:
        world: true time, and what the machine makes of it.
        database: the store.
        points: one meter point each.
        homes: what truly flows behind each meter, from registers of :data:`FIRST_WH` on.
    """

    world: World
    database: Database
    points: list[MeterPoint]
    homes: list[Household]
    clock: Clock = field(init=False)
    keeper: ClockKeeper = field(init=False)
    intake: Intake = field(init=False)
    taken: list[tuple[int, int, int]] = field(default_factory=list)
    """Meter, true time (unix ms) and register of every reading ever taken."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The process starts; what it had in memory is gone."""
        self.clock = Clock(machine=self.world.machine)
        self.keeper = ClockKeeper(self.database, self.clock)
        settings = IntakeSettings(flush_s=0.01)
        self.intake = Intake(settings, self.points, lambda _: 1, self.database, self.clock)

    async def look(self) -> None:
        """The keeper looks once."""
        await self.keeper.tick(self.clock.now())

    async def read(self) -> None:
        """Every meter is read, and the readings are committed."""
        self.take()
        await self.flush()

    def take(self) -> None:
        """Every meter is read."""
        now_ms = int(self.world.true_s * 1000)
        for point, home in zip(self.points, self.homes, strict=True):
            register_wh = home.measurement(now_ms).energy_wh
            self.intake.offer(Reading(point.meter_id, self.clock.now(), register_wh))
            self.taken.append((point.meter_id, now_ms, register_wh))

    async def flush(self) -> None:
        """Commit, and date what can be dated."""
        await self.intake.tick(self.clock.now())

    async def run(self, duration_s: int, every_s: int = 10) -> None:
        """Time passes; the clock is looked at and the meters are read."""
        for _ in range(duration_s // every_s):
            self.world.run(every_s)
            await self.look()
            self.take()
        await self.flush()

    async def know(self) -> None:
        """NTP comes, and is gone again at once."""
        self.world.synchronise()
        await self.look()
        await self.flush()
        self.world.lose_ntp()

    def stored(self) -> list[tuple[int, int, int]]:
        """Meter, date (unix ms) and register of each stored reading, by a reader of its own."""
        return [(one.meter_id, one.read_ms, one.energy_wh) for one in kept_in(self.database)]

    async def number(self, sql: str) -> int:
        """The one number that a query has for an answer."""
        row = await self.database.fetch_one(sql)
        assert row is not None
        return int(row[0] or 0)

    async def waiting(self) -> int:
        """How many readings wait for their date."""
        return await self.number("SELECT count(*) FROM undated_reading")

    async def counted_wh(self) -> int:
        """Billed and set aside."""
        return await self.number("SELECT sum(usage_wh) FROM usage") + await self.number(
            "SELECT sum(flagged_wh) FROM register"
        )


@asynccontextmanager
async def untimed(folder: Path, houses: int = 1) -> AsyncIterator[Untimed]:
    """A village installed months ago, on a machine that starts in the year 2000."""
    database = await Database.open(folder / "usage.db")
    try:
        points = await settle_in(database, houses)
        homes = [
            Household(
                f"house-{number}",
                SteadyLoad(POWER_MW // (number + 1)),
                TRUE_S * 1000,
                first_register_wh=FIRST_WH,
            )
            for number in range(houses)
        ]
        rtc = folder / "rtc"
        rtc.mkdir()
        yield Untimed(World(rtc, TRUE_S, Y2K_S), database, points, homes)
    finally:
        await database.close()
