"""What the ``certification`` contract answers and announces, typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from stellar_sdk import xdr

from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.values import (
    Fields,
    to_address,
    to_optional,
)

EVENTS: Topics = {
    "audit": ("producer",),
    "applied": ("producer",),
    "produced": ("producer",),
    "allowed": ("role",),
    "disallowed": ("role",),
    "fee": (),
    "capacity_limits": (),
    "withdrawn": (),
}


class Source(IntEnum):
    """What a plant is driven by."""

    SOLAR = 1
    WIND = 2
    HYDRO = 3
    BIOMASS = 4
    OTHER = 5


class Standing(IntEnum):
    """Where a producer stands."""

    NONE = 0
    APPLIED = 1
    CERTIFIED = 2
    REVOKED = 3
    REJECTED = 4


class Action(IntEnum):
    """What was done about a producer."""

    APPLIED = 1
    WITHDRAWN = 2
    CERTIFIED = 3
    REJECTED = 4
    REVOKED = 5
    REINSTATED = 6


@dataclass(frozen=True, slots=True)
class Application:
    """An open application.

    Args:
        producer: who applied.
        applied_s: when (unix seconds).
        capacity_w: greatest power of the plant, W.
        source: what drives it.
        fee: paid with it, stroops.
        place: in the queue.
    """

    producer: str
    applied_s: int
    capacity_w: int
    source: Source
    fee: int
    place: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """A producer's standing.

    Args:
        producer: who.
        standing: where they stand.
        certified_s: when they were certified last (unix seconds); 0: never.
        certifier: by whom, if ever.
        capacity_w: greatest power of the certified plant, W.
        source: what drives it; None: never certified.
        acts: how many are in the audit trail.
    """

    producer: str
    standing: Standing
    certified_s: int
    certifier: str | None
    capacity_w: int
    source: Source | None
    acts: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act, kept for ever.

    Args:
        action: what was done.
        at_s: when (unix seconds).
        by: who did it.
        reason: why; empty where none is asked for.
    """

    action: Action
    at_s: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CapacityLimits:
    """The smallest and the greatest plant that can apply, W."""

    min_w: int
    max_w: int


@dataclass(frozen=True, slots=True)
class Production:
    """What a producer exported.

    Args:
        total_wh: the register, Wh since the first certification.
        exported_wh: what counts of it, because they were certified, Wh.
        reported_s: when the register last moved (unix seconds).
    """

    total_wh: int
    exported_wh: int
    reported_s: int


def decode_application(value: xdr.SCVal) -> Application:
    """An open application."""
    fields = Fields(value)
    return Application(
        producer=fields.address("producer"),
        applied_s=fields.u64("applied_at"),
        capacity_w=fields.u32("capacity_w"),
        source=Source(fields.u32("source")),
        fee=fields.i128("fee"),
        place=fields.u32("place"),
    )


def decode_certificate(value: xdr.SCVal) -> Certificate:
    """A producer's standing."""
    fields = Fields(value)
    source = fields.u32("source")
    return Certificate(
        producer=fields.address("producer"),
        standing=Standing(fields.u32("status")),
        certified_s=fields.u64("certified_at"),
        certifier=fields.of("certifier", to_optional(to_address)),
        capacity_w=fields.u32("capacity_w"),
        source=Source(source) if source else None,
        acts=fields.u32("acts"),
    )


def decode_audit_entry(value: xdr.SCVal) -> AuditEntry:
    """One act."""
    fields = Fields(value)
    return AuditEntry(
        action=Action(fields.u32("action")),
        at_s=fields.u64("at"),
        by=fields.address("by"),
        reason=fields.text("reason"),
    )


def decode_capacity_limits(value: xdr.SCVal) -> CapacityLimits:
    """The smallest and the greatest plant."""
    fields = Fields(value)
    return CapacityLimits(fields.u32("min_w"), fields.u32("max_w"))


def decode_production(value: xdr.SCVal) -> Production:
    """What a producer exported."""
    fields = Fields(value)
    return Production(
        total_wh=fields.u64("total_wh"),
        exported_wh=fields.u64("exported_wh"),
        reported_s=fields.u64("reported_at"),
    )
