"""Readings, the usage they make, and the checkpoints between them: one transaction for all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiosqlite

from gateway.domain.groups import HOUR_MS, times
from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.store.counting import Counter, Flush, RegisterEvent
from gateway.store.database import Database
from gateway.store.groups import Chains, append_groups, follow, records_of
from gateway.store.points import MeterPoint
from gateway.store.registers import read_checkpoints, save_checkpoints
from gateway.store.status import append_event
from gateway.store.undated import forget_undated

_HOURS_AT_ONCE = 4
"""Of a village's readings in memory, some MB; late readings come in the order of time."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What a group of readings did.

    Args:
        stored: readings that were new.
        repeated: readings that were there already.
    """

    stored: int
    repeated: int


class ReadingBook:
    """Appends readings; the only one who does, in the only process that may.

    Args:
        database: where they go.
        tier_at: the tier of the quarter-hour that starts at a unix second.
    """

    def __init__(self, database: Database, tier_at: Callable[[int], int]) -> None:
        self._database = database
        self._tier_at = tier_at
        self._counter = Counter()
        self._chains = Chains()

    async def append(
        self,
        readings: Sequence[Reading],
        points: Mapping[int, MeterPoint],
        dated: Collection[int] = (),
    ) -> Appended:
        """Store readings and the usage they make, in one transaction.

        Args:
            readings: in any order; a repeated one changes nothing.
            points: the meter point of each meter, by ``meter_id``.
            dated: rows of readings that waited for their date and wait no more.

        Raises:
            Transient: the disk did not take it; nothing was stored.
            Permanent: the store can't be used until a person acts.
        """
        async with self._database.transaction() as connection:
            chains = (await follow(connection, self._chains)).copy()
            flush = await self._count(connection, readings, points)
            if flush.entries:
                await append_groups(connection, flush.entries, chains)
                await save_checkpoints(connection, flush.moved.values())
                await self._add_usage(connection, flush)
                if flush.feeder_usage:
                    await _add_feeder_usage(connection, flush)
                for event in flush.events:
                    await _tell(connection, event)
            if dated:
                await forget_undated(connection, dated)
        self._chains = chains
        self._counter.committed(flush)
        return Appended(flush.stored, len(readings) - flush.stored)

    async def _count(
        self,
        connection: aiosqlite.Connection,
        readings: Sequence[Reading],
        points: Mapping[int, MeterPoint],
    ) -> Flush:
        """What these readings change; nothing is written yet."""
        flush = Flush()
        dated = sorted((one.at_ms, one.meter_id, number) for number, one in enumerate(readings))
        checkpoints = await read_checkpoints(connection, {one.meter_id for one in readings})
        known = _Known(connection)
        for at_ms, meter_id, number in dated:
            last = checkpoints.get(meter_id)
            is_newest = last is not None and last.precedes(at_ms)
            if not is_newest and await known.has(meter_id, at_ms):
                continue
            known.add(meter_id, at_ms)
            checkpoints[meter_id] = self._counter.take(
                flush, readings[number], points[meter_id], last
            )
        return flush

    async def _add_usage(self, connection: aiosqlite.Connection, flush: Flush) -> None:
        await connection.executemany(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
               VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
                   usage_wh = usage_wh + excluded.usage_wh,
                   estimated_wh = estimated_wh + excluded.estimated_wh""",
            [
                (start_s, meter_point_id, self._tier_at(start_s), *figures)
                for (start_s, meter_point_id), figures in flush.usage.items()
            ],
        )


async def _add_feeder_usage(connection: aiosqlite.Connection, flush: Flush) -> None:
    await connection.executemany(
        """INSERT INTO feeder_usage (start_s, meter_point_id, usage_wh, estimated_wh)
           VALUES (?, ?, ?, ?)
           ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
               usage_wh = usage_wh + excluded.usage_wh,
               estimated_wh = estimated_wh + excluded.estimated_wh""",
        [(*key, *figures) for key, figures in flush.feeder_usage.items()],
    )


class _Known:
    """Which readings are stored already: asked only for those that are not the newest.

    Args:
        connection: of an open transaction.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._hours: dict[int, set[tuple[int, int]]] = {}
        self._added: set[tuple[int, int]] = set()

    def add(self, meter_id: int, at_ms: int) -> None:
        """This reading is about to be stored."""
        self._added.add((meter_id, at_ms))

    async def has(self, meter_id: int, at_ms: int) -> bool:
        """Whether this meter's reading of this instant (unix milliseconds) is stored."""
        if (meter_id, at_ms) in self._added:
            return True
        hour = at_ms // HOUR_MS
        if hour not in self._hours:
            if len(self._hours) >= _HOURS_AT_ONCE:
                self._hours.clear()
            self._hours[hour] = await self._load(hour)
        return (meter_id, at_ms) in self._hours[hour]

    async def _load(self, hour: int) -> set[tuple[int, int]]:
        known: set[tuple[int, int]] = set()
        async with self._connection.execute(
            """SELECT sequence, readings FROM reading_group
               WHERE from_ms >= :from_ms AND from_ms < :from_ms + :span""",
            {"from_ms": hour * HOUR_MS, "span": HOUR_MS},
        ) as cursor:
            async for row in cursor:
                with suppress(Permanent):  # a damaged group is no reason to stop metering
                    known.update(times(records_of(row)))
        return known


async def _tell(connection: aiosqlite.Connection, event: RegisterEvent) -> None:
    await append_event(
        connection,
        event.movement.value,
        event.detail,
        event.reading.at_ms,
        meter_point_id=event.point.meter_point_id,
        meter_id=event.reading.meter_id,
        energy_wh=event.energy_wh,
    )
