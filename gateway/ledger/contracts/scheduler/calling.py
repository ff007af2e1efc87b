"""Calls of the ``scheduler`` contract that change something, by whoever has to sign them."""

from __future__ import annotations

from collections.abc import Sequence

from stellar_sdk.operation import InvokeHostFunction

from gateway.ledger.contracts.calls import (
    Call,
    CallFor,
    call,
    call_for,
    create,
)
from gateway.ledger.contracts.scheduler.answers import (
    Status,
    decode_status,
)
from gateway.ledger.contracts.values import (
    address,
    to_list,
    to_optional,
    to_u64,
    u64,
    vector,
)


def constructor(
    wasm_hash: bytes,
    deployer: str,
    admin: str,
    *,
    token: str,
    oracle: str,
    provider: str,
    salt: bytes | None = None,
) -> InvokeHostFunction:
    """Create the contract.

    Args:
        wasm_hash: of the uploaded code, 32 bytes.
        deployer: the account that creates it.
        admin: who may name the provider.
        token: the SEP-41 token that is drawn.
        oracle: the contract that knows usage and prices.
        provider: who receives the money.
        salt: of the address, 32 bytes; drawn when None.
    """
    arguments = [address(one) for one in (admin, token, oracle, provider)]
    return create(wasm_hash, deployer, arguments, salt)


def set_provider(contract: str, provider: str) -> Call:
    """Name who receives the money; by the admin."""
    return call(contract, "set_provider", provider=address(provider))


def subscribe(contract: str, user: str, meter_id: int) -> Call:
    """Pay for a meter from the next hour on; by the user."""
    return call(contract, "subscribe", user=address(user), meter_id=u64(meter_id))


def cancel_subscription(contract: str, user: str, meter_id: int) -> Call:
    """Stop paying for a meter; by the user. What is open goes to the invoice."""
    return call(contract, "cancel_subscription", user=address(user), meter_id=u64(meter_id))


def end_subscription(contract: str, meter_id: int) -> Call:
    """The same for somebody who has moved out; by the admin."""
    return call(contract, "end_subscription", meter_id=u64(meter_id))


def schedule_payment(contract: str, meter_id: int, hour_s: int) -> CallFor[int]:
    """Schedule the payment of an hour (unix seconds), once; by anyone. Answers its number."""
    return call_for(to_u64, contract, "schedule_payment", meter_id=u64(meter_id), hour=u64(hour_s))


def schedule_payments(
    contract: str, meter_ids: Sequence[int], hour_s: int
) -> CallFor[tuple[int | None, ...]]:
    """The same for 1 to 25 meters; answers None for each that can't be scheduled."""
    return call_for(
        to_list(to_optional(to_u64)),
        contract,
        "schedule_payments",
        meter_ids=vector([u64(meter_id) for meter_id in meter_ids]),
        hour=u64(hour_s),
    )


def execute(contract: str, schedule_id: int) -> CallFor[Status]:
    """Carry a payment out when it is due; by anyone."""
    return call_for(decode_status, contract, "execute", id=u64(schedule_id))


def execute_all(contract: str, schedule_ids: Sequence[int]) -> CallFor[tuple[Status | None, ...]]:
    """The same for 1 to 25 payments; answers None for each that can't be executed now."""
    return call_for(
        to_list(to_optional(decode_status)),
        contract,
        "execute_all",
        ids=vector([u64(schedule_id) for schedule_id in schedule_ids]),
    )


def handle_insufficient_funds(contract: str, schedule_id: int) -> CallFor[Status]:
    """Note that the money for a payment is missing, if it is; by anyone."""
    return call_for(decode_status, contract, "handle_insufficient_funds", id=u64(schedule_id))


def handle_schedule_failure(contract: str, schedule_id: int) -> CallFor[Status]:
    """Note that the token refuses a payment, if it does; by anyone."""
    return call_for(decode_status, contract, "handle_schedule_failure", id=u64(schedule_id))


def reschedule_expired(contract: str, schedule_id: int) -> CallFor[int]:
    """Move a payment that is a day late to the next hour; by anyone. Answers its new due time."""
    return call_for(to_u64, contract, "reschedule_expired", id=u64(schedule_id))


def cancel_schedule(contract: str, user: str, schedule_id: int) -> Call:
    """Leave one payment to the invoice; by the user."""
    return call(contract, "cancel_schedule", user=address(user), id=u64(schedule_id))


def extend(contract: str, meter_id: int) -> Call:
    """Keep the contract, its code and a meter's book alive; by anyone."""
    return call(contract, "extend", meter_id=u64(meter_id))
