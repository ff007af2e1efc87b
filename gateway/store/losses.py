"""Where the energy of feeders went: hours from usage, balances by hour and day, and the alarm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.losses import HOUR_S, Balance, FeederHour, LossVerdict
from gateway.store.database import Database, Row
from gateway.store.slots import FEEDER
from gateway.store.status import State, Status, append_event, put_status

DAY_S = 86_400
STATUS = "losses"

_USED = """
SELECT (u.start_s - :phase_s) / 3600 AS hour, SUM(u.usage_wh) AS usage_wh
FROM usage u JOIN meter_point p USING (meter_point_id)
WHERE u.start_s >= :from_s AND u.start_s < :to_s
  AND p.kind = 'supply' AND IFNULL(p.feeder, :only) = :feeder
GROUP BY hour
"""

_DELIVERED = """
SELECT (u.start_s - :phase_s) / 3600 AS hour, SUM(u.usage_wh) AS usage_wh
FROM feeder_usage u JOIN meter_point p USING (meter_point_id)
WHERE u.start_s >= :from_s AND u.start_s < :to_s AND p.feeder = :feeder
GROUP BY hour
"""

# Since when a meter point counts: since it was installed, if somebody wrote down what its first
# meter showed then, else since the first reading, which the rollups of these days tell; what was
# read before them began earlier.
_MEMBERS = """
SELECT p.kind, f.from_s AS installed_s, r.read_ms / 1000 AS read_s,
       CASE WHEN f.first_register_wh IS NOT NULL THEN f.from_s
            WHEN f.meter_id <> i.meter_id THEN i.from_s
            ELSE (SELECT MIN(u.first_ms) / 1000 FROM rollup u
                  WHERE u.span_s = 86400 AND u.meter_id = i.meter_id
                    AND u.start_s IN (SELECT value FROM json_each(:days))) END AS since_s
FROM meter_point p
JOIN (SELECT meter_point_id, meter_id, MIN(from_s) AS from_s, first_register_wh
      FROM installation GROUP BY meter_point_id) f USING (meter_point_id)
JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
WHERE i.address NOT LIKE '-/%' AND IFNULL(p.feeder, :only) = :feeder
"""

_SAVE = """
INSERT INTO feeder_balance VALUES
    (3600, :start_s, :feeder, 1, :feeder_wh, :meters_wh, :technical_wh, :meters, :complete)
ON CONFLICT (span_s, start_s, feeder) DO UPDATE SET
    feeder_wh = excluded.feeder_wh, meters_wh = excluded.meters_wh,
    technical_wh = excluded.technical_wh, meters = excluded.meters, complete = excluded.complete
"""

_ADD_UP = """
INSERT INTO feeder_balance
SELECT 86400, :day_s, feeder, SUM(complete), SUM(feeder_wh * complete),
       SUM(meters_wh * complete), SUM(technical_wh * complete), MAX(meters), MIN(complete)
