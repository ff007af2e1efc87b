"""What the ``scheduler`` contract answers and announces, typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from stellar_sdk import xdr

from gateway.ledger.contracts.calls import (
    persistent_key,
)
from gateway.ledger.contracts.events import Topics
from gateway.ledger.contracts.values import (
    Fields,
    symbol,
    to_u32,
    u64,
)

EVENTS: Topics = {
    "scheduled": ("meter_id",),
    "executed": ("meter_id",),
    "failed": ("meter_id",),
    "retry_queued": ("meter_id",),
    "partial_paid": ("meter_id",),
    "rescheduled": ("meter_id",),
    "cancelled": ("meter_id",),
    "uncollected": ("meter_id",),
    "subscribed": ("meter_id",),
    "unsubscribed": ("meter_id",),
    "provider": (),
}


class Status(IntEnum):
    """Where a payment stands."""

    CREATED = 1
    PENDING = 2
    EXECUTED = 3
    FAILED = 4
    RETRY_QUEUED = 5
    PARTIAL_PAID = 6
    CANCELLED = 7
    EXPIRED = 8


class Reason(IntEnum):
    """Why a payment failed."""

    NONE = 0
    INSUFFICIENT_BALANCE = 1
    ALLOWANCE_TOO_SMALL = 2
    ALLOWANCE_EXPIRED = 3
    TOKEN_REFUSED = 4


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who pays for a meter.

    Args:
        user: whose tokens are drawn.
        since_s: from which hour on (unix seconds).
    """

    user: str
    since_s: int


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """One payment.

    Args:
        schedule_id: its number.
        meter_id: whose usage it is for.
        hour_s: start of the hour (unix seconds).
        due_s: when it can be executed (unix seconds).
        amount: stroops, fixed when it was made.
        paid: stroops.
        status: where it stands.
        reason: why it failed last.
        settled_s: when it came to its end (unix seconds); 0: it is open.
    """

    schedule_id: int
    meter_id: int
    hour_s: int
    due_s: int
    amount: int
    paid: int
    status: Status
    reason: Reason
    settled_s: int


@dataclass(frozen=True, slots=True)
class Account:
    """A meter's sums, stroops.

    Args:
        paid: ever.
        open: scheduled and not settled.
        rolled: carried into the next payment.
        uncollected: left to the invoice, ever.
        remainder: thousandths of a stroop carried on, 0..999.
    """

    paid: int
    open: int
    rolled: int
    uncollected: int
    remainder: int


def book_key(contract: str, meter_id: int) -> xdr.LedgerKey:
    """Where a meter's payments are kept."""
    return persistent_key(contract, symbol("Book"), u64(meter_id))


def decode_status(value: xdr.SCVal) -> Status:
    """Where a payment stands."""
    return Status(to_u32(value))


def decode_subscription(value: xdr.SCVal) -> Subscription:
    """Who pays for a meter."""
    fields = Fields(value)
    return Subscription(fields.address("user"), fields.u64("since"))


def decode_schedule_status(value: xdr.SCVal) -> ScheduleStatus:
    """One payment."""
    fields = Fields(value)
    return ScheduleStatus(
        schedule_id=fields.u64("id"),
        meter_id=fields.u64("meter_id"),
        hour_s=fields.u64("hour"),
        due_s=fields.u64("due"),
        amount=fields.i64("amount"),
        paid=fields.i64("paid"),
        status=Status(fields.u32("status")),
        reason=Reason(fields.u32("reason")),
        settled_s=fields.u64("settled_at"),
    )


def decode_account(value: xdr.SCVal) -> Account:
    """A meter's sums."""
    fields = Fields(value)
    return Account(
        paid=fields.i64("paid"),
        open=fields.i64("open"),
        rolled=fields.i64("rolled"),
        uncollected=fields.i64("uncollected"),
        remainder=fields.u32("remainder"),
    )
