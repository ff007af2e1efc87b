"""The supply decision, as a table: the same rows are what docs/supply.md shows to people."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.supply import (
    ContractRecord,
    PricedUsage,
    Reason,
    SettlementMode,
    SupplyFacts,
    SupplyPolicy,
    SupplyState,
    decide,
    effective_balance,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "supply.md"
REGENERATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/domain/test_supply.py"

NOW_S = 1_800_000_000
HOUR_S = 3600
DAY_S = 86_400
ON = SupplyState.CONNECTED
OFF = SupplyState.DISCONNECTED
READY = SupplyState.READY_FOR_RECONNECTION

RECORD = ContractRecord(
    balance_stroops=1000,
    remainder_milli=0,
    paid_until_s=0,
    bought_plan=False,
    registered=True,
    deactivated=False,
    as_of_s=NOW_S - HOUR_S,
)
SPENT = replace(RECORD, balance_stroops=0)
BOUGHT = replace(SPENT, market_credit_wh=100)
POLICY = SupplyPolicy(stale_after_s=3 * DAY_S, min_switch_s=60, overload_retry_s=300)
KIND = replace(POLICY, overdraft_stroops=500, stale_overdraft_stroops=200)
STALE_S = NOW_S - 3 * DAY_S - 1


def usage(cost_stroops: int, drawn_wh: int = 0) -> tuple[PricedUsage, ...]:
    return (PricedUsage((1000, 0, 0), (cost_stroops, 0, 0), drawn_wh),)


def prepaid(
    record: ContractRecord | None = RECORD,
    *,
    state: SupplyState | None = ON,
    spent: int = 0,
    drawn_wh: int = 0,
    credit_stroops: int = 0,
    critical: bool = False,
) -> SupplyFacts:
    return SupplyFacts(
        SettlementMode.PREPAID,
        critical=critical,
        record=record,
        unsettled=usage(spent, drawn_wh),
        credit_stroops=credit_stroops,
        state=state,
        reason=Reason.CREDIT,
        switched_s=NOW_S - DAY_S,
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    situation: str
    facts: SupplyFacts
    state: SupplyState
    reason: Reason
    policy: SupplyPolicy = POLICY


def plan(until_s: int, as_of_s: int = NOW_S - HOUR_S) -> ContractRecord:
    return replace(SPENT, paid_until_s=until_s, bought_plan=True, as_of_s=as_of_s)


DEACTIVATED = replace(RECORD, deactivated=True, paid_until_s=NOW_S + DAY_S)
LIMITED = replace(prepaid(), load_limit_w=500)
TRIPPED = replace(LIMITED, state=OFF, reason=Reason.OVERLOAD, switched_s=NOW_S - 300, overloads=1)
JUST_NOW = NOW_S - 59

SECTIONS: dict[str, list[Case]] = {
    "Safety": [
        Case(
            "Locked out on site, with credit",
            replace(prepaid(), locked_out=True),
            OFF,
            Reason.LOCKED_OUT,
        ),
        Case(
            "Locked out on site, critical",
            replace(prepaid(critical=True), locked_out=True),
            OFF,
            Reason.LOCKED_OUT,
        ),
        Case(
            "Locked out on site, switched a moment ago",
            replace(prepaid(), locked_out=True, switched_s=NOW_S),
            OFF,
            Reason.LOCKED_OUT,
        ),
    ],
    "Critical supplies": [
        Case("Credit left", prepaid(critical=True), ON, Reason.CREDIT),
        Case("Credit used up", prepaid(SPENT, critical=True), ON, Reason.CRITICAL),
        Case(
            "Deactivated by the provider", prepaid(DEACTIVATED, critical=True), ON, Reason.CRITICAL
        ),
        Case(
            "Plan ended, contract not seen for more than 3 days",
            prepaid(plan(NOW_S, STALE_S), critical=True),
            ON,
            Reason.CRITICAL,
        ),
        Case(
            "New, never seen on the chain",
            prepaid(None, state=None, critical=True),
            ON,
            Reason.CRITICAL,
        ),
        Case(
            "Above its load limit",
            replace(LIMITED, critical=True, power_mw=900_000),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Lock-out released, switched a moment ago",
            replace(prepaid(state=OFF, critical=True), switched_s=NOW_S),
            ON,
            Reason.CREDIT,
        ),
    ],
    "The contract": [
        Case("New, never seen on the chain", prepaid(None, state=None), OFF, Reason.NOT_REGISTERED),
        Case("Connected, never seen on the chain", prepaid(None), ON, Reason.NOT_REGISTERED),
        Case(
            "Disconnected, never seen on the chain",
            prepaid(None, state=OFF),
            OFF,
            Reason.NOT_REGISTERED,
        ),
        Case(
            "Seen on the chain, not registered there",
            prepaid(replace(RECORD, registered=False), state=None),
            OFF,
            Reason.NOT_REGISTERED,
        ),
        Case(
            "Deactivated by the provider, with credit and a plan",
            prepaid(DEACTIVATED),
            OFF,
            Reason.DEACTIVATED,
        ),
        Case(
            "Postpaid, nothing on its account",
            replace(prepaid(SPENT), mode=SettlementMode.POSTPAID),
            ON,
            Reason.CHARGED_LATER,
        ),
        Case(
            "Streaming, nothing on its account",
            replace(prepaid(SPENT), mode=SettlementMode.STREAMING),
            ON,
            Reason.CHARGED_LATER,
        ),
        Case(
            "Postpaid, deactivated by the provider",
            replace(prepaid(DEACTIVATED), mode=SettlementMode.POSTPAID),
            OFF,
            Reason.DEACTIVATED,
        ),
    ],
    "Plan and credit": [
        Case("Plan runs for one more second", prepaid(plan(NOW_S + 1)), ON, Reason.PLAN),
        Case("Plan ends this second, no credit", prepaid(plan(NOW_S)), OFF, Reason.PLAN_ENDED),
        Case(
            "Plan ended, credit left",
            prepaid(replace(plan(NOW_S), balance_stroops=1)),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Plan runs, arrears",
            prepaid(replace(plan(NOW_S + 1), balance_stroops=-700)),
            ON,
            Reason.PLAN,
        ),
        Case("1000 stroops, 999 used since", prepaid(spent=999), ON, Reason.CREDIT),
        Case("1000 stroops, 1000 used since", prepaid(spent=1000), OFF, Reason.NO_CREDIT),
        Case("1000 stroops, 1700 used since", prepaid(spent=1700), OFF, Reason.NO_CREDIT),
        Case(
            "1000 stroops, 1700 used since, 701 paid on site",
            prepaid(spent=1700, credit_stroops=701),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "1000 stroops, 1700 used since, 700 paid on site",
            prepaid(spent=1700, credit_stroops=700),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "1000 stroops, 1499 used since, overdraft 500",
            prepaid(spent=1499),
            ON,
            Reason.OVERDRAFT,
            KIND,
        ),
        Case(
            "1000 stroops, 1500 used since, overdraft 500",
            prepaid(spent=1500),
            OFF,
            Reason.NO_CREDIT,
            KIND,
        ),
    ],
    "Energy bought on the market": [
        Case("100 Wh bought, no credit", prepaid(BOUGHT), ON, Reason.MARKET_ENERGY),
        Case(
            "100 Wh bought, 99 of them used since, arrears",
            prepaid(replace(BOUGHT, balance_stroops=-700), drawn_wh=99),
            ON,
            Reason.MARKET_ENERGY,
        ),
        Case(
            "100 Wh bought, all of them used since, no credit",
            prepaid(BOUGHT, drawn_wh=100),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "100 Wh bought, all of them used since, credit left",
            prepaid(replace(BOUGHT, balance_stroops=1), drawn_wh=100),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "100 Wh bought, plan runs",
            prepaid(replace(plan(NOW_S + 1), market_credit_wh=100)),
            ON,
            Reason.PLAN,
        ),
        Case(
            "100 Wh bought, not seen for more than 3 days",
            prepaid(replace(BOUGHT, as_of_s=STALE_S)),
            ON,
            Reason.MARKET_ENERGY,
        ),
        Case(
            "100 Wh bought, deactivated by the provider",
            prepaid(replace(BOUGHT, deactivated=True)),
            OFF,
            Reason.DEACTIVATED,
        ),
    ],
    "A contract that was not seen for long": [
        Case(
            "Not seen for more than 3 days, credit left",
            prepaid(replace(RECORD, as_of_s=STALE_S), spent=999),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Not seen for 180 days, credit left",
            prepaid(replace(RECORD, as_of_s=NOW_S - 180 * DAY_S), spent=999),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Not seen for more than 3 days, plan runs",
            prepaid(plan(NOW_S + 1, STALE_S)),
            ON,
            Reason.PLAN,
        ),
        Case(
            "Not seen for more than 3 days, plan ended, no credit",
            prepaid(plan(NOW_S, STALE_S)),
            OFF,
            Reason.PLAN_ENDED,
        ),
        Case(
            "Not seen for more than 3 days, credit used up",
            prepaid(replace(RECORD, as_of_s=STALE_S), spent=1000),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "The same, 699 below zero, overdraft 500 and 200 more when stale",
            prepaid(replace(RECORD, as_of_s=STALE_S), spent=1699),
            ON,
            Reason.OVERDRAFT,
            KIND,
        ),
        Case(
            "The same, 700 below zero",
            prepaid(replace(RECORD, as_of_s=STALE_S), spent=1700),
            OFF,
            Reason.NO_CREDIT,
            KIND,
        ),
        Case(
            "Seen exactly 3 days ago, 699 below zero, the same overdrafts",
            prepaid(replace(RECORD, as_of_s=STALE_S + 1), spent=1699),
            OFF,
            Reason.NO_CREDIT,
            KIND,
        ),
    ],
    "Load limit": [
        Case("Exactly at a limit of 500 W", replace(LIMITED, power_mw=500_000), ON, Reason.CREDIT),
        Case("Above a limit of 500 W", replace(LIMITED, power_mw=500_001), OFF, Reason.OVERLOAD),
        Case("Power not known", LIMITED, ON, Reason.CREDIT),
        Case(
            "Tripped 299 s ago, tried again after 300 s",
            replace(TRIPPED, switched_s=NOW_S - 299),
            OFF,
            Reason.OVERLOAD,
        ),
        Case("Tripped 300 s ago, tried again after 300 s", TRIPPED, ON, Reason.CREDIT),
        Case("Tripped 3 times", replace(TRIPPED, overloads=3), READY, Reason.OVERLOAD),
        Case(
            "Tripped, and the credit is used up",
            replace(TRIPPED, record=SPENT),
            OFF,
            Reason.NO_CREDIT,
        ),
    ],
    "Sparing the relay": [
        Case(
            "Paid, disconnected 59 s ago",
            replace(prepaid(state=OFF), switched_s=JUST_NOW),
            READY,
            Reason.SWITCHED_RECENTLY,
        ),
        Case(
            "Paid, disconnected 60 s ago",
            replace(prepaid(state=OFF), switched_s=NOW_S - 60),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Credit used up, connected 59 s ago",
            replace(prepaid(SPENT), switched_s=JUST_NOW),
            ON,
            Reason.SWITCHED_RECENTLY,
        ),
        Case(
            "Above its load limit, connected 59 s ago",
            replace(LIMITED, power_mw=900_000, switched_s=JUST_NOW),
            OFF,
            Reason.OVERLOAD,
        ),
        Case(
            "Paid, disconnected in the future: the clock was set back",
            replace(prepaid(state=OFF), switched_s=NOW_S + 10),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Still connected with credit, switched 59 s ago",
            replace(prepaid(), switched_s=JUST_NOW),
            ON,
            Reason.CREDIT,
        ),
    ],
}

CASES = [
    pytest.param(case, id=f"{section}: {case.situation}")
    for section, cases in SECTIONS.items()
    for case in cases
]


@pytest.mark.parametrize("case", CASES)
def test_each_row_of_the_table_holds(case: Case) -> None:
    verdict = decide(case.facts, case.policy, NOW_S)
    assert (verdict.state, verdict.reason) == (case.state, case.reason), verdict.detail


def test_every_reason_has_a_row_and_two_sentences() -> None:
    assert {case.reason for cases in SECTIONS.values() for case in cases} == set(Reason)
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert reason.remedy.endswith(".")


def test_the_detail_says_what_a_critical_supply_would_have_been_cut_for() -> None:
    verdict = decide(prepaid(SPENT, critical=True, spent=250), POLICY, NOW_S)
    assert verdict.detail == (
        "kept on despite no_credit: -250 stroops left of 0, contract seen 1 h ago"
    )


def test_usage_is_priced_by_tier_and_cut_to_whole_stroops() -> None:
    # 3 Wh at 500, 2 Wh at 700 and 1 Wh at 900 stroops per kWh: 3.8 stroops, and 0.199 waiting.
    spent = (PricedUsage((500, 700, 900), (3, 2, 1)),)
    assert effective_balance(1000, 199, spent) == 997
    assert effective_balance(1000, 200, spent) == 996


def test_thousandths_of_several_prices_add_up_before_they_are_cut() -> None:
    half_a_stroop = PricedUsage((500, 0, 0), (1, 0, 0))
    assert effective_balance(1000, 0, (half_a_stroop,)) == 1000
    assert effective_balance(1000, 0, (half_a_stroop, half_a_stroop)) == 999


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
facts = st.builds(
    SupplyFacts,
    mode=st.sampled_from(SettlementMode),
    critical=st.booleans(),
    record=st.none() | records,
    unsettled=st.lists(
        st.builds(PricedUsage, st.tuples(prices, prices, prices), st.tuples(wh, wh, wh), wh),
        max_size=3,
    ).map(tuple),
    state=st.none() | st.sampled_from(SupplyState),
    reason=st.none() | st.sampled_from(Reason),
    switched_s=st.none() | instants,
    power_mw=st.none() | st.integers(0, 10**7),
    load_limit_w=st.none() | st.integers(1, 10**4),
    overloads=st.integers(0, 5),
    locked_out=st.booleans(),
)
policies = st.builds(
    SupplyPolicy,
    stale_after_s=st.integers(1, 30 * DAY_S),
    overdraft_stroops=st.integers(0, 10**9),
    stale_overdraft_stroops=st.integers(0, 10**9),
    min_switch_s=st.integers(0, DAY_S),
    overload_retry_s=st.integers(0, DAY_S),
    most_overloads=st.integers(0, 5),
)
MAY_BE_OFF = {
    Reason.LOCKED_OUT,
    Reason.NOT_REGISTERED,
    Reason.DEACTIVATED,
    Reason.PLAN_ENDED,
    Reason.NO_CREDIT,
    Reason.OVERLOAD,
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
    verdict = decide(replace(some, critical=True, locked_out=False), policy, NOW_S)
    assert verdict.state is ON


@given(facts, policies)
def test_law_nobody_is_without_supply_without_a_reason(
    some: SupplyFacts, policy: SupplyPolicy
) -> None:
    verdict = decide(some, policy, NOW_S)
    assert verdict.connected or verdict.reason in MAY_BE_OFF
    assert verdict.detail


@given(facts, policies, st.integers(0, 400 * DAY_S))
def test_law_age_alone_never_disconnects(
    some: SupplyFacts, policy: SupplyPolicy, age_s: int
) -> None:
    fresh = some.record and replace(some, record=replace(some.record, as_of_s=NOW_S))
    if fresh and fresh.record and decide(fresh, policy, NOW_S).connected:
        aged = replace(fresh, record=replace(fresh.record, as_of_s=NOW_S - age_s))
        assert decide(aged, policy, NOW_S).connected


@given(facts, policies)
def test_law_deciding_again_changes_nothing(some: SupplyFacts, policy: SupplyPolicy) -> None:
    policy = replace(policy, min_switch_s=max(1, policy.min_switch_s))
    first = decide(some, policy, NOW_S)
    switched_s = some.switched_s
    if first.connected != (some.state is ON):
        switched_s = NOW_S
    calm = replace(
        some,
        state=first.state,
        reason=first.reason,
        switched_s=switched_s,
        power_mw=None if first.connected else 0,
    )
    assert decide(calm, policy, NOW_S).connected == first.connected


def test_the_document_shows_this_table() -> None:
    text = DOCUMENT.read_text("utf-8") if DOCUMENT.exists() else ""
    head, _, tail = text.partition("<!-- decisions -->\n")
    _, _, tail = tail.partition("<!-- end of decisions -->\n")
    expected = f"{head}<!-- decisions -->\n{_rendered()}<!-- end of decisions -->\n{tail}"
    if os.environ.get("UPDATE_DOCS") == "1":
        DOCUMENT.write_text(expected, "utf-8")
        text = expected
    assert text == expected, f"docs/supply.md is out of date; write it anew with: {REGENERATE}"


def _rendered() -> str:
    words = {ON: "connected", OFF: "disconnected", READY: "ready for reconnection"}
    lines: list[str] = []
    for section, cases in SECTIONS.items():
        lines += ["", f"### {section}", "", "| situation | supply | reason |", "|---|---|---|"]
        lines += [f"| {case.situation} | {words[case.state]} | `{case.reason}` |" for case in cases]
    lines += ["", "### What people read", "", "| reason | sentence | way back |", "|---|---|---|"]
    lines += [f"| `{reason}` | {reason.sentence} | {reason.remedy} |" for reason in Reason]
    return "\n".join([*lines, "", ""])
