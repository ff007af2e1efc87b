"""Readings that were taken while nobody knew the time, until they can be dated.

They come in order and stay in it. Each is dated in the transaction that stores it as a reading and
takes it away from here, so it is counted exactly once whatever breaks; until then what was used
counts against credit, see :func:`read_undated_usage`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.readings import Doubt, Quality, Reading, at_milliseconds
from gateway.store.clock import place_boots
from gateway.store.database import Database, Row

THIN_AT_ONCE = 20_000
"""Rows looked at in one transaction: other processes wait for the file meanwhile."""


@dataclass(frozen=True, slots=True)
class Undated:
    """A reading without a date.

    Args:
        reading: what the meter said; its own date is without meaning.
        monotonic_ms: the count since boot when it was read, or came.
        own_ms: the sender's own date (unix milliseconds); None: the gateway read it itself.
    """

    reading: Reading
    monotonic_ms: int
    own_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Datable:
    """One of them, when time is known again.

    Args:
        undated_id: its row.
        reading: dated by the gateway, by when it was read or came.
        own_ms: the sender's own date (unix milliseconds); None: the gateway read it itself.
        is_estimated: only the order and the distances within a boot are certain.
    """

    undated_id: int
    reading: Reading
    own_ms: int | None
    is_estimated: bool


async def append_undated(database: Database, boot: str, rows: Sequence[Undated]) -> None:
    """Store readings of a boot without a date, in one transaction.

    Raises:
        Transient: the disk did not take it; nothing was stored.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            """INSERT INTO undated_reading (clock_id, monotonic_ms, own_ms, meter_id, energy_wh,
                   voltage_mv, current_ma, power_mw, frequency_mhz, power_factor_milli, export_wh,
                   quality, doubts)
               VALUES ((SELECT clock_id FROM clock WHERE boot = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
                       ?, ?)""",
            [(boot, one.monotonic_ms, one.own_ms, *_figures(one.reading)) for one in rows],
        )
        await connection.executemany(
            """INSERT INTO undated_register VALUES (:meter, :energy_wh, :energy_wh)
               ON CONFLICT (meter_id) DO UPDATE SET before_wh = energy_wh,
                   energy_wh = excluded.energy_wh""",
            [{"meter": one.reading.meter_id, "energy_wh": one.reading.energy_wh} for one in rows],
        )
        # The latest power counts whatever the time is: a load limit rests on it.
        await connection.executemany(
            "UPDATE register SET power_mw = ?, voltage_mv = ? WHERE meter_id = ?",
            {
                one.reading.meter_id: (
                    one.reading.power_mw,
                    one.reading.voltage_mv,
                    one.reading.meter_id,
                )
                for one in rows
            }.values(),
        )


def _figures(reading: Reading) -> tuple[int | None, ...]:
    return (
        reading.meter_id,
        reading.energy_wh,
        reading.voltage_mv,
        reading.current_ma,
        reading.power_mw,
        reading.frequency_mhz,
        reading.power_factor_milli,
        reading.export_wh,
        int(reading.quality),
        int(reading.doubts),
    )


async def has_undated(database: Database) -> bool:
    """Whether any reading waits for its date."""
    return await database.fetch_one("SELECT 1 FROM undated_reading LIMIT 1") is not None


async def place_undated(database: Database) -> None:
    """Say when each boot was, before the first of them is dated; once the time is trusted.

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        await place_boots(connection)


async def find_datable(database: Database, most: int) -> list[Datable]:
    """The oldest of them, dated, in the order in which they came.

    Args:
        database: the store; :func:`place_undated` was called since the time is trusted.
        most: how many at most.
    """
    rows = await database.fetch_all(
        """SELECT u.*, u.monotonic_ms + IFNULL(c.placed_ms, c.offset_ms) AS at_ms,
                  c.trusted_by IS NULL AS is_estimated
           FROM (SELECT * FROM undated_reading ORDER BY undated_id LIMIT :most) u
           JOIN clock c USING (clock_id)
           WHERE c.anchored_by IS NOT NULL OR c.placed_ms IS NOT NULL ORDER BY u.undated_id""",
        {"most": most},
    )
    return [
        Datable(row["undated_id"], _reading(row), row["own_ms"], bool(row["is_estimated"]))
        for row in rows
    ]


def _reading(row: Row) -> Reading:
    return Reading(
        row["meter_id"],
        at_milliseconds(row["at_ms"]),
        row["energy_wh"],
        row["voltage_mv"],
        row["current_ma"],
        row["power_mw"],
        row["frequency_mhz"],
        row["power_factor_milli"],
        row["export_wh"],
        Quality(row["quality"]),
        Doubt(row["doubts"]),
    )


async def forget_undated(connection: aiosqlite.Connection, undated_ids: Collection[int]) -> None:
    """Take those away that are dated now, inside the transaction that stores them."""
    await connection.execute(
        "DELETE FROM undated_reading WHERE undated_id IN (SELECT value FROM json_each(:ids))",
        {"ids": json.dumps(list(undated_ids))},
    )
    await connection.execute(
        """DELETE FROM undated_register
           WHERE NOT EXISTS (SELECT 1 FROM undated_reading LIMIT 1)"""
    )


async def thin_undated(database: Database) -> int:
    """Keep the last of each meter and quarter-hour of the older half; returns how many went.

    For a card that is nearly full: the registers that stay hold all the energy.

    Raises:
        Transient: the disk did not take it.
    """
    row = await database.fetch_one("SELECT MIN(undated_id), MAX(undated_id) FROM undated_reading")
    if row is None or row[0] is None:
        return 0
    gone = 0
    until_id = (row[0] + row[1]) // 2
    for from_id in range(row[0], until_id, THIN_AT_ONCE):
        async with database.transaction() as connection:
            cursor = await connection.execute(
                """DELETE FROM undated_reading
                   WHERE undated_id >= :from_id AND undated_id < :to_id AND undated_id NOT IN (
                       SELECT MAX(undated_id) FROM undated_reading
                       WHERE undated_id >= :from_id AND undated_id < :to_id
                       GROUP BY clock_id, meter_id, monotonic_ms / 900000)""",
                {"from_id": from_id, "to_id": min(from_id + THIN_AT_ONCE, until_id)},
            )
            gone += cursor.rowcount
    return gone


def read_undated_usage(connection: sqlite3.Connection) -> Mapping[int, int]:
    """What each meter point has used by registers that have no date yet, Wh.

    The lower of the last two such registers counts, so that one wrong value cuts nobody off; a
    register that went back counts as nothing until it is dated and judged.

    Args:
        connection: the reader's, inside :meth:`Database.read`.

    Returns:
        Wh > 0 by ``meter_point_id``.
    """
    rows = connection.execute(
        """SELECT i.meter_point_id,
                  MIN(u.energy_wh, u.before_wh)
                      - COALESCE(r.energy_wh, i.first_register_wh, u.energy_wh) AS usage_wh
           FROM undated_register u
           JOIN installation i ON i.meter_id = u.meter_id AND i.to_s IS NULL
           LEFT JOIN register r ON r.meter_id = u.meter_id
           WHERE usage_wh > 0"""
    )
    return {row["meter_point_id"]: row["usage_wh"] for row in rows}
