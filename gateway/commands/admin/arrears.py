"""``gateway admin arrears``: what a household owes and is forgiven, and the reverse of it."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import meter


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("arrears", "arrears: write off, reinstate, show")
    for name, purpose, act in (
        ("write-off", "forgive what a meter owes, or a part of it", write_off),
        ("reinstate", "take a write-off back, or a part of it", reinstate),
    ):
        verb = verbs.verb(name, purpose, act)
        verb.add_argument("meter", type=words.meter_id, metavar="SITE/SLOT")
        verb.add_argument("amount", type=words.amount, metavar="TOKENS")
    verb = verbs.verb("show", "show what a meter owes, and what was written off", show)
    verb.add_argument("meter", type=words.meter_id, metavar="SITE/SLOT")


def _balance(stroops: int) -> str:
    return f"its balance is {words.shown_amount(stroops)} tokens now"


async def write_off(desk: Desk, arguments: argparse.Namespace) -> None:
    """Forgive arrears."""
    contract = desk.places.find("meter")
    await desk.obtain(meter.write_off(contract, arguments.meter, arguments.amount), _balance)


async def reinstate(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that back."""
    contract = desk.places.find("meter")
    await desk.obtain(meter.reinstate(contract, arguments.meter, arguments.amount), _balance)


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show both sums."""
    contract = desk.places.find("meter")
    found = await desk.ask(meter.get_meter(contract, arguments.meter))
    written_off = await desk.ask(meter.get_written_off(contract, arguments.meter))
    print(f"meter {words.shown_meter(arguments.meter)}")
    print(f"  owes         {words.shown_amount(max(0, -found.balance))} tokens")
    print(f"  written off  {words.shown_amount(written_off)} tokens")
