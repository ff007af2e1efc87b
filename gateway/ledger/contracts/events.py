"""What contracts announce: a kind, whom it concerns, and what is new about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stellar_sdk import scval, xdr

Topics = Mapping[str, tuple[str, ...]]
"""The names of an event's topics after the first, by its kind (the first topic)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event.

    Args:
        kind: its first topic.
        fields: its other topics and its data by name; numbers are ints, addresses text.
    """

    kind: str
    fields: Mapping[str, object]


def decode(topics: Sequence[str], value: str, *contracts: Topics) -> Announcement:
    """Read an event as an RPC server gives it.

    Args:
        topics: base64 XDR, the first a symbol.
        value: its data, base64 XDR.
        contracts: what the contract announces.

    Raises:
        ValueError: it is none of these.
    """
    kind, *others = (xdr.SCVal.from_xdr(topic) for topic in topics)
    name = scval.from_symbol(kind)
    named = next((known[name] for known in contracts if name in known), None)
    if named is None or len(named) != len(others):
        raise ValueError(f"the contract announces {name!r}, which this version does not know")
    fields = {topic: _native(other) for topic, other in zip(named, others, strict=True)}
    data = xdr.SCVal.from_xdr(value)
    if data.type is xdr.SCValType.SCV_MAP:
        fields |= {key: _native(item) for key, item in scval.from_struct(data).items()}
    elif data.type is not xdr.SCValType.SCV_VOID:
        fields["amount"] = _native(data)  # SEP-41 gives a bare amount
    return Announcement(name, fields)


def _native(value: xdr.SCVal) -> object:
    match value.type:
        case xdr.SCValType.SCV_ADDRESS:
            return scval.from_address(value).address
        case xdr.SCValType.SCV_VEC:
            return tuple(_native(item) for item in scval.from_vec(value))
        case _:
            return scval.to_native(value)
