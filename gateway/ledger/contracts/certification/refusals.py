"""Why the ``certification`` contract refuses a call; numbers are part of the ABI."""

from __future__ import annotations

from gateway.ledger.contracts.refusals import Refusal


class CertificationRefusal(Refusal):
    """Why the contract refuses a call; numbers are part of the ABI."""

    NO_APPLICATION = 300, "this producer has no open application: they have to apply first"
    APPLICATION_OPEN = 301, "this producer has an open application already: decide it first"
    NOT_CERTIFIED = 302, "this producer is not certified now"
    NOT_REVOKED = 303, "only a revoked certification can be reinstated, and this one is not"
    OWN_CERTIFICATION = 304, "nobody decides about themselves: let another certifier do it"
    NOT_ALLOWED = 305, "the account does not hold this role: the admin names who does"
    WRONG_FEE = 310, "the fee is not the one that is asked now: look it up and apply again"
    INVALID_FEE = 311, "a fee must not be below zero"
    CAPACITY_OUT_OF_LIMITS = 312, "the plant is smaller or larger than what can be certified"
    INVALID_CAPACITY_LIMITS = 313, "limits need 1 W or more, and no minimum above the maximum"
    AMOUNT_NOT_POSITIVE = 314, "amounts must be more than zero"
    MORE_THAN_EARNED = 315, "that is more than the fees earned: those of open applications stay"
    INVALID_REASON = 320, "the reason must be 1 to 200 bytes long: it is kept for ever"
    INVALID_LIMIT = 321, "ask for 1 to 50 at a time"
    TOO_MANY_HOLDERS = 322, "16 accounts hold this role already: remove one first"
    REGISTER_GOES_BACK = 330, "the register shows less than at the last report: mend the gateway's"
    IMPLAUSIBLE_PRODUCTION = 331, "a plant of this capacity cannot have exported that much"
    HISTORY_GONE = 332, "only 64 days are kept: ask for later ones"
    INVALID_DAYS = 333, "ask for 1 to 64 days"
    UNKNOWN_LAYOUT = 334, "the contract's pages are of another version: upgrade the gateway"
