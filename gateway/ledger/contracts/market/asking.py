"""Questions to the ``market`` contract; they change nothing and need no signature."""

from __future__ import annotations

from gateway.ledger.contracts.calls import CallFor, call_for
from gateway.ledger.contracts.market.answers import (
    Holding,
    Listing,
    Quote,
    Reserve,
    Terms,
    decode_holding,
    decode_listing,
    decode_quote,
    decode_reserve,
    decode_terms,
)
from gateway.ledger.contracts.values import (
    address,
    to_address,
    to_flag,
    to_i64,
    to_i128,
    to_list,
    to_optional,
    to_u32,
    to_u64,
    u32,
    u64,
)


def get_terms(contract: str) -> CallFor[Terms]:
    """Everything that the provider has set."""
    return call_for(decode_terms, contract, "get_terms")


def price(contract: str) -> CallFor[int]:
    """The platform's own price, stroops per kWh."""
    return call_for(to_i64, contract, "price")


def commission_rate(contract: str) -> CallFor[int]:
    """The commission, basis points."""
    return call_for(to_u32, contract, "commission_rate")


def refund_rate(contract: str) -> CallFor[int]:
    """What is given back for unused energy, basis points."""
    return call_for(to_u32, contract, "refund_rate")


def global_reserve_limit(contract: str) -> CallFor[int]:
    """What all listings and the reserve may hold, Wh."""
    return call_for(to_u64, contract, "global_reserve_limit")


def user_reserve_limit(contract: str) -> CallFor[int]:
    """What one producer may have listed, Wh."""
    return call_for(to_u64, contract, "user_reserve_limit")


def site_open(contract: str, site: int) -> CallFor[bool]:
    """Whether a site's meters may be bought for."""
    return call_for(to_flag, contract, "site_open", site=u32(site))


def quote(contract: str, producer: str, wh: int) -> CallFor[Quote]:
    """What buying costs now, exactly."""
    return call_for(decode_quote, contract, "quote", producer=address(producer), wh=u32(wh))


def get_listing(contract: str, producer: str) -> CallFor[Listing]:
    """What a producer sells; zeros for nothing."""
    return call_for(decode_listing, contract, "get_listing", producer=address(producer))


def get_listings(contract: str, offset: int, limit: int) -> CallFor[tuple[Listing, ...]]:
    """1 to 50 listings."""
    return call_for(
        to_list(decode_listing), contract, "get_listings", offset=u32(offset), limit=u32(limit)
    )


def get_energy_balance(contract: str, user: str) -> CallFor[int]:
    """What a producer has listed, Wh."""
    return call_for(to_u64, contract, "get_energy_balance", user=address(user))


def get_token_balance(contract: str, user: str) -> CallFor[int]:
    """What a producer can withdraw, stroops."""
    return call_for(to_i128, contract, "get_token_balance", user=address(user))


def get_holding(contract: str, meter_id: int) -> CallFor[Holding | None]:
    """Bought energy that a meter has still to use, if any."""
    return call_for(to_optional(decode_holding), contract, "get_holding", meter_id=u64(meter_id))


def get_reserve(contract: str) -> CallFor[Reserve]:
    """The platform's own money and energy."""
    return call_for(decode_reserve, contract, "get_reserve")


def get_token(contract: str) -> CallFor[str]:
    """The token that is paid in."""
    return call_for(to_address, contract, "get_token")


def get_certification(contract: str) -> CallFor[str]:
    """The contract that knows who may sell."""
    return call_for(to_address, contract, "get_certification")


def get_meter(contract: str) -> CallFor[str]:
    """The contract that energy is drawn from."""
    return call_for(to_address, contract, "get_meter")