FROM feeder_balance
WHERE span_s = 3600 AND start_s >= :day_s AND start_s < :next_s AND feeder = :feeder
GROUP BY feeder
ON CONFLICT (span_s, start_s, feeder) DO UPDATE SET
    hours = excluded.hours, feeder_wh = excluded.feeder_wh, meters_wh = excluded.meters_wh,
    technical_wh = excluded.technical_wh, meters = excluded.meters, complete = excluded.complete
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who belongs to a feeder.

    Args:
        feeder: its name.
        only: the name of the only feeder, which has all that name none; None: there are several.
    """

    feeder: str
    only: str | None


@dataclass(frozen=True, slots=True)
class FeederDay:
    """A feeder's balance of one day, as far as its hours are complete.

    Args:
        feeder: its name.
        balance: the figures.
        complete: no hour so far is left out.
    """

    feeder: str
    balance: Balance
    complete: bool


async def measure_hours(
    database: Database, who: Membership, from_s: int, to_s: int
) -> list[FeederHour]:
    """What a feeder delivered and its meters counted in the hours of [from_s, to_s).

    Hours from before the feeder's own meter was read are left out.

    Args:
        database: the store.
        who: which feeder.
        from_s: start of the first hour (unix seconds).
        to_s: end of the last (unix seconds), whole hours later.
    """
    values: dict[str, int | str | None] = {
        "feeder": who.feeder,
        "only": who.only,
        "from_s": from_s,
        "to_s": to_s,
        "phase_s": from_s % HOUR_S,
        "days": json.dumps(list(range(from_s // DAY_S * DAY_S - DAY_S, to_s, DAY_S))),
    }
    used = {row["hour"]: row["usage_wh"] for row in await database.fetch_all(_USED, values)}
    delivered = {
        row["hour"]: row["usage_wh"] for row in await database.fetch_all(_DELIVERED, values)
    }
    members = await database.fetch_all(_MEMBERS, values)
    own = [row for row in members if row["kind"] == FEEDER]
    if not own or own[0]["since_s"] is None:
        return []
    return [
        FeederHour(
            start_s=start_s,
            feeder_wh=delivered.get(start_s // HOUR_S, 0),
            meters_wh=used.get(start_s // HOUR_S, 0),
            meters=sum(row["installed_s"] < start_s + HOUR_S for row in members) - 1,
            complete=all(_knows(row, start_s) for row in members),
        )
        for start_s in range(from_s, to_s, HOUR_S)
        if own[0]["since_s"] < start_s + HOUR_S
    ]


def _knows(member: Row, start_s: int) -> bool:
    """Whether what this meter counted in an hour is known, all of it and for good."""
    end_s = start_s + HOUR_S
    if member["installed_s"] >= end_s:
        return True
    since_s, read_s = member["since_s"], member["read_s"]
    return since_s is not None and since_s <= start_s and read_s is not None and read_s >= end_s


async def find_hours(database: Database, feeder: str, from_s: int) -> list[FeederHour]:
    """The hours of a feeder that are stored, by time.

    Args:
        database: the store.
        feeder: its name.
        from_s: the first start (unix seconds).
    """
    rows = await database.fetch_all(
        """SELECT * FROM feeder_balance
           WHERE span_s = 3600 AND start_s >= :from_s AND feeder = :feeder ORDER BY start_s""",
        {"from_s": from_s, "feeder": feeder},
    )
    return [
        FeederHour(
            row["start_s"],
            row["feeder_wh"],
            row["meters_wh"],
            row["meters"],
            complete=bool(row["complete"]),
        )
        for row in rows
    ]


async def save_hours(
    database: Database,
    feeder: str,
    hours: Sequence[tuple[FeederHour, Balance]],
    days: Sequence[tuple[int, int]],
) -> None:
    """Store hours and add up their days, in one transaction.

    Args:
        database: the store.
        feeder: its name.
        hours: each with its balance.
        days: start and end of each day that has some of them (unix seconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        await connection.executemany(_SAVE, [_values(feeder, *one) for one in hours])
        await connection.executemany(
            _ADD_UP,
            [{"feeder": feeder, "day_s": day_s, "next_s": next_s} for day_s, next_s in days],
        )


def _values(feeder: str, hour: FeederHour, balance: Balance) -> dict[str, int | str]:
    return {
        "start_s": hour.start_s,
        "feeder": feeder,
        "feeder_wh": hour.feeder_wh,
        "meters_wh": hour.meters_wh,
        "technical_wh": balance.technical_wh,
        "meters": hour.meters,
        "complete": int(hour.complete),
    }


async def find_days(database: Database, from_s: int) -> list[FeederDay]:
    """The newest day of each feeder that has an hour to show, by the feeder's name.

    Args:
        database: the store.
        from_s: days that began earlier are not looked at (unix seconds).
    """
    rows = await database.fetch_all(
        """SELECT b.*, MAX(start_s) FROM feeder_balance b
           WHERE span_s = 86400 AND start_s >= :from_s AND hours > 0
           GROUP BY feeder ORDER BY feeder""",
        {"from_s": from_s},
    )
    return [
        FeederDay(
            row["feeder"],
            Balance(
                row["start_s"],
                row["hours"],
                row["feeder_wh"],
                row["meters_wh"],
                row["technical_wh"],
            ),
            bool(row["complete"]),
        )
        for row in rows
    ]


async def is_alarmed(database: Database, feeder: str) -> bool:
    """Whether the last verdict on a feeder was an alarm."""
    row = await database.fetch_one(
        "SELECT state FROM status WHERE name = :name", {"name": f"{STATUS}:{feeder}"}
    )
    return row is not None and row["state"] == "alarm"


async def save_verdict(database: Database, feeder: str, verdict: LossVerdict, now_s: int) -> None:
    """Store a verdict as the feeder's status; where the alarm begins or ends it is an event too.

    Raises:
        Transient: the disk did not take it.
    """
    state: State = "alarm" if verdict.alarmed else "online"
    async with database.transaction() as connection:
        status = Status(f"{STATUS}:{feeder}", state, now_s, verdict.reason)
        await put_status(connection, status)
        if verdict.changed:
            await _tell(connection, feeder, verdict, now_s)


async def _tell(
    connection: aiosqlite.Connection, feeder: str, verdict: LossVerdict, now_s: int
) -> None:
    word = "energy is missing" if verdict.alarmed else "no energy is missing any more"
    await append_event(
        connection,
        "losses" if verdict.alarmed else "losses-over",
        f"feeder {feeder}: {word}. {verdict.reason}",
        now_s * 1000,
        energy_wh=verdict.balance.suspected_wh,
    )
