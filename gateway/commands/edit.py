"""Readings that look wrong: see what was found and set aside, and decide about it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime

from gateway import app
from gateway.app.settings import time_bands
from gateway.commands.configured import add_config
from gateway.commands.instant import say_instant, take_instant
from gateway.commands.showing import show
from gateway.commands.whole import whole
from gateway.config import Config, load
from gateway.errors import Permanent
from gateway.store.database import Database
from gateway.store.deciding import SetAside, find_set_aside, reject, release
from gateway.store.edits import Act, Edit, find_edits
from gateway.store.findings import StoredFinding, find_findings
from gateway.store.missed import Span, estimate_missed
from gateway.store.points import find_point

_DONE = {
    "release": "billed after all, as an estimate of this quarter-hour",
    "reject": "will never be billed; they stay in the books",
    "estimate": "are added as an estimate",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``release``, ``reject`` and ``estimate``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="what is set aside, was found, and was edited")
    shown.add_argument("--meter", metavar="LABEL", help="of one meter point only")
    bill = actions.add_parser("release", help="bill energy that was set aside")
    drop = actions.add_parser("reject", help="never bill energy that was set aside")
    missed = actions.add_parser("estimate", help="add energy that a register missed")
    missed.add_argument("--from", dest="start", required=True, help="like 2026-03-01T10:00")
    missed.add_argument("--to", dest="end", required=True, help="like 2026-03-01T16:00")
    for action in (bill, drop, missed):
        action.add_argument("label", help="the meter point's label")
        action.add_argument("wh", type=whole, metavar="WH", help="how much, Wh")
        action.add_argument("--reason", required=True, help="why, one line; it is kept")
        action.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
        action.add_argument("--serial", help="the meter, where several come into question")
        action.add_argument("--key", help="of your own: with one key an act is done once")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what it changed.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    show(asyncio.run(_do(config, arguments)))
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        if arguments.action == "list":
            return await _list(config, database, arguments.meter)
        act = Act(
            arguments.label,
            arguments.wh,
            arguments.reason,
            arguments.by,
            int(clock.now_s()),
            arguments.key,
            arguments.serial,
        )
        return _said(config, await _decide(config, database, act, arguments))


async def _decide(
    config: Config, database: Database, act: Act, arguments: argparse.Namespace
) -> Edit:
    tier_at = time_bands(config).tier_at
    match arguments.action:
        case "release":
            return await release(database, act, tier_at)
        case "reject":
            return await reject(database, act)
        case _:
            span = Span(
                take_instant(arguments.start, config.zone, act.at_s, "--from"),
                take_instant(arguments.end, config.zone, act.at_s, "--to"),
            )
            return await estimate_missed(database, act, span, tier_at)


def _said(config: Config, edit: Edit) -> str:
    if edit.is_repeated:
        return (
            f"{edit.label}: that was done already, at {say_instant(edit.at_s, config.zone)} "
            f"(edit {edit.edit_id}); to do it once more, give another reason or --key"
        )
    left = f"; {edit.after_wh} Wh are still set aside" if edit.kind != "estimate" else ""
    return f"{edit.label}: {edit.energy_wh} Wh {_DONE[edit.kind]} (edit {edit.edit_id}){left}"


async def _list(config: Config, database: Database, label: str | None) -> str:
    if label is not None and await find_point(database, label) is None:
        raise Permanent(f"{label} is no meter point with a meter: see `gateway meter list`")
    parts = [
        ("set aside, not billed", [_aside(one) for one in await find_set_aside(database, label)]),
        ("found", [_found(config, one) for one in await find_findings(database, label)]),
        ("edited", [_edited(config, one) for one in await find_edits(database, label)]),
    ]
    return "\n".join(
        "\n".join([f"{head}:", *(f"  {line}" for line in lines or ["nothing"])])
        for head, lines in parts
    )


def _aside(one: SetAside) -> str:
    gone = "" if one.is_installed else ", replaced since"
    return (
        f"{one.label:<20} {one.waiting_wh:>8} Wh wait for a decision; {one.released_wh} Wh were "
        f"released, {one.rejected_wh} Wh rejected (meter {one.serial}{gone})"
    )


def _found(config: Config, one: StoredFinding) -> str:
    finding = one.finding
    name = (finding.kind.name or "").lower()
    when = _span(config, finding.start_s, finding.end_s)
    return f"{one.label:<20} {name:<9} {when}  {finding.reason}"


def _edited(config: Config, one: Edit) -> str:
    when = _span(config, one.start_s, one.end_s)
    return (
        f"{one.label:<20} {one.kind:<9} {when}  {one.energy_wh} Wh ({one.before_wh} -> "
        f"{one.after_wh}) by {one.author}: {one.reason}"
    )


def _span(config: Config, start_s: int, end_s: int) -> str:
    start, end = (datetime.fromtimestamp(at_s, config.zone) for at_s in (start_s, end_s))
    to = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M}-{to}"
