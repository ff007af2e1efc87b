"""Readings taken while nobody knew the time: kept in order, and dated when the time is back.

A reading of the gateway's own is dated by the count since boot. A node's keeps its own date if
that can be right, whatever the gateway's clock was worth; a node is never asked for the time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from gateway.clock import Clock
from gateway.domain.readings import Doubt, Quality, Reading, at_milliseconds
from gateway.sources.dating import date_back
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.readings import ReadingBook
from gateway.store.status import append_event
from gateway.store.undated import (
    Datable,
    Undated,
    append_undated,
    find_datable,
    has_undated,
    place_undated,
)

log = logging.getLogger(__name__)

MOST_AHEAD = timedelta(minutes=5)
"""A sender's clock may be this much ahead."""
AT_ONCE = 2_000
BURST_OVER_MS = 300
"""The distance in arrival between two readings of a node from which they are no burst."""
_AHEAD_MS = MOST_AHEAD // timedelta(milliseconds=1)


class Waiting:
    """Keeps undated readings, and dates them once the time is trusted.

    Args:
        book: takes them when they are dated.
        database: where they wait.
        clock: says whether the time is trusted, and the count since boot.
    """

    def __init__(self, book: ReadingBook, database: Database, clock: Clock) -> None:
        self._book = book
        self._database = database
        self._clock = clock
        self.left = True
        """Whether any may wait; after a start, until somebody has looked."""

    def undated(self, reading: Reading, *, own_date: bool) -> Undated:
        """A reading as it is kept: its age now is certain, its date is not.

        Args:
            reading: just taken, or dated back from now.
            own_date: its sender dated it.
        """
        monotonic_ms = self._clock.monotonic_ms()
        if own_date:
            return Undated(reading, monotonic_ms, reading.at_ms)
        age_ms = int(self._clock.now_s() * 1000) - reading.at_ms
        return Undated(reading, monotonic_ms - max(0, age_ms))

    async def keep(self, rows: Sequence[Undated]) -> None:
        """Store them without a date.

        Raises:
            Transient: the disk did not take it.
        """
        standing = self._clock.standing
        if standing is None:  # nobody doubts such a clock
            raise AssertionError
        self.left = True
        await append_undated(self._database, standing.boot, rows)

    async def date(self, points: Mapping[int, MeterPoint]) -> None:
        """Date all that wait, oldest first; nothing while the time is not trusted.

        Args:
            points: the meter point of each meter, by ``meter_id``.

        Raises:
            Transient: the disk did not take it; what is dated is dated.
        """
        if not self.left or not self._clock.trusted:
            return
        if not await has_undated(self._database):
            self.left = False
            return
        await place_undated(self._database)
        count = 0
        while self._clock.trusted and (rows := await find_datable(self._database, AT_ONCE)):
            known = [one for one in rows if one.reading.meter_id in points]
            readings = _dated(known, points, int(self._clock.now_s() * 1000))
            await self._book.append(readings, points, [one.undated_id for one in rows])
            count += len(readings)
            if len(known) < len(rows):
                await self._tell(
                    f"{len(rows) - len(known)} readings of meters that hang nowhere any more were "
                    "let go: what those showed last was counted at the exchange"
                )
        self.left = await has_undated(self._database)
        await self._tell(f"the time is known again: {count} readings are dated")

    async def _tell(self, detail: str) -> None:
        log.info("event=clock-dated %s", detail)
        async with self._database.transaction() as connection:
            now_ms = int(self._clock.now_s() * 1000)
            await append_event(connection, "clock-dated", detail, now_ms)


def _dated(rows: Sequence[Datable], points: Mapping[int, MeterPoint], now_ms: int) -> list[Reading]:
    """Each with its date, the order of each meter's kept."""
    readings: list[Reading] = []
    bursts: dict[int, list[Datable]] = {}
    after_ms: dict[int, int] = {}

    def close(meter_id: int) -> None:
        burst = bursts.pop(meter_id, None)
        if burst:
            least_ms = after_ms.get(meter_id, points[meter_id].installed_s * 1000)
            found = _dated_back(burst, least_ms)
            after_ms[meter_id] = found[-1].at_ms
            readings.extend(found)

    for one in rows:
        meter_id = one.reading.meter_id
        burst = bursts.get(meter_id)
        if burst and one.reading.at_ms - burst[-1].reading.at_ms > BURST_OVER_MS:
            close(meter_id)
        if one.own_ms is None:
            readings.append(_marked(one))
        elif _can_be(one, one.own_ms, points[meter_id], now_ms):
            close(meter_id)
            readings.append(replace(one.reading, read_at=at_milliseconds(one.own_ms)))
            after_ms[meter_id] = one.own_ms
        else:
            bursts.setdefault(meter_id, []).append(one)
    for meter_id in list(bursts):
        close(meter_id)
    return readings


def _can_be(one: Datable, own_ms: int, point: MeterPoint, now_ms: int) -> bool:
    """Whether a sender's own date is possible: not after it came, nor before its meter did."""
    latest_ms = now_ms if one.is_estimated else one.reading.at_ms
    return point.installed_s * 1000 - _AHEAD_MS <= own_ms <= latest_ms + _AHEAD_MS


def _dated_back(burst: Sequence[Datable], after_ms: int) -> list[Reading]:
    arrived_ms = burst[-1].reading.at_ms
    dates = date_back([one.own_ms or 0 for one in burst], arrived_ms, after_ms)
    return [
        replace(
            one.reading,
            read_at=at_milliseconds(date_ms),
            quality=Quality.ESTIMATED if one.is_estimated else Quality.SUSPECT,
            doubts=one.reading.doubts | Doubt.CLOCK,
        )
        for one, date_ms in zip(burst, dates, strict=True)
    ]


def _marked(one: Datable) -> Reading:
    if not one.is_estimated:
        return one.reading
    return replace(one.reading, quality=Quality.ESTIMATED, doubts=one.reading.doubts | Doubt.CLOCK)
