"""``gateway admin`` ``pause``, ``unpause``, ``extend``, ``upgrade``, ``admin``, ``withdraw``.

What every contract has. An upgrade is announced a week ahead; an admin hands over in two steps.
"""

from __future__ import annotations

import argparse
import hashlib

from gateway.commands.admin import words
from gateway.commands.admin.certification import AT_ONCE, find_producers
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.commands.admin.market import find_listings
from gateway.commands.admin.places import CONTRACTS
from gateway.errors import Permanent
from gateway.ledger.contracts import (
    certification,
    electric,
    market,
    meter,
    oracle,
    scheduler,
    upkeep,
)
from gateway.ledger.contracts.calls import Call, code_key, upload
from gateway.ledger.contracts.meter import Site

LEDGERS_A_DAY = 17_280
"""One every five seconds."""
DAYS_TO_ACCEPT = 7
PAGE_SLOTS = 64


def add(nouns: Nouns) -> None:
    """Declare the nouns and verbs."""
    for name, purpose, act in (
        ("pause", "stop money and energy of a contract; reading goes on", pause),
        ("unpause", "let them go on", unpause),
    ):
        _add_contract(nouns.verb(name, purpose, act))
    verb = nouns.verb("extend", "keep contracts alive on the chain, with all they hold", extend)
    verb.add_argument("contract", nargs="*", metavar="CONTRACT", help="none named: all")
    verbs = nouns.noun("upgrade", "new code for a contract: announce, withdraw, do")
    verb = verbs.verb("announce", "announce code, which may run a week later", announce)
    _add_contract(verb)
    verb.add_argument("--wasm", type=words.file, required=True, metavar="FILE", help="the code")
    _add_contract(verbs.verb("withdraw", "take an announcement back", withdraw_upgrade))
    _add_contract(verbs.verb("do", "run the announced code from now on", do_upgrade))
    verbs = nouns.noun("admin", "who administers a contract: show, transfer, accept, withdraw")
    _add_contract(verbs.verb("show", "show the admin", show_admin))
    verb = verbs.verb("transfer", "offer it to another key, which has to accept", transfer)
    _add_contract(verb)
    verb.add_argument("new_admin", type=words.address, metavar="ADDRESS")
    verb.add_argument(
        "--days", type=words.count, default=DAYS_TO_ACCEPT, help="how long the offer stands (7)"
    )
    _add_contract(verbs.verb("accept", "accept it, with the new key", accept))
    verb = verbs.verb("withdraw", "take an offer back", withdraw_offer)
    _add_contract(verb)
    verb.add_argument("new_admin", type=words.address, metavar="ADDRESS")
    verb = nouns.verb("withdraw", "pay out what a contract has earned", withdraw)
    verb.add_argument("contract", choices=("meter", "certification", "market"))
    verb.add_argument("amount", type=words.amount, metavar="TOKENS")
    verb.add_argument("--to", type=words.address, metavar="ADDRESS", help="else the key's account")


