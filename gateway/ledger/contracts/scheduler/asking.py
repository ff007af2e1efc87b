"""Questions to the ``scheduler`` contract; they change nothing and need no signature."""

from __future__ import annotations

from gateway.ledger.contracts.calls import (
    CallFor,
    call_for,
)
from gateway.ledger.contracts.scheduler.answers import (
    Account,
    ScheduleStatus,
    Subscription,
    decode_account,
    decode_schedule_status,
    decode_subscription,
)
from gateway.ledger.contracts.values import (
    to_address,
    to_i64,
    to_list,
    to_optional,
    u64,
)


def get_token(contract: str) -> CallFor[str]:
    """The token that is drawn."""
    return call_for(to_address, contract, "get_token")


def get_oracle(contract: str) -> CallFor[str]:
    """The oracle that is asked."""
    return call_for(to_address, contract, "get_oracle")


def get_provider(contract: str) -> CallFor[str]:
    """Who receives the money."""
    return call_for(to_address, contract, "get_provider")


def get_subscription(contract: str, meter_id: int) -> CallFor[Subscription | None]:
    """Who pays for a meter, if anyone."""
    return call_for(
        to_optional(decode_subscription), contract, "get_subscription", meter_id=u64(meter_id)
    )


def get_schedule_status(contract: str, schedule_id: int) -> CallFor[ScheduleStatus]:
    """Where a payment stands."""
    return call_for(decode_schedule_status, contract, "get_schedule_status", id=u64(schedule_id))


def get_open(contract: str, meter_id: int) -> CallFor[tuple[ScheduleStatus, ...]]:
    """A meter's open payments, oldest first."""
    return call_for(to_list(decode_schedule_status), contract, "get_open", meter_id=u64(meter_id))


def get_account(contract: str, meter_id: int) -> CallFor[Account]:
    """A meter's sums."""
    return call_for(decode_account, contract, "get_account", meter_id=u64(meter_id))


def get_uncollected(contract: str, meter_id: int) -> CallFor[int]:
    """What is left to the invoice, ever, stroops."""
    return call_for(to_i64, contract, "get_uncollected", meter_id=u64(meter_id))
