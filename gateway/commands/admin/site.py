"""``gateway admin site``: villages on the meter contract."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.errors import Permanent
from gateway.ledger.contracts import meter


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("site", "villages: add, remove, name the operator")
    verb = verbs.verb("add", "add a village", add_site)
    verb.add_argument("site", type=words.site, metavar="SITE", help="its number, once for all")
    verb.add_argument(
        "--operator",
        type=words.address,
        metavar="ADDRESS",
        help="who runs it and may take its float out again; else you",
    )
    verb = verbs.verb("remove", "remove a village that has no meter", remove_site)
    verb.add_argument("site", type=words.site, metavar="SITE")
    verb = verbs.verb("operator", "name who runs a village", set_operator)
    verb.add_argument("site", type=words.site, metavar="SITE")
    verb.add_argument("operator", type=words.address, metavar="ADDRESS")
    verb = verbs.verb("show", "show a village: operator, signers, meters", show)
    verb.add_argument("site", type=words.site, metavar="SITE")


async def add_site(desk: Desk, arguments: argparse.Namespace) -> None:
    """Add it unless it is there, and remember it in the addresses' file."""
    contract = desk.places.find("meter")
    key = meter.site_key(contract, arguments.site)
    there = (await desk.client.read([key])).value(key)
    if there is None:
        await desk.do(meter.add_site(contract, arguments.site, arguments.operator or desk.me))
    else:
        operator = meter.decode_site(there).operator
        if arguments.operator not in {None, operator}:
            raise Permanent(
                f"site {arguments.site} is there already, and {operator} runs it: "
                "use `gateway admin site operator` to change that"
            )
        print(f"site {arguments.site} is there already")
    if not desk.dry_run and arguments.site not in desk.places.sites:
        desk.places.sites.append(arguments.site)
        desk.places.save()


async def remove_site(desk: Desk, arguments: argparse.Namespace) -> None:
    """Remove it, and forget it in the addresses' file."""
    await desk.do(meter.remove_site(desk.places.find("meter"), arguments.site))
    if not desk.dry_run and arguments.site in desk.places.sites:
        desk.places.sites.remove(arguments.site)
        desk.places.save()


async def set_operator(desk: Desk, arguments: argparse.Namespace) -> None:
    """Name who runs it."""
    contract = desk.places.find("meter")
    await desk.do(meter.set_operator(contract, arguments.site, arguments.operator))


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show it."""
    found = await desk.ask(meter.get_site(desk.places.find("meter"), arguments.site))
    print(f"site {arguments.site}")
    print(f"  operator   {found.operator}")
    print(f"  meters     {found.next_slot}")
    for signer in found.signers:
        print(f"  signer     {signer}")
    if not found.signers:
        print("  signer     none yet: allow the gateway's key, or nothing can be settled")
