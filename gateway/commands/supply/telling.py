"""What ``gateway supply list`` and ``show`` say: what was decided last, and why."""

from __future__ import annotations

from gateway.commands.instant import say_instant
from gateway.commands.showing import table
from gateway.config import Config
from gateway.domain.reasons import Reason, SupplyState
from gateway.domain.supply import Hold
from gateway.errors import Permanent
from gateway.store.chain_looks import find_holds
from gateway.store.database import Database
from gateway.store.lock_outs import LockOut, find_lock_outs
from gateway.store.supply import Output, PointSupply, SupplyBook
from gateway.store.supply_acts import find_disputes
from gateway.store.switchings import find_journal

_STATES = {
    SupplyState.CONNECTED: "on",
    SupplyState.DISCONNECTED: "off",
    SupplyState.READY_FOR_RECONNECTION: "off, ready",
}
_ANSWERS = {
    Hold.WAITING: "waits for `gateway supply confirm` or `reject`",
    Hold.CONFIRMED: "confirmed, waits until two RPC endpoints agree",
    Hold.CONFIRMED_ON_ONE: "confirmed",
    Hold.REJECTED: "rejected: it stays connected",
}
_MOST_JOURNAL = 5


async def listed(database: Database, now_s: int) -> str:
    """One line per meter point, and what waits for a person."""
    points = await SupplyBook(database).find(now_s)
    if not points:
        return "no meter point yet: add a [[meter_point]] for each and start field once"
    rows = [(one.label, _state(one), _why(one)) for one in points]
    lines = [table(("meter point", "supply", "why"), rows)]
    held = [
        f"  {one.label}: {_ANSWERS[one.answer]}; {one.detail}" for one in await find_holds(database)
    ]
    if held:
        lines += ["disconnections that the chain alone asks for:", *held]
    return "\n".join(lines)


async def shown(config: Config, database: Database, label: str, now_s: int) -> str:
    """Everything that decides about one meter point.

    Raises:
        Permanent: there is none of that name.
    """
    points = await SupplyBook(database).find(now_s)
    point = next((one for one in points if one.label == label), None)
    if point is None:
        raise Permanent(f"{label} is no supply: see `gateway supply list`")
    facts = point.facts
    lines = [f"{label}: {_state(point)}. {_why(point)}"]
    if facts.reason:
        lines.append(f"  way back: {facts.reason.remedy}")
    lines.append(f"  relay {point.relay}, output {point.output}")
    if facts.critical:
        lines.append("  critical: cut by nothing but a lock-out")
    if facts.load_limit_w is not None:
        lines.append(f"  load limit {facts.load_limit_w} W, {facts.overloads} overloads")
    if facts.override is not None and now_s < facts.override.until_s:
        until = say_instant(facts.override.until_s, config.zone)
        lines.append(f"  ordered {'on' if facts.override.connected else 'off'} until {until}")
    if facts.emergency_stroops:
        lines.append(f"  emergency credit of {facts.emergency_stroops} stroops, not paid back")
    lines += [f"  {_lock(config, one)}" for one in await find_lock_outs(database, label)]
    lines += [
        f"  disputed since {say_instant(one.opened_s, config.zone)} by {one.opened_by}: "
        f"{one.stroops} stroops ({one.reason})"
        for one in await find_disputes(database, label)
    ]
    lines += [
        f"  held: {_ANSWERS[one.answer]}; {one.detail}"
        for one in await find_holds(database)
        if one.label == label
    ]
    lines += [
        f"  {say_instant(one.at_ms // 1000, config.zone)} {one.command} ({one.reason}, "
        f"{one.outcome}): {one.detail}"
        for one in await find_journal(database, label, _MOST_JOURNAL)
    ]
    return "\n".join(lines)


def _state(point: PointSupply) -> str:
    return _STATES[point.facts.state] if point.facts.state else "undecided"


def _why(point: PointSupply) -> str:
    if point.facts.locked_out and point.facts.reason is not Reason.LOCKED_OUT:
        return "It is being locked out; start field if it does not run. Test before you touch."
    if point.facts.reason is Reason.LOCKED_OUT and point.output is not Output.CONFIRMED:
        return (
            f"{Reason.LOCKED_OUT.sentence} Its meter has not confirmed it: test before you touch."
        )
    return point.facts.reason.sentence if point.facts.reason else "Field has not run yet."


def _lock(config: Config, one: LockOut) -> str:
    said = f"locked out {say_instant(one.locked_s, config.zone)} by {one.locked_by} ({one.reason})"
    if one.released_s is None:
        return said
    return f"{said}, released {say_instant(one.released_s, config.zone)} ({one.release_reason})"
