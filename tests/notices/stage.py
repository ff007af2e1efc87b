"""A feeder with its own meter and houses behind it, on a real store, read by the real book."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gateway.clock import Clock
from gateway.domain.losses import LossLimits, LossModel
from gateway.domain.readings import Reading
from gateway.notices import FeederSettings, LossReport, NoticeSettings, SignWatch
from gateway.store.database import Database
from gateway.store.points import MeterPoint, PointSetting, apply_settings, find_points
from gateway.store.readings import ReadingBook
from gateway.store.signs import find_signs
from gateway.store.status import mark_status
from tests.store.metering import tier_at
from tests.village import HOUSE, START_S, houses

FEEDER = "north"
MODEL = LossModel(no_load_w=10, resistive_ppm_per_kw=5_000)
SETTINGS = NoticeSettings(
    (FeederSettings(FEEDER, has_meter=True, model=MODEL, losses=LossLimits(period_s=300)),)
)
ITS_METER = PointSetting(
    label=FEEDER,
    site=1,
    slot=0,
    settlement_mode="postpaid",
    max_power_w=60_000,
    critical=False,
    relay="none",
    serial="PZEM-0900",
    model="PZEM-016",
    address="main/100",
    first_register_wh=5_000,
    kind="feeder",
    feeder=FEEDER,
)


def clock() -> Clock:
    """A clock; ticks are given their time."""
    return Clock(float(START_S), time.time())


def at(second: float) -> datetime:
    """So many seconds after the start."""
    return datetime.fromtimestamp(START_S + second, UTC)


@dataclass
class Stage:
    """A store with a feeder in it."""

    database: Database
    points: dict[str, MeterPoint]
    book: ReadingBook = field(init=False)

    def __post_init__(self) -> None:
        """Read with a book of its own."""
        self.book = ReadingBook(self.database, tier_at)

    async def read(
        self,
        second: float,
        registers_wh: Mapping[str, int],
        *,
        voltage_mv: int | None = None,
        power_mw: int | None = None,
    ) -> None:
        """One reading of each of these meters, committed together.

        Args:
            second: after the start.
            registers_wh: by label.
            voltage_mv: of all of them, mV.
            power_mw: of all of them, mW.
        """
        points = {point.meter_id: point for point in self.points.values()}
        readings = [
            Reading(
                self.points[label].meter_id,
                at(second),
                register_wh,
                voltage_mv=voltage_mv,
                power_mw=power_mw,
            )
            for label, register_wh in registers_wh.items()
        ]
        await self.book.append(readings, points)

    async def learn(self) -> None:
        """Take over which meters hang where now."""
        self.points = {point.label: point for point in await find_points(self.database)}

    async def events(self, kind: str) -> list[str]:
        """The sentences of every event of a kind."""
        rows = await self.database.fetch_all(
            "SELECT detail FROM event WHERE kind = :kind ORDER BY event_id", {"kind": kind}
        )
        return [row["detail"] for row in rows]

    async def standing(self) -> list[tuple[str, str]]:
        """Kind and subject of every sign that stands."""
        return [(one.kind.value, one.subject) for one in await find_signs(self.database)]

    async def line(self, state: str, name: str = "bus:main") -> None:
        """What the field process says of a line."""
        await mark_status(self.database, name, state, "as the poller says", START_S)  # type: ignore[arg-type]

    def watch(self, settings: NoticeSettings = SETTINGS) -> SignWatch:
        """A watch that has just been started."""
        return SignWatch(settings, self.database, clock())

    def report(self, settings: NoticeSettings = SETTINGS) -> LossReport:
        """A report that has just been started."""
        return LossReport(settings, self.database, clock())


async def set_up(
    database: Database, count: int, extra: Sequence[PointSetting] = (ITS_METER,)
) -> Stage:
    """``count`` houses at units 1, 2, ... of the bus 'main', installed at the start."""
    own = [replace(one, max_power_w=20_000) for one in houses(count)]
    points = await apply_settings(database, [*own, *extra], START_S)
    return Stage(database, {point.label: point for point in points})


def labels(count: int) -> list[str]:
    """The houses' labels."""
    return [HOUSE.label.replace("01", f"{number + 1:02d}") for number in range(count)]
