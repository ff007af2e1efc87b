"""Rollups in the file: a consumer of groups with a cursor of its own.

Rollups and cursor move in one transaction, so every group is rolled up exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields

from gateway.domain.readings import Reading
from gateway.domain.rollups import Rollup, roll_up
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.groups import entries_of
from gateway.store.status import append_event

CONSUMER = "rollup"
GROUPS_AT_ONCE = 100
"""In one transaction: some seconds of a Pi's time, while which others wait for the file."""

_COLUMNS = tuple(field.name for field in fields(Rollup))
_MERGE = f"""
INSERT INTO rollup (span_s, start_s, meter_id, {", ".join(_COLUMNS)})
VALUES (?, ?, ?, {", ".join("?" for _ in _COLUMNS)})
ON CONFLICT (span_s, start_s, meter_id) DO UPDATE SET
    readings = readings + excluded.readings,
    valid = valid + excluded.valid,
    doubts = doubts | excluded.doubts,
    first_wh = IIF(excluded.first_ms < first_ms, excluded.first_wh, first_wh),
    first_ms = MIN(first_ms, excluded.first_ms),
    last_wh = IIF(excluded.last_ms > last_ms, excluded.last_wh, last_wh),
    last_ms = MAX(last_ms, excluded.last_ms),
    min_voltage_mv = IFNULL(MIN(min_voltage_mv, excluded.min_voltage_mv),
                            IFNULL(min_voltage_mv, excluded.min_voltage_mv)),
    max_voltage_mv = IFNULL(MAX(max_voltage_mv, excluded.max_voltage_mv),
                            IFNULL(max_voltage_mv, excluded.max_voltage_mv)),
    max_power_mw = IFNULL(MAX(max_power_mw, excluded.max_power_mw),
                          IFNULL(max_power_mw, excluded.max_power_mw)),
    powers = powers + excluded.powers,
    power_mw_sum = power_mw_sum + excluded.power_mw_sum
"""


async def roll_up_next(database: Database) -> bool:
    """Roll up the oldest groups that are not, in one transaction.

    Returns:
        Whether there may be more.

    Raises:
        Transient: the disk did not take it; nothing was rolled up.
    """
    before = await database.fetch_one(
        "SELECT sequence FROM reading_cursor WHERE consumer = :consumer", {"consumer": CONSUMER}
    )
    done = before["sequence"] if before else 0
    rows = await database.fetch_all(
        """SELECT * FROM reading_group WHERE sequence > :done
           ORDER BY sequence LIMIT :most""",
        {"done": done, "most": GROUPS_AT_ONCE},
    )
    if not rows:
        return False
    readings, damage = _sound(rows)
    rollups = roll_up(readings)
    async with database.transaction() as connection:
        cursor = await connection.execute(
            """UPDATE reading_cursor SET sequence = :sequence
               WHERE consumer = :consumer AND sequence = :before""",
            {
                "sequence": rows[-1]["sequence"],
                "consumer": CONSUMER,
                "before": done,
            },
        )
        if cursor.rowcount:  # else somebody else was quicker
            await connection.executemany(
                _MERGE, [(*key, *astuple(rollup)) for key, rollup in rollups.items()]
            )
            for sentence, at_ms in damage:
                await append_event(connection, "group-damaged", sentence, at_ms)
    return len(rows) == GROUPS_AT_ONCE


def _sound(rows: Iterable[Row]) -> tuple[list[Reading], list[tuple[str, int]]]:
    """The readings of the groups that are whole, and a sentence and time for each that is not."""
    readings: list[Reading] = []
    damage: list[tuple[str, int]] = []
    for row in rows:
        try:
            readings += [entry for entry in entries_of(row) if isinstance(entry, Reading)]
        except Permanent as error:
            damage.append((str(error), row["to_ms"]))
    return readings, damage


async def find_rollups(
    database: Database, meter_ids: Sequence[int], span_s: int, from_s: int, to_s: int
) -> list[tuple[int, int, Rollup]]:
    """Rollups of [from_s, to_s), as (start in unix seconds, meter, rollup), by time.

    Args:
        database: the store.
        meter_ids: whose.
        span_s: 900, 3600 or 86400.
        from_s: first start (unix seconds).
        to_s: first start after them.
    """
    found: list[tuple[int, int, Rollup]] = []
    for meter_id in meter_ids:
        rows = await database.fetch_all(
            """SELECT * FROM rollup WHERE span_s = :span_s AND meter_id = :meter_id
               AND start_s >= :from_s AND start_s < :to_s ORDER BY start_s""",
            {"span_s": span_s, "meter_id": meter_id, "from_s": from_s, "to_s": to_s},
        )
        found += [(row["start_s"], meter_id, _rollup(row)) for row in rows]
    return sorted(found, key=lambda one: one[:2])


def _rollup(row: Row) -> Rollup:
    return Rollup(*(row[name] for name in _COLUMNS))
