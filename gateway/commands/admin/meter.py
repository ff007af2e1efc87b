"""``gateway admin meter``: meter points on the contract, one or a village's."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.commands.admin.roll import read_roll, still_to_register
from gateway.errors import Permanent
from gateway.ledger.contracts import meter


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("meter", "meters: register, switch off and on, owner, power, migrate")
    verb = verbs.verb("register", "register a meter, or all those of a CSV file", register)
    verb.add_argument(
        "meter", type=words.meter_id, nargs="?", metavar="SITE/SLOT", help="the site's next slot"
    )
    verb.add_argument(
        "--max-power", type=words.watts, metavar="W", help="the most that it can draw"
    )
    verb.add_argument(
        "--mode", choices=meter.MODES, default="prepaid", help="never changed later (prepaid)"
    )
    verb.add_argument("--owner", type=words.address, metavar="ADDRESS", help="else the operator")
    verb.add_argument(
        "--csv",
        type=words.file,
        metavar="FILE",
        help="with a head line slot,max_power_w and, if you like, mode,owner; needs --site",
    )
    verb.add_argument("--site", type=words.site, metavar="SITE", help="whose meters the file names")
    for name, purpose, act in (
        ("deactivate", "switch a meter off, whatever it has paid", deactivate),
        ("activate", "let a meter that was switched off go on", activate),
        ("show", "show a meter: access, balance, usage", show),
    ):
        verbs.verb(name, purpose, act).add_argument(
            "meter", type=words.meter_id, metavar="SITE/SLOT"
        )
    verb = verbs.verb("owner", "name whose meter it is", set_owner)
    verb.add_argument("meter", type=words.meter_id, metavar="SITE/SLOT")
    verb.add_argument("owner", type=words.address, metavar="ADDRESS")
    verb = verbs.verb("max-power", "say how much a meter can draw", set_max_power)
    verb.add_argument("meter", type=words.meter_id, metavar="SITE/SLOT")
    verb.add_argument("max_power", type=words.watts, metavar="W")
    verb = verbs.verb("migrate", "move meters from the earlier layout; again: nothing", migrate)
    verb.add_argument("meter", type=words.meter_id, nargs="?", metavar="SITE/SLOT")
    verb.add_argument("--site", type=words.site, metavar="SITE", help="all that are left of a site")


async def register(desk: Desk, arguments: argparse.Namespace) -> None:
    """Register one, or a file's; a file is checked whole before anything is sent."""
    if arguments.csv is not None:
        await _register_roll(desk, arguments)
        return
    if arguments.meter is None or arguments.max_power is None:
        raise Permanent("give SITE/SLOT and --max-power, or --csv FILE and --site")
    contract = desk.places.find("meter")
    site = await desk.ask(meter.get_site(contract, arguments.meter >> 32))
    owner = arguments.owner or site.operator
    await desk.do(
        meter.register_meter(contract, arguments.meter, owner, arguments.max_power, arguments.mode)
    )


async def _register_roll(desk: Desk, arguments: argparse.Namespace) -> None:
    if arguments.site is None:
        raise Permanent("give --site with --csv: whose meters are they?")
    contract = desk.places.find("meter")
    roll = read_roll(arguments.csv)
    site = await desk.ask(meter.get_site(contract, arguments.site))
    there = {
        row.slot: await desk.ask(meter.get_meter(contract, arguments.site << 32 | row.slot))
        for row in roll
        if row.slot < site.next_slot
    }
    rows = still_to_register(roll, there, site.next_slot)
    print(f"{len(rows)} to register, {len(there)} registered already")
    for number, row in enumerate(rows):
        meter_id = arguments.site << 32 | row.slot
        owner = row.owner or site.operator
        call = meter.register_meter(contract, meter_id, owner, row.max_power_w, row.mode)
        if desk.dry_run and number:
            print(f"  and {len(rows) - number} more, each about as much; they follow each other,")
            print("  so the network can only be asked about the first")
            break
        await desk.do(call)


async def deactivate(desk: Desk, arguments: argparse.Namespace) -> None:
    """Switch it off."""
    await desk.do(meter.deactivate_meter(desk.places.find("meter"), arguments.meter))


async def activate(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let it go on."""
    await desk.do(meter.activate_meter(desk.places.find("meter"), arguments.meter))


async def set_owner(desk: Desk, arguments: argparse.Namespace) -> None:
    """Name whose it is."""
    await desk.do(meter.set_owner(desk.places.find("meter"), arguments.meter, arguments.owner))


async def set_max_power(desk: Desk, arguments: argparse.Namespace) -> None:
    """Say how much it can draw."""
    contract = desk.places.find("meter")
    await desk.do(meter.set_max_power(contract, arguments.meter, arguments.max_power))


async def migrate(desk: Desk, arguments: argparse.Namespace) -> None:
    """Move one, or all that are left of a site."""
    contract = desk.places.find("meter")
    if (arguments.meter is None) == (arguments.site is None):
        raise Permanent("give either SITE/SLOT or --site")
    if arguments.meter is not None:
        left = [arguments.meter]
    else:
        site = await desk.ask(meter.get_site(contract, arguments.site))
        all_of_them = [arguments.site << 32 | slot for slot in range(site.next_slot)]
        keys = [meter.legacy_key(contract, one) for one in all_of_them]
        found = (await desk.client.read(keys)).found if keys else {}
        pairs = zip(all_of_them, keys, strict=True)
        left = [one for one, key in pairs if key.to_xdr() in found]
        print(f"{len(left)} of {site.next_slot} meters are in the earlier layout")
    for meter_id in left:
        await desk.obtain(
            meter.migrate_meter(contract, meter_id),
            lambda version: f"its record has version {version}",
        )


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show it, with units."""
    contract = desk.places.find("meter")
    found = await desk.ask(meter.get_meter(contract, arguments.meter))
    owner = await desk.ask(meter.get_owner(contract, arguments.meter))
    supply = "active" if found.active else "inactive"
    rows = {
        "state": "switched off by the provider" if found.deactivated else supply,
        "mode": found.mode,
        "owner": owner,
        "max power": f"{found.max_power_w} W",
        "balance": f"{words.shown_amount(found.balance)} tokens",
        "used": words.shown_wh(found.total_wh),
        "bought energy": words.shown_wh(found.market_credit_wh),
        "plan": _plan(found),
        "read until": words.shown_time(found.last_read_s),
    }
    print(f"meter {words.shown_meter(arguments.meter)} ({arguments.meter})")
    for name, value in rows.items():
        print(f"  {name:<13}  {value}")


def _plan(found: meter.MeterState) -> str:
    if found.plan is None:
        return "never one"
    name = found.plan.name.lower().replace("_", "-")
    return (
        f"{name}, paid until {words.shown_time(found.paid_until_s)}" if found.paid_until_s else name
    )
