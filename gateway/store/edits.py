"""Edits: what people and the gateway changed in usage, written beside it and never over it.

The law, per installation of a meter, in whole Wh and in whatever order readings and edits come::

    counted + set aside + released + rejected = register end - register start
    usage = counted + released + estimated by people

where *counted* is the register's ``cumulative_wh`` and all that was ever set aside its
``flagged_wh``; both go on as the readings made them, and what is still *set aside* is
``flagged_wh`` less what was released and rejected. Over a meter point, with what the chain took
and refused::

    SUM(usage_wh) = carried_wh + cumulative_wh + added_wh = chain total + residue + pending

A released or estimated Wh is added to a quarter-hour as estimated usage that no batch carries yet;
what a batch carries is never touched. An act has a key, so that done twice it counts once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiosqlite

from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.status import append_event

MOST_CHARACTERS = 200
"""Of a reason or an author."""
GATEWAY = "gateway"
"""The author of what nobody decided."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a person decides.

    Args:
        label: the meter point's.
        energy_wh: how much, Wh.
        reason: why, in words.
        author: who answers for it.
        at_s: when (unix seconds).
        key: told apart by this from other acts; None: by all of the above but the time.
        serial: the meter that it is about; None: the only one that it can be.
    """

    label: str
    energy_wh: int
    reason: str
    author: str
    at_s: int
    key: str | None = None
    serial: str | None = None

    def key_of(self, kind: str, *more: int) -> str:
        """The act's key.

        Args:
            kind: what is done.
            more: what tells it apart besides.
        """
        if self.key is not None:
            return self.key
        words = [kind, self.label, self.serial, self.energy_wh, self.reason, self.author, *more]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as it stands in the books.

    Args:
        edit_id: its row.
        kind: 'release', 'reject', 'estimate' or 'reshape'.
        label: the meter point's.
        serial: the meter's.
        start_s: start of what it is about (unix seconds).
        end_s: its end.
        energy_wh: how much, Wh.
        before_wh: what was set aside before it, or, of an estimate, the usage of its quarter-hours.
        after_wh: the same after it.
        method: how it was divided over quarter-hours.
        reason: why.
        author: who answers for it.
        at_s: when (unix seconds).
        is_repeated: True: it was there before.
    """

    edit_id: int
    kind: str
    label: str
    serial: str
    start_s: int
    end_s: int
    energy_wh: int
    before_wh: int
    after_wh: int
    method: str
    reason: str
    author: str
    at_s: int
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class NewEdit:
    """An edit to be written.

    Args:
        key: of the act.
        kind: 'release', 'reject', 'estimate' or 'reshape'.
        meter_point_id: the meter point's row.
        installation_id: of the meter there.
        meter_id: the meter's row.
        start_s: start of what it is about (unix seconds).
        end_s: its end.
        energy_wh: how much, Wh, > 0.
        before_wh: see :class:`Edit`.
        after_wh: see :class:`Edit`.
        method: how it is divided over quarter-hours.
        reason: why.
        author: who answers for it.
        at_s: when (unix seconds).
    """

    key: str
    kind: str
    meter_point_id: int
    installation_id: int
    meter_id: int
    start_s: int
    end_s: int
    energy_wh: int
    before_wh: int
    after_wh: int
    method: str
    reason: str
    author: str
    at_s: int


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit makes of one quarter-hour.

    Args:
        start_s: its start (unix seconds).
        before_wh: its usage so far, Wh.
        after_wh: its usage from now on, Wh.
        estimated_wh: how much of that is estimated, Wh.
    """

    start_s: int
    before_wh: int
    after_wh: int
    estimated_wh: int


_SELECT = """
SELECT e.edit_id, e.kind, p.label, m.serial, e.start_s, e.end_s, e.energy_wh, e.before_wh,
       e.after_wh, e.method, e.reason, e.author, e.at_s
FROM edit e JOIN meter_point p USING (meter_point_id) JOIN meter m USING (meter_id)
"""


async def find_edits(database: Database, label: str | None = None) -> list[Edit]:
    """Edits of one meter point or of all, in the order in which they were made."""
    rows = await database.fetch_all(
        _SELECT + "WHERE p.label = IFNULL(:label, p.label) ORDER BY e.edit_id", {"label": label}
    )
    return [Edit(*row) for row in rows]


async def find_done(connection: aiosqlite.Connection, key: str) -> Edit | None:
    """The edit with this key, if the act was done before."""
    row = await fetch_one(connection, _SELECT + "WHERE e.key = :key", key=key)
    return replace(Edit(*row), is_repeated=True) if row else None


async def fetch_one(
    connection: aiosqlite.Connection, sql: str, **values: int | str | None
) -> Row | None:
    """The first row of a query inside the caller's transaction."""
    async with connection.execute(sql, values) as cursor:
        return await cursor.fetchone()


