"""Laws of the supply decision: they hold for all facts, and through any sequence of them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, time

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.chain_drop import Drop
from gateway.domain.local_hours import LocalHours, LocalSpan
from gateway.domain.supply import (
    ContractRecord,
    Hold,
    Override,
    PricedUsage,
    Reason,
    SettlementMode,
    SupplyFacts,
    SupplyPolicy,
    SupplyState,
    decide,
)

NOW_S = 1_800_000_000
DAY_S = 86_400
ON = SupplyState.CONNECTED
OFF = SupplyState.DISCONNECTED

stroops = st.integers(-(10**12), 10**12)
instants = st.integers(NOW_S - 400 * DAY_S, NOW_S + 400 * DAY_S)
wh = st.integers(0, 10**7)
prices = st.integers(0, 10**8)
records = st.builds(
    ContractRecord,
    balance_stroops=stroops,
    remainder_milli=st.integers(0, 999),
    paid_until_s=st.one_of(st.just(0), instants),
    bought_plan=st.booleans(),
    registered=st.booleans(),
    deactivated=st.booleans(),
    as_of_s=instants,
    market_credit_wh=wh,
)
usages = st.lists(
    st.builds(PricedUsage, st.tuples(prices, prices, prices), st.tuples(wh, wh, wh), wh),
    max_size=3,
).map(tuple)
facts = st.builds(
    SupplyFacts,
    mode=st.sampled_from(SettlementMode),
    critical=st.booleans(),
    record=st.none() | records,
    unsettled=usages,
    credit_stroops=st.integers(0, 10**9),
    state=st.none() | st.sampled_from(SupplyState),
    reason=st.none() | st.sampled_from(Reason),
    switched_s=st.none() | instants,
    power_mw=st.none() | st.integers(0, 10**7),
    load_limit_w=st.none() | st.integers(1, 10**4),
    overloads=st.integers(0, 5),
    tripped_s=st.none() | instants,
    locked_out=st.booleans(),
    slot=st.integers(0, 10**6),
    override=st.none() | st.builds(Override, connected=st.booleans(), until_s=instants),
    emergency_stroops=st.integers(0, 10**9),
    estimated=usages,
    disputed_stroops=st.integers(0, 10**9),
    brown_out=st.booleans(),
    feeder_dead=st.booleans(),
    feeder_back_s=st.none() | instants,
    paused_s=st.integers(0, 7 * DAY_S),
    drop=st.builds(Drop, st.integers(0, 10**9), wh, st.just(0) | instants),
    hold=st.none() | st.sampled_from(Hold),
    chain_cuts=st.integers(0, 200),
    endpoints_agree=st.none() | st.booleans(),
    clock_trusted=st.booleans(),
    untrusted_s=st.integers(0, 30 * DAY_S),
)
spans = st.builds(
    LocalSpan,
    st.frozensets(st.integers(0, 6)),
    st.times(timezones=st.none()),
    st.times(timezones=st.none()),
)
policies = st.builds(
    SupplyPolicy,
    stale_after_s=st.integers(1, 30 * DAY_S),
    overdraft_stroops=st.integers(0, 10**9),
    stale_overdraft_stroops=st.integers(0, 10**9),
    min_switch_s=st.integers(0, DAY_S),
    overload_retry_s=st.integers(0, DAY_S),
    most_overloads=st.integers(0, 5),
    quiet_hours=st.lists(spans, max_size=2).map(lambda some: LocalHours(tuple(some), UTC)),
    most_chain_cuts=st.integers(0, 10),
    stagger_s=st.integers(0, 3600),
    clock_grace_s=st.integers(0, 30 * DAY_S),
)
NEVER_QUIET = LocalHours()
MAY_BE_OFF = {
    Reason.LOCKED_OUT,
    Reason.OVERRIDE,
    Reason.NOT_REGISTERED,
    Reason.DEACTIVATED,
    Reason.PLAN_ENDED,
    Reason.CLOCK_UNTRUSTED,
    Reason.NO_CREDIT,
    Reason.OVERLOAD,
    Reason.STAGGERED,
    Reason.FEEDER_DEAD,
    Reason.BROWN_OUT,
    Reason.SWITCHED_RECENTLY,
}


@given(facts, policies)
def test_law_locked_out_is_never_connected(some: SupplyFacts, policy: SupplyPolicy) -> None:
    verdict = decide(replace(some, locked_out=True), policy, NOW_S)
    assert (verdict.state, verdict.reason) == (OFF, Reason.LOCKED_OUT)


@given(facts, policies)
def test_law_a_critical_supply_is_cut_for_safety_only(
    some: SupplyFacts, policy: SupplyPolicy
) -> None:
    """Off already, it comes back at once, unless its line is not fit for switching."""
    verdict = decide(replace(some, critical=True, locked_out=False), policy, NOW_S)
    bad_line = some.brown_out or some.feeder_dead
    assert verdict.state is ON or (bad_line and not some.connected)


@given(facts, policies)
def test_law_nobody_is_without_supply_without_a_reason(
    some: SupplyFacts, policy: SupplyPolicy
) -> None:
    verdict = decide(some, policy, NOW_S)
    assert verdict.connected or verdict.reason in MAY_BE_OFF
    assert verdict.detail
    assert verdict.reason.sentence
    assert verdict.reason.remedy


@given(facts, policies)
def test_law_a_decision_depends_on_its_facts_only(some: SupplyFacts, policy: SupplyPolicy) -> None:
    same = SupplyFacts(**{field.name: getattr(some, field.name) for field in fields(some)})
    assert decide(some, policy, NOW_S) == decide(same, policy, NOW_S)


@given(facts, policies, st.integers(0, 400 * DAY_S))
def test_law_age_alone_never_disconnects(
    some: SupplyFacts, policy: SupplyPolicy, age_s: int
) -> None:
    fresh = some.record and replace(some, record=replace(some.record, as_of_s=NOW_S))
    if fresh and fresh.record and decide(fresh, policy, NOW_S).connected:
        aged = replace(fresh, record=replace(fresh.record, as_of_s=NOW_S - age_s))
        assert decide(aged, policy, NOW_S).connected


@given(facts, policies)
def test_law_on_a_bad_line_only_a_lock_out_switches(
    some: SupplyFacts, policy: SupplyPolicy
) -> None:
    for bad in (replace(some, brown_out=True), replace(some, feeder_dead=True)):
        verdict = decide(replace(bad, locked_out=False), policy, NOW_S)
        assert verdict.connected == some.connected


@given(facts, policies, usages, st.integers(0, 10**9))
def test_law_doubt_never_disconnects(
    some: SupplyFacts, policy: SupplyPolicy, estimated: tuple[PricedUsage, ...], disputed: int
) -> None:
    """Whoever is connected without the doubted part is connected with it."""
    without = replace(some, estimated=(), disputed_stroops=0)
    with_doubt = replace(
        some,
        unsettled=(*some.unsettled, *estimated),
        estimated=estimated,
        disputed_stroops=disputed,
        record=some.record
        and replace(some.record, balance_stroops=some.record.balance_stroops - disputed),
    )
    if any(one.market_wh for one in estimated):
        return
    before = decide(without, policy, NOW_S)
    assert decide(with_doubt, policy, NOW_S).connected or not before.connected


@given(facts, policies)
def test_law_in_quiet_hours_nobody_is_cut_by_account_or_chain(
    some: SupplyFacts, policy: SupplyPolicy
) -> None:
    always = LocalHours((LocalSpan(frozenset(range(7)), time(0), time(0)),), UTC)
    quiet = replace(policy, quiet_hours=always)
    verdict = decide(replace(some, state=ON, locked_out=False), quiet, NOW_S)
    assert verdict.connected or verdict.reason in {Reason.OVERRIDE, Reason.OVERLOAD}


@given(facts, policies, st.sampled_from([None, False]))
def test_law_the_chain_alone_cuts_no_more_than_its_limit_without_a_person(
    some: SupplyFacts,
    policy: SupplyPolicy,
    agree: bool | None,  # noqa: FBT001
) -> None:
    over = replace(
        some,
        state=ON,
        hold=Hold.CONFIRMED if some.hold is Hold.CONFIRMED_ON_ONE else some.hold,
        endpoints_agree=agree,
        chain_cuts=policy.most_chain_cuts,
    )
    assert not decide(over, policy, NOW_S).chain_alone


@given(facts, policies)
def test_law_deciding_again_changes_nothing(some: SupplyFacts, policy: SupplyPolicy) -> None:
    policy = replace(policy, min_switch_s=max(1, policy.min_switch_s))
    first = decide(some, policy, NOW_S)
    tripped = first.reason is Reason.OVERLOAD and some.connected
    calm = replace(
        some,
        state=first.state,
        reason=first.reason,
        switched_s=NOW_S if first.connected != some.connected else some.switched_s,
        tripped_s=NOW_S if tripped else some.tripped_s,
        overloads=some.overloads + tripped,
        power_mw=None if first.connected else 0,
    )
    assert decide(calm, policy, NOW_S).connected == first.connected


@given(facts, policies, st.lists(st.tuples(facts, st.integers(0, DAY_S)), max_size=20))
def test_law_locked_stays_dead_and_critical_stays_alive_through_any_history(
    first: SupplyFacts, policy: SupplyPolicy, later: list[tuple[SupplyFacts, int]]
) -> None:
    """Whatever the world does in between, and whatever was decided before each step."""
    locked = replace(first, locked_out=True)
    alive = replace(first, locked_out=False, critical=True, state=ON)
    now_s = NOW_S
    for step, wait_s in later:
        now_s += wait_s
        dead_verdict = decide(locked, policy, now_s)
        alive_verdict = decide(alive, policy, now_s)
        assert not dead_verdict.connected
        assert alive_verdict.connected
        locked = replace(step, locked_out=True, state=dead_verdict.state)
        alive = replace(step, locked_out=False, critical=True, state=alive_verdict.state)
