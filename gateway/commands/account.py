"""Who occupies which meter point: moving out, moving in, and the list."""

from __future__ import annotations

import argparse
import asyncio

from gateway import app
from gateway.commands.configured import add_config
from gateway.commands.instant import add_at, say_instant, take_instant
from gateway.commands.showing import show, table
from gateway.config import Config, load
from gateway.store.accounts import Account, find_accounts, move_in, move_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``move-out LABEL`` and ``move-in LABEL``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    everyone = actions.add_parser("list", help="accounts with their registers")
    everyone.add_argument("label", nargs="?", help="of one meter point only")
    out = actions.add_parser("move-out", help="settle who leaves")
    into = actions.add_parser("move-in", help="begin clean for who comes")
    for action in (out, into):
        action.add_argument("label", help="the meter point's label")
        add_at(action)
    into.add_argument("--name", help="a word of your own for the account; nothing personal")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say with which register.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    config = load(arguments.config)
    show(asyncio.run(_do(config, arguments)))
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        if arguments.action == "list":
            return _table(config, await find_accounts(database, arguments.label))
        now_s = int(clock.now_s())
        at_s = take_instant(arguments.at, config.zone, now_s)
        if arguments.action == "move-out":
            return _left(config, await move_out(database, arguments.label, at_s, now_s))
        account = await move_in(database, arguments.label, arguments.name, at_s, now_s)
        return _came(config, account)


def _left(config: Config, account: Account) -> str:
    guess = " (an estimate: no reading in the hour before)" if account.is_to_estimated else ""
    return (
        f"{account.point}: moved out at {say_instant(account.to_s or 0, config.zone)} with the "
        f"register at {account.register_to_wh} Wh{guess}; {account.usage_wh} Wh since "
        f"{say_instant(account.from_s, config.zone)}"
    )


def _came(config: Config, account: Account) -> str:
    guess = " (an estimate: no reading in the hour before)" if account.is_from_estimated else ""
    return (
        f"{account.point}: moved in at {say_instant(account.from_s, config.zone)} with the "
        f"register at {account.register_from_wh} Wh{guess}; usage before that is not theirs"
    )


def _table(config: Config, accounts: list[Account]) -> str:
    if not accounts:
        return "no account yet: `gateway account move-in LABEL` begins one"
    heads = ("meter", "from", "to", ">register Wh", ">used Wh", "account")
    return table(heads, [_row(config, one) for one in accounts])


def _row(config: Config, one: Account) -> tuple[str, ...]:
    registers = f"{'~' if one.is_from_estimated else ''}{one.register_from_wh}-"
    if one.register_to_wh is not None:
        registers += f"{'~' if one.is_to_estimated else ''}{one.register_to_wh}"
    return (
        one.point,
        say_instant(one.from_s, config.zone),
        say_instant(one.to_s, config.zone) if one.to_s is not None else "",
        registers,
        "" if one.usage_wh is None else str(one.usage_wh),
        one.label or "",
    )
