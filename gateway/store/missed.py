"""Energy that a register missed, stuck or bypassed: a person estimates it, where something says so.

Adds usage, see the law in :mod:`gateway.store.edits`; never to who was settled already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from gateway.domain.estimation import Estimate, Stretch, consulted
from gateway.domain.estimation import estimate as divide
from gateway.domain.readings import Doubt
from gateway.domain.tariffs import INTERVAL_S
from gateway.domain.usage import RegisterLimits
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.edits import (
    Act,
    Edit,
    NewEdit,
    adding,
    check_act,
    fetch_one,
    find_done,
    minute,
    tell,
    usage_of,
    write_edit,
)
from gateway.store.points import find_point
from gateway.store.quarters import find_known

DAY_S = 86_400
MOST_DAYS = 92
_FINDINGS = int(Doubt.STUCK | Doubt.LOW | Doubt.EQUAL | Doubt.GAP)
_EVENTS = """
    'stuck', 'reverse', 'reset', 'jump', 'exchange-estimated', 'contradicted', 'meter_dead',
    'neutral_lost', 'power_while_disconnected', 'register_went_back'
"""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, [from_s, to_s), unix seconds."""

    from_s: int
    to_s: int

    @property
    def starts(self) -> range:
        """Starts of its quarter-hours (unix seconds)."""
        return range(self.from_s - self.from_s % INTERVAL_S, self.to_s, INTERVAL_S)


async def estimate_missed(
    database: Database, act: Act, span: Span, tier_at: Callable[[int], int]
) -> Edit:
    """Add what a register missed, divided over the stretch like similar days.

    Args:
        database: the store.
        act: how much, why and by whom.
        span: when it flowed.
        tier_at: the tier of the quarter-hour that starts at a unix second.

    Raises:
        Permanent: nothing says that the register missed anything then, it is more than can have
            flowed, who lived there is settled, or the act says too little.
    """
    check_act(act)
    _check_span(act, span)
    point = await find_point(database, act.label)
    if point is None:
        raise Permanent(f"{act.label} is no meter point with a meter: see `gateway meter list`")
    stretch = Stretch(span.from_s * 1000, span.to_s * 1000, act.energy_wh)
    known_wh = await find_known(database, point.meter_point_id, consulted(stretch))
    parts = divide(stretch, known_wh)
    key = act.key_of("estimate", span.from_s, span.to_s)
    async with database.transaction() as connection:
        done = await find_done(connection, key)
        if done is not None:
            return done
        row = await _installed(connection, act, span)
        await _check_unsettled(connection, act, span, row)
        await _check_evidence(connection, act, span, row)
        edit = await _write(connection, act, span, key=key, row=row, parts=parts, tier_at=tier_at)
        words = (
            f"{act.energy_wh} Wh that meter {edit.serial} missed from {minute(span.from_s)} to "
            f"{minute(span.to_s)} were estimated"
        )
        await tell(connection, edit, words, row["meter_point_id"])
    return edit


def _check_span(act: Act, span: Span) -> None:
    if not 0 < span.to_s - span.from_s <= MOST_DAYS * DAY_S:
        raise Permanent(f"{act.label}: give --from before --to, at most {MOST_DAYS} days apart")
    if span.to_s > act.at_s:
        raise Permanent(f"{act.label}: --to is still to come: estimate what is over")


async def _installed(connection: aiosqlite.Connection, act: Act, span: Span) -> Row:
    """The meter that hung there all the time."""
    row = await fetch_one(
        connection,
        """SELECT p.meter_point_id, p.max_power_w, i.installation_id, i.meter_id, m.serial
           FROM meter_point p JOIN installation i USING (meter_point_id)
           JOIN meter m USING (meter_id)
           WHERE p.label = :label AND i.from_s <= :from_s AND IFNULL(i.to_s, :to_s) >= :to_s""",
        label=act.label,
        from_s=span.from_s,
        to_s=span.to_s,
    )
    if row is None or act.serial not in {None, row["serial"]}:
        raise Permanent(
            f"{act.label}: no one meter hung there from {minute(span.from_s)} to "
            f"{minute(span.to_s)}: estimate for each by itself"
        )
    return row


