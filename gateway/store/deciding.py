"""What a register moved and nobody believed at once: a person decides whether it is billed.

A decision takes from what is still set aside and never more than that, see the law in
:mod:`gateway.store.edits`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from gateway.domain.tariffs import INTERVAL_S
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.edits import (
    Act,
    Change,
    Edit,
    NewEdit,
    adding,
    check_act,
    find_done,
    tell,
    usage_of,
    write_edit,
)


@dataclass(frozen=True, slots=True)
class SetAside:
    """Movement of one meter's register at one meter point that is not billed, Wh.

    Args:
        label: the meter point's.
        serial: the meter's.
        waiting_wh: what waits for a decision.
        released_wh: what was billed after all.
        rejected_wh: what never will be.
        is_installed: False: the meter was replaced.
    """

    label: str
    serial: str
    waiting_wh: int
    released_wh: int
    rejected_wh: int
    is_installed: bool


_SET_ASIDE = """
SELECT p.label, m.serial, s.flagged_wh - s.released_wh - s.rejected_wh AS waiting_wh,
       s.released_wh, s.rejected_wh, s.to_s IS NULL AS is_installed,
       s.meter_point_id, s.installation_id, s.meter_id
FROM set_aside s JOIN meter_point p USING (meter_point_id) JOIN meter m USING (meter_id)
WHERE s.flagged_wh > 0 AND p.label = IFNULL(:label, p.label)
ORDER BY p.site, p.slot, s.from_s
"""


async def find_set_aside(database: Database, label: str | None = None) -> list[SetAside]:
    """What is, or was, set aside at one meter point or at all, by meter point and time."""
    return [_set_aside(row) for row in await database.fetch_all(_SET_ASIDE, {"label": label})]


async def release(database: Database, act: Act, tier_at: Callable[[int], int]) -> Edit:
    """Bill energy that was set aside: as estimated usage of the quarter-hour of the act.

    Args:
        database: the store.
        act: how much, why and by whom.
        tier_at: the tier of the quarter-hour that starts at a unix second.

    Raises:
        Permanent: so much is not set aside, or the act says too little.
    """
    return await _decide(database, act, "release", tier_at)


async def reject(database: Database, act: Act) -> Edit:
    """Settle that energy that was set aside is never billed; it stays in the books.

    Raises:
        Permanent: so much is not set aside, or the act says too little.
    """
    return await _decide(database, act, "reject", lambda _: 0)


async def _decide(database: Database, act: Act, kind: str, tier_at: Callable[[int], int]) -> Edit:
    check_act(act)
    key = act.key_of(kind)
    async with database.transaction() as connection:
        done = await find_done(connection, key)
        if done is not None:
            return done
        row = await _waiting(connection, act)
        new = _new(act, kind, key, row)
        changes = await _billed(connection, new) if kind == "release" else []
        edit = await write_edit(connection, new, changes, tier_at)
        what = "billed after all" if kind == "release" else "never to be billed"
        words = f"{act.energy_wh} Wh of meter {edit.serial} that were set aside are {what},"
        await tell(connection, edit, words, row["meter_point_id"])
    return edit


def _new(act: Act, kind: str, key: str, row: Row) -> NewEdit:
    start_s = act.at_s - act.at_s % INTERVAL_S
    return NewEdit(
        key=key,
        kind=kind,
        meter_point_id=row["meter_point_id"],
        installation_id=row["installation_id"],
        meter_id=row["meter_id"],
        start_s=start_s,
        end_s=start_s + INTERVAL_S,
        energy_wh=act.energy_wh,
        before_wh=row["waiting_wh"],
        after_wh=row["waiting_wh"] - act.energy_wh,
        method="at_once",
        reason=act.reason,
        author=act.author,
        at_s=act.at_s,
    )


async def _billed(connection: aiosqlite.Connection, new: NewEdit) -> list[Change]:
    usage = await usage_of(connection, new.meter_point_id, [new.start_s])
    return adding({new.start_s: new.energy_wh}, usage)


async def _waiting(connection: aiosqlite.Connection, act: Act) -> Row:
    """The one meter of which so much is set aside."""
    rows = list(await connection.execute_fetchall(_SET_ASIDE, {"label": act.label}))
    waiting = [row for row in rows if row["waiting_wh"] > 0 and act.serial in {None, row["serial"]}]
    if not waiting:
        of = f" of meter {act.serial}" if act.serial else ""
        raise Permanent(
            f"{act.label}: nothing{of} is set aside: `gateway edit list` shows where something is"
        )
    if len(waiting) > 1 and len({row["serial"] for row in waiting}) > 1:
        each = ", ".join(f"{row['serial']} ({row['waiting_wh']} Wh)" for row in waiting)
        raise Permanent(f"{act.label}: several meters have something set aside, {each}: --serial")
    enough = [row for row in waiting if row["waiting_wh"] >= act.energy_wh]
    if not enough:
        most_wh = max(row["waiting_wh"] for row in waiting)
        raise Permanent(
            f"{act.label}: only {most_wh} Wh are set aside, not {act.energy_wh}: give at most that"
        )
    return enough[0]


def _set_aside(row: Row) -> SetAside:
    return SetAside(
        label=row["label"],
        serial=row["serial"],
        waiting_wh=row["waiting_wh"],
        released_wh=row["released_wh"],
        rejected_wh=row["rejected_wh"],
        is_installed=bool(row["is_installed"]),
    )
