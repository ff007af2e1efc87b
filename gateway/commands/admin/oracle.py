"""``gateway admin oracle``: which gateways' keys report hourly usage of streaming meters."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import oracle


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("oracle", "writers of the oracle: allow, disallow, list")
    for name, purpose, act in (
        ("allow", "let a gateway's key report for a village; again changes nothing", allow),
        ("disallow", "take that right away", disallow),
    ):
        verb = verbs.verb(name, purpose, act)
        verb.add_argument("site", type=words.site, metavar="SITE")
        verb.add_argument("writer", type=words.account, metavar="ADDRESS", help="G...")
    verb = verbs.verb("list", "list who may report for a village", list_writers)
    verb.add_argument("site", type=words.site, metavar="SITE")


async def allow(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let a key report."""
    contract = desk.places.find("oracle")
    await desk.do(oracle.allow(contract, arguments.site, arguments.writer))


async def disallow(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that right away."""
    contract = desk.places.find("oracle")
    await desk.do(oracle.disallow(contract, arguments.site, arguments.writer))


async def list_writers(desk: Desk, arguments: argparse.Namespace) -> None:
    """List them."""
    contract = desk.places.find("oracle")
    writers = await desk.ask(oracle.get_writers(contract, arguments.site))
    for one in writers:
        print(one)
    if not writers:
        print(f"nobody may report for site {arguments.site} yet")
