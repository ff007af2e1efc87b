"""What the ``meter`` contract keeps and answers: keys of its entries, and its structs decoded."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from stellar_sdk import xdr

from gateway.domain.batches import Price, Receipt
from gateway.domain.credits import Float
from gateway.domain.pages import MeterRecord, decode_page
from gateway.ledger.contracts.calls import persistent_key
from gateway.ledger.contracts.values import (
    Fields,
    symbol,
    to_address,
    to_i64,
    to_list,
    to_raw,
    u32,
    u64,
)

MODES = ("prepaid", "streaming", "postpaid")
"""Settlement modes by their number."""


class Plan(IntEnum):
    """How a payment is meant."""

    DAILY = 1
    WEEKLY = 2
    USAGE_BASED = 3


@dataclass(frozen=True, slots=True)
class Site:
    """A village on the contract.

    Args:
        operator: who runs it, and owns its meters unless said otherwise.
        next_slot: the slot that is given out next, so also how many were.
        signers: keys that may settle for it, at most 8.
    """

    operator: str
    next_slot: int
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeterState:
    """A meter as ``get_meter`` tells it.

    Args:
        active: whether it has access now.
        deactivated: whether the admin switched it off.
        mode: 'prepaid', 'streaming' or 'postpaid'.
        max_power_w: the most it can draw, W.
        balance: stroops; below zero: arrears.
        remainder: thousandths of a stroop charged and not yet taken, 0..999.
        total_wh: all usage accepted, ever, Wh.
        market_credit_wh: bought energy that is still to be used, Wh.
        plan: the last one bought; None: never one.
        paid_from_s: start of the plan's window (unix seconds).
        paid_until_s: its end; 0: never one.
        last_read_s: until when usage is accounted for (unix seconds).
        version: of the record.
    """

    active: bool
    deactivated: bool
    mode: str
    max_power_w: int
    balance: int
    remainder: int
    total_wh: int
    market_credit_wh: int
    plan: Plan | None
    paid_from_s: int
    paid_until_s: int
    last_read_s: int
    version: int


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money that was taken in the village, for one meter.

    Args:
        meter_id: whose it is.
        amount: stroops, more than zero.
        plan: what it buys.
    """

    meter_id: int
    amount: int
    plan: Plan


def site_key(contract: str, site: int) -> xdr.LedgerKey:
    """Where a site is kept."""
    return persistent_key(contract, symbol("Site"), u32(site))


def receipt_key(contract: str, site: int) -> xdr.LedgerKey:
    """Where a site's receipt is kept."""
    return persistent_key(contract, symbol("Receipt"), u32(site))


def page_key(contract: str, site: int, page: int) -> xdr.LedgerKey:
    """Where a page of a site's records is kept."""
    return persistent_key(contract, symbol("Page"), u32(site), u32(page))


def price_key(contract: str, version: int) -> xdr.LedgerKey:
    """Where a price version is kept."""
    return persistent_key(contract, symbol("Price"), u32(version))


def float_key(contract: str, site: int) -> xdr.LedgerKey:
    """Where a site's float is kept."""
    return persistent_key(contract, symbol("Float"), u32(site))


def legacy_key(contract: str, meter_id: int) -> xdr.LedgerKey:
    """Where a meter is kept that was not migrated yet."""
    return persistent_key(contract, symbol("LegacyMeter"), u64(meter_id))


def decode_site(value: xdr.SCVal) -> Site:
    """A site, from an entry or an answer."""
    fields = Fields(value)
    return Site(
        operator=fields.address("operator"),
        next_slot=fields.u32("next_slot"),
        signers=fields.of("signers", to_list(to_address)),
    )


def decode_meter(value: xdr.SCVal) -> MeterState:
    """A meter, from an answer."""
    fields = Fields(value)
    plan = fields.u32("plan")
    return MeterState(
        active=fields.flag("active"),
        deactivated=fields.flag("deactivated"),
        mode=MODES[fields.u32("mode")],
        max_power_w=fields.u32("max_power_w"),
        balance=fields.i64("balance"),
        remainder=fields.u32("remainder"),
        total_wh=fields.u64("total_wh"),
        market_credit_wh=fields.u32("market_credit_wh"),
        plan=Plan(plan) if plan else None,
        paid_from_s=fields.u64("paid_from"),
        paid_until_s=fields.u64("paid_until"),
        last_read_s=fields.u64("last_read_at"),
        version=fields.u32("version"),
    )


def decode_receipt(value: xdr.SCVal) -> Receipt:
    """A receipt, from an entry or an answer."""
    fields = Fields(value)
    return Receipt(
        writer=fields.raw("writer"),
        sequence=fields.u64("sequence"),
        previous_digest=fields.raw("previous_digest"),
        digest=fields.raw("digest"),
        from_s=fields.u64("from"),
        to_s=fields.u64("to"),
        price_version=fields.u32("price_version"),
        accepted_wh=fields.u64("accepted_wh"),
        residue_wh=fields.u64("residue_wh"),
        total_wh=fields.u64("total_wh"),
        total_residue_wh=fields.u64("total_residue_wh"),
        root=fields.raw("root"),
        closed_s=fields.u64("closed_at"),
    )


def decode_price(value: xdr.SCVal) -> Price:
    """A price version, from an entry or an answer."""
    fields = Fields(value)
    off_peak, standard, peak = fields.of("energy", to_list(to_i64))
    return Price(
        version=fields.u32("version"),
        effective_from_s=fields.u64("effective_from"),
        off_peak=off_peak,
        standard=standard,
        peak=peak,
        daily=fields.i64("daily"),
        weekly=fields.i64("weekly"),
    )


def decode_page_entry(value: xdr.SCVal) -> list[MeterRecord]:
    """A page's records by index."""
    return decode_page(to_raw(value))


def encode_top_ups(top_ups: Sequence[TopUp]) -> bytes:
    """The top-ups as the contract takes them: their count; meter, amount and plan of each.

    Layout: ``contracts/meter/src/credit.rs``, held to by ``tests/vectors/credit.json``.
    """
    return struct.pack(">I", len(top_ups)) + b"".join(
        struct.pack(">QqI", top_up.meter_id, top_up.amount, top_up.plan) for top_up in top_ups
    )


def decode_float(value: xdr.SCVal) -> Float:
    """A float, from an entry or an answer."""
    fields = Fields(value)
    return Float(
        balance=fields.i64("balance"),
        sequence=fields.u64("sequence"),
        previous_digest=fields.raw("previous_digest"),
        digest=fields.raw("digest"),
        credited=fields.i64("credited"),
        refused=fields.i64("refused"),
        total_credited=fields.i64("total_credited"),
        closed_s=fields.u64("closed_at"),
    )
