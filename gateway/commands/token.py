"""OpenPAYGO tokens: enter one, see how they stand, reconcile after a restore, and sell one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from gateway import app
from gateway.app.secret_files import read_token_keys
from gateway.app.settings import token_settings
from gateway.commands.configured import add_config
from gateway.commands.showing import show, table
from gateway.commands.vending import issue
from gateway.commands.whole import whole
from gateway.config import Config, load
from gateway.domain.money import show_amount
from gateway.errors import Permanent
from gateway.store.database import Database
from gateway.store.token_memory import TokenStanding, find_token_standings, reconcile_tokens
from gateway.store.tokens import Entry, Refused, TokenSettings, enter_token

CLIENT = "cli"
_NOT_TAKEN = "tokens are not taken: set [tokens] with a keys_file, and no enabled = false"
WARNING = (
    "whoever has the keys file makes money: keep it off shared machines, and issue a meter's "
    "tokens on one machine only, because two count files give one token twice"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``enter``, ``status``, ``reconcile`` and ``issue``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    enter = actions.add_parser("enter", help="count a token for a meter point")
    enter.add_argument("label", help="the meter point's label")
    enter.add_argument("digits", nargs="+", help="9 digits, or 15 digits from 1 to 4")
    actions.add_parser("status", help="how each meter point's tokens stand")
    reconcile = actions.add_parser(
        "reconcile", help="after a restore: up to which count tokens are used"
    )
    reconcile.add_argument("label", help="the meter point's label")
    reconcile.add_argument("count", type=whole, help="of the newest token that may be used")
    reconcile.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
    sell = actions.add_parser("issue", help="make a token; on the vendor's own machine")
    sell.add_argument("label", help="the meter point's label")
    sell.add_argument("units", type=whole, help="1 to 995")
    sell.add_argument("--keypad-1234", action="store_true", help="15 digits from 1 to 4")
    sell.add_argument("--keys", type=Path, help="the keys file (default: tokens.keys_file)")
    sell.add_argument("--counts", type=Path, help="the count file (default: KEYS.counts)")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what it did.

    Raises:
        GatewayError: the sentence says what to put right.
    """
    if arguments.action == "issue":
        show(_issue(arguments))
        return 0
    show(asyncio.run(_do(load(arguments.config), arguments)))
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        now_s = int(clock.now_s())
        match arguments.action:
            case "enter":
                settings = token_settings(config)
                if settings is None:
                    raise Permanent(_NOT_TAKEN)
                return await _enter(config, database, settings, arguments, now_s)
            case "reconcile":
                state = await reconcile_tokens(
                    database, arguments.label, arguments.count, arguments.by, now_s
                )
                return (
                    f"{arguments.label}: tokens up to count {state.counter} are used; later ones "
                    "count again"
                )
            case _:
                return _table(config, await find_token_standings(database))


async def _enter(
    config: Config,
    database: Database,
    settings: TokenSettings,
    arguments: argparse.Namespace,
    now_s: int,
) -> str:
    day = f"{datetime.fromtimestamp(now_s, config.zone):%Y-%m-%d}"
    digits = "".join(arguments.digits)
    entry = Entry(arguments.label, digits, CLIENT, day, now_s, is_trusted=True)
    found = await enter_token(database, settings, entry)
    if isinstance(found, Refused):
        raise Permanent(found.sentence)
    return (
        f"{arguments.label}: {found.units} units, "
        f"{show_amount(found.credit.amount_stroops)} {config.chain.token}, count now "
        f"(receipt {found.credit.number})"
    )


def _table(config: Config, standings: list[TokenStanding]) -> str:
    settings = token_settings(config)
    if settings is None:
        return _NOT_TAKEN
    heads = ("meter point", ">last count", "last day", ">units that day", ">wrong", "tokens")
    return table(heads, [_row(one, settings) for one in standings])


def _row(one: TokenStanding, settings: TokenSettings) -> tuple[str, ...]:
    if one.label not in settings.keys:
        state = "no key: none are taken"
    elif one.frozen:
        state = "wait: see `reconcile`"
    else:
        state = "are taken"
    counted = (str(one.counter), one.day or "never", str(one.day_units), str(one.wrong))
    return (one.label, *counted, state)


def _issue(arguments: argparse.Namespace) -> str:
    keys_file: Path | None = arguments.keys
    if keys_file is None:
        config = load(arguments.config)
        if config.tokens is None:
            raise Permanent("name the keys file with --keys, or set tokens.keys_file")
        keys_file = Path(config.tokens.keys_file)
    counts = arguments.counts or keys_file.with_name(f"{keys_file.name}.counts")
    show(f"warning: {WARNING}", sys.stderr)
    count, digits = issue(
        read_token_keys(keys_file),
        counts,
        arguments.label,
        arguments.units,
        restricted=arguments.keypad_1234,
    )
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return f"{arguments.label}: {arguments.units} units, token {' '.join(groups)} (count {count})"
