"""Supply by hand: see why each is on or off, lock out, order, settle what waits for a person.

Writes into the store only; the field part acts on it within a second, or when it is started.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable

from gateway import app
from gateway.app.settings import supply_settings
from gateway.commands.configured import add_config
from gateway.commands.instant import say_instant
from gateway.commands.showing import show
from gateway.commands.supply.telling import listed, shown
from gateway.commands.whole import whole
from gateway.config import Config, load
from gateway.domain.supply import Hold, Override, decide
from gateway.errors import Permanent, Transient
from gateway.store.acts import Act
from gateway.store.chain_looks import answer_holds
from gateway.store.database import Database
from gateway.store.lock_outs import find_lock_outs, lock_out, release
from gateway.store.supply import SupplyBook
from gateway.store.supply_acts import (
    close_disputes,
    end_order,
    open_dispute,
    order,
    reconnect,
    take_emergency_credit,
)

_DURATION = re.compile(r"([1-9][0-9]{0,5})(min|h|d)")
_SECONDS = {"min": 60, "h": 3_600, "d": 86_400}

_NOT_YET_DEAD = (
    "NOT YET DEAD: wait until `gateway supply list` says that it was locked out, open the "
    "breaker, and test before you touch"
)
_NOT_LOCKED_OUT = "NOT LOCKED OUT: open its breaker by hand and lock that"
_ACTS = {
    "lock-out": "on site, for safety: dead until the same person releases it",
    "release": "take your own lock off, on site",
    "order": "switch it on or off by hand for a while",
    "end-order": "let it follow its credit again",
    "reconnect": "after too many overloads",
    "emergency-credit": "once, when the credit is used up; the next payment pays it back",
    "dispute": "what a household disputes does not disconnect it",
    "settle": "what was disputed counts again",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``show``, the acts on one meter point, ``confirm`` and ``reject``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="every supply, with the reason why it is on or off")
    actions.add_parser(
        "show", help="one supply, with everything that decides about it"
    ).add_argument("label", help="the meter point's label")
    acts = {name: actions.add_parser(name, help=purpose) for name, purpose in _ACTS.items()}
    for act in acts.values():
        act.add_argument("label", help="the meter point's label")
        act.add_argument("--by", required=True, metavar="NAME", help="who does it")
        act.add_argument("--reason", required=True, help="why, one line; it is kept")
    acts["order"].add_argument("state", choices=("on", "off"))
    acts["order"].add_argument("--for", dest="duration", required=True, help="like 30min, 4h or 1d")
    amount = acts["dispute"].add_mutually_exclusive_group(required=True)
    amount.add_argument("--wh", type=whole, help="usage, Wh")
    amount.add_argument("--stroops", type=whole, help="money, stroops")
    answers = (("confirm", "disconnect what waits"), ("reject", "leave what waits connected"))
    for name, purpose in answers:
        answer = actions.add_parser(name, help=f"{purpose} because the chain says so")
        answer.add_argument("label", nargs="*", help="of these meter points only (all that wait)")
        answer.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
        if name == "confirm":
            answer.add_argument(
                "--one-endpoint",
                action="store_true",
                help="do not wait until two RPC endpoints agree",
            )
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what it changed.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    try:
        show(asyncio.run(_do(config, arguments)))
    except Transient as error:
        if arguments.action == "lock-out":
            raise Transient(f"{error}. {_NOT_LOCKED_OUT}") from error
        raise
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        now_s = int(clock.now_s())
        match arguments.action:
            case "list":
                return await listed(database, now_s)
            case "show":
                return await shown(config, database, arguments.label, now_s)
            case "confirm" | "reject":
                return await _answer(database, arguments, now_s)
        act = Act(arguments.label, arguments.by, arguments.reason, now_s)
        return await _act(config, database, arguments, act)


async def _answer(database: Database, arguments: argparse.Namespace, now_s: int) -> str:
    if arguments.action == "reject":
        answer, said = Hold.REJECTED, "stay connected until the chain says otherwise"
    elif arguments.one_endpoint:
        answer, said = Hold.CONFIRMED_ON_ONE, "are disconnected"
    else:
        answer = Hold.CONFIRMED
        said = "are disconnected as soon as two RPC endpoints agree (--one-endpoint: at once)"
    labels = await answer_holds(database, arguments.by, answer, arguments.label, now_s)
    return f"{', '.join(labels)}: {said}"


async def _act(config: Config, database: Database, arguments: argparse.Namespace, act: Act) -> str:
    simple: dict[str, Callable[[Database, Act], Awaitable[str]]] = {
        "lock-out": _lock_out,
        "release": release,
        "end-order": end_order,
        "reconnect": reconnect,
        "settle": close_disputes,
    }
    match arguments.action:
        case "order":
            return await _order(config, database, arguments, act)
        case "dispute":
            return await open_dispute(
                database, act, energy_wh=arguments.wh, stroops=arguments.stroops
            )
        case "emergency-credit":
            left_stroops = await _left(config, database, act)
            amount = config.supply.emergency_credit_stroops
            return await take_emergency_credit(database, act, amount, left_stroops)
        case action:
            return await simple[action](database, act)


async def _lock_out(database: Database, act: Act) -> str:
    """A lock is hung before the supply is dead, and whoever reads this is about to touch it."""
    return f"{await lock_out(database, act)}\n{_NOT_YET_DEAD}"


async def _order(
    config: Config, database: Database, arguments: argparse.Namespace, act: Act
) -> str:
    found = _DURATION.fullmatch(arguments.duration)
    if found is None:
        raise Permanent(f"--for {arguments.duration!r} is no duration: write 30min, 4h or 1d")
    until_s = act.at_s + int(found[1]) * _SECONDS[found[2]]
    override = Override(arguments.state == "on", until_s)
    said = await order(database, act, override, config.supply.override_max_s)
    locks = [one for one in await find_lock_outs(database, act.label) if one.released_s is None]
    dead = f"; it stays off: locked out by {' and '.join(one.locked_by for one in locks)}"
    return f"{said}; until {say_instant(until_s, config.zone)}{dead if locks else ''}"


async def _left(config: Config, database: Database, act: Act) -> int | None:
    """What is left of a household's money; None where no money is counted down."""
    settings = supply_settings(config)
    points = await SupplyBook(database, settings.only_feeder).find(act.at_s)
    point = next((one for one in points if one.label == act.label), None)
    if point is None:
        return None
    return decide(point.facts, settings.policy, act.at_s).left_stroops
