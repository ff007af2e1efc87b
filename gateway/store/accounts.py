"""Accounts: who occupies a meter point, between dates. Who goes is settled, who comes starts clean.

Knows no names: an account has at most a word of the operator's. What was used is a difference of
what the meter point had counted, so an exchange of its meter in between changes nothing, and
accounts that follow each other share every Wh out exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import aiosqlite

from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.points import MeterPoint, find_point
from gateway.store.slots import FEEDER
from gateway.store.standing import Standing, find_standing, readings_around
from gateway.store.status import append_event

MOST_CHARACTERS = 20
"""Of a word of the operator's."""


@dataclass(frozen=True, slots=True)
class Account:
    """One occupant at a meter point, in [from_s, to_s).

    Args:
        account_id: its row.
        point: the meter point's label.
        label: a word of the operator's, or None.
        from_s: since when (unix seconds).
        to_s: until when (unix seconds); None: still.
        register_from_wh: what the meter showed at the beginning, Wh.
        register_to_wh: what it showed at the end, Wh; None: it has not ended.
        usage_wh: what was used in between, over however many meters, Wh; None: not ended.
        is_from_estimated: True: no reading within the hour before the beginning.
        is_to_estimated: the same of the end.
    """

    account_id: int
    point: str
    label: str | None
    from_s: int
    to_s: int | None
    register_from_wh: int
    register_to_wh: int | None
    usage_wh: int | None
    is_from_estimated: bool
    is_to_estimated: bool


_SELECT = """
SELECT a.*, p.label AS point FROM account a JOIN meter_point p USING (meter_point_id)
"""


async def find_accounts(database: Database, point: str | None = None) -> list[Account]:
    """Accounts of one meter point or of all, by meter point and beginning."""
    rows = await database.fetch_all(
        _SELECT + "WHERE p.label = IFNULL(:point, p.label) ORDER BY p.site, p.slot, a.from_s",
        {"point": point},
    )
    return [_account(row) for row in rows]


async def move_in(
    database: Database, point_label: str, label: str | None, at_s: int, now_s: int
) -> Account:
    """Begin an account; usage before its first register is not its.

    Args:
        point_label: the meter point's label.
        label: a word of the operator's; nothing personal.
        at_s: the instant (unix seconds).
        now_s: the time (unix seconds).

    Raises:
        Permanent: somebody lives there at that instant, or no reading tells where to begin.
    """
    _check_label(label)
    point = await _point_at(database, point_label, at_s, now_s)
    around = await readings_around(database, point, at_s * 1000)
    async with database.transaction() as connection:
        last = await _last(connection, point)
        if last is not None and last["to_s"] is None:
            raise Permanent(
                f"{point_label} is occupied since {_day(last['from_s'])}: move that one out first"
            )
        if last is not None and last["to_s"] > at_s:
            raise Permanent(
                f"{point_label} was occupied until {_day(last['to_s'])}: give an instant after that"
            )
        standing = await find_standing(connection, point, at_s * 1000, around)
        account_id = await _insert(connection, point, label, at_s, standing)
        await _tell(connection, "moved-in", point, at_s, standing)
    return await _find(database, account_id)


async def move_out(database: Database, point_label: str, at_s: int, now_s: int) -> Account:
    """End the account of who lives there, at the last reading at or before an instant.

    Where no account was ever kept, it is that of who was there since the first meter.

    Args:
        point_label: the meter point's label.
        at_s: the instant (unix seconds).
        now_s: the time (unix seconds).

    Raises:
        Permanent: nobody lives there then, or no reading tells where to end.
    """
    point = await _point_at(database, point_label, at_s, now_s)
    around = await readings_around(database, point, at_s * 1000)
    async with database.transaction() as connection:
        last = await _last(connection, point)
        if last is None:
            await _insert_first(connection, point)
            last = await _last(connection, point)
        if last is None:  # it was just written
            raise AssertionError
        if last["to_s"] is not None:
            raise Permanent(f"{point_label} stands empty since {_day(last['to_s'])}")
        if at_s <= last["from_s"]:
            raise Permanent(
                f"{point_label} is occupied since {_day(last['from_s'])}: "
                "give an instant after that"
            )
        standing = await find_standing(connection, point, at_s * 1000, around)
        if standing.counted_wh < last["counted_from_wh"]:
            raise Permanent(
                f"{point_label}: the last reading before that is older than the account: "
                "give a later instant"
            )
        await _close(connection, last["account_id"], at_s, standing)
        await _tell(connection, "moved-out", point, at_s, standing)
    return await _find(database, last["account_id"])


