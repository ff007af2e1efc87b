"""Questions to the ``certification`` contract; they change nothing and need no signature."""

from __future__ import annotations

from gateway.ledger.contracts.calls import CallFor, call_for
from gateway.ledger.contracts.certification.answers import (
    Application,
    AuditEntry,
    CapacityLimits,
    Certificate,
    Production,
    decode_application,
    decode_audit_entry,
    decode_capacity_limits,
    decode_certificate,
    decode_production,
)
from gateway.ledger.contracts.values import (
    address,
    to_address,
    to_flag,
    to_i128,
    to_list,
    to_optional,
    to_u32,
    to_u64,
    u32,
)


def get_certification(contract: str, producer: str) -> CallFor[Certificate]:
    """Where a producer stands."""
    return call_for(decode_certificate, contract, "get_certification", producer=address(producer))


def is_certified(contract: str, producer: str) -> CallFor[bool]:
    """Whether a producer may sell now."""
    return call_for(to_flag, contract, "is_certified", producer=address(producer))


def exported_wh(contract: str, producer: str) -> CallFor[int]:
    """What a producer exported while certified, Wh."""
    return call_for(to_u64, contract, "exported_wh", producer=address(producer))


def get_production(contract: str, producer: str) -> CallFor[Production]:
    """A producer's register and what counts of it."""
    return call_for(decode_production, contract, "get_production", producer=address(producer))


def get_production_history(
    contract: str, producer: str, from_day: int, days: int
) -> CallFor[tuple[int, ...]]:
    """What counted on each of 1 to 64 UTC days, Wh.

    Args:
        contract: the contract's address.
        producer: whose plant.
        from_day: unix seconds / 86 400.
        days: how many.
    """
    return call_for(
        to_list(to_u32),
        contract,
        "get_production_history",
        producer=address(producer),
        from_day=u32(from_day),
        days=u32(days),
    )


def get_audit(
    contract: str, producer: str, offset: int, limit: int
) -> CallFor[tuple[AuditEntry, ...]]:
    """1 to 50 acts about a producer, oldest first."""
    return call_for(
        to_list(decode_audit_entry),
        contract,
        "get_audit",
        producer=address(producer),
        offset=u32(offset),
        limit=u32(limit),
    )


def get_application(contract: str, producer: str) -> CallFor[Application | None]:
    """A producer's open application, if any."""
    return call_for(
        to_optional(decode_application), contract, "get_application", producer=address(producer)
    )


def get_applications(contract: str, offset: int, limit: int) -> CallFor[tuple[Application, ...]]:
    """1 to 50 open applications, not in order of time."""
    return call_for(
        to_list(decode_application),
        contract,
        "get_applications",
        offset=u32(offset),
        limit=u32(limit),
    )


def get_producers(contract: str, offset: int, limit: int) -> CallFor[tuple[Certificate, ...]]:
    """1 to 50 of all who ever applied, the first first."""
    return call_for(
        to_list(decode_certificate),
        contract,
        "get_producers",
        offset=u32(offset),
        limit=u32(limit),
    )


def get_certifiers(contract: str) -> CallFor[tuple[str, ...]]:
    """Who may decide about producers."""
    return call_for(to_list(to_address), contract, "get_certifiers")


def get_reporters(contract: str) -> CallFor[tuple[str, ...]]:
    """Who may report exported energy."""
    return call_for(to_list(to_address), contract, "get_reporters")


def get_fee(contract: str) -> CallFor[int]:
    """What an application costs, stroops."""
    return call_for(to_i128, contract, "get_fee")


def get_earned_fees(contract: str) -> CallFor[int]:
    """What the admin may withdraw, stroops."""
    return call_for(to_i128, contract, "get_earned_fees")


def get_capacity_limits(contract: str) -> CallFor[CapacityLimits]:
    """The smallest and the greatest plant that can apply."""
    return call_for(decode_capacity_limits, contract, "get_capacity_limits")


def get_token(contract: str) -> CallFor[str]:
    """The token that fees are paid in."""
    return call_for(to_address, contract, "get_token")
