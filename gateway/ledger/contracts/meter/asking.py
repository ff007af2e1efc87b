"""Questions to the ``meter`` contract; they change nothing and need no signature."""

from __future__ import annotations

from gateway.domain.batches import Price, Receipt
from gateway.domain.credits import Float
from gateway.domain.pages import MeterRecord
from gateway.ledger.contracts.calls import CallFor, call_for
from gateway.ledger.contracts.meter.entries import (
    MeterState,
    Site,
    decode_float,
    decode_meter,
    decode_page_entry,
    decode_price,
    decode_receipt,
    decode_site,
)
from gateway.ledger.contracts.values import (
    to_address,
    to_flag,
    to_i64,
    to_optional,
    to_u32,
    to_u64,
    u32,
    u64,
)


def get_token(contract: str) -> CallFor[str]:
    """The token that households pay in."""
    return call_for(to_address, contract, "get_token")


def get_market(contract: str) -> CallFor[str | None]:
    """The market whose energy meters may draw, if any."""
    return call_for(to_optional(to_address), contract, "get_market")


def get_site(contract: str, site: int) -> CallFor[Site]:
    """A village: operator, signers, next slot."""
    return call_for(decode_site, contract, "get_site", site=u32(site))


def get_meter(contract: str, meter_id: int) -> CallFor[MeterState]:
    """Everything about one meter."""
    return call_for(decode_meter, contract, "get_meter", meter_id=u64(meter_id))


def get_owner(contract: str, meter_id: int) -> CallFor[str]:
    """Whose meter it is."""
    return call_for(to_address, contract, "get_owner", meter_id=u64(meter_id))


def get_usage(contract: str, meter_id: int) -> CallFor[int]:
    """All usage of a meter, ever, Wh."""
    return call_for(to_u64, contract, "get_usage", meter_id=u64(meter_id))


def check_access(contract: str, meter_id: int) -> CallFor[bool]:
    """Whether a meter has access now."""
    return call_for(to_flag, contract, "check_access", meter_id=u64(meter_id))


def get_page(contract: str, site: int, page: int) -> CallFor[list[MeterRecord]]:
    """The records of 64 slots."""
    return call_for(decode_page_entry, contract, "get_page", site=u32(site), page=u32(page))


def get_receipt(contract: str, site: int) -> CallFor[Receipt | None]:
    """The proof of the last batch, if there was one."""
    return call_for(to_optional(decode_receipt), contract, "get_receipt", site=u32(site))


def get_price(contract: str, version: int) -> CallFor[Price]:
    """A price version."""
    return call_for(decode_price, contract, "get_price", version=u32(version))


def price_version_at(contract: str, time_s: int) -> CallFor[int]:
    """The price version in force at an instant (unix seconds); 0: none."""
    return call_for(to_u32, contract, "price_version_at", time=u64(time_s))


def get_float(contract: str, site: int) -> CallFor[Float]:
    """What the operator has paid in ahead."""
    return call_for(decode_float, contract, "get_float", site=u32(site))


def get_written_off(contract: str, meter_id: int) -> CallFor[int]:
    """What was written off for a meter and not reinstated, stroops."""
    return call_for(to_i64, contract, "get_written_off", meter_id=u64(meter_id))
