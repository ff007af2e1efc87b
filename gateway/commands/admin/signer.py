"""``gateway admin signer``: which gateways' keys may settle for a village."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.ledger.contracts import meter


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("signer", "gateways' keys: allow, disallow")
    for name, purpose, act in (
        ("allow", "let a gateway's key settle for a village; again changes nothing", allow),
        ("disallow", "take that right away", disallow),
    ):
        verb = verbs.verb(name, purpose, act)
        verb.add_argument("site", type=words.site, metavar="SITE")
        verb.add_argument("signer", type=words.account, metavar="ADDRESS", help="G...")


async def allow(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let a key settle."""
    contract = desk.places.find("meter")
    await desk.do(meter.allow(contract, arguments.site, arguments.signer))


async def disallow(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take that right away."""
    contract = desk.places.find("meter")
    await desk.do(meter.disallow(contract, arguments.site, arguments.signer))