async def usage_of(
    connection: aiosqlite.Connection, meter_point_id: int, starts: Sequence[int]
) -> dict[int, Row]:
    """The rows of usage of some quarter-hours, with ``added_wh`` of people, by start."""
    rows = await connection.execute_fetchall(
        """SELECT u.*, IFNULL(
               (SELECT SUM(x.after_wh - x.before_wh)
                FROM edited_usage x JOIN edit e USING (edit_id)
                WHERE x.meter_point_id = :point AND x.start_s = u.start_s
                  AND e.kind IN ('release', 'estimate')), 0) AS added_wh
           FROM json_each(:starts) j
           CROSS JOIN usage u ON u.start_s = j.value AND u.meter_point_id = :point""",
        {"point": meter_point_id, "starts": json.dumps(list(starts))},
    )
    return {row["start_s"]: row for row in rows}


def adding(parts_wh: Mapping[int, int], usage: Mapping[int, Row]) -> list[Change]:
    """Changes that add estimated usage to quarter-hours.

    Args:
        parts_wh: how much, Wh, by start (unix seconds).
        usage: their rows so far, see :func:`usage_of`.
    """
    changes = []
    for start_s, wh in parts_wh.items():
        row = usage.get(start_s)
        before_wh, estimated_wh = (row["usage_wh"], row["estimated_wh"]) if row else (0, 0)
        if wh:
            changes.append(Change(start_s, before_wh, before_wh + wh, estimated_wh + wh))
    return changes


async def write_edit(
    connection: aiosqlite.Connection,
    new: NewEdit,
    changes: Sequence[Change],
    tier_at: Callable[[int], int],
) -> Edit:
    """Write an edit and what it makes of usage, inside the caller's transaction."""
    row = await connection.execute_insert(
        """INSERT INTO edit (key, kind, meter_point_id, installation_id, meter_id, start_s, end_s,
               energy_wh, before_wh, after_wh, method, reason, author, at_s)
           VALUES (:key, :kind, :meter_point_id, :installation_id, :meter_id, :start_s, :end_s,
               :energy_wh, :before_wh, :after_wh, :method, :reason, :author, :at_s)""",
        {name: getattr(new, name) for name in NewEdit.__slots__},
    )
    if row is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    await _change_usage(connection, new.meter_point_id, changes, tier_at)
    await connection.executemany(
        "INSERT INTO edited_usage VALUES (?, ?, ?, ?, ?)",
        [(row[0], one.start_s, new.meter_point_id, one.before_wh, one.after_wh) for one in changes],
    )
    written = await fetch_one(connection, _SELECT + "WHERE e.edit_id = :id", id=row[0])
    if written is None:  # it was just written
        raise AssertionError
    return Edit(*written)


async def _change_usage(
    connection: aiosqlite.Connection,
    meter_point_id: int,
    changes: Sequence[Change],
    tier_at: Callable[[int], int],
) -> None:
    await connection.executemany(
        """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
           VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
               usage_wh = excluded.usage_wh, estimated_wh = excluded.estimated_wh""",
        [
            (
                one.start_s,
                meter_point_id,
                tier_at(one.start_s),
                one.after_wh,
                one.estimated_wh,
            )
            for one in changes
        ],
    )


def check_act(act: Act) -> None:
    """Refuse an act that says too little.

    Raises:
        Permanent: the sentence says what is missing.
    """
    if act.energy_wh <= 0:
        raise Permanent(f"{act.label}: {act.energy_wh} Wh is nothing to decide: give 1 Wh or more")
    for word, text in (("--reason", act.reason), ("--by", act.author)):
        if not text.strip() or not text.isprintable() or len(text) > MOST_CHARACTERS:
            raise Permanent(f"{word}: give one line of up to {MOST_CHARACTERS} characters")
    if act.author == GATEWAY:
        raise Permanent(f"--by {GATEWAY}: that is what the gateway itself is called; give a name")


async def tell(connection: aiosqlite.Connection, edit: Edit, what: str, point: int) -> None:
    """The event of an edit, inside the caller's transaction.

    Args:
        connection: of an open transaction.
        edit: the edit.
        what: what was done, in words.
        point: the meter point's row.
    """
    await append_event(
        connection,
        f"edit-{edit.kind}",
        f"{edit.label}: {what} by {edit.author}: {edit.reason}",
        edit.at_s * 1000,
        meter_point_id=point,
        energy_wh=edit.energy_wh,
    )


def minute(at_s: int) -> str:
    """Unix seconds in words."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M} UTC"