def _add_contract(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", choices=CONTRACTS)


async def pause(desk: Desk, arguments: argparse.Namespace) -> None:
    """Stop money and energy."""
    await desk.do(upkeep.pause(desk.places.find(arguments.contract)))


async def unpause(desk: Desk, arguments: argparse.Namespace) -> None:
    """Let them go on."""
    await desk.do(upkeep.unpause(desk.places.find(arguments.contract)))


async def announce(desk: Desk, arguments: argparse.Namespace) -> None:
    """Upload the code unless it is there, and announce it."""
    contract = desk.places.find(arguments.contract)
    code = arguments.wasm.read_bytes()
    wasm_hash = hashlib.sha256(code).digest()
    if not (await desk.client.read([code_key(wasm_hash)])).found:
        prepared = await desk.prepare(upload(code), costly=True)
        shown = {"code": wasm_hash.hex(), "size": f"{len(code)} bytes"}
        await desk.settle(f"{arguments.contract}: upload", shown, prepared)
    await desk.do(upkeep.announce_upgrade(contract, wasm_hash))
    if not desk.dry_run:
        announced = await desk.ask(upkeep.get_upgrade(contract))
        if announced:
            print(f"  possible from {words.shown_time(announced.ready_s)} on")


async def withdraw_upgrade(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take an announcement back."""
    await desk.do(upkeep.withdraw_upgrade(desk.places.find(arguments.contract)))


async def do_upgrade(desk: Desk, arguments: argparse.Namespace) -> None:
    """Run the announced code."""
    contract = desk.places.find(arguments.contract)
    announced = await desk.ask(upkeep.get_upgrade(contract))
    if announced is None:
        raise Permanent(f"no upgrade of {arguments.contract} is announced: announce it first")
    await desk.do(upkeep.upgrade(contract, announced.wasm_hash))
    print(f"  the new code lives 120 days: run `gateway admin extend {arguments.contract}`")


async def show_admin(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show who it is."""
    admin = await desk.ask(upkeep.get_admin(desk.places.find(arguments.contract)))
    print(admin or "nobody")


async def transfer(desk: Desk, arguments: argparse.Namespace) -> None:
    """Offer the administration."""
    contract = desk.places.find(arguments.contract)
    latest = await desk.client.latest()
    until = latest.sequence + max(1, arguments.days * LEDGERS_A_DAY)
    await desk.do(upkeep.transfer_admin_role(contract, arguments.new_admin, until))
    if not desk.dry_run:
        print(f"  it stays yours until `gateway admin admin accept {arguments.contract}` is run")
        print("  with the new key")


async def accept(desk: Desk, arguments: argparse.Namespace) -> None:
    """Accept it."""
    await desk.do(upkeep.accept_admin_transfer(desk.places.find(arguments.contract)))


async def withdraw_offer(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take an offer back."""
    contract = desk.places.find(arguments.contract)
    await desk.do(upkeep.transfer_admin_role(contract, arguments.new_admin, 0))


async def withdraw(desk: Desk, arguments: argparse.Namespace) -> None:
    """Pay out."""
    contract = desk.places.find(arguments.contract)
    to = arguments.to or desk.me
    match arguments.contract:
        case "meter":
            call = meter.withdraw(contract, to, arguments.amount)
        case "certification":
            call = certification.withdraw(contract, to, arguments.amount)
        case _:
            call = market.withdraw_funds(contract, to, arguments.amount)
    await desk.do(call)


async def extend(desk: Desk, arguments: argparse.Namespace) -> None:
    """Renew everything, contract by contract."""
    unknown = set(arguments.contract) - set(CONTRACTS)
    if unknown:
        raise Permanent(f"{', '.join(unknown)}: no contract of ours; known: {', '.join(CONTRACTS)}")
    wanted = arguments.contract or [name for name in CONTRACTS if name in desk.places.known]
    if not wanted:
        raise Permanent(f"{desk.places.path} names no contract on {desk.network.name}")
    if not desk.places.sites:
        print(f"{desk.places.path} names no sites: add them there, like sites = [1, 7]")
    for name in wanted:
        calls = await _extensions(desk, name, desk.places.find(name))
        for call in calls:
            await desk.do(call, costly=True)
        if not calls:
            print(f"{name}: nobody uses it yet; if it expires, its first use brings it back")


async def _extensions(desk: Desk, name: str, contract: str) -> list[Call]:
    """The calls that renew all that a contract holds."""
    sites = desk.places.sites
    match name:
        case "token":
            is_ours = await _is_electric(desk, contract)
            return [electric.extend(contract)] if is_ours else []
        case "meter":
            return [meter.extend(contract, site) for site in sites]
        case "certification":
            return await _of_producers(desk, contract)
        case "market":
            return await _of_market(desk, contract, sites)
        case "oracle":
            found = [(site, await _site(desk, site)) for site in sites]
            return [
                oracle.extend(contract, site, page)
                for site, one in found
                for page in range(-(-one.next_slot // PAGE_SLOTS))
                if await desk.ask(oracle.get_writers(contract, site))
            ]
        case _:
            return [
                scheduler.extend(contract, meter_id)
                for site in sites
                for meter_id in await _with_books(desk, contract, site)
            ]


async def _is_electric(desk: Desk, contract: str) -> bool:
    """An asset's own contract belongs to the network, and nobody extends it here."""
    return await desk.ask(electric.symbol(contract)) == "ELECTRIC"


async def _site(desk: Desk, site: int) -> Site:
    return await desk.ask(meter.get_site(desk.places.find("meter"), site))


async def _of_producers(desk: Desk, contract: str) -> list[Call]:
    producers = await find_producers(desk, contract)
    offsets = range(0, max(1, len(producers)), AT_ONCE)
    calls: list[Call] = [certification.extend(contract, offset, AT_ONCE) for offset in offsets]
    for one in producers:
        calls += [
            certification.extend_audit(contract, one.producer, offset, AT_ONCE)
            for offset in range(0, one.acts, AT_ONCE)
        ]
    return calls


async def _of_market(desk: Desk, contract: str, sites: list[int]) -> list[Call]:
    listings = await find_listings(desk, contract)
    offsets = range(0, max(1, len(listings)), AT_ONCE)
    calls: list[Call] = [market.extend(contract, offset, AT_ONCE) for offset in offsets]
    for site in sites:
        slots = (await _site(desk, site)).next_slot
        calls += [
            market.extend_site(contract, site, first, AT_ONCE)
            for first in range(0, max(1, slots), AT_ONCE)
        ]
    return calls


async def _with_books(desk: Desk, contract: str, site: int) -> list[int]:
    """Meters of a site for which something was ever subscribed or scheduled."""
    slots = (await _site(desk, site)).next_slot
    meter_ids = [site << 32 | slot for slot in range(slots)]
    keys = [scheduler.book_key(contract, meter_id) for meter_id in meter_ids]
    found = (await desk.client.read(keys)).found if keys else {}
    return [one for one, key in zip(meter_ids, keys, strict=True) if key.to_xdr() in found]
