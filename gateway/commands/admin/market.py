"""``gateway admin market``: on which terms neighbours sell each other energy."""

from __future__ import annotations

import argparse

from gateway.commands.admin import words
from gateway.commands.admin.desk import Desk
from gateway.commands.admin.grammar import Nouns
from gateway.errors import Permanent
from gateway.ledger.contracts import market, meter

AT_ONCE = 50


def add(nouns: Nouns) -> None:
    """Declare the noun."""
    verbs = nouns.noun("market", "the energy market: switch on, limits, rates, price, reserve")
    verbs.verb("set", "let meters draw energy of the market: name it on the meter contract", use)
    verbs.verb("unset", "name no market on the meter contract any more", use_none)
    verb = verbs.verb("limits", "set how much may be for sale", set_limits)
    verb.add_argument("--total", type=words.watt_hours, metavar="WH", help="of all together")
    verb.add_argument("--producer", type=words.watt_hours, metavar="WH", help="of each producer")
    verb = verbs.verb("rates", "set commission and refund, in per cent", set_rates)
    verb.add_argument("--commission", type=words.rate, metavar="PERCENT", help="on what is paid")
    verb.add_argument(
        "--refund", type=words.rate, metavar="PERCENT", help="of what unused energy cost"
    )
    verb = verbs.verb("price", "set the platform's own price", set_price)
    verb.add_argument("price", type=words.price, metavar="TOKENS", help="per kWh")
    verb = verbs.verb("site", "switch the market on or off for a village", switch_site)
    verb.add_argument("site", type=words.site, metavar="SITE")
    verb.add_argument("state", choices=("on", "off"))
    verbs.verb("show", "show the terms, the reserve and the listings", show)
    verb = verbs.verb("sell", "offer energy of the reserve", sell_reserve)
    verb.add_argument("wh", type=words.watt_hours, metavar="WH")
    verb.add_argument("price", type=words.price, metavar="TOKENS", help="per kWh")
    verb = verbs.verb("unsell", "take energy of the reserve off the market again", unsell_reserve)
    verb.add_argument("wh", type=words.watt_hours, metavar="WH")
    verb = verbs.verb("fund", "pay into the reserve, which refunds are paid from", fund)
    verb.add_argument("amount", type=words.amount, metavar="TOKENS")


async def use(desk: Desk, _: argparse.Namespace) -> None:
    """Name the market on the meter contract."""
    await desk.do(meter.set_market(desk.places.find("meter"), desk.places.find("market")))


async def use_none(desk: Desk, _: argparse.Namespace) -> None:
    """Name none."""
    await desk.do(meter.set_market(desk.places.find("meter"), None))


async def set_limits(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set one limit or both."""
    contract = desk.places.find("market")
    if arguments.total is None and arguments.producer is None:
        raise Permanent("give --total, --producer or both")
    if arguments.total is not None:
        await desk.do(market.set_global_reserve_limit(contract, arguments.total))
    if arguments.producer is not None:
        await desk.do(market.set_user_reserve_limit(contract, arguments.producer))


async def set_rates(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set one rate or both."""
    contract = desk.places.find("market")
    if arguments.commission is None and arguments.refund is None:
        raise Permanent("give --commission, --refund or both")
    if arguments.commission is not None:
        await desk.do(market.set_commission_rate(contract, arguments.commission))
    if arguments.refund is not None:
        await desk.do(market.set_refund_rate(contract, arguments.refund))


async def set_price(desk: Desk, arguments: argparse.Namespace) -> None:
    """Set the platform's own price."""
    await desk.do(market.set_price(desk.places.find("market"), arguments.price))


async def switch_site(desk: Desk, arguments: argparse.Namespace) -> None:
    """Switch a village on or off."""
    contract = desk.places.find("market")
    is_open = arguments.state == "on"
    await desk.do(market.set_site_open(contract, arguments.site, is_open=is_open))


async def sell_reserve(desk: Desk, arguments: argparse.Namespace) -> None:
    """Offer energy of the reserve."""
    contract = desk.places.find("market")
    await desk.do(market.sell_reserve(contract, arguments.wh, arguments.price))


async def unsell_reserve(desk: Desk, arguments: argparse.Namespace) -> None:
    """Take it off again: the market's own listing is its address's."""
    contract = desk.places.find("market")
    await desk.do(market.remove_energy_from_sale(contract, contract, arguments.wh))


async def fund(desk: Desk, arguments: argparse.Namespace) -> None:
    """Pay in, from the tokens of the key's account."""
    contract = desk.places.find("market")
    await desk.do(market.fund_reserve(contract, desk.me, arguments.amount))


async def show(desk: Desk, _: argparse.Namespace) -> None:
    """Show terms, reserve, sites and listings."""
    contract = desk.places.find("market")
    terms = await desk.ask(market.get_terms(contract))
    reserve = await desk.ask(market.get_reserve(contract))
    rows = {
        "platform's price": f"{words.shown_amount(terms.price)} tokens/kWh",
        "commission": words.shown_rate(terms.commission_rate),
        "refund": words.shown_rate(terms.refund_rate),
        "for sale, at most": f"{words.shown_wh(terms.global_reserve_limit_wh)} together, "
        f"{words.shown_wh(terms.user_reserve_limit_wh)} each producer",
        "reserve": f"{words.shown_amount(reserve.funds)} tokens, {words.shown_wh(reserve.wh)}",
    }
    for site in desk.places.sites:
        is_open = await desk.ask(market.site_open(contract, site))
        rows[f"site {site}"] = "on" if is_open else "off"
    for name, value in rows.items():
        print(f"{name:<18}  {value}")
    listings = [one for one in await find_listings(desk, contract) if one.wh]
    for one in listings:
        seller = "the reserve" if one.seller == contract else one.seller
        price = f"{words.shown_amount(one.price)} tokens/kWh"
        print(f"for sale  {words.shown_wh(one.wh)} at {price} by {seller}")
    if not listings:
        print("nothing is for sale")


async def find_listings(desk: Desk, contract: str) -> list[market.Listing]:
    """Everything that is for sale."""
    listings: list[market.Listing] = []
    while len(listings) % AT_ONCE == 0:
        part = await desk.ask(market.get_listings(contract, len(listings), AT_ONCE))
        listings += part
        if not part:
            break
    return listings
