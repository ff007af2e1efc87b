"""Calls of the ``market`` contract that change something, by whoever has to sign them."""

from __future__ import annotations

from stellar_sdk import xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for, create
from gateway.ledger.contracts.market.answers import (
    Quote,
    decode_quote,
)
from gateway.ledger.contracts.values import (
    address,
    flag,
    i64,
    i128,
    to_i64,
    u32,
    u64,
)


def constructor(
    wasm_hash: bytes,
    deployer: str,
    admin: str,
    *,
    token: str,
    certification: str,
    meter: str,
    salt: bytes | None = None,
) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who sets the terms.
        token: the SEP-41 token that is paid in.
        certification: the contract that knows who may sell, and how much they exported.
        meter: the contract that energy is drawn from.
        salt: of the address, 32 bytes; drawn when None.
    """
    arguments = [address(one) for one in (admin, token, certification, meter)]
    return create(wasm_hash, deployer, arguments, salt)


# By the admin


def set_price(contract: str, price: int) -> Call:
    """Set the platform's own price, stroops per kWh."""
    return call(contract, "set_price", price=i64(price))


def set_commission_rate(contract: str, rate: int) -> Call:
    """Set the commission, basis points."""
    return call(contract, "set_commission_rate", rate=u32(rate))


def set_refund_rate(contract: str, rate: int) -> Call:
    """Set what is given back for unused energy, basis points."""
    return call(contract, "set_refund_rate", rate=u32(rate))


def set_global_reserve_limit(contract: str, wh: int) -> Call:
    """Set what all listings and the reserve may hold, Wh."""
    return call(contract, "set_global_reserve_limit", wh=u64(wh))


def set_user_reserve_limit(contract: str, wh: int) -> Call:
    """Set what one producer may have listed, Wh."""
    return call(contract, "set_user_reserve_limit", wh=u64(wh))


def set_site_open(contract: str, site: int, *, is_open: bool) -> Call:
    """Switch the market on or off for a site."""
    opened: dict[str, xdr.SCVal] = {"open": flag(is_open)}
    return call(contract, "set_site_open", site=u32(site), **opened)


def sell_reserve(contract: str, wh: int, price: int) -> Call:
    """Offer energy of the reserve: Wh, stroops per kWh."""
    return call(contract, "sell_reserve", wh=u64(wh), price=i64(price))


def withdraw_funds(contract: str, to: str, amount: int) -> Call:
    """Pay the platform's funds out, stroops; never sellers' money."""
    return call(contract, "withdraw_funds", to=address(to), amount=i128(amount))


# By sellers; by the admin for the market's own listing


def add_energy_for_sale(contract: str, producer: str, wh: int, price: int) -> Call:
    """Offer exported energy: Wh, stroops per kWh for the whole listing."""
    return call(
        contract, "add_energy_for_sale", producer=address(producer), wh=u64(wh), price=i64(price)
    )


def set_listing_price(contract: str, producer: str, price: int) -> Call:
    """Set the price of a listing, stroops per kWh."""
    return call(contract, "set_listing_price", producer=address(producer), price=i64(price))


def remove_energy_from_sale(contract: str, producer: str, wh: int) -> Call:
    """Undo :func:`add_energy_for_sale`, Wh."""
    return call(contract, "remove_energy_from_sale", producer=address(producer), wh=u64(wh))


def withdraw_balance(contract: str, user: str, amount: int) -> Call:
    """Take out what was earned, stroops; by the seller."""
    return call(contract, "withdraw_balance", user=address(user), amount=i128(amount))


# By buyers, and by anyone


def buy_energy_from_user(
    contract: str, buyer: str, producer: str, meter_id: int, wh: int, *, max_total: int
) -> CallFor[Quote]:
    """Buy energy for a meter; by the buyer. Answers what it cost.

    Args:
        contract: the contract's address.
        buyer: who pays.
        producer: who sells.
        meter_id: which meter may use it.
        wh: how much, Wh.
        max_total: the most it may cost, stroops.
    """
    return call_for(
        decode_quote,
        contract,
        "buy_energy_from_user",
        buyer=address(buyer),
        producer=address(producer),
        meter_id=u64(meter_id),
        wh=u32(wh),
        max_total=i64(max_total),
    )


def refund_energy(contract: str, buyer: str, meter_id: int, wh: int) -> CallFor[int]:
    """Give unused energy back, Wh; by the buyer. Answers what is paid for it, stroops."""
    return call_for(
        to_i64,
        contract,
        "refund_energy",
        buyer=address(buyer),
        meter_id=u64(meter_id),
        wh=u32(wh),
    )


def fund_reserve(contract: str, payer: str, amount: int) -> Call:
    """Pay into the platform's funds, stroops; by the payer."""
    return call(contract, "fund_reserve", payer=address(payer), amount=i128(amount))


def extend(contract: str, offset: int, limit: int) -> Call:
    """Keep the contract, its code and 1 to 50 listings alive."""
    return call(contract, "extend", offset=u32(offset), limit=u32(limit))


def extend_site(contract: str, site: int, first_slot: int, limit: int) -> Call:
    """Keep a site's switch and the holdings of 1 to 50 of its meters alive."""
    return call(
        contract, "extend_site", site=u32(site), first_slot=u32(first_slot), limit=u32(limit)
    )
