"""Readings, the usage they make, and the checkpoints between them: one transaction for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiosqlite

from gateway.domain.groups import HOUR_MS, pack, times
from gateway.domain.readings import Gap, Reading
from gateway.domain.usage import (
    Checkpoint,
    Movement,
    RegisterLimits,
    Step,
    advance,
    spread,
    start,
)
from gateway.store.database import Database
from gateway.store.groups import Chains, Entry, append_groups, follow, records_of
from gateway.store.points import MeterPoint
from gateway.store.registers import read_checkpoints, save_checkpoints
from gateway.store.status import append_event

ESTIMATED_AFTER_MS = 900_000
"""Usage over a longer gap is exact in total, but its split over quarter-hours is an estimate."""
GAP_AFTER_MS = 990_000
"""A quarter-hour without a reading is a gap; the rest is for meters read once a quarter-hour."""

_WORDS = {
    Movement.GLITCH: "showed {candidate} Wh for one reading and came back to {now} Wh",
    Movement.ROLLOVER: "wrapped round from {last} Wh to {now} Wh",
    Movement.RESET: "restarted: it showed {last} Wh and now {now} Wh",
    Movement.JUMP: "jumped from {last} Wh to {now} Wh, more than can have flowed; not billed",
}


@dataclass(frozen=True, slots=True)
class Appended:
    """What a group of readings did.

    Args:
        stored: readings that were new.
        repeated: readings that were there already.
    """

    stored: int
    repeated: int


@dataclass(frozen=True, slots=True)
class _Event:
    """A register that moved otherwise than it should."""

    reading: Reading
    point: MeterPoint
    step: Step
    detail: str


@dataclass(slots=True)
class _Flush:
    """What one transaction will write."""

    stored: int = 0
    entries: list[Entry] = field(default_factory=list)
    moved: dict[int, tuple[Checkpoint, Reading]] = field(default_factory=dict)
    usage: defaultdict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    events: list[_Event] = field(default_factory=list)


class ReadingBook:
    """Appends readings; the only one who does, in the only process that may.

    Args:
        database: where they go.
        tier_at: the tier of the quarter-hour that starts at a unix second.
    """

    def __init__(self, database: Database, tier_at: Callable[[int], int]) -> None:
        self._database = database
        self._tier_at = tier_at
        self._chains = Chains()

    async def append(
        self, readings: Sequence[Reading], points: Mapping[int, MeterPoint]
    ) -> Appended:
        """Store readings and the usage they make, in one transaction.

        Args:
            readings: in any order; a repeated one changes nothing.
            points: the meter point of each meter, by ``meter_id``.

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
                for event in flush.events:
                    await _tell(connection, event)
        self._chains = chains
        return Appended(flush.stored, len(readings) - flush.stored)

    async def _count(
        self,
        connection: aiosqlite.Connection,
        readings: Sequence[Reading],
        points: Mapping[int, MeterPoint],
    ) -> _Flush:
        """What these readings change; nothing is written yet."""
        flush = _Flush()
        dated = sorted((one.at_ms, one.meter_id, number) for number, one in enumerate(readings))
        meters = {one.meter_id for one in readings}
        checkpoints = await read_checkpoints(connection, meters)
        known = _Known(connection)
        for at_ms, meter_id, number in dated:
            reading, point = readings[number], points[meter_id]
            last = checkpoints.get(meter_id)
            is_newest = last is not None and at_ms > max(last.read_ms, last.candidate_ms or 0)
            if not is_newest and await known.has(meter_id, at_ms):
                continue
            known.add(meter_id, at_ms)
            flush.stored += 1
            flush.entries.append((meter_id, at_ms, pack(reading)))
            checkpoints[meter_id] = _move(flush, reading, point, last)
        return flush

    async def _add_usage(self, connection: aiosqlite.Connection, flush: _Flush) -> None:
        rows = [
            {
                "start_s": start_s,
                "point": meter_point_id,
                "tier": self._tier_at(start_s),
                "wh": usage_wh,
                "estimated": estimated_wh,
            }
            for (start_s, meter_point_id), (usage_wh, estimated_wh) in flush.usage.items()
        ]
        await connection.executemany(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
               VALUES (:start_s, :point, :tier, :wh, :estimated)
               ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
                   usage_wh = usage_wh + excluded.usage_wh,
                   estimated_wh = estimated_wh + excluded.estimated_wh""",
            rows,
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
                known.update(times(records_of(row)))
        return known


_HOURS_AT_ONCE = 4
"""Of a village's readings in memory, some MB; late readings come in the order of time."""


def _move(
    flush: _Flush, reading: Reading, point: MeterPoint, last: Checkpoint | None
) -> Checkpoint:
    """Count one reading; returns the meter's next checkpoint."""
    at_ms = reading.at_ms
    if last is None and point.first_register_wh is not None:
        last = Checkpoint(point.installed_s * 1000, point.first_register_wh)
    if last is None:
        step = start(at_ms, reading.energy_wh)
    else:
        step = advance(last, at_ms, reading.energy_wh, RegisterLimits(point.max_power_w))
    if step.movement is Movement.LATE:
        return step.checkpoint
    flush.moved[reading.meter_id] = step.checkpoint, reading
    if last is not None:
        _note(flush, reading, point, last, step)
    return step.checkpoint


def _note(flush: _Flush, reading: Reading, point: MeterPoint, last: Checkpoint, step: Step) -> None:
    """What a step leaves behind: a gap before it, usage, an event."""
    at_ms = reading.at_ms
    heard_ms = max(last.read_ms, last.candidate_ms or 0)
    if at_ms - heard_ms > GAP_AFTER_MS:
        gap = Gap(reading.meter_id, heard_ms, at_ms)
        flush.entries.append((reading.meter_id, at_ms, pack(gap)))
    if step.usage_wh:
        estimated = at_ms - step.from_ms > ESTIMATED_AFTER_MS
        for start_s, part_wh in spread(step.usage_wh, step.from_ms, at_ms):
            figures = flush.usage[start_s, point.meter_point_id]
            figures[0] += part_wh
            figures[1] += part_wh if estimated else 0
    if step.movement in _WORDS:
        words = _WORDS[step.movement].format(
            candidate=last.candidate_wh, last=last.energy_wh, now=reading.energy_wh
        )
        detail = f"{point.label}: the register {words}"
        flush.events.append(_Event(reading, point, step, detail))


async def _tell(connection: aiosqlite.Connection, event: _Event) -> None:
    await append_event(
        connection,
        event.step.movement.value,
        event.detail,
        event.reading.at_ms,
        meter_point_id=event.point.meter_point_id,
        meter_id=event.reading.meter_id,
        energy_wh=event.step.flagged_wh or event.step.usage_wh,
    )
