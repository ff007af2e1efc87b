"""How far a meter point had counted at an instant, as well as its readings tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiosqlite

from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.groups import read_readings
from gateway.store.points import MeterPoint

ESTIMATED_AFTER_MS = 3_600_000
"""A reading older than this is an estimate of what the register shows."""
_LOOK_BACK_MS = (3_600_000, 86_400_000, 31 * 86_400_000)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a meter point's register showed, and what all its meters had counted by then.

    Args:
        register_wh: the register of its meter, Wh.
        counted_wh: usage since the meter point began, over all its meters, Wh.
        is_estimated: True: no reading within the hour before.
    """

    register_wh: int
    counted_wh: int
    is_estimated: bool


async def readings_around(database: Database, point: MeterPoint, at_ms: int) -> list[Reading]:
    """Readings up to an instant, the newest among them, and those of the hour after it.

    Args:
        point: the meter point.
        at_ms: the instant (unix milliseconds).
    """
    begin_ms = point.installed_s * 1000
    for look_back_ms in (*_LOOK_BACK_MS, at_ms):
        from_ms = max(begin_ms, at_ms - look_back_ms)
        found = await read_readings(
            database, point.meter_id, from_ms, at_ms + ESTIMATED_AFTER_MS + 1
        )
        if from_ms == begin_ms or any(one.at_ms <= at_ms for one in found):
            return found
    return []


async def find_standing(
    connection: aiosqlite.Connection, point: MeterPoint, at_ms: int, around: Sequence[Reading]
) -> Standing:
    """The last reading at or before an instant, inside the caller's transaction.

    Usage after that reading belongs to whoever comes next.

    Args:
        connection: of an open transaction.
        point: the meter point.
        at_ms: the instant (unix milliseconds).
        around: its readings, see :func:`readings_around`.

    Raises:
        Permanent: its readings can't tell, and the sentence says which instant they could.
    """
    row = await _row(connection, point, at_ms // 1000)
    if at_ms < row["from_s"] * 1000:
        raise Permanent(
            f"{point.label}: its meter {point.serial} hangs there only since "
            f"{_minute(row['from_s'] * 1000)}: give an instant after that"
        )
    if row["read_ms"] is not None and row["read_ms"] <= at_ms:
        return _standing(row, row["read_ms"], row["energy_wh"], at_ms)
    believable = [(one.energy_wh, one.at_ms) for one in around if one.at_ms <= at_ms]
    # A register only rises: what is above a later reading was noise, and so is what is below an
    # earlier one.
    most_wh = min(
        (one.energy_wh for one in around if one.at_ms > at_ms),
        default=row["energy_wh"],
    )
    found = max((one for one in believable if most_wh is None or one[0] <= most_wh), default=None)
    register_wh, read_ms = found or (row["first_register_wh"], row["from_s"] * 1000)
    if register_wh is None:
        raise Permanent(f"{point.label}: its meter was not read until then: wait for a reading")
    await _check_no_step(connection, point, read_ms)
    return _standing(row, read_ms, register_wh, at_ms)


async def _row(connection: aiosqlite.Connection, point: MeterPoint, at_s: int) -> Row:
    """What is counted, with what people added before the instant (unix seconds)."""
    async with connection.execute(
        """SELECT i.from_s, i.first_register_wh, i.carried_wh, r.read_ms, r.energy_wh,
                  IFNULL(r.cumulative_wh, 0) AS cumulative_wh,
                  IFNULL((SELECT SUM(x.after_wh - x.before_wh)
                          FROM edit e JOIN edited_usage x USING (edit_id)
                          WHERE e.meter_point_id = :point AND e.kind IN ('release', 'estimate')
                            AND IIF(e.kind = 'release', e.at_s, x.start_s) < :at_s), 0)
                      AS added_wh
           FROM installation i LEFT JOIN register r USING (meter_id)
           WHERE i.meter_point_id = :point AND i.to_s IS NULL AND i.meter_id = :meter""",
        {"point": point.meter_point_id, "meter": point.meter_id, "at_s": at_s},
    ) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise Permanent(f"{point.label}: its meter was exchanged just now: try again")
    return row


async def _check_no_step(
    connection: aiosqlite.Connection, point: MeterPoint, since_ms: int
) -> None:
    """Over a reset, a rollover or a jump two registers' difference is no usage."""
    async with connection.execute(
        """SELECT MAX(at_ms) AS at_ms FROM event WHERE meter_id = :meter AND at_ms > :since_ms
           AND kind IN ('reset', 'rollover', 'jump')""",
        {"meter": point.meter_id, "since_ms": since_ms},
    ) as cursor:
        row = await cursor.fetchone()
    if row is not None and row["at_ms"] is not None:
        raise Permanent(
            f"{point.label}: its register did not simply rise at {_minute(row['at_ms'])}: "
            "give an instant after that"
        )


def _standing(row: Row, read_ms: int, register_wh: int, at_ms: int) -> Standing:
    now_wh = row["energy_wh"] if row["energy_wh"] is not None else register_wh
    counted_wh = row["carried_wh"] + row["cumulative_wh"] - (now_wh - register_wh)
    counted_wh += row["added_wh"]
    return Standing(register_wh, counted_wh, at_ms - read_ms > ESTIMATED_AFTER_MS)


def _minute(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
