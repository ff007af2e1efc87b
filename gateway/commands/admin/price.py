"""``gateway admin price`` and ``plan``: dated versions; a daily or weekly plan is part of one."""

from __future__ import annotations

import argparse
from dataclasses import replace

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.domain.batches import Price
from gateway.errors import Permanent
from gateway.ledger.contracts import meter

_AT_ONCE = 16
"""Price versions asked for at a time."""
_FIRST_WORDS = "first second in force (UTC, on the quarter-hour), a day ahead or more"


def add(nouns: Nouns) -> None:
    """Declare both nouns."""
    verbs = nouns.noun("price", "prices: set the next version, withdraw it, list all")
    verb = verbs.verb("set", "set the next price version, with its plans", set_price)
    verb.add_argument(
        "--from",
        dest="since",
        type=words.quarter_hour,
        required=True,
        metavar="TIME",
        help=_FIRST_WORDS,
    )
    for tier in ("off-peak", "standard", "peak"):
        verb.add_argument(
            f"--{tier}", type=words.price, required=True, metavar="TOKENS", help="per kWh"
        )
    for plan in ("daily", "weekly"):
        verb.add_argument(
            f"--{plan}",
            type=words.price,
            default=0,
            metavar="TOKENS",
            help=f"a {plan} plan's price; left out: not offered",
        )
    verb = verbs.verb("withdraw", "take the latest version back before it is in force", withdraw)
    verb.add_argument("version", type=words.count, metavar="VERSION")
    verbs.verb("list", "list all versions", list_prices)
    verbs = nouns.noun("plan", "plans: a daily or weekly price is part of a price version")
    verb = verbs.verb("set", "set the next price version: plans change, rates stay", set_plan)
    verb.add_argument(
        "--from",
        dest="since",
        type=words.quarter_hour,
        required=True,
        metavar="TIME",
        help=_FIRST_WORDS,
    )
    for plan in ("daily", "weekly"):
        verb.add_argument(
            f"--{plan}",
            type=words.price,
            metavar="TOKENS",
            help="0: no longer offered; left out: as it is",
        )
    verbs.verb("list", "list all price versions with their plans", list_prices)


async def set_price(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set the next version."""
    rates = (arguments.off_peak, arguments.standard, arguments.peak)
    await _set(desk, arguments.since, rates, arguments.daily, arguments.weekly)


async def set_plan(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set the next version with the rates of the latest."""
    if arguments.daily is None and arguments.weekly is None:
        raise Permanent("give --daily, --weekly or both")
    prices = await find_prices(desk)
    if not prices:
        raise Permanent("there is no price yet: set one with `gateway admin price set`")
    last = prices[-1]
    new = replace(
        last,
        daily=last.daily if arguments.daily is None else arguments.daily,
        weekly=last.weekly if arguments.weekly is None else arguments.weekly,
    )
    rates = (new.off_peak, new.standard, new.peak)
    await _set(desk, arguments.since, rates, new.daily, new.weekly)


async def _set(
    desk: Desk, since_s: int, rates: tuple[int, int, int], daily: int, weekly: int
) -> None:
    contract = desk.places.find("meter")
    await desk.obtain(
        meter.set_price(contract, since_s, rates, daily, weekly),
        lambda version: f"this is price version {version}",
    )


async def withdraw(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take it back."""
    await desk.do(meter.withdraw_price(desk.places.find("meter"), arguments.version))


async def list_prices(desk: Desk, _: argparse.Namespace) -> None:
    """List all versions, and say which is in force."""
    prices = await find_prices(desk)
    if not prices:
        print("no price is set: nobody can buy a plan, and nothing can be settled")
        return
    now_s = (await desk.client.latest()).closed_s
    print("tokens per kWh, and per plan")
    row = "{:>7}  {:<20}  {:>10}  {:>10}  {:>10}  {:>10}  {:>10}  {}"
    heads = ("version", "from", "off-peak", "standard", "peak", "daily", "weekly", "")
    print(row.format(*heads).rstrip())
    in_force = max((one.version for one in prices if one.effective_from_s <= now_s), default=0)
    for one in prices:
        state = "in force" if one.version == in_force else ""
        shown = (
            words.shown_time(one.effective_from_s),
            *(words.shown_amount(rate) for rate in (one.off_peak, one.standard, one.peak)),
            *(words.shown_amount(plan) if plan else "none" for plan in (one.daily, one.weekly)),
            "to come" if one.effective_from_s > now_s else state,
        )
        print(row.format(one.version, *shown).rstrip())


async def find_prices(desk: Desk) -> list[Price]:
    """Every version, ascending."""
    contract = desk.places.find("meter")
    prices: list[Price] = []
    while True:
        versions = range(len(prices) + 1, len(prices) + 1 + _AT_ONCE)
        keys = [meter.price_key(contract, version) for version in versions]
        entries = await desk.client.read(keys)
        values = [entries.value(key) for key in keys]
        prices += [meter.decode_price(value) for value in values if value is not None]
        if None in values:
            return prices
