"""The ``oracle`` contract: hourly usage and prices of streaming meters, typed. Decides nothing."""

from __future__ import annotations

import struct as layout
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for, create
from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.refusals import Refusal
from gateway.ledger.contracts.values import (
    Fields,
    address,
    i64,
    raw,
    struct,
    to_address,
    to_flag,
    to_list,
    to_u64,
    u32,
    u64,
    vector,
)

PAGE_SLOTS = 64
_BITMAP = layout.Struct(">Q")
_CELL = layout.Struct(">BH")


class OracleRefusal(Refusal):
    """Why the contract refuses a call; numbers are part of the ABI."""

    NOT_ALLOWED = 1, "this key may not report for the site: allow it as a writer"
    TOO_MANY_WRITERS = 2, "eight writers are allowed for the site already: disallow one first"
    UNKNOWN_SITE = 3, "the oracle does not know this site: allow a writer for it first"
    INVALID_HOURS = 20, "a report holds 1 to 24 hours"
    INVALID_HOUR = 21, "an hour begins on the hour"
    HOUR_NOT_CLOSED = 22, "the hour is not over yet by the ledger's clock: check the time"
    HOURS_OUT_OF_ORDER = 23, "the hours of a report must follow each other"
    HOUR_TOO_OLD = 24, "a later hour was recorded already, so this one comes too late"
    HOUR_USED = 25, "the hour was recorded with other figures"
    INVALID_TIER = 26, "the tier is 0 off-peak, 1 standard or 2 peak"
    INVALID_PRICES = 27, "an hour has 1 to 7 different prices, none below zero"
    INVALID_USAGE = 28, "the contract could not read the report"
    NO_DATA = 40, "nothing is recorded for this meter and hour: the oracle keeps a week"
    INVALID_RANGE = 41, "ask for 1 to 24 hours at a time"
    UNKNOWN_LAYOUT = 50, "the oracle's pages are of another version: upgrade the gateway"


EVENTS: Topics = {"usage": ("site",), "allowed": ("site",), "disallowed": ("site",)}


@dataclass(frozen=True, slots=True)
class HourUsage:
    """One closed hour of a site.

    Args:
        hour_s: its start (unix seconds, on the hour).
        tier: 0 off-peak, 1 standard, 2 peak.
        prices: 1 to 7 different prices, stroops per kWh.
        usage: by slot, the number of a price (1 is the first) and the usage, Wh.
    """

    hour_s: int
    tier: int
    prices: tuple[int, ...]
    usage: Mapping[int, tuple[int, int]]

    def pages(self) -> dict[int, bytes]:
        """Bitmap u64, then price number u8 and usage u16 for each slot; by page, ascending."""
        pages: dict[int, bytes] = {}
        for page in sorted({slot // PAGE_SLOTS for slot in self.usage}):
            slots = sorted(slot for slot in self.usage if slot // PAGE_SLOTS == page)
            bitmap = sum(1 << slot % PAGE_SLOTS for slot in slots)
            cells = b"".join(_CELL.pack(*self.usage[slot]) for slot in slots)
            pages[page] = _BITMAP.pack(bitmap) + cells
        return pages


@dataclass(frozen=True, slots=True)
class Data:
    """What the oracle knows of one meter's hour.

    Args:
        usage_wh: used in it, Wh.
        price: stroops per kWh.
        tier: 0 off-peak, 1 standard, 2 peak.
        hour_s: its start (unix seconds).
        projected_daily_cost: mean of the last hours for a whole day, stroops.
    """

    usage_wh: int
    price: int
    tier: int
    hour_s: int
    projected_daily_cost: int


def constructor(
    wasm_hash: bytes, deployer: str, admin: str, meter: str, salt: bytes | None = None
) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may allow writers.
        meter: the contract that knows which meters are streaming.
        salt: of the address, 32 bytes; drawn when None.
    """
    return create(wasm_hash, deployer, [address(admin), address(meter)], salt)


def allow(contract: str, site: int, writer: str) -> Call:
    """Let a key report for a site; by the admin."""
    return call(contract, "allow", site=u32(site), writer=address(writer))


def disallow(contract: str, site: int, writer: str) -> Call:
    """Take that right away; by the admin."""
    return call(contract, "disallow", site=u32(site), writer=address(writer))


def get_writers(contract: str, site: int) -> CallFor[tuple[str, ...]]:
    """The keys that may report for a site."""
    return call_for(to_list(to_address), contract, "get_writers", site=u32(site))


def get_meter(contract: str) -> CallFor[str]:
    """The meter contract that it asks."""
    return call_for(to_address, contract, "get_meter")


def update_usage_and_price(
    contract: str, writer: str, site: int, hours: Sequence[HourUsage]
) -> Call:
    """Record hours; by an allowed writer. The same again changes nothing.

    Args:
        contract: the contract's address.
        writer: the gateway's account.
        site: the village's number.
        hours: 1 to 24 closed ones, ascending.
    """
    items = [_hour(hour) for hour in hours]
    return call(
        contract,
        "update_usage_and_price",
        writer=address(writer),
        site=u32(site),
        hours=vector(items),
    )


def _hour(hour: HourUsage) -> xdr.SCVal:
    pages = [struct({"data": raw(data), "page": u32(page)}) for page, data in hour.pages().items()]
    return struct(
        {
            "hour": u64(hour.hour_s),
            "pages": vector(list(pages)),
            "prices": vector([i64(price) for price in hour.prices]),
            "tier": u32(hour.tier),
        }
    )


def is_streaming(contract: str, meter_id: int) -> CallFor[bool]:
    """Whether the meter contract says that a meter streams its payments."""
    return call_for(to_flag, contract, "is_streaming", meter_id=u64(meter_id))


def get_newest(contract: str, site: int) -> CallFor[int]:
    """Start of the newest recorded hour (unix seconds); 0: none."""
    return call_for(to_u64, contract, "get_newest", site=u32(site))


def get_latest_data(contract: str, meter_id: int) -> CallFor[Data]:
    """A meter's newest hour."""
    return call_for(decode_data, contract, "get_latest_data", meter_id=u64(meter_id))


def get_historical_data(contract: str, meter_id: int, timestamp_s: int) -> CallFor[Data]:
    """The hour that an instant (unix seconds) lies in."""
    return call_for(
        decode_data,
        contract,
        "get_historical_data",
        meter_id=u64(meter_id),
        timestamp=u64(timestamp_s),
    )


def get_history(contract: str, meter_id: int, from_s: int, hours: int) -> CallFor[tuple[Data, ...]]:
    """The recorded ones of 1 to 24 hours from an instant (unix seconds) on, ascending."""
    start: dict[str, xdr.SCVal] = {"from": u64(from_s)}
    return call_for(
        to_list(decode_data),
        contract,
        "get_history",
        meter_id=u64(meter_id),
        **start,
        hours=u32(hours),
    )


def extend(contract: str, site: int, page: int) -> Call:
    """Keep the contract, its code and a page's week alive; by anyone."""
    return call(contract, "extend", site=u32(site), page=u32(page))


def decode_data(value: xdr.SCVal) -> Data:
    """A meter's hour."""
    fields = Fields(value)
    return Data(
        usage_wh=fields.u64("usage_wh"),
        price=fields.i64("price"),
        tier=fields.u32("tier"),
        hour_s=fields.u64("timestamp"),
        projected_daily_cost=fields.i64("projected_daily_cost"),
    )
