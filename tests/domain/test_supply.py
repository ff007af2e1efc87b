"""The supply decision, as a table: the same rows are what docs/supply.md shows to people."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, time
from pathlib import Path

import pytest

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
TRIPPED = replace(
    LIMITED,
    state=OFF,
    reason=Reason.OVERLOAD,
    switched_s=NOW_S - 300,
    tripped_s=NOW_S - 300,
    overloads=1,
)
QUIET = replace(
    POLICY, quiet_hours=LocalHours((LocalSpan(frozenset({4}), time(8), time(12)),), UTC)
)
"""``NOW_S`` is Friday, 2027-01-15 08:00:00 UTC."""
ORDERED_ON = Override(connected=True, until_s=NOW_S + 1)
ORDERED_OFF = Override(connected=False, until_s=NOW_S + 1)
ESTIMATED = replace(prepaid(spent=1700), estimated=usage(701))
DISPUTED = replace(prepaid(spent=1700), disputed_stroops=701)
GRACE_S = 7 * DAY_S
LOST = replace(prepaid(plan(NOW_S + 1)), clock_trusted=False, untrusted_s=GRACE_S - 1)
HELD = replace(prepaid(DEACTIVATED), chain_cuts=3)
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
        Case(
            "Locked out on site, ordered on by an operator",
            replace(prepaid(), locked_out=True, override=ORDERED_ON),
            OFF,
            Reason.LOCKED_OUT,
        ),
        Case(
            "Locked out on site in a brown-out",
            replace(prepaid(), locked_out=True, brown_out=True),
            OFF,
            Reason.LOCKED_OUT,
        ),
    ],
    "An operator's order": [
        Case(
            "Ordered on for one more second, credit used up",
            replace(prepaid(SPENT), override=ORDERED_ON),
            ON,
            Reason.OVERRIDE,
        ),
        Case(
            "Ordered on, deactivated by the provider",
            replace(prepaid(DEACTIVATED), override=ORDERED_ON),
            ON,
            Reason.OVERRIDE,
        ),
        Case(
            "The order ends this second, credit used up",
            replace(prepaid(SPENT), override=replace(ORDERED_ON, until_s=NOW_S)),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "Ordered off, with credit",
            replace(prepaid(), override=ORDERED_OFF),
            OFF,
            Reason.OVERRIDE,
        ),
        Case(
            "Ordered off in non-disconnect hours",
            replace(prepaid(), override=ORDERED_OFF),
            OFF,
            Reason.OVERRIDE,
            QUIET,
        ),
        Case(
            "Ordered off, critical",
            replace(prepaid(critical=True), override=ORDERED_OFF),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Ordered on, above a load limit of 500 W",
            replace(LIMITED, override=ORDERED_ON, power_mw=500_001),
            OFF,
            Reason.OVERLOAD,
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
    "Emergency credit": [
        Case(
            "500 asked for, 499 below zero",
            replace(prepaid(spent=1499), emergency_stroops=500),
            ON,
            Reason.EMERGENCY_CREDIT,
        ),
        Case(
            "500 asked for, 500 below zero",
            replace(prepaid(spent=1500), emergency_stroops=500),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "500 asked for besides an overdraft of 500, 999 below zero",
            replace(prepaid(spent=1999), emergency_stroops=500),
            ON,
            Reason.EMERGENCY_CREDIT,
            KIND,
        ),
        Case(
            "Asked for, deactivated by the provider",
            replace(prepaid(DEACTIVATED), emergency_stroops=500),
            OFF,
            Reason.DEACTIVATED,
        ),
    ],
    "Estimated and disputed usage": [
        Case("700 below zero, of which 701 are estimated", ESTIMATED, ON, Reason.IN_DOUBT),
        Case(
            "700 below zero, of which 700 are estimated",
            replace(ESTIMATED, estimated=usage(700)),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "700 below zero, all of it on the chain, 1701 estimated in a plan",
            replace(prepaid(replace(RECORD, balance_stroops=-700)), estimated=usage(1701)),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case("700 below zero, 701 disputed", DISPUTED, ON, Reason.IN_DOUBT),
        Case(
            "700 below zero, 700 disputed",
            replace(DISPUTED, disputed_stroops=700),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "1000 below zero, 501 disputed, 500 estimated",
            replace(prepaid(spent=2000), disputed_stroops=501, estimated=usage(500)),
            ON,
            Reason.IN_DOUBT,
        ),
    ],
    "Non-disconnect hours": [
        Case("In them, credit used up", prepaid(SPENT), ON, Reason.QUIET_HOURS, QUIET),
        Case("In them, plan ended", prepaid(plan(NOW_S)), ON, Reason.QUIET_HOURS, QUIET),
        Case("In them, deactivated", prepaid(DEACTIVATED), ON, Reason.QUIET_HOURS, QUIET),
        Case(
            "In them, off already, credit used up",
            prepaid(SPENT, state=OFF),
            OFF,
            Reason.NO_CREDIT,
            QUIET,
        ),
        Case(
            "In them, above a load limit of 500 W",
            replace(LIMITED, power_mw=500_001),
            OFF,
            Reason.OVERLOAD,
            QUIET,
        ),
        Case(
            "In them, credit used up, and above a load limit of 500 W",
            replace(LIMITED, record=SPENT, power_mw=500_001),
            OFF,
            Reason.OVERLOAD,
            QUIET,
        ),
        Case(
            "In them, locked out on site",
            replace(prepaid(), locked_out=True),
            OFF,
            Reason.LOCKED_OUT,
            QUIET,
        ),
    ],
    "Many disconnections that the chain alone asks for": [
        Case(
            "Deactivated by the provider, the third in an hour",
            replace(HELD, chain_cuts=2),
            OFF,
            Reason.DEACTIVATED,
        ),
        Case("Deactivated by the provider, the fourth in an hour", HELD, ON, Reason.CHAIN_HELD),
        Case("The fourth, critical", replace(HELD, critical=True), ON, Reason.CRITICAL),
        Case(
            "The fourth, its balance fell to 0 and usage here explains it",
            replace(prepaid(SPENT), chain_cuts=3),
            OFF,
            Reason.NO_CREDIT,
        ),
        Case(
            "The fourth, its balance fell to 0 and usage here leaves 1 stroop unexplained",
            replace(prepaid(SPENT), chain_cuts=3, drop=Drop(1)),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "The fourth, bought energy is gone and was not used here",
            replace(prepaid(SPENT), chain_cuts=3, drop=Drop(0, 1)),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "The fourth, its plan was shortened",
            replace(prepaid(plan(NOW_S)), chain_cuts=3, drop=Drop(0, 0, NOW_S + 1)),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "It waits, and the hour is over",
            replace(HELD, chain_cuts=0, hold=Hold.WAITING),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "Rejected on site",
            replace(HELD, hold=Hold.REJECTED, endpoints_agree=True),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "Confirmed on site, and two RPC endpoints agree",
            replace(HELD, hold=Hold.CONFIRMED, endpoints_agree=True),
            OFF,
            Reason.DEACTIVATED,
        ),
        Case(
            "Confirmed on site, and it is not known whether they agree",
            replace(HELD, hold=Hold.CONFIRMED),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case(
            "Confirmed on site by somebody to whom one endpoint is enough",
            replace(HELD, hold=Hold.CONFIRMED_ON_ONE),
            OFF,
            Reason.DEACTIVATED,
        ),
        Case(
            "The same, and two endpoints disagree",
            replace(HELD, hold=Hold.CONFIRMED_ON_ONE, endpoints_agree=False),
            ON,
            Reason.CHAIN_HELD,
        ),
        Case("The fourth, off already", replace(HELD, state=OFF), OFF, Reason.DEACTIVATED),
    ],
    "A dead feeder and a brown-out": [
        Case(
            "Brown-out, credit used up",
            replace(prepaid(SPENT), brown_out=True),
            ON,
            Reason.BROWN_OUT,
        ),
        Case(
            "Brown-out, paid, off",
            replace(prepaid(state=OFF), brown_out=True),
            READY,
            Reason.BROWN_OUT,
        ),
        Case("Brown-out, credit left", replace(prepaid(), brown_out=True), ON, Reason.CREDIT),
        Case(
            "Brown-out, above a load limit of 500 W",
            replace(LIMITED, power_mw=500_001, brown_out=True),
            ON,
            Reason.BROWN_OUT,
        ),
        Case(
            "Brown-out, critical, on, credit used up",
            replace(prepaid(SPENT, critical=True), brown_out=True),
            ON,
            Reason.CRITICAL,
        ),
        Case(
            "Brown-out, critical, off: its lock-out was released",
            replace(prepaid(state=OFF, critical=True), brown_out=True),
            READY,
            Reason.BROWN_OUT,
        ),
        Case(
            "Feeder dead, credit used up",
            replace(prepaid(SPENT), feeder_dead=True),
            ON,
            Reason.FEEDER_DEAD,
        ),
        Case(
            "Feeder dead, paid, off",
            replace(prepaid(state=OFF), feeder_dead=True),
            READY,
            Reason.FEEDER_DEAD,
        ),
        Case(
            "Plan ended an hour ago, its feeder was dead for an hour and a second",
            replace(prepaid(plan(NOW_S - HOUR_S)), paused_s=HOUR_S + 1),
            ON,
            Reason.PLAN,
        ),
        Case(
            "Plan ended an hour ago, its feeder was dead for an hour",
            replace(prepaid(plan(NOW_S - HOUR_S)), paused_s=HOUR_S),
            OFF,
            Reason.PLAN_ENDED,
        ),
        Case(
            "Slot 7 is paid and off, its feeder came back 7 s ago",
            replace(prepaid(state=OFF), slot=7, feeder_back_s=NOW_S - 7),
            READY,
            Reason.STAGGERED,
        ),
        Case(
            "The same, 8 s ago",
            replace(prepaid(state=OFF), slot=7, feeder_back_s=NOW_S - 8),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "Slot 7 is critical and off, its feeder came back this second",
            replace(prepaid(state=OFF, critical=True), slot=7, feeder_back_s=NOW_S),
            ON,
            Reason.CREDIT,
        ),
    ],
    "A clock that is not trusted": [
        Case("Plan runs, the time unknown for 1 s less than 7 days", LOST, ON, Reason.PLAN),
        Case(
            "Plan would run, the time unknown for 7 days",
            replace(LOST, untrusted_s=GRACE_S),
            OFF,
            Reason.CLOCK_UNTRUSTED,
        ),
        Case(
            "The same, with credit",
            replace(
                LOST,
                untrusted_s=GRACE_S,
                record=replace(plan(NOW_S + 1), balance_stroops=1),
            ),
            ON,
            Reason.CREDIT,
        ),
        Case(
            "The same, critical",
            replace(LOST, untrusted_s=GRACE_S, critical=True),
            ON,
            Reason.CRITICAL,
        ),
        Case(
            "Credit left, the time unknown for a month",
            replace(prepaid(), clock_trusted=False, untrusted_s=30 * DAY_S),
            ON,
            Reason.CREDIT,
        ),
    ],
    "Load limit": [
        Case("Exactly at a limit of 500 W", replace(LIMITED, power_mw=500_000), ON, Reason.CREDIT),
        Case("Above a limit of 500 W", replace(LIMITED, power_mw=500_001), OFF, Reason.OVERLOAD),
        Case("Power not known", LIMITED, ON, Reason.CREDIT),
        Case(
            "Tripped 299 s ago, tried again after 300 s",
            replace(TRIPPED, tripped_s=NOW_S - 299),
            OFF,
            Reason.OVERLOAD,
        ),
        Case("Tripped 300 s ago, tried again after 300 s", TRIPPED, ON, Reason.CREDIT),
        Case(
            "Tripped 3 times, and a brown-out came in between",
            replace(TRIPPED, reason=Reason.BROWN_OUT, overloads=3),
            READY,
            Reason.OVERLOAD,
        ),
        Case(
            "Tripped 3 times, reset by a person", replace(TRIPPED, overloads=0), ON, Reason.CREDIT
        ),
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


def test_a_plan_and_an_order_say_for_how_long_they_run_yet() -> None:
    """Who reads the journal does not count in unix seconds."""
    verdict = decide(prepaid(replace(SPENT, paid_until_s=NOW_S + 2 * HOUR_S)), POLICY, NOW_S)
    assert verdict.detail.startswith("plan runs 2 h more, 0 stroops left of 0, ")
    ordered = replace(prepaid(), override=Override(connected=False, until_s=NOW_S + 1_799))
    assert decide(ordered, POLICY, NOW_S).detail == "ordered by an operator for 29 min more"