def _check_label(label: str | None) -> None:
    """It has to fit into a list, and on a page."""
    if label is None:
        return
    if not label.strip() or not label.isprintable() or len(label) > MOST_CHARACTERS:
        raise Permanent(f"--name: give a word or two of up to {MOST_CHARACTERS} characters")


async def _point_at(database: Database, label: str, at_s: int, now_s: int) -> MeterPoint:
    point = await find_point(database, label)
    if point is None:
        raise Permanent(f"{label} is no meter point with a meter: see `gateway meter list`")
    if point.kind == FEEDER:
        raise Permanent(f"{label} is a feeder: nobody lives there")
    if at_s > now_s:
        raise Permanent(f"{label}: {_day(at_s)} is still to come; do it when it is over")
    return point


async def _last(connection: aiosqlite.Connection, point: MeterPoint) -> Row | None:
    async with connection.execute(
        "SELECT * FROM account WHERE meter_point_id = :point ORDER BY from_s DESC LIMIT 1",
        {"point": point.meter_point_id},
    ) as cursor:
        return await cursor.fetchone()


async def _insert_first(connection: aiosqlite.Connection, point: MeterPoint) -> None:
    """The account of who was there before accounts were kept: everything counted so far is its."""
    async with connection.execute(
        """SELECT i.from_s, COALESCE(i.first_register_wh,
                      MAX(0, r.energy_wh - r.cumulative_wh - r.flagged_wh), 0) AS register_wh
           FROM installation i LEFT JOIN register r USING (meter_id)
           WHERE i.meter_point_id = :point ORDER BY i.from_s LIMIT 1""",
        {"point": point.meter_point_id},
    ) as cursor:
        row = await cursor.fetchone()
    if row is None:  # a meter point has an installation
        raise AssertionError
    begin = Standing(row["register_wh"], 0, is_estimated=False)
    await _insert(connection, point, None, row["from_s"], begin)


async def _insert(
    connection: aiosqlite.Connection,
    point: MeterPoint,
    label: str | None,
    from_s: int,
    standing: Standing,
) -> int:
    row = await connection.execute_insert(
        """INSERT INTO account (meter_point_id, label, from_s, register_from_wh, counted_from_wh,
               estimated_from)
           VALUES (:point, :label, :from_s, :register_wh, :counted_wh, :estimated)""",
        {
            "point": point.meter_point_id,
            "label": label,
            "from_s": from_s,
            "register_wh": standing.register_wh,
            "counted_wh": standing.counted_wh,
            "estimated": int(standing.is_estimated),
        },
    )
    if row is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    return int(row[0])


async def _close(
    connection: aiosqlite.Connection, account_id: int, to_s: int, standing: Standing
) -> None:
    await connection.execute(
        """UPDATE account SET to_s = :to_s, register_to_wh = :register_wh,
               counted_to_wh = :counted_wh, estimated_to = :estimated WHERE account_id = :id""",
        {
            "id": account_id,
            "to_s": to_s,
            "register_wh": standing.register_wh,
            "counted_wh": standing.counted_wh,
            "estimated": int(standing.is_estimated),
        },
    )


async def _tell(
    connection: aiosqlite.Connection, kind: str, point: MeterPoint, at_s: int, standing: Standing
) -> None:
    how = ", estimated: no reading within the hour before" if standing.is_estimated else ""
    await append_event(
        connection,
        kind,
        f"{point.label}: {kind.replace('-', ' ')} at {standing.register_wh} Wh{how}",
        at_s * 1000,
        meter_point_id=point.meter_point_id,
        meter_id=point.meter_id,
        energy_wh=standing.register_wh,
    )


async def _find(database: Database, account_id: int) -> Account:
    row = await database.fetch_one(_SELECT + "WHERE a.account_id = :id", {"id": account_id})
    if row is None:  # it was just written
        raise AssertionError
    return _account(row)


def _account(row: Row) -> Account:
    has_ended = row["to_s"] is not None
    return Account(
        account_id=row["account_id"],
        point=row["point"],
        label=row["label"],
        from_s=row["from_s"],
        to_s=row["to_s"],
        register_from_wh=row["register_from_wh"],
        register_to_wh=row["register_to_wh"],
        usage_wh=row["counted_to_wh"] - row["counted_from_wh"] if has_ended else None,
        is_from_estimated=bool(row["estimated_from"]),
        is_to_estimated=bool(row["estimated_to"]),
    )


def _day(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M} UTC"
