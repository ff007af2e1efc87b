"""When a meter point has supply, and why: the decision.

Pure: every fact is an argument, also the time. Nothing here switches a relay, and nothing asks
the network: what is decided depends on what was last known. The rules are listed, and each is
tested, in docs/supply.md.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.credit import (
    MILLI,
    ContractRecord,
    PricedUsage,
    effective_balance,
    market_energy_left,
)
from gateway.domain.reasons import Reason, SupplyState
from gateway.domain.supply_facts import (
    DAY_S,
    Hold,
    Override,
    SettlementMode,
    SupplyFacts,
    SupplyPolicy,
    Verdict,
)

__all__ = [
    "ContractRecord",
    "Hold",
    "Override",
    "PricedUsage",
    "Reason",
    "SettlementMode",
    "SupplyFacts",
    "SupplyPolicy",
    "SupplyState",
    "Verdict",
    "decide",
    "effective_balance",
    "market_energy_left",
    "stagger_of",
]

MW_PER_W = 1000
HOUR_S = 3600


def decide(facts: SupplyFacts, policy: SupplyPolicy, now_s: int) -> Verdict:
    """Decide whether a meter point has supply: safety, orders, account, load, line, relay.

    Args:
        facts: what is known.
        policy: what the operator has set.
        now_s: the time (unix seconds).
    """
    if facts.locked_out:
        return _off(Reason.LOCKED_OUT, "locked out on site")
    verdict = _by_order(facts, now_s) or _by_contract(facts, policy, now_s)
    if facts.critical:
        return _by_line(facts, _kept_on(verdict))
    if facts.connected and not verdict.connected and verdict.reason is not Reason.OVERRIDE:
        verdict = _spared(facts, policy, now_s, verdict)
    if verdict.connected:
        verdict = _by_load(facts, policy, now_s, verdict)
    verdict = _by_line(facts, _in_turn(facts, policy, now_s, verdict))
    return _paced(facts, policy, now_s, verdict)


def stagger_of(slot: int, over_s: int, *, critical: bool) -> int:
    """How long after a blackout a supply waits for its turn, s: critical ones do not.

    Args:
        slot: its number in the village.
        over_s: how long all turns take, s.
        critical: a clinic, a vaccine fridge, a pump.
    """
    return 0 if critical or over_s <= 0 else 1 + slot % over_s


def _by_order(facts: SupplyFacts, now_s: int) -> Verdict | None:
    order = facts.override
    if order is None or now_s >= order.until_s or (facts.critical and not order.connected):
        return None
    detail = f"ordered by an operator for {_span(order.until_s - now_s)} more"
    return _on(Reason.OVERRIDE, detail) if order.connected else _off(Reason.OVERRIDE, detail)


def _by_contract(facts: SupplyFacts, policy: SupplyPolicy, now_s: int) -> Verdict:
    record = facts.record
    if record is None or not record.registered:
        detail = "the contract has no record of this meter point"
        if facts.connected:
            return _on(Reason.NOT_REGISTERED, detail)
        return _off(Reason.NOT_REGISTERED, detail)
    if record.deactivated:
        detail = f"deactivated, seen {_age(record, now_s)} ago"
        return _off(Reason.DEACTIVATED, detail, chain_alone=True)
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
    detail = (
        f"{left_stroops} stroops left of {paid_stroops}, "
        f"contract seen {_age(record, now_s)} ago{' (stale)' if stale else ''}"
    )
    plan_until_s = record.paid_until_s + facts.paused_s
    clock_counts = facts.clock_trusted or facts.untrusted_s < policy.clock_grace_s
    if now_s < plan_until_s and clock_counts:
        return _on(Reason.PLAN, f"plan runs {_span(plan_until_s - now_s)} more, {detail}")
    market_wh = market_energy_left(record.market_credit_wh, facts.unsettled)
    if market_wh > 0:
        return _on(Reason.MARKET_ENERGY, f"{market_wh} Wh bought on the market, {detail}")
    if left_stroops > 0:
        return _on(Reason.CREDIT, detail, left_stroops)
    reason = Reason.PLAN_ENDED if record.bought_plan else Reason.NO_CREDIT
    if now_s < plan_until_s:
        reason = Reason.CLOCK_UNTRUSTED
    return _below_zero(facts, policy, now_s, _Left(left_stroops, market_wh, stale, reason), detail)


class _Left(NamedTuple):
    """What an account has left, and why it would be disconnected."""

    stroops: int
    market_wh: int
    stale: bool
    reason: Reason


def _below_zero(
    facts: SupplyFacts, policy: SupplyPolicy, now_s: int, left: _Left, detail: str
) -> Verdict:
    """Nothing is left: overdraft, emergency credit, doubt; and whether only the chain says so."""
    stroops, drop = left.stroops, facts.drop
    floor_stroops = -policy.overdraft_stroops
    floor_stroops -= policy.stale_overdraft_stroops if left.stale else 0
    if stroops > floor_stroops:
        return _on(Reason.OVERDRAFT, f"{detail}, overdraft {-floor_stroops}", stroops)
    floor_stroops -= facts.emergency_stroops
    if stroops > floor_stroops:
        detail += f", emergency credit {facts.emergency_stroops}"
        return _on(Reason.EMERGENCY_CREDIT, detail, stroops)
    doubted_stroops = facts.disputed_stroops + _estimated_stroops(facts)
    if stroops + doubted_stroops > floor_stroops:
        return _on(Reason.IN_DOUBT, f"{detail}, {doubted_stroops} in doubt", stroops)
    return _off(
        left.reason,
        detail,
        stroops,
        chain_alone=stroops + drop.stroops > floor_stroops
        or left.market_wh + drop.market_wh > 0
        or now_s < drop.plan_until_s,
    )


def _estimated_stroops(facts: SupplyFacts) -> int:
    """What is estimated of unsettled usage costs at most so much, rounded up; never more than it.

    The rest of the estimate was free: inside a plan, or drawn from bought energy.
    """
    estimated_milli = sum(usage.cost_milli for usage in facts.estimated)
    all_milli = sum(usage.cost_milli for usage in facts.unsettled)
    return -(-min(estimated_milli, all_milli) // MILLI)


def _kept_on(verdict: Verdict) -> Verdict:
    """A critical supply is cut for safety only: what would have cut it is said instead."""
    if verdict.connected:
        return verdict
    detail = f"kept on despite {verdict.reason}: {verdict.detail}"
    return _on(Reason.CRITICAL, detail, verdict.left_stroops)


def _spared(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """A disconnection by the contract or the account waits for a person, or for the hour."""
    detail = f"then {verdict.reason}: {verdict.detail}"
    if verdict.chain_alone and _waits_for_a_person(facts, policy):
        return _on(Reason.CHAIN_HELD, detail, verdict.left_stroops)
    if policy.quiet_hours.cover(now_s):
        return _on(Reason.QUIET_HOURS, detail, verdict.left_stroops)
    return verdict


def _waits_for_a_person(facts: SupplyFacts, policy: SupplyPolicy) -> bool:
    match facts.hold:
        case None:
            return facts.chain_cuts >= policy.most_chain_cuts
        case Hold.CONFIRMED:
            return facts.endpoints_agree is not True
        case Hold.CONFIRMED_ON_ONE:
            return facts.endpoints_agree is False
        case _:
            return True


def _by_load(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """Trip above the load limit, try again after a while, then wait for a person."""
    limit_w, power_mw = facts.load_limit_w, facts.power_mw or 0
    if limit_w is None:
        return verdict
    if facts.connected:
        over = power_mw > limit_w * MW_PER_W
        detail = f"{power_mw} mW drawn, {limit_w} W allowed"
        return _off(Reason.OVERLOAD, detail, verdict.left_stroops) if over else verdict
    if facts.tripped_s is None:
        return verdict
    if facts.overloads >= policy.most_overloads:
        detail = f"{facts.overloads} overloads: a person reconnects it"
        return _ready(Reason.OVERLOAD, detail, verdict)
    if 0 <= now_s - facts.tripped_s < policy.overload_retry_s:
        detail = f"tried again {policy.overload_retry_s} s after the trip"
        return _off(Reason.OVERLOAD, detail, verdict.left_stroops)
    return verdict


def _in_turn(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """After a blackout one supply after the other is reconnected."""
    back_s = facts.feeder_back_s
    if back_s is None or facts.connected or not verdict.connected:
        return verdict
    wait_s = stagger_of(facts.slot, policy.stagger_s, critical=facts.critical)
    if not 0 <= now_s - back_s < wait_s:
        return verdict
    return _ready(Reason.STAGGERED, f"{wait_s} s after the power, {verdict.detail}", verdict)


def _by_line(facts: SupplyFacts, verdict: Verdict) -> Verdict:
    """Nothing is switched on a line that is dead or too low."""
    if verdict.connected == facts.connected or not (facts.feeder_dead or facts.brown_out):
        return verdict
    reason = Reason.FEEDER_DEAD if facts.feeder_dead else Reason.BROWN_OUT
    return _held(facts, reason, verdict)


def _paced(facts: SupplyFacts, policy: SupplyPolicy, now_s: int, verdict: Verdict) -> Verdict:
    """Spare the relay: no second switching within ``min_switch_s``, except for an overload."""
    if (
        facts.state is None
        or verdict.connected == facts.connected
        or verdict.reason is Reason.OVERLOAD
        or not _switched_within(facts, policy.min_switch_s, now_s)
    ):
        return verdict
    return _held(facts, Reason.SWITCHED_RECENTLY, verdict)


def _switched_within(facts: SupplyFacts, duration_s: int, now_s: int) -> bool:
    """A switching in the future is a clock that was set back: it holds nothing up."""
    return facts.switched_s is not None and 0 <= now_s - facts.switched_s < duration_s


def _held(facts: SupplyFacts, reason: Reason, verdict: Verdict) -> Verdict:
    """As it was, though it would be switched."""
    detail = f"then {verdict.reason}: {verdict.detail}"
    if facts.connected:
        return _on(reason, detail, verdict.left_stroops)
    return _ready(reason, detail, verdict)


def _on(reason: Reason, detail: str, left_stroops: int | None = None) -> Verdict:
    return Verdict(SupplyState.CONNECTED, reason, detail, left_stroops)


def _off(
    reason: Reason, detail: str, left_stroops: int | None = None, *, chain_alone: bool = False
) -> Verdict:
    return Verdict(SupplyState.DISCONNECTED, reason, detail, left_stroops, chain_alone)


def _ready(reason: Reason, detail: str, verdict: Verdict) -> Verdict:
    return Verdict(SupplyState.READY_FOR_RECONNECTION, reason, detail, verdict.left_stroops)


def _age(record: ContractRecord, now_s: int) -> str:
    return _span(max(0, now_s - record.as_of_s))


def _span(span_s: int) -> str:
    if span_s < HOUR_S:
        return f"{span_s // 60} min"
    return f"{span_s // HOUR_S} h" if span_s < 2 * DAY_S else f"{span_s // DAY_S} d"