async def _check_unsettled(
    connection: aiosqlite.Connection, act: Act, span: Span, row: Row
) -> None:
    """Neither twice the same stretch, nor from the time of an account that has ended."""
    account = await fetch_one(
        connection,
        """SELECT MAX(IFNULL(to_s, from_s)) AS settled_s FROM account
           WHERE meter_point_id = :point""",
        point=row["meter_point_id"],
    )
    if account is not None and span.starts[0] < (account["settled_s"] or 0):
        raise Permanent(
            f"{act.label}: who lived there was settled at {minute(account['settled_s'])}: give a "
            "stretch after that"
        )
    earlier = await fetch_one(
        connection,
        """SELECT * FROM edit WHERE meter_point_id = :point AND kind = 'estimate'
           AND start_s < :to_s AND end_s > :from_s""",
        point=row["meter_point_id"],
        from_s=span.from_s,
        to_s=span.to_s,
    )
    if earlier is not None:
        raise Permanent(
            f"{act.label}: edit {earlier['edit_id']} has estimated {earlier['energy_wh']} Wh for "
            f"{minute(earlier['start_s'])} to {minute(earlier['end_s'])}: give a stretch beside it"
        )


async def _check_evidence(connection: aiosqlite.Connection, act: Act, span: Span, row: Row) -> None:
    found = await fetch_one(
        connection,
        f"""SELECT EXISTS (SELECT 1 FROM finding WHERE meter_point_id = :point
                           AND doubts & :findings <> 0 AND start_s < :to_s AND end_s > :from_s)
                OR EXISTS (SELECT 1 FROM event WHERE meter_point_id = :point
                           AND kind IN ({_EVENTS})
                           AND at_ms BETWEEN (:from_s - :day_s) * 1000 AND :to_s * 1000) AS yes""",
        point=row["meter_point_id"],
        findings=_FINDINGS,
        from_s=span.from_s,
        to_s=span.to_s,
        day_s=DAY_S,
    )
    if found is None or not found["yes"]:
        raise Permanent(
            f"{act.label}: nothing says that its register missed anything from "
            f"{minute(span.from_s)} to {minute(span.to_s)}: `gateway edit list --meter "
            f"{act.label}` shows what was found"
        )


async def _write(
    connection: aiosqlite.Connection,
    act: Act,
    span: Span,
    *,
    key: str,
    row: Row,
    parts: tuple[Estimate, ...],
    tier_at: Callable[[int], int],
) -> Edit:
    usage = await usage_of(connection, row["meter_point_id"], span.starts)
    before_wh = sum(one["usage_wh"] for one in usage.values())
    duration_ms = len(span.starts) * INTERVAL_S * 1000
    if not RegisterLimits(row["max_power_w"]).allow(before_wh + act.energy_wh, duration_ms):
        raise Permanent(
            f"{act.label}: with the {before_wh} Wh that were counted then, {act.energy_wh} Wh are "
            f"more than {row['max_power_w']} W can make: estimate less, or a longer stretch"
        )
    new = NewEdit(
        key=key,
        kind="estimate",
        meter_point_id=row["meter_point_id"],
        installation_id=row["installation_id"],
        meter_id=row["meter_id"],
        start_s=span.from_s,
        end_s=span.to_s,
        energy_wh=act.energy_wh,
        before_wh=before_wh,
        after_wh=before_wh + act.energy_wh,
        method=parts[0].method.value,
        reason=act.reason,
        author=act.author,
        at_s=act.at_s,
    )
    changes = adding({part.start_s: part.usage_wh for part in parts}, usage)
    return await write_edit(connection, new, changes, tier_at)
