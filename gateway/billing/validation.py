"""Each hour, the last day's quarter-hours are checked, and long gaps divided like similar days.

Decides nothing about money: it writes down what it found, and a person decides. What batches carry
is never touched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from gateway.clock import Clock
from gateway.domain.estimation import SHORT_MS, Stretch
from gateway.domain.intervals import (
    Finding,
    Interval,
    Rules,
    check_history,
    check_intervals,
)
from gateway.domain.readings import Doubt
from gateway.domain.standstill import check_standstill
from gateway.domain.tariffs import INTERVAL_S
from gateway.errors import Permanent, Transient
from gateway.store.database import Database
from gateway.store.findings import Checked, check_books, save_checked
from gateway.store.points import MeterPoint, find_points
from gateway.store.quarters import (
    HOUR_S,
    Quarter,
    complete_until_s,
    find_known,
    find_progress,
    find_quarters,
    last_read_ms,
)
from gateway.store.reshaping import reshape
from gateway.store.status import mark_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
"""Wall seconds between two looks whether another hour is complete."""
LOOKS_AT_ONCE = 200
"""Meter points and days in one tick: some seconds of a Pi's time."""
DAY_S = 86_400
LOOK_BACK_S = 31 * DAY_S
"""A gap that began earlier keeps its straight line."""
QUARTERS_PER_HOUR = HOUR_S // INTERVAL_S
SHORTEST_GAP_S = 2 * INTERVAL_S
"""A meter that is read once in a quarter-hour misses one now and then."""
BY_QUARTER = Rules()
BY_HOUR = Rules(interval_s=HOUR_S)
WEEKS_S = tuple(7 * DAY_S * number for number in (1, 2, 3, 4))


