"""When a meter point has supply, and why: the decision, its reasons and their plain sentences.

Pure: every fact is an argument, also the time. Nothing here switches a relay, and nothing asks
the network: what is decided depends on what was last known. The rules are listed, and each is
tested, in docs/supply.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MILLI = 1000
"""Thousandths of a stroop per stroop: a rate is per kWh, usage is in Wh."""
MW_PER_W = 1000
HOUR_S = 3600
DAY_S = 86_400


class SupplyState(StrEnum):
    """The logical state of a supply (DLMS disconnect control, class 70); the values are stored."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    READY_FOR_RECONNECTION = "ready_for_reconnection"


class SettlementMode(StrEnum):
    """Who charges a meter point's usage; the values are stored."""

    PREPAID = "prepaid"
    STREAMING = "streaming"
    POSTPAID = "postpaid"


class Reason(StrEnum):
    """Why a supply is as it is; the values are stored."""

    LOCKED_OUT = "locked_out"
    CRITICAL = "critical"
    NOT_REGISTERED = "not_registered"
    DEACTIVATED = "deactivated"
    CHARGED_LATER = "charged_later"
    PLAN = "plan"
    MARKET_ENERGY = "market_energy"
    CREDIT = "credit"
    OVERDRAFT = "overdraft"
    PLAN_ENDED = "plan_ended"
    NO_CREDIT = "no_credit"
    OVERLOAD = "overload"
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
        "The credit is used up; the supply stays on with emergency credit.",
        "Pay now: the emergency credit is limited, and it is owed.",
    ),
    Reason.PLAN_ENDED: (
        "The plan has ended and there is no credit.",
        "Pay for a new plan or for credit; the supply comes back when the payment arrives.",
    ),
    Reason.NO_CREDIT: (
        "The credit is used up.",
        "Pay for credit or for a plan; the supply comes back when the payment arrives.",
    ),
    Reason.OVERLOAD: (
        "More power was drawn than this supply is allowed.",
        "Switch some appliances off; the supply comes back by itself, and after the last try "
        "the operator reconnects it.",
    ),
    Reason.SWITCHED_RECENTLY: (
        "The supply was switched a moment ago and is not switched again yet.",
        "Wait a minute; it follows by itself.",
    ),
}


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """What the contract last said of a meter point.

    Args:
        balance_stroops: credit; negative is arrears.
        remainder_milli: a charge below one stroop that waits, thousandths, 0-999.
        paid_until_s: end of the plan window, not part of it (unix seconds, 0: there was none).
        bought_plan: the last payment bought a daily or weekly plan.
        registered: the contract knows this meter.
        deactivated: the provider has switched it off.
        as_of_s: ledger close time of this knowledge (unix seconds).
        market_credit_wh: energy bought on the market and not yet drawn, Wh.
    """

    balance_stroops: int
    remainder_milli: int
    paid_until_s: int
    bought_plan: bool
    registered: bool
    deactivated: bool
    as_of_s: int
    market_credit_wh: int = 0


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """Usage at the prices in force when it was drawn.

    Args:
        rates_stroops_per_kwh: off-peak, standard, peak.
        tiers_wh: usage in each of them that costs money, Wh.
        market_wh: usage that was drawn from energy bought on the market, Wh: it costs none.
    """

    rates_stroops_per_kwh: tuple[int, int, int]
    tiers_wh: tuple[int, int, int]
    market_wh: int = 0

    @property
    def cost_milli(self) -> int:
        """Its exact price, thousandths of a stroop."""
        off_peak, standard, peak = self.rates_stroops_per_kwh
        off_peak_wh, standard_wh, peak_wh = self.tiers_wh
        return off_peak * off_peak_wh + standard * standard_wh + peak * peak_wh


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """All that a decision about one meter point rests on.

    Args:
        mode: who charges its usage.
        critical: a clinic, a vaccine fridge, a pump: never cut but for safety.
        record: the contract's record; None: never seen.
        unsettled: usage that the record's balance does not contain yet, outside the plan window.
        credit_stroops: paid on site, by token or cash, and not in the record's balance yet.
        state: what was decided last; None: this meter point is new.
        reason: why; None: this meter point is new.
        switched_s: when its relay was last commanded (unix seconds); None: never.
        power_mw: active power by the latest reading, mW; None: not known.
        load_limit_w: the most it may draw, W; None: no limit but the breaker.
        overloads: disconnections for overload since a person last reset them.
        locked_out: locked out on site.
    """

    mode: SettlementMode
    critical: bool = False
    record: ContractRecord | None = None
    unsettled: tuple[PricedUsage, ...] = ()
    credit_stroops: int = 0
    state: SupplyState | None = None
    reason: Reason | None = None
    switched_s: int | None = None
    power_mw: int | None = None
    load_limit_w: int | None = None
    overloads: int = 0
    locked_out: bool = False


