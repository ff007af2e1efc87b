"""Why the ``meter`` contract refuses a call, and what that means for a batch that waits."""

from __future__ import annotations

from gateway.ledger.contracts.refusals import Refusal, sentence_of


class MeterError(Refusal):
    """Why the contract refuses a call; numbers are part of the ABI."""

    UNKNOWN_SITE = 1, "the contract does not know this site: the provider has to add it"
    SITE_EXISTS = 2, "the contract has this site already"
    UNKNOWN_METER = 3, "the contract does not know this meter: register it first"
    ALREADY_REGISTERED = (
        4,
        "this slot was given out before: slots are never used again, take the next one",
    )
    SLOT_OUT_OF_ORDER = 5, "slots are given out in order: this one skips the site's next"
    UNKNOWN_PAGE = 6, "the site has no such page: it has fewer meters"
    UNKNOWN_LAYOUT = 7, "the contract's pages are of another version: upgrade the gateway"
    NOT_ALLOWED = (
        8,
        "this gateway's key may not settle for the site: the provider has to allow it",
    )
    TOO_MANY_SIGNERS = 9, "eight keys are allowed for the site already: disallow one first"
    SITE_NOT_EMPTY = 10, "the site has meters, so it stays: only an empty one can be removed"
    INVALID_PERIOD = 20, "the batch's period is not on the quarter-hour"
    PERIOD_IN_FUTURE = 21, "the village's clock is ahead of the ledger's: check the time"
    SEQUENCE_USED = 22, "another batch was settled under this number"
    SEQUENCE_GAP = 23, "the batch is not the next one"
    WRONG_WRITER = 24, "another gateway settles for this site"
    NOT_CONTIGUOUS = 25, "the batch does not begin where the last one ended"
    WRONG_PRICE_VERSION = 26, "the prices changed within the batch's period"
    INVALID_BATCH_DATA = 27, "the contract could not read the batch"
    NO_RECEIPT = 28, "the site has settled nothing yet, so there is nothing to take over"
    TAKEOVER_MISMATCH = 29, "another batch was settled meanwhile"
    SETTLED_BY_BATCHES = 30, "the site settles by batches, so single reports are not taken"
    USAGE_GOES_BACK = 31, "the report is lower than what the contract has counted already"
    IMPLAUSIBLE_USAGE = 32, "the meter cannot have used that much since it was last read"
    METER_DEACTIVATED = 33, "the meter is switched off by the provider: activate it first"
    AMOUNT_NOT_POSITIVE = 40, "amounts must be more than zero"
    AMOUNT_TOO_LARGE = 41, "the amount, or what it adds up to, is more than a meter or a float holds"
    AMOUNT_BELOW_PLAN_PRICE = 42, "the amount does not buy one whole plan: see the price in force"
    PLAN_NOT_OFFERED = 43, "the price in force does not offer this plan"
    NO_PRICE_IN_FORCE = 44, "no price is in force yet: the provider has to set one"
    PLAN_NOT_FOR_MODE = 45, "daily and weekly plans are for prepaid meters only"
    MORE_THAN_OWED = 46, "that is more than the meter owes"
    MORE_THAN_WRITTEN_OFF = 47, "that is more than was written off for the meter"
    FLOAT_TOO_SMALL = 48, "the site's float does not hold that much: the operator has to fund it"
    INVALID_TOP_UPS = 49, "a credit holds 1 to 100 top-ups"
    UNKNOWN_PRICE_VERSION = 50, "the contract does not know the batch's price version"
    INVALID_PRICE = (
        51,
        "a price needs three rates, nothing below zero, and a start on the quarter-hour",
    )
    PRICE_NOT_LATER = 52, "a price must start later than the one before it, and not in the past"
    PRICE_TOO_SOON = 53, "a price needs a day's notice: let it start later"
    PRICE_IN_FORCE = 54, "only the latest price can be withdrawn, and only before it is in force"
    INVALID_MODE = 60, "the mode is prepaid, streaming or postpaid"
    INVALID_MAX_POWER = 61, "the greatest power must be from 1 W to 655 350 W"
    NO_MARKET = 70, "no market is named on the meter contract, or another one"
    MARKET_CREDIT_TOO_SMALL = 71, "the meter does not hold that much bought energy"
    METER_NOT_PREPAID = 72, "only prepaid meters can use bought energy"
    MORE_THAN_COLLECTED = (
        80,
        "the contract has not collected that much: what the operators hold in floats is theirs",
    )
    PAUSED = 1000, "the provider has paused the contract: settling waits until it goes on"


SENTENCES = {refusal: refusal.sentence for refusal in MeterError}
"""What each refusal means to an operator."""

FINAL = frozenset(
    {
        MeterError.INVALID_PERIOD,
        MeterError.WRONG_PRICE_VERSION,
        MeterError.UNKNOWN_PRICE_VERSION,
        MeterError.INVALID_BATCH_DATA,
    }
)
"""Refusals that the same batch would meet again for ever: it is composed anew."""

PASSING = frozenset(
    {
        MeterError.PERIOD_IN_FUTURE,
        MeterError.SEQUENCE_USED,
        MeterError.SEQUENCE_GAP,
        MeterError.WRONG_WRITER,
        MeterError.NOT_CONTIGUOUS,
        MeterError.TAKEOVER_MISMATCH,
    }
)
"""Refusals that mean the receipt is another by now: it is read again before anything else."""


def sentence(code: int | None) -> str:
    """What a refusal means to an operator.

    Args:
        code: the contract's error number, or None when it gave none.
    """
    return sentence_of(code, MeterError)