class IntervalCheck:
    """Checks every meter point's quarter-hours once they are complete, from where it left off.

    Args:
        database: where usage, rollups and findings are.
        clock: the time.
        tier_at: the tier of the quarter-hour that starts at a unix second.
    """

    def __init__(self, database: Database, clock: Clock, tier_at: Callable[[int], int]) -> None:
        self._database = database
        self._clock = clock
        self._tier_at = tier_at
        self._parked: set[int] = set()
        self._books_from_s = 0

    async def tick(self, now: datetime) -> None:
        """Check what has become complete: at most a day of :data:`LOOKS_AT_ONCE` meter points.

        Raises:
            Transient: the disk took nothing; the same is looked at again.
        """
        now_s = int(now.timestamp())
        complete_s = await complete_until_s(self._database)
        progress = await find_progress(self._database)
        quiet: list[Checked] = []
        looks = 0
        for point in await find_points(self._database):
            if point.meter_point_id in progress and looks < LOOKS_AT_ONCE:
                checked_s, counted_s = progress[point.meter_point_id]
                until_s = min(complete_s, counted_s - counted_s % HOUR_S)
                span = _next_span(point, checked_s, until_s)
                if span is not None and point.meter_point_id not in self._parked:
                    looks += 1
                    quiet += await self._look(point, *span, now_s)
        if quiet:
            await save_checked(self._database, quiet, now_s)
        await self._audit(now_s)

    async def run(self) -> None:
        """Look every minute until cancelled."""
        trouble = ""
        while True:
            try:
                await self.tick(self._clock.now())
            except Transient as error:
                if str(error) != trouble:
                    log.warning("checking of quarter-hours waits: %s", error)
                trouble = str(error)
            else:
                trouble = ""
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, point: MeterPoint, from_s: int, to_s: int, now_s: int) -> list[Checked]:
        """Check [from_s, to_s) of one meter point; what found nothing is left to be saved."""
        try:
            gaps, findings = await self._judge(point, from_s, to_s)
            for gap in gaps:
                await reshape(self._database, point, gap, now_s, self._tier_at)
            checked = Checked(point, to_s, findings)
            if not findings:
                return [checked]
            await self._save(checked, now_s)
        except Permanent as error:
            await self._park(point, str(error), now_s)
        return []

    async def _save(self, checked: Checked, now_s: int) -> None:
        for finding in await save_checked(self._database, [checked], now_s):
            log.info(
                "finding=%s meter_point=%s from_s=%d %s",
                finding.kind.name,
                checked.point.label,
                finding.start_s,
                finding.reason,
            )

    async def _park(self, point: MeterPoint, why: str, now_s: int) -> None:
        self._parked.add(point.meter_point_id)
        message = f"the quarter-hours of {point.label} are not checked: {why}"
        log.error("meter_point=%s parked: %s", point.label, why)
        await mark_status(self._database, f"check:{point.label}", "alarm", message, now_s)

    async def _judge(
        self, point: MeterPoint, from_s: int, to_s: int
    ) -> tuple[list[Stretch], tuple[Finding, ...]]:
        """Long gaps that ended in [from_s, to_s), and what is out of the ordinary in its day."""
        begin_s = max(to_s - DAY_S, point.installed_s + -point.installed_s % INTERVAL_S)
        quarters = await find_quarters(self._database, point, begin_s, to_s)
        findings = [
            *_check(quarters, begin_s, to_s),
            *await self._check_hours(point, quarters, from_s, to_s),
        ]
        gaps = _gaps(await self._with_last(point, quarters, from_s), from_s)
        return gaps, tuple(findings)

    async def _check_hours(
        self, point: MeterPoint, quarters: Sequence[Quarter], from_s: int, to_s: int
    ) -> list[Finding]:
        """Each full hour against the same hour of earlier weeks."""
        read = {one.start_s: one.usage_wh for one in quarters if one.first_ms is not None}
        findings = []
        for hour_s in range(from_s, to_s, HOUR_S):
            usage_wh = _of_hour(read, hour_s)
            if usage_wh is None:
                continue
            earlier = await self._earlier_wh(point, hour_s)
            found = check_history(Interval(hour_s, usage_wh), earlier, BY_HOUR)
            if found is not None:
                findings.append(found)
        return findings

    async def _earlier_wh(self, point: MeterPoint, hour_s: int) -> list[int]:
        hours = [hour_s - back_s for back_s in WEEKS_S]
        starts = [start_s for hour in hours for start_s in range(hour, hour + HOUR_S, INTERVAL_S)]
        known = await find_known(self._database, point.meter_point_id, starts)
        return [wh for hour in hours if (wh := _of_hour(known, hour)) is not None]

    async def _with_last(
        self, point: MeterPoint, quarters: Sequence[Quarter], from_s: int
    ) -> list[tuple[int, int]]:
        """First and last reading of each quarter-hour, after the last one before them all."""
        times = [
            (one.first_ms, one.last_ms)
            for one in quarters
            if one.first_ms is not None and one.last_ms is not None
        ]
        if times and times[0][0] >= from_s * 1000:
            first_s = times[0][0] // 1000 // INTERVAL_S * INTERVAL_S
            back_s = max(first_s - LOOK_BACK_S, point.installed_s // INTERVAL_S * INTERVAL_S)
            last_ms = await last_read_ms(self._database, point.meter_id, back_s, first_s)
            if last_ms is not None:
                times.insert(0, (last_ms, last_ms))
        return times

    async def _audit(self, now_s: int) -> None:
        """Once a day, all usage against all that was counted."""
        if now_s < self._books_from_s:
            return
        found = await check_books(self._database, now_s)
        for point in await find_points(self._database):
            finding = found.get(point.meter_point_id)
            if finding is not None and point.meter_point_id not in self._parked:
                try:
                    await self._save(Checked(point, None, (finding,)), now_s)
                except Permanent as error:
                    await self._park(point, str(error), now_s)
        self._books_from_s = now_s + DAY_S


def _next_span(point: MeterPoint, checked_s: int | None, until_s: int) -> tuple[int, int] | None:
    """What to look at next, on hours; the first look is at the last day, or less."""
    if checked_s is None:
        installed_s = point.installed_s + -point.installed_s % HOUR_S
        checked_s = max(installed_s, until_s - DAY_S)
    if checked_s >= until_s:
        return None
    return checked_s, min(until_s, checked_s + DAY_S)


def _check(quarters: Sequence[Quarter], from_s: int, to_s: int) -> Iterator[Finding]:
    """All that needs nothing but the quarter-hours in which the meter was read."""
    read = [one for one in quarters if one.first_ms is not None]
    intervals = [Interval(one.start_s, one.usage_wh) for one in read]
    for finding in check_intervals(intervals, from_s, to_s, BY_QUARTER):
        if finding.kind is not Doubt.GAP or finding.end_s - finding.start_s >= SHORTEST_GAP_S:
            yield finding
    power_mw = {
        one.start_s: one.mean_power_mw
        for one in read
        if one.mean_power_mw is not None and not one.moved_wh
    }
    yield from check_standstill(intervals, power_mw)


def _of_hour(known: dict[int, int], hour_s: int) -> int | None:
    """Usage of an hour, Wh; None: a quarter of it is not known."""
    found = [known[at] for at in range(hour_s, hour_s + HOUR_S, INTERVAL_S) if at in known]
    return sum(found) if len(found) == QUARTERS_PER_HOUR else None


def _gaps(times: Sequence[tuple[int, int]], from_s: int) -> list[Stretch]:
    """Long gaps that ended at or after ``from_s``.

    Args:
        times: first and last reading of each quarter-hour, by time (unix milliseconds).
        from_s: unix seconds.
    """
    return [
        Stretch(last_ms, first_ms, None)
        for (_, last_ms), (first_ms, _) in pairwise(times)
        if first_ms - last_ms >= SHORT_MS and first_ms >= from_s * 1000
    ]
