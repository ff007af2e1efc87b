"""Why the ``market`` contract refuses a call; numbers are part of the ABI."""

from __future__ import annotations

from gateway.ledger.contracts.refusals import Refusal


class MarketRefusal(Refusal):
    """Why the contract refuses a call; numbers are part of the ABI."""

    NOT_CERTIFIED = 400, "the producer is not certified now, so nothing of theirs is sold"
    NOT_BACKED = 401, "the producer has not exported that much, or has sold or listed it already"
    USER_LIMIT_REACHED = 402, "one producer may not have that much for sale: see the limits"
    GLOBAL_LIMIT_REACHED = 403, "the market may not hold that much: see the limits"
    MORE_THAN_LISTED = 404, "the seller has less than that for sale"
    MORE_THAN_IN_RESERVE = 405, "the reserve holds less energy than that"
    NOT_LISTED = 406, "the seller has never offered anything"
    SITE_CLOSED = 410, "the market is off at this meter's site: switch it on first"
    OWN_ENERGY = 411, "a producer does not buy their own energy"
    OTHER_BUYER = 412, "somebody else's energy waits at this meter: let it be used up first"
    PRICE_ABOVE_LIMIT = 413, "it costs more than the buyer allowed: ask for a new quote"
    MORE_THAN_HELD = 414, "the meter holds less bought energy: what was used stays used"
    ENERGY_NOT_POSITIVE = 420, "the energy must be more than zero"
    PRICE_NOT_POSITIVE = 421, "prices must be more than zero"
    AMOUNT_NOT_POSITIVE = 422, "amounts must be more than zero"
    AMOUNT_TOO_LARGE = 423, "that is more than can be reckoned with: buy less at a time"
    RATE_TOO_HIGH = 424, "rates are from 0 to 100 per cent"
    INVALID_LIMIT = 425, "ask for 1 to 50 at a time"
    BALANCE_TOO_SMALL = 430, "that is more than the seller has earned"
    RESERVE_TOO_SMALL = 431, "that is more than the platform's funds: fund the reserve first"
    UNKNOWN_RECORD = 440, "market and meter are of different versions: upgrade the older one"
