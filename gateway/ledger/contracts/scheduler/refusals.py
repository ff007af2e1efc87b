"""Why the ``scheduler`` contract refuses a call; numbers are part of the ABI."""

from __future__ import annotations

from gateway.ledger.contracts.refusals import Refusal


class SchedulerRefusal(Refusal):
    """Why the contract refuses a call; numbers are part of the ABI."""

    NOT_STREAMING = 1, "the meter does not stream its payments: register it as streaming"
    ALREADY_SUBSCRIBED = 2, "somebody else pays for this meter: their subscription has to end first"
    NOT_SUBSCRIBER = 3, "the account is not the one that pays for this meter"
    NOT_SUBSCRIBED = 4, "nobody pays for this meter"
    UNKNOWN_METER = 5, "nothing was ever scheduled for this meter"
    INVALID_HOUR = 20, "an hour begins on the hour"
    NO_USAGE = 21, "the oracle has no usage of this meter in that hour"
    HOUR_TOO_OLD = 22, "the hour is too long ago to be scheduled"
    BOOK_FULL = 23, "48 payments of this meter are open: some have to be executed or cancelled"
    AMOUNT_TOO_LARGE = 24, "the amount is more than the contract can hold"
    UNKNOWN_SCHEDULE = 40, "the contract does not know this payment, or not any more"
    NOT_DUE = 41, "the payment is not due yet"
    EXPIRED = 42, "the payment is more than a day late: reschedule it"
    NOT_EXPIRED = 43, "the payment is not a day late, so it cannot be rescheduled"
    ALREADY_FINAL = 44, "the payment is settled or cancelled already"
    FUNDS_SUFFICE = 45, "the money is there: execute the payment"
    NOT_REFUSED = 46, "the token does not refuse: execute the payment"
    INVALID_COUNT = 47, "ask for 1 to 25 at a time"
    UNKNOWN_LAYOUT = 50, "the contract's books are of another version: upgrade the gateway"
