"""Cash: take it and print a numbered receipt, see what was taken, take a payment back."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from datetime import datetime, time

from gateway import app
from gateway.commands.configured import add_config
from gateway.commands.instant import say_instant
from gateway.commands.receipts import find_receipt
from gateway.commands.showing import show, table
from gateway.config import Config, load
from gateway.domain.money import parse_amount, show_amount
from gateway.domain.receipts import Receipt
from gateway.errors import Permanent
from gateway.store.credits import (
    DailyLimit,
    LocalCredit,
    Payment,
    Void,
    find_payments,
    take_payment,
    void_payment,
)
from gateway.store.database import Database

_INTERRUPTED = "interrupted: see `gateway cash list` before you type it again"
_UNDATED = "the time is not known here: write today's date on the receipt by hand"
_SOON_S = 600
_THOUSAND = 3
"""Digits between two dots where dots part thousands."""
STATES = {
    "local": "counted here, on its way to the chain",
    "on_chain": "on chain",
    "refused": "refused by the contract",
    "void": "TAKEN BACK",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``take``, ``receipt``, ``void`` and ``list``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    take = actions.add_parser("take", help="count cash for a meter point and print its receipt")
    take.add_argument("label", help="the meter point's label")
    take.add_argument("amount", help="in tokens, like 12.5")
    take.add_argument("--cashier", required=True, metavar="NAME", help="who takes it")
    take.add_argument("--key", help="of your own: with one key cash is counted once")
    receipt = actions.add_parser("receipt", help="print a receipt again")
    void = actions.add_parser("void", help="take a payment back while it is not on its way")
    for action in (receipt, void):
        action.add_argument("number", help="of the receipt, like 17 or 1-000017")
    void.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
    void.add_argument("--reason", required=True, help="why, one line; it is kept")
    actions.add_parser("list", help="the last hundred payments, of every kind")
    add_config(parser, actions.choices.values())


def run(arguments: argparse.Namespace) -> int:
    """Do it, and print the receipt.

    Raises:
        GatewayError: nothing was counted, and the sentence says why.
    """
    config = load(arguments.config)
    try:
        show(asyncio.run(_do(config, arguments)))
    except KeyboardInterrupt:
        show(_INTERRUPTED, sys.stderr)
        raise
    return 0


async def _do(config: Config, arguments: argparse.Namespace) -> str:
    async with app.opened_store(config) as (database, clock):
        now_s = int(clock.now_s())
        match arguments.action:
            case "take":
                receipt = await _take(config, database, arguments, now_s)
                return receipt if clock.trusted else f"{receipt}\n{_UNDATED}"
            case "receipt":
                _, credit, void = await find_receipt(database, arguments.number)
                return printed(config, credit, void)
            case "void":
                number, _, _ = await find_receipt(database, arguments.number)
                credit, void = await void_payment(
                    database, number, arguments.by, arguments.reason, now_s
                )
                return printed(config, credit, void)
            case _:
                return payments_table(config, await find_payments(database))


async def _take(
    config: Config, database: Database, arguments: argparse.Namespace, now_s: int
) -> str:
    limits = {one.name: one.daily_limit for one in config.cashier}
    if arguments.cashier not in limits:
        known = ", ".join(limits) or "none yet"
        raise Permanent(
            f"{arguments.cashier} is no cashier (known: {known}): add a [[cashier]] table with "
            "name and daily_limit"
        )
    stroops = _amount(arguments.amount)
    payment = Payment(
        label=arguments.label,
        kind="cash",
        amount_stroops=stroops,
        author=arguments.cashier,
        at_s=now_s,
        key=f"cash:{arguments.key or secrets.token_hex(16)}",
    )
    limit = DailyLimit(_day_start_s(config, now_s), parse_amount(limits[arguments.cashier]))
    credit = await take_payment(database, payment, limit)
    receipt = printed(config, credit, None)
    if credit.is_repeated:
        return f"{receipt}\nthis was taken before under the same key: nothing was counted again"
    twin = await _find_twin(database, credit)
    return f"{receipt}\n{_doubt(credit, twin)}" if twin else receipt


async def _find_twin(database: Database, credit: LocalCredit) -> LocalCredit | None:
    """Cash of the same amount for the same meter, taken a moment ago: perhaps the same money."""
    for one in await find_payments(database):
        is_same = (one.label, one.kind, one.amount_stroops) == (
            credit.label,
            "cash",
            credit.amount_stroops,
        )
        if is_same and one.receipt < credit.receipt and one.state != "void":
            return one if credit.at_s - one.at_s < _SOON_S else None
    return None


def _doubt(credit: LocalCredit, twin: LocalCredit) -> str:
    return (
        f"receipt {twin.number} is of the same amount for the same meter, a moment ago. Is it the "
        f"same money? Then take this one back: `gateway cash void {credit.number}`"
    )


def _amount(text: str) -> int:
    """Stroops of what a cashier types; 1.000 is one to some and a thousand to others."""
    whole, _, part = text.strip().partition(".")
    if len(part) == _THOUSAND and part.isdecimal() and whole.isdecimal():
        raise Permanent(
            f"{text[:40]} is {whole} and a part to some, and thousands to others: write "
            f"{whole}{part}, or {whole}.{part}0"
        )
    try:
        return parse_amount(text)
    except ValueError as error:
        raise Permanent(str(error)) from None


def _day_start_s(config: Config, now_s: int) -> int:
    today = datetime.fromtimestamp(now_s, config.zone).date()
    return int(datetime.combine(today, time(), config.zone).timestamp())


def printed(config: Config, credit: LocalCredit, void: Void | None) -> str:
    """A receipt's text, with its counter-entry where it was taken back."""
    note = [] if void else ["Keep this receipt."]
    note.append(f"State: {STATES[credit.state]}.")
    if credit.reason:
        note.append(f"{credit.reason}.")
    if void is not None:
        when = say_instant(void.at_s, config.zone)
        note.append(f"Taken back by receipt {void.number}, {when}, {void.author}: {void.reason}.")
    return Receipt(
        village=config.gateway.name,
        number=credit.number,
        when=say_instant(credit.at_s, config.zone),
        lines=[("Meter", credit.label), ("Paid by", credit.kind), ("Taken by", credit.author)],
        total=f"{show_amount(credit.amount_stroops)} {config.chain.token}",
        note=note,
        title="TAKEN BACK: NO MONEY" if void else "RECEIPT",
    ).text()


_SHORT_STATES = {"local": "waits", "on_chain": "on chain", "refused": "refused", "void": "VOID"}


def payments_table(config: Config, payments: list[LocalCredit]) -> str:
    """Payments, a line each."""
    if not payments:
        return "no payment was taken here yet"
    heads = ("receipt", "time", "meter point", "how", f">{config.chain.token}", "by", "state")
    return table(heads, [_row(config, one) for one in payments])


def _row(config: Config, one: LocalCredit) -> tuple[str, ...]:
    return (
        one.number,
        say_instant(one.at_s, config.zone),
        one.label,
        one.kind,
        show_amount(one.amount_stroops),
        one.author,
        _SHORT_STATES[one.state],
    )
