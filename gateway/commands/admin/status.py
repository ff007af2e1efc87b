"""``gateway admin status``: what is where, what it holds, what it costs, what comes next."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.commands.admin.price import list_prices
from gateway.errors import Permanent
from gateway.ledger.contracts import certification, electric, market, meter, scheduler, upkeep
from gateway.ledger.contracts.calls import code_of, instance_key


def add(nouns: Nouns) -> None:
    """Declare the verb."""
    nouns.verb("status", "show contracts, balances, sites, prices, upgrades", show)


async def show(desk: Desk, arguments: argparse.Namespace) -> None:
    """Show everything that the addresses' file names."""
    if not desk.places.known:
        raise Permanent(
            f"{desk.places.path} names no contract on {desk.network.name}: "
            "deploy, or name another file with --addresses"
        )
    stamp = await desk.client.latest()
    print(
        f"{desk.network.name}: ledger {stamp.sequence}, closed {words.shown_time(stamp.closed_s)}"
    )
    for name, contract in desk.places.known.items():
        await _show_contract(desk, name, contract)
    if "meter" in desk.places.known:
        for site in desk.places.sites:
            await _show_site(desk, desk.places.known["meter"], site)
        print()
        await list_prices(desk, arguments)


async def _show_contract(desk: Desk, name: str, contract: str) -> None:
    print(f"\n{name}  {contract}")
    key = instance_key(contract)
    entries = await desk.client.read([key])
    instance = entries.value(key)
    if instance is None:
        print("  isn't there: the address is of another network")
        return
    if key.to_xdr() in entries.archived:
        print(f"  archived: its rent has run out; `gateway admin extend {name}` brings it back")
    code = code_of(instance)
    if code is None:
        print("  an asset's own contract, which belongs to the network")
        return
    print(f"  code      {code.hex()}")
    print(f"  admin     {await desk.ask(upkeep.get_admin(contract)) or 'nobody'}")
    print(f"  paused    {'yes' if await desk.ask(upkeep.paused(contract)) else 'no'}")
    upgrade = await desk.ask(upkeep.get_upgrade(contract))
    if upgrade:
        print(f"  upgrade   {upgrade.wasm_hash.hex()}")
        print(f"            possible from {words.shown_time(upgrade.ready_s)} on")
    for what, stroops in (await _sums(desk, name, contract)).items():
        print(f"  {what:<9} {words.shown_amount(stroops)} tokens")


async def _sums(desk: Desk, name: str, contract: str) -> dict[str, int]:
    """What a contract holds, and what of it is the provider's, stroops."""
    sums = {}
    if name in {"meter", "certification", "market"}:
        token = await desk.ask(meter.get_token(contract))  # the same question to all three
        sums["holds"] = await desk.ask(electric.balance(token, contract))
    match name:
        case "certification":
            sums["earned"] = await desk.ask(certification.get_earned_fees(contract))
        case "market":
            sums["reserve"] = (await desk.ask(market.get_reserve(contract))).funds
        case "scheduler":
            provider = await desk.ask(scheduler.get_provider(contract))
            print(f"  provider  {provider}")
    return sums


async def _show_site(desk: Desk, contract: str, site: int) -> None:
    found = await desk.ask(meter.get_site(contract, site))
    receipt = await desk.ask(meter.get_receipt(contract, site))
    held = await desk.ask(meter.get_float(contract, site))
    print(f"\nsite {site}")
    print(f"  meters    {found.next_slot}")
    print(f"  operator  {found.operator}")
    print(f"  signers   {len(found.signers)}")
    if receipt is None:
        print("  settled   nothing yet")
    else:
        print(f"  settled   batch {receipt.sequence}, until {words.shown_time(receipt.to_s)}")
        print(f"            {words.shown_wh(receipt.total_wh)} ever")
    print(f"  float     {words.shown_amount(held.balance)} tokens")
