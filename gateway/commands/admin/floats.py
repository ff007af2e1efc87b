"""``gateway admin float``: money paid in ahead, from which cash taken in a village is credited."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import meter


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("float", "a village's float for cash: fund, withdraw, show")
    verb = verbs.verb("fund", "pay in, from the tokens of the key's account", fund)
    verb.add_argument("site", type=words.site, metavar="SITE")
    verb.add_argument("amount", type=words.amount, metavar="TOKENS")
    verb = verbs.verb("withdraw", "take out again, with the key of the site's operator", withdraw)
    verb.add_argument("site", type=words.site, metavar="SITE")
    verb.add_argument("amount", type=words.amount, metavar="TOKENS")
    verb.add_argument("--to", type=words.address, metavar="ADDRESS", help="else the key's account")
    verb = verbs.verb("show", "show the float and the last credit", show)
    verb.add_argument("site", type=words.site, metavar="SITE")


async def fund(desk: Desk, arguments: argparse.Namespace) -> None:
    """Pay in."""
    contract = desk.places.find("meter")
    await desk.do(meter.fund_float(contract, desk.me, arguments.site, arguments.amount))


async def withdraw(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take out."""
    contract = desk.places.find("meter")
    to = arguments.to or desk.me
    await desk.do(meter.withdraw_float(contract, arguments.site, to, arguments.amount))


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show it."""
    found = await desk.ask(meter.get_float(desk.places.find("meter"), arguments.site))
    print(f"site {arguments.site}")
    print(f"  float        {words.shown_amount(found.balance)} tokens")
    if not found.sequence:
        print("  last credit  none yet")
        return
    print(f"  last credit  number {found.sequence}, {words.shown_time(found.closed_s)}")
    print(f"               {words.shown_amount(found.credited)} tokens credited")
    print(f"               {words.shown_amount(found.refused)} tokens refused, still in the float")
    print(f"  credited     {words.shown_amount(found.total_credited)} tokens, ever")
