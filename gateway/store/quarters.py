"""A meter point's quarter-hours as checks need them: usage beside what the register showed.

Reads only, a quarter-hour at a time by primary key: a day of one meter point costs a hundred
look-ups, however many years and neighbours the file holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from gateway.domain.readings import Doubt
from gateway.domain.tariffs import INTERVAL_S
from gateway.store.database import Database
from gateway.store.points import MeterPoint

HOUR_S = 3_600
_UNUSABLE = int(Doubt.REGISTER | Doubt.STUCK)
_UNUSABLE_FINDINGS = int(Doubt.SPIKE | Doubt.STUCK | Doubt.EQUAL)


@dataclass(frozen=True, slots=True)
class Quarter:
    """One quarter-hour of a meter point in which there was usage or a reading.

    Args:
        start_s: its start (unix seconds).
        usage_wh: its usage without what people added, Wh.
        first_ms: its first reading (unix milliseconds); None: nothing was read.
        last_ms: its last one.
        moved_wh: register of the last less that of the first, Wh.
        mean_power_mw: mean active power, mW; None: the meter does not say.
    """

    start_s: int
    usage_wh: int
    first_ms: int | None
    last_ms: int | None
    moved_wh: int
    mean_power_mw: int | None


_QUARTERS = """
SELECT j.value AS start_s,
       IFNULL(u.usage_wh, 0) - IFNULL(
           (SELECT SUM(x.after_wh - x.before_wh) FROM edited_usage x JOIN edit e USING (edit_id)
            WHERE x.meter_point_id = :point AND x.start_s = j.value
              AND e.kind IN ('release', 'estimate')), 0) AS usage_wh,
       r.first_ms, r.last_ms, IFNULL(r.last_wh - r.first_wh, 0) AS moved_wh,
       IIF(r.powers > 0, r.power_mw_sum / r.powers, NULL) AS mean_power_mw
FROM json_each(:starts) j
LEFT JOIN usage u ON u.start_s = j.value AND u.meter_point_id = :point
LEFT JOIN rollup r ON r.span_s = 900 AND r.start_s = j.value AND r.meter_id = :meter
WHERE u.start_s IS NOT NULL OR r.start_s IS NOT NULL
ORDER BY j.value
"""

_KNOWN = """
SELECT j.value AS start_s, IFNULL(u.usage_wh, 0) AS usage_wh
FROM json_each(:starts) j
LEFT JOIN usage u ON u.start_s = j.value AND u.meter_point_id = :point
WHERE IFNULL(u.estimated_wh, 0) = 0
  AND EXISTS (SELECT 1 FROM installation i JOIN rollup r
                  ON r.span_s = 900 AND r.start_s = j.value AND r.meter_id = i.meter_id
              WHERE i.meter_point_id = :point AND r.doubts & :doubts = 0
                AND i.from_s < j.value + 900 AND IFNULL(i.to_s, j.value + 1) > j.value)
  AND NOT EXISTS (SELECT 1 FROM finding f
                  WHERE f.meter_point_id = :point AND f.doubts & :found <> 0
                    AND f.start_s < j.value + 900 AND f.end_s > j.value)
"""


async def find_quarters(
    database: Database, point: MeterPoint, from_s: int, to_s: int
) -> list[Quarter]:
    """The quarter-hours of [from_s, to_s) in which there is anything, by time.

    Args:
        database: the store.
        point: the meter point, with the meter that is installed now.
        from_s: first start (unix seconds, on a quarter-hour).
        to_s: first start after them.
    """
    rows = await database.fetch_all(
        _QUARTERS,
        {
            "starts": json.dumps(list(range(from_s, to_s, INTERVAL_S))),
            "point": point.meter_point_id,
            "meter": point.meter_id,
        },
    )
    return [Quarter(*row) for row in rows]


async def find_known(
    database: Database, meter_point_id: int, starts: Collection[int]
) -> dict[int, int]:
    """Usage, Wh, of those quarter-hours whose usage is measured and beyond doubt, by start.

    A quarter-hour in which the meter was read and nothing was used is there with 0.

    Args:
        database: the store.
        meter_point_id: the meter point's row.
        starts: of quarter-hours (unix seconds).
    """
    rows = await database.fetch_all(
        _KNOWN,
        {
            "starts": json.dumps(sorted(starts)),
            "point": meter_point_id,
            "doubts": _UNUSABLE,
            "found": _UNUSABLE_FINDINGS,
        },
    )
    return {row["start_s"]: row["usage_wh"] for row in rows}


async def last_read_ms(database: Database, meter_id: int, from_s: int, to_s: int) -> int | None:
    """The newest reading of a meter in the quarter-hours of [from_s, to_s), unix milliseconds.

    Args:
        database: the store.
        meter_id: the meter's row.
        from_s: first start (unix seconds, on a quarter-hour).
        to_s: first start after them.
    """
    row = await database.fetch_one(
        """SELECT MAX(r.last_ms) AS last_ms FROM json_each(:starts) j
           CROSS JOIN rollup r ON r.span_s = 900 AND r.start_s = j.value AND r.meter_id = :meter""",
        {"starts": json.dumps(list(range(from_s, to_s, INTERVAL_S))), "meter": meter_id},
    )
    return row["last_ms"] if row else None


async def complete_until_s(database: Database) -> int:
    """Up to where quarter-hours hold all that was received (unix seconds, on an hour).

    Rolled up, that is: readings that are late can still come.
    """
    row = await database.fetch_one(
        """SELECT IFNULL((SELECT MIN(from_ms) / 1000 FROM reading_group
                          WHERE sequence > (SELECT sequence FROM reading_cursor
                                            WHERE consumer = 'rollup')),
                         (SELECT MAX(start_s) + 900 FROM rollup WHERE span_s = 900)) AS until_s"""
    )
    until_s = int(row["until_s"] or 0) if row else 0
    return until_s - until_s % HOUR_S


async def find_progress(database: Database) -> dict[int, tuple[int | None, int]]:
    """How far each meter point was checked, and was counted (unix seconds), by its row.

    Those whose meter was never read are left out, and feeders, whose quarter-hours nobody pays.
    """
    rows = await database.fetch_all(
        """SELECT i.meter_point_id, c.to_s, r.read_ms / 1000 AS counted_s
           FROM installation i JOIN register r ON r.meter_id = i.meter_id
           JOIN meter_point p ON p.meter_point_id = i.meter_point_id AND p.kind = 'supply'
           LEFT JOIN checked c ON c.meter_point_id = i.meter_point_id
           WHERE i.to_s IS NULL"""
    )
    return {row["meter_point_id"]: (row["to_s"], row["counted_s"]) for row in rows}
