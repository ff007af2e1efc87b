"""Locks that people on site hang on a supply: it is dead until each of them has taken theirs off.

Nothing but the name that hung a lock releases it, and nothing at all deletes one. A restored
backup gets the locks that hang in the file before it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError, Permanent
from gateway.store.acts import Act, checked, point_of, tell
from gateway.store.database import Database
from gateway.store.snapshot import never, snapshot


@dataclass(frozen=True, slots=True)
class LockOut:
    """One lock.

    Args:
        label: the meter point's.
        locked_s: since when (unix seconds).
        locked_by: who hung it.
        reason: why.
        released_s: until when (unix seconds); None: it hangs.
        release_reason: why it was taken off; None: it hangs.
    """

    label: str
    locked_s: int
    locked_by: str
    reason: str
    released_s: int | None
    release_reason: str | None


async def lock_out(database: Database, act: Act) -> str:
    """Hang a lock; it takes effect at supply control's next look, before anything else.

    Returns:
        One sentence.

    Raises:
        Permanent: there is no such meter point, it is a feeder or has no relay, or this person's
            lock hangs.
    """
    act = checked(act)
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        if point["relay"] == "none":
            raise Permanent(
                f"{act.label} has no relay, so nothing here can make it dead: open its breaker by "
                "hand and lock that"
            )
        cursor = await connection.execute(
            """INSERT INTO lock_out (meter_point_id, locked_s, locked_by, reason)
               VALUES (:point, :at_s, :author, :reason) ON CONFLICT DO NOTHING""",
            {
                "point": point["meter_point_id"],
                "at_s": act.at_s,
                "author": act.author,
                "reason": act.reason,
            },
        )
        if not cursor.rowcount:
            raise Permanent(f"{act.label}: {act.author} has locked it out already")
        return await tell(connection, "lock_out", act, point, "locked out on site")


async def release(database: Database, act: Act) -> str:
    """Take one's own lock off.

    Returns:
        One sentence; it names those whose locks still hang.

    Raises:
        Permanent: this person has no lock there.
    """
    act = checked(act)
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        rows = await connection.execute_fetchall(
            """SELECT locked_by FROM lock_out
               WHERE meter_point_id = :point AND released_s IS NULL ORDER BY locked_s""",
            {"point": point["meter_point_id"]},
        )
        names = [row["locked_by"] for row in rows]
        cursor = await connection.execute(
            """UPDATE lock_out SET released_s = :at_s, released_by = :author,
                   release_reason = :reason
               WHERE meter_point_id = :point AND locked_by = :author AND released_s IS NULL""",
            {
                "point": point["meter_point_id"],
                "at_s": act.at_s,
                "author": act.author,
                "reason": act.reason,
            },
        )
        if not cursor.rowcount:
            who = " and ".join(names)
            raise Permanent(
                f"{act.label} was locked out by {who}: only {who} can release it, on site"
                if names
                else f"{act.label} is not locked out"
            )
        others = [name for name in names if name.casefold() != act.author.casefold()]
        left = f"; still locked out by {' and '.join(others)}" if others else ""
        return await tell(connection, "lock_out", act, point, "released on site") + left


async def find_lock_outs(database: Database, label: str | None = None) -> list[LockOut]:
    """Every lock that hangs; of one meter point also those that were taken off, newest first."""
    rows = await database.fetch_all(
        """SELECT p.label, k.* FROM lock_out k JOIN meter_point p USING (meter_point_id)
           WHERE IIF(:label IS NULL, k.released_s IS NULL, p.label = :label)
           ORDER BY k.locked_s DESC, k.lock_out_id DESC""",
        {"label": label},
    )
    return [
        LockOut(
            row["label"],
            row["locked_s"],
            row["locked_by"],
            row["reason"],
            row["released_s"],
            row["release_reason"],
        )
        for row in rows
    ]


def carry_over(before: Path, copy: Path) -> list[str] | None:
    """Hang the locks of the store's file in a backup that takes its place; repeat it freely.

    A lock that was taken off since the backup hangs again: that is the safe side.

    Args:
        before: the store's file, in nobody's use.
        copy: the backup, of this version, in nobody's use.

    Returns:
        The labels of the meter points that are locked out in it because of this; None: the file
        before it cannot tell.

    Raises:
        Permanent: a locked meter point is not in the backup.
    """
    try:
        with snapshot(before, never, oldest=1) as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema")
            if "lock_out" not in {row["name"] for row in tables}:
                return []  # of a version that knew no locks
            hanging = connection.execute(
                """SELECT p.label, k.locked_s, k.locked_by, k.reason
                   FROM lock_out k JOIN meter_point p USING (meter_point_id)
                   WHERE k.released_s IS NULL"""
            ).fetchall()
    except (GatewayError, sqlite3.DatabaseError):
        return None
    carried = []
    with closing(sqlite3.connect(copy)) as connection, connection:
        for label, locked_s, locked_by, reason in (tuple(row) for row in hanging):
            point = connection.execute(
                "SELECT meter_point_id FROM meter_point WHERE label = ?", (label,)
            ).fetchone()
            if point is None:
                raise Permanent(
                    f"{label} is locked out on site and is not in this backup: have it released "
                    "there first, or take a newer backup"
                )
            cursor = connection.execute(
                """INSERT INTO lock_out (meter_point_id, locked_s, locked_by, reason)
                   VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING""",
                (point[0], locked_s, locked_by, reason),
            )
            carried += [label] if cursor.rowcount else []
    return carried