@dataclass(frozen=True, slots=True)
class SupplyPolicy:
    """What the operator has set.

    Args:
        stale_after_s: the age from which the contract's record counts as stale, s.
        overdraft_stroops: how far below 0 a balance may go, always.
        stale_overdraft_stroops: how much further, while the record is stale: whoever has paid
            cannot prove it then.
        min_switch_s: the least time between two switchings of one relay, s.
        overload_retry_s: how long a supply stays off after an overload, s.
        most_overloads: after this many a person reconnects it.
    """

    stale_after_s: int = 259_200
    overdraft_stroops: int = 0
    stale_overdraft_stroops: int = 0
    min_switch_s: int = 60
    overload_retry_s: int = 300
    most_overloads: int = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a supply shall be.

    Args:
        state: the state to bring about.
        reason: why.
        detail: the figures behind it, one line, for the journal.
    """

    state: SupplyState
    reason: Reason
    detail: str

    @property
    def connected(self) -> bool:
        """Whether the relay shall conduct."""
        return self.state is SupplyState.CONNECTED


def effective_balance(
    balance_stroops: int, remainder_milli: int, unsettled: tuple[PricedUsage, ...]
) -> int:
    """The balance once all usage so far is settled, stroops.

    Rounds as the contract does: the charge is cut to whole stroops, the rest is carried on.

    Args:
        balance_stroops: by the contract's record; negative is arrears.
        remainder_milli: a charge below one stroop that waits there, thousandths.
        unsettled: usage that the record's balance does not contain yet.
    """
    cost_milli = remainder_milli + sum(usage.cost_milli for usage in unsettled)
    return balance_stroops - cost_milli // MILLI


def market_energy_left(market_credit_wh: int, unsettled: tuple[PricedUsage, ...]) -> int:
    """The energy bought on the market that no usage so far has drawn, Wh.

    Args:
        market_credit_wh: by the contract's record.
        unsettled: usage that the record does not contain yet.
    """
    return market_credit_wh - sum(usage.market_wh for usage in unsettled)


def decide(facts: SupplyFacts, policy: SupplyPolicy, now_s: int) -> Verdict:
    """Decide whether a meter point has supply. Safety first, then the account, then the relay.

    Args:
        facts: what is known.
        policy: what the operator has set.
        now_s: the time (unix seconds).
    """
    if facts.locked_out:
        return _off(Reason.LOCKED_OUT, "locked out on site")
    verdict = _by_contract(facts, policy, now_s)
    if facts.critical:
        return _kept_on(verdict)
    if verdict.connected:
        verdict = _by_load(facts, policy, now_s, verdict)
    return _paced(facts, policy, now_s, verdict)


def _by_contract(facts: SupplyFacts, policy: SupplyPolicy, now_s: int) -> Verdict:
    record = facts.record
    if record is None or not record.registered:
        detail = "the contract has no record of this meter point"
        if facts.state is SupplyState.CONNECTED:
            return _on(Reason.NOT_REGISTERED, detail)
        return _off(Reason.NOT_REGISTERED, detail)
    if record.deactivated:
        return _off(Reason.DEACTIVATED, f"deactivated, seen {_age(record, now_s)} ago")
    if facts.mode is not SettlementMode.PREPAID:
        return _on(Reason.CHARGED_LATER, f"settlement mode {facts.mode}")
    return _by_account(record, facts, policy, now_s)


def _by_account(
    record: ContractRecord, facts: SupplyFacts, policy: SupplyPolicy, now_s: int
) -> Verdict:
    """Prepaid: plan, bought energy, credit, overdraft. Age alone never disconnects."""
    paid_stroops = record.balance_stroops + facts.credit_stroops
    left_stroops = effective_balance(paid_stroops, record.remainder_milli, facts.unsettled)
    stale = now_s - record.as_of_s > policy.stale_after_s
    overdraft_stroops = policy.overdraft_stroops + (policy.stale_overdraft_stroops if stale else 0)
    detail = (
        f"{left_stroops} stroops left of {paid_stroops}, "
        f"contract seen {_age(record, now_s)} ago{' (stale)' if stale else ''}"
    )
    if now_s < record.paid_until_s:
        return _on(Reason.PLAN, f"plan runs until {record.paid_until_s}, {detail}")
    market_wh = market_energy_left(record.market_credit_wh, facts.unsettled)
    if market_wh > 0:
        return _on(Reason.MARKET_ENERGY, f"{market_wh} Wh bought on the market, {detail}")
    if left_stroops > 0:
        return _on(Reason.CREDIT, detail)
    if left_stroops > -overdraft_stroops:
        return _on(Reason.OVERDRAFT, f"{detail}, overdraft {overdraft_stroops}")
    return _off(Reason.PLAN_ENDED if record.bought_plan else Reason.NO_CREDIT, detail)


def _kept_on(verdict: Verdict) -> Verdict:
    """A critical supply is cut for safety only: what would have cut it is said instead."""
    if verdict.connected:
        return verdict
    return _on(Reason.CRITICAL, f"kept on despite {verdict.reason}: {verdict.detail}")


def _by_load(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """Trip above the load limit, try again after a while, then wait for a person."""
    limit_w, power_mw = facts.load_limit_w, facts.power_mw or 0
    connected = facts.state is SupplyState.CONNECTED
    if limit_w is None or (not connected and facts.reason is not Reason.OVERLOAD):
        return verdict
    if connected:
        over = power_mw > limit_w * MW_PER_W
        detail = f"{power_mw} mW drawn, {limit_w} W allowed"
        return _off(Reason.OVERLOAD, detail) if over else verdict
    if facts.overloads >= policy.most_overloads:
        detail = f"{facts.overloads} overloads: a person reconnects it"
        return Verdict(SupplyState.READY_FOR_RECONNECTION, Reason.OVERLOAD, detail)
    if _switched_within(facts, policy.overload_retry_s, now_s):
        return _off(Reason.OVERLOAD, f"tried again {policy.overload_retry_s} s after the trip")
    return verdict


def _paced(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """Spare the relay: no second switching within ``min_switch_s``, except for an overload."""
    was_connected = facts.state is SupplyState.CONNECTED
    if (
        facts.state is None
        or verdict.connected == was_connected
        or verdict.reason is Reason.OVERLOAD
        or not _switched_within(facts, policy.min_switch_s, now_s)
    ):
        return verdict
    state = SupplyState.CONNECTED if was_connected else SupplyState.READY_FOR_RECONNECTION
    return Verdict(state, Reason.SWITCHED_RECENTLY, f"then {verdict.reason}: {verdict.detail}")


def _switched_within(facts: SupplyFacts, duration_s: int, now_s: int) -> bool:
    """A switching in the future is a clock that was set back: it holds nothing up."""
    return facts.switched_s is not None and 0 <= now_s - facts.switched_s < duration_s


def _on(reason: Reason, detail: str) -> Verdict:
    return Verdict(SupplyState.CONNECTED, reason, detail)


def _off(reason: Reason, detail: str) -> Verdict:
    return Verdict(SupplyState.DISCONNECTED, reason, detail)


def _age(record: ContractRecord, now_s: int) -> str:
    age_s = max(0, now_s - record.as_of_s)
    if age_s < HOUR_S:
        return f"{age_s // 60} min"
    return f"{age_s // HOUR_S} h" if age_s < 2 * DAY_S else f"{age_s // DAY_S} d"
