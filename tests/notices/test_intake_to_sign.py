"""From the line to the sign: a real poller on a paced bus, the real intake, a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.domain.signs import Limits
from gateway.notices import NoticeSettings, SignWatch
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Fault
from gateway.store.signs import find_signs
from tests.sources.stage import Stage, house, line_with, running, set_up, until

SETTINGS = NoticeSettings(signs=Limits(mute_after_s=2, hold_s=1))
UNITS = range(1, 4)


@dataclass(frozen=True)
class Field:
    """A field process on a bus with three houses, and somebody who watches."""

    stage: Stage
    bus: Bus
    watch: SignWatch

    async def stands(self, *wanted: tuple[str, str]) -> None:
        """Look until these signs stand, and no other."""

        async def do_they() -> bool:
            await self.watch.tick(self.stage.clock.now())
            found = await find_signs(self.stage.database)
            return [(one.kind.value, one.subject) for one in found] == list(wanted)

        await until(do_they, f"signs {wanted}")

    def hush(self, *units: int) -> None:
        """These meters have no mains; all others have it."""
        for unit in UNITS:
            self.bus.meter(unit).set_fault(Fault.ABSENT if unit in units else None)


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[Field]:
    bus = line_with([house(unit) for unit in UNITS])
    bus.start()
    try:
        async with (
            set_up(folder, len(UNITS)) as stage,
            running(stage.poller(bus.path).run()),
        ):
            yield Field(stage, bus, SignWatch(SETTINGS, stage.database, stage.clock))
    finally:
        bus.stop()


async def test_a_meter_dies_then_the_feeder_then_all_come_back(tmp_path: Path) -> None:
    async with working(tmp_path) as field:
        await field.stands()
        field.hush(1)
        await field.stands(("meter_dead", "house-01"))
        field.hush(*UNITS)
        await field.stands(("feeder_dead", "main"), ("meter_dead", "house-01"))
        assert len(await field.stage.events("meter_dead")) == 1
        field.hush()
        await field.stands()
        for kind in ("meter_dead", "feeder_dead"):
            assert len(await field.stage.events(kind)) == 2
