"""What the ``market`` contract answers and announces, typed."""

from __future__ import annotations

from dataclasses import dataclass

from stellar_sdk import xdr

from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.values import (
    Fields,
)


EVENTS: Topics = {
    "bought": ("seller", "meter_id"),
    "refunded": ("meter_id",),
    "listed": ("seller",),
    "unlisted": ("seller",),
    "site": ("site",),
    "terms": (),
    "funded": (),
    "funds_withdrawn": (),
    "balance_withdrawn": ("user",),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the provider has set.

    Args:
        price: the platform's own, stroops per kWh.
        commission_rate: basis points of what energy costs.
        refund_rate: basis points of what unused energy cost.
        global_reserve_limit_wh: what all listings and the reserve may hold, Wh.
        user_reserve_limit_wh: what one producer may have listed, Wh.
    """

    price: int
    commission_rate: int
    refund_rate: int
    global_reserve_limit_wh: int
    user_reserve_limit_wh: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a producer sells.

    Args:
        seller: who; the market itself for its reserve.
        wh: for sale, Wh.
        price: stroops per kWh.
        sold_wh: sold, ever, Wh.
        balance: earned and not withdrawn, stroops.
        remainder: thousandths of a stroop carried on.
        commission_remainder: the same for the commission.
    """

    seller: str
    wh: int
    price: int
    sold_wh: int
    balance: int
    remainder: int
    commission_remainder: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What buying costs, stroops.

    Args:
        energy: to the seller.
        commission: to the platform.
        total: both.
    """

    energy: int
    commission: int
    total: int


@dataclass(frozen=True, slots=True)
class Holding:
    """Bought energy that a meter has still to use.

    Args:
        buyer: who bought it.
        wh: how much is left, Wh.
        cost: what it cost, stroops.
    """

    buyer: str
    wh: int
    cost: int


@dataclass(frozen=True, slots=True)
class Reserve:
    """The platform's own.

    Args:
        funds: stroops.
        wh: given back by buyers, Wh.
    """

    funds: int
    wh: int


def decode_terms(value: xdr.SCVal) -> Terms:
    """What the provider has set."""
    fields = Fields(value)
    return Terms(
        price=fields.i64("price"),
        commission_rate=fields.u32("commission_rate"),
        refund_rate=fields.u32("refund_rate"),
        global_reserve_limit_wh=fields.u64("global_reserve_limit"),
        user_reserve_limit_wh=fields.u64("user_reserve_limit"),
    )


def decode_listing(value: xdr.SCVal) -> Listing:
    """What a producer sells."""
    fields = Fields(value)
    return Listing(
        seller=fields.address("seller"),
        wh=fields.u64("wh"),
        price=fields.i64("price"),
        sold_wh=fields.u64("sold_wh"),
        balance=fields.i128("balance"),
        remainder=fields.u32("remainder"),
        commission_remainder=fields.u32("commission_remainder"),
    )


def decode_quote(value: xdr.SCVal) -> Quote:
    """What buying costs."""
    fields = Fields(value)
    return Quote(fields.i64("energy"), fields.i64("commission"), fields.i64("total"))


def decode_holding(value: xdr.SCVal) -> Holding:
    """Bought energy."""
    fields = Fields(value)
    return Holding(fields.address("buyer"), fields.u32("wh"), fields.i64("cost"))


def decode_reserve(value: xdr.SCVal) -> Reserve:
    """The platform's own."""
    fields = Fields(value)
    return Reserve(fields.i128("funds"), fields.u64("wh"))
