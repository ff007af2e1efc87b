"""Readings, the usage they make, and the checkpoints between them: one transaction for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import aiosqlite

from gateway.domain.readings import Reading
from gateway.domain.usage import (
    Checkpoint,
    Movement,
    RegisterLimits,
    Step,
    advance,
    spread,
    start,
)
from gateway.store.points import MeterPoint
from gateway.store.status import append_event

ESTIMATED_AFTER_MS = 900_000
"""Usage over a longer gap is exact in total, but its split over quarter-hours is an estimate."""

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


def milliseconds(instant: datetime) -> int:
    """An aware datetime as unix milliseconds, rounded down."""
    return int(instant.timestamp() * 1000)


async def append_readings(
    connection: aiosqlite.Connection,
    readings: Iterable[Reading],
    points: dict[int, MeterPoint],
    tier_at: Callable[[int], int],
) -> Appended:
    """Store readings and the usage they make, inside the caller's transaction.

    Args:
        connection: of an open transaction.
        readings: in any order; a repeated one changes nothing.
        points: the meter point of each meter, by ``meter_id``.
        tier_at: the tier of the quarter-hour that starts at a unix second.
    """
    stored = repeated = 0
    for reading in sorted(readings, key=lambda one: (one.read_at, one.meter_id)):
        if await _insert(connection, reading):
            stored += 1
            await _count(connection, reading, points[reading.meter_id], tier_at)
        else:
            repeated += 1
    return Appended(stored, repeated)


async def _insert(connection: aiosqlite.Connection, reading: Reading) -> bool:
    cursor = await connection.execute(
        """INSERT OR IGNORE INTO reading
               (read_ms, meter_id, energy_wh, voltage_mv, current_ma, power_mw, frequency_mhz,
                power_factor_milli, quality)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            milliseconds(reading.read_at),
            reading.meter_id,
            reading.energy_wh,
            reading.voltage_mv,
            reading.current_ma,
            reading.power_mw,
            reading.frequency_mhz,
            reading.power_factor_milli,
            int(reading.quality),
        ),
    )
    return cursor.rowcount == 1


async def _count(
    connection: aiosqlite.Connection,
    reading: Reading,
    point: MeterPoint,
    tier_at: Callable[[int], int],
) -> None:
    """Move the checkpoint, and add the usage to its quarter-hours."""
    read_ms = milliseconds(reading.read_at)
    last = await _checkpoint(connection, point)
    if last is None:
        step = start(read_ms, reading.energy_wh)
    else:
        limits = RegisterLimits(point.max_power_w)
        step = advance(last, read_ms, reading.energy_wh, limits)
    if step.movement is Movement.LATE:
        return
    await _save(connection, step.checkpoint, reading)
    if step.usage_wh:
        await _add_usage(connection, point.meter_point_id, step, read_ms, tier_at)
    if last is not None and step.movement in _WORDS:
        words = _WORDS[step.movement].format(
            candidate=last.candidate_wh, last=last.energy_wh, now=reading.energy_wh
        )
        await append_event(
            connection,
            step.movement.value,
            f"{point.label}: the register {words}",
            read_ms,
            meter_point_id=point.meter_point_id,
            meter_id=point.meter_id,
            energy_wh=step.flagged_wh or step.usage_wh,
        )


async def _checkpoint(connection: aiosqlite.Connection, point: MeterPoint) -> Checkpoint | None:
    async with connection.execute(
        "SELECT * FROM register WHERE meter_id = ?", (point.meter_id,)
    ) as cursor:
        row = await cursor.fetchone()
    if row is not None:
        return Checkpoint(
            row["read_ms"],
            row["energy_wh"],
            row["cumulative_wh"],
            row["flagged_wh"],
            row["candidate_ms"],
            row["candidate_wh"],
        )
    if point.first_register_wh is None:
        return None
    return Checkpoint(point.installed_s * 1000, point.first_register_wh)


async def _save(connection: aiosqlite.Connection, checkpoint: Checkpoint, reading: Reading) -> None:
    await connection.execute(
        """INSERT OR REPLACE INTO register
               (meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh, power_mw, voltage_mv,
                candidate_ms, candidate_wh)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            reading.meter_id,
            checkpoint.read_ms,
            checkpoint.energy_wh,
            checkpoint.cumulative_wh,
            checkpoint.flagged_wh,
            reading.power_mw,
            reading.voltage_mv,
            checkpoint.candidate_ms,
            checkpoint.candidate_wh,
        ),
    )


async def _add_usage(
    connection: aiosqlite.Connection,
    meter_point_id: int,
    step: Step,
    read_ms: int,
    tier_at: Callable[[int], int],
) -> None:
    estimated = read_ms - step.from_ms > ESTIMATED_AFTER_MS
    await connection.executemany(
        """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
           VALUES (:start_s, :point, :tier, :wh, :estimated)
           ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
               usage_wh = usage_wh + excluded.usage_wh,
               estimated_wh = estimated_wh + excluded.estimated_wh""",
        [
            {
                "start_s": start_s,
                "point": meter_point_id,
                "tier": tier_at(start_s),
                "wh": part_wh,
                "estimated": part_wh if estimated else 0,
            }
            for start_s, part_wh in spread(step.usage_wh, step.from_ms, read_ms)
        ],
    )
