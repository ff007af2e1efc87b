"""Why a supply is as it is: every reason with its sentence and its way back, for people."""

from __future__ import annotations

from enum import StrEnum


class SupplyState(StrEnum):
    """The logical state of a supply (DLMS disconnect control, class 70); the values are stored."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    READY_FOR_RECONNECTION = "ready_for_reconnection"


class Reason(StrEnum):
    """Why a supply is as it is; the values are stored."""

    LOCKED_OUT = "locked_out"
    OVERRIDE = "override"
    CRITICAL = "critical"
    NOT_REGISTERED = "not_registered"
    DEACTIVATED = "deactivated"
    CHARGED_LATER = "charged_later"
    PLAN = "plan"
    MARKET_ENERGY = "market_energy"
    CREDIT = "credit"
    OVERDRAFT = "overdraft"
    EMERGENCY_CREDIT = "emergency_credit"
    IN_DOUBT = "in_doubt"
    PLAN_ENDED = "plan_ended"
    CLOCK_UNTRUSTED = "clock_untrusted"
    NO_CREDIT = "no_credit"
    CHAIN_HELD = "chain_held"
    QUIET_HOURS = "quiet_hours"
    OVERLOAD = "overload"
    STAGGERED = "staggered"
    FEEDER_DEAD = "feeder_dead"
    BROWN_OUT = "brown_out"
    SWITCHED_RECENTLY = "switched_recently"

    @property
    def sentence(self) -> str:
        """What is the case, for people."""
        return _TEXTS[self][0]

    @property
    def remedy(self) -> str:
        """How to get back on, or to stay on; one sentence, for people."""
        return _TEXTS[self][1]


_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.LOCKED_OUT: (
        "The supply was locked out on site, for safety.",
        "Only the person who locked it can release it, on site.",
    ),
    Reason.OVERRIDE: (
        "The operator has switched this supply by hand, for a limited time.",
        "It follows its credit again when the time is over; ask the operator.",
    ),
    Reason.CRITICAL: (
        "This supply is critical and stays on, though it would have been disconnected; "
        "its debt grows.",
        "Call the operator.",
    ),
    Reason.NOT_REGISTERED: (
        "This meter point is not registered on the chain yet.",
        "The operator registers it; until then the supply stays as it is.",
    ),
    Reason.DEACTIVATED: (
        "The provider has deactivated this meter.",
        "Ask the provider to activate it again; credit is kept.",
    ),
    Reason.CHARGED_LATER: (
        "The supply is on; usage is charged afterwards.",
        "Nothing needs to be done.",
    ),
    Reason.PLAN: (
        "The supply is on; a daily or weekly plan is running.",
        "Pay again before the plan ends to stay on.",
    ),
    Reason.MARKET_ENERGY: (
        "The supply is on; there is energy left that was bought on the market.",
        "Buy more, or pay, before it is used up to stay on.",
    ),
    Reason.CREDIT: (
        "The supply is on; there is credit left.",
        "Pay before the credit is used up to stay on.",
    ),
    Reason.OVERDRAFT: (
        "The credit is used up; the supply stays on with the overdraft that the operator grants.",
        "Pay now: the overdraft is limited, and it is owed.",
    ),
    Reason.EMERGENCY_CREDIT: (
        "The credit is used up; the supply stays on with the emergency credit that was asked for.",
        "Pay now: the emergency credit is limited, and the next payment pays it back first.",
    ),
    Reason.IN_DOUBT: (
        "The credit is used up only if usage counts that is estimated or disputed; "
        "nobody is disconnected for that.",
        "Pay, or have the operator settle the dispute; an estimate counts once it is settled.",
    ),
    Reason.PLAN_ENDED: (
        "The plan has ended and there is no credit.",
        "Pay for a new plan or for credit; the supply comes back when the payment arrives.",
    ),
    Reason.CLOCK_UNTRUSTED: (
        "The gateway has not known the time for so long that a plan counts as ended, "
        "and there is no credit.",
        "The operator sets the time or connects the internet; credit brings the supply back too.",
    ),
    Reason.NO_CREDIT: (
        "The credit is used up.",
        "Pay for credit or for a plan; the supply comes back when the payment arrives.",
    ),
    Reason.CHAIN_HELD: (
        "The chain says to disconnect this supply and many others; it stays on until a person "
        "on site has confirmed that.",
        "The operator looks at the list of supplies and confirms or rejects it.",
    ),
    Reason.QUIET_HOURS: (
        "The supply is to be disconnected, but not in these hours.",
        "Pay before these hours end to stay on.",
    ),
    Reason.OVERLOAD: (
        "More power was drawn than this supply is allowed.",
        "Switch some appliances off; the supply comes back by itself, and after the last try "
        "the operator reconnects it.",
    ),
    Reason.STAGGERED: (
        "The power is back; supplies are switched on one after the other.",
        "Wait a minute; it follows by itself.",
    ),
    Reason.FEEDER_DEAD: (
        "The line to this supply has no power; nothing is switched until it is back.",
        "Wait until the line has power again; a running plan waits as well.",
    ),
    Reason.BROWN_OUT: (
        "The voltage on the line is too low; nothing is switched until it is sound again.",
        "Wait until the voltage is sound again.",
    ),
    Reason.SWITCHED_RECENTLY: (
        "The supply was switched a moment ago and is not switched again yet.",
        "Wait a minute; it follows by itself.",
    ),
}
