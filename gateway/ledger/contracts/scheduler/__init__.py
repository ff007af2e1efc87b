"""The ``scheduler`` contract, typed: hourly payments of streaming meters.

The ABI is that of ``contracts/scheduler``. Decides nothing.
"""

from __future__ import annotations

from gateway.ledger.contracts.scheduler.answers import (
    EVENTS,
    Account,
    Reason,
    ScheduleStatus,
    Status,
    Subscription,
    book_key,
    decode_account,
    decode_schedule_status,
    decode_status,
    decode_subscription,
)
from gateway.ledger.contracts.scheduler.asking import (
    get_account,
    get_open,
    get_oracle,
    get_provider,
    get_schedule_status,
    get_subscription,
    get_token,
    get_uncollected,
)
from gateway.ledger.contracts.scheduler.calling import (
    cancel_schedule,
    cancel_subscription,
    constructor,
    end_subscription,
    execute,
    execute_all,
    extend,
    handle_insufficient_funds,
    handle_schedule_failure,
    reschedule_expired,
    schedule_payment,
    schedule_payments,
    set_provider,
    subscribe,
)
from gateway.ledger.contracts.scheduler.refusals import SchedulerRefusal

__all__ = [
    "EVENTS",
    "Account",
    "Reason",
    "ScheduleStatus",
    "SchedulerRefusal",
    "Status",
    "Subscription",
    "book_key",
    "cancel_schedule",
    "cancel_subscription",
    "constructor",
    "decode_account",
    "decode_schedule_status",
    "decode_status",
    "decode_subscription",
    "end_subscription",
    "execute",
    "execute_all",
    "extend",
    "get_account",
    "get_open",
    "get_oracle",
    "get_provider",
    "get_schedule_status",
    "get_subscription",
    "get_token",
    "get_uncollected",
    "handle_insufficient_funds",
    "handle_schedule_failure",
    "reschedule_expired",
    "schedule_payment",
    "schedule_payments",
    "set_provider",
    "subscribe",
]
