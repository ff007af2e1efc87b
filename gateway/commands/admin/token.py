"""``gateway admin token``: ELECTRIC, the provider's own token: grants, new tokens, balances."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import electric


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("token", "the token: grant, mint, balance")
    verb = verbs.verb("grant", "give a user the 10 000 ELECTRIC that everyone gets once", grant)
    verb.add_argument("user", type=words.address, metavar="ADDRESS")
    verb = verbs.verb("mint", "make new tokens", mint)
    verb.add_argument("to", type=words.address, metavar="ADDRESS")
    verb.add_argument("amount", type=words.amount, metavar="TOKENS")
    verb = verbs.verb("balance", "show what somebody holds", balance)
    verb.add_argument("holder", type=words.address, metavar="ADDRESS")


async def grant(desk: Desk, arguments: argparse.Namespace) -> None:
    """Grant once."""
    await desk.do(electric.grant(desk.places.find("token"), arguments.user))


async def mint(desk: Desk, arguments: argparse.Namespace) -> None:
    """Make new tokens."""
    await desk.do(electric.mint(desk.places.find("token"), arguments.to, arguments.amount))


async def balance(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show a balance."""
    held = await desk.ask(electric.balance(desk.places.find("token"), arguments.holder))
    print(f"{words.shown_amount(held)} tokens")
