"""Calls of the ``certification`` contract that change something, by whoever has to sign them."""

from __future__ import annotations

from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import Call, CallFor, call, call_for, create
from gateway.ledger.contracts.certification.answers import (
    Source,
)
from gateway.ledger.contracts.values import (
    address,
    i128,
    text,
    to_u64,
    u32,
    u64,
)


def constructor(
    wasm_hash: bytes, deployer: str, admin: str, token: str, salt: bytes | None = None
) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who names certifiers and reporters.
        token: the SEP-41 token that fees are paid in.
        salt: of the address, 32 bytes; drawn when None.
    """
    return create(wasm_hash, deployer, [address(admin), address(token)], salt)


# By the admin


def add_certifier(contract: str, who: str) -> Call:
    """Let an account decide about producers."""
    return call(contract, "add_certifier", who=address(who))


def remove_certifier(contract: str, who: str) -> Call:
    """Take that right away; what was decided stays."""
    return call(contract, "remove_certifier", who=address(who))


def add_reporter(contract: str, who: str) -> Call:
    """Let a gateway's key report exported energy."""
    return call(contract, "add_reporter", who=address(who))


def remove_reporter(contract: str, who: str) -> Call:
    """Take that right away; what was reported stays."""
    return call(contract, "remove_reporter", who=address(who))


def set_fee(contract: str, fee: int) -> Call:
    """Set what an application costs, stroops."""
    return call(contract, "set_fee", fee=i128(fee))


def set_capacity_limits(contract: str, min_w: int, max_w: int) -> Call:
    """Set the smallest and the greatest plant that can apply, W."""
    return call(contract, "set_capacity_limits", min_w=u32(min_w), max_w=u32(max_w))


def withdraw(contract: str, to: str, amount: int) -> Call:
    """Pay earned fees out, stroops."""
    return call(contract, "withdraw", to=address(to), amount=i128(amount))


# By producers


def apply_for_certification(
    contract: str, producer: str, capacity_w: int, source: Source, fee: int
) -> Call:
    """Apply; by the producer.

    Args:
        contract: the contract's address.
        producer: who applies and pays.
        capacity_w: greatest power of the plant, W.
        source: what drives it.
        fee: exactly what is asked now, stroops.
    """
    return call(
        contract,
        "apply_for_certification",
        producer=address(producer),
        capacity_w=u32(capacity_w),
        source=u32(source),
        fee=i128(fee),
    )


def withdraw_application(contract: str, producer: str) -> Call:
    """Take an open application back; by the producer. The fee is returned."""
    return call(contract, "withdraw_application", producer=address(producer))


# By certifiers


def certify_producer(contract: str, certifier: str, producer: str) -> Call:
    """Grant an open application."""
    return call(
        contract, "certify_producer", certifier=address(certifier), producer=address(producer)
    )


def reject_application(contract: str, certifier: str, producer: str, reason: str) -> Call:
    """Refuse an open application; the fee is returned."""
    return _decided(contract, "reject_application", certifier, producer, reason)


def revoke_certification(contract: str, certifier: str, producer: str, reason: str) -> Call:
    """Stop a producer from selling at once."""
    return _decided(contract, "revoke_certification", certifier, producer, reason)


def reinstate_certification(contract: str, certifier: str, producer: str, reason: str) -> Call:
    """Undo :func:`revoke_certification`."""
    return _decided(contract, "reinstate_certification", certifier, producer, reason)


def _decided(contract: str, function: str, certifier: str, producer: str, reason: str) -> Call:
    return call(
        contract,
        function,
        certifier=address(certifier),
        producer=address(producer),
        reason=text(reason),
    )


# By gateways, and by anyone


def report_production(contract: str, reporter: str, producer: str, total_wh: int) -> CallFor[int]:
    """Report an export register; by a reporter. Answers what counts of it, Wh.

    Args:
        contract: the contract's address.
        reporter: the gateway's account.
        producer: whose plant.
        total_wh: Wh since the first certification; the same again changes nothing.
    """
    return call_for(
        to_u64,
        contract,
        "report_production",
        reporter=address(reporter),
        producer=address(producer),
        total_wh=u64(total_wh),
    )


def extend(contract: str, offset: int, limit: int) -> Call:
    """Keep the contract, its code and 1 to 50 producers alive."""
    return call(contract, "extend", offset=u32(offset), limit=u32(limit))


def extend_audit(contract: str, producer: str, offset: int, limit: int) -> Call:
    """Keep 1 to 50 lines of a producer's audit trail alive."""
    return call(
        contract,
        "extend_audit",
        producer=address(producer),
        offset=u32(offset),
        limit=u32(limit),
    )
