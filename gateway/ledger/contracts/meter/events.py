"""What the ``meter`` contract announces, and how much of it a gateway needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import scval, xdr

from gateway.ledger.contracts.events import Topics

EVENTS: Topics = {
    "batch": ("site",),
    "page": ("site", "page"),
    "take_over": ("site",),
    "usage": ("meter_id",),
    "payment": ("meter_id",),
    "active": ("meter_id",),
    "inactive": ("meter_id",),
    "credit": ("site",),
    "float": ("site",),
    "market_credit": ("meter_id",),
    "site": ("site",),
    "site_removed": ("site",),
    "allowed": ("site",),
    "disallowed": ("site",),
    "registered": ("meter_id",),
    "migrated": ("meter_id",),
    "owner": ("meter_id",),
    "max_power": ("meter_id",),
    "written_off": ("meter_id",),
    "reinstated": ("meter_id",),
    "price": ("version",),
    "price_withdrawn": ("version",),
    "market": (),
    "withdrawn": (),
}


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """Something happened on the contract; what exactly is read from its entries.

    Args:
        kind: 'batch', 'page', 'payment', 'registered', 'active', 'inactive', 'price', ...
        site: whose it is, or None when it concerns everyone.
    """

    kind: str
    site: int | None


def decode_event(topics: Sequence[str]) -> ContractEvent:
    """What kind of event it is and which site it concerns.

    Args:
        topics: base64 XDR, the first a symbol.
    """
    values = [xdr.SCVal.from_xdr(topic) for topic in topics]
    kind = scval.from_symbol(values[0])
    match [value.type for value in values[1:2]]:
        case [xdr.SCValType.SCV_U32] if "version" not in EVENTS.get(kind, ()):
            return ContractEvent(kind, scval.from_uint32(values[1]))
        case [xdr.SCValType.SCV_U64]:
            return ContractEvent(kind, scval.from_uint64(values[1]) >> 32)
        case _:
            return ContractEvent(kind, None)
