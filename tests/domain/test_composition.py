"""What a batch carries: periods, columns, limits, and the law that no Wh is lost or doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batches import U32_MAX, Price, SlotUsage
from gateway.domain.composition import (
    MeterState,
    Period,
    UnclaimedUsage,
    compose,
    plan_period,
)
from gateway.domain.pages import MeterRecord
from tests.domain.contract import accepted, charged

HOUR_S = 3600
DAY_S = 86_400
PRICES = (Price(1, 0, 1, 1, 1, 0, 0), Price(2, DAY_S, 2, 2, 2, 0, 0))
PERIOD = Period(DAY_S, DAY_S + 4 * HOUR_S, 2)


def record(
    *,
    paid_from_s: int = 0,
    paid_until_s: int = 0,
    last_read_s: int = DAY_S,
    mode: int = 0,
    max_power_w: int = 2_000,
    market_credit_wh: int = 0,
    balance: int = 0,
    remainder_milli: int = 0,
) -> MeterRecord:
    return MeterRecord(
        total_wh=0,
        balance=balance,
        paid_from_s=paid_from_s,
        paid_until_s=paid_until_s,
        last_read_s=last_read_s,
        market_credit_wh=market_credit_wh,
        remainder_milli=remainder_milli,
        max_power_w=max_power_w,
        plan=0,
        flags=1 | mode << 3,
        version=1,
    )


def state(of: MeterRecord | None = None, ahead_wh: int = 0, read_until_s: int = 0) -> MeterState:
    return MeterState(of or record(), ahead_wh, read_until_s)


def test_a_period_ends_where_usage_may_be_settled() -> None:
    assert plan_period(0, HOUR_S, DAY_S, PRICES) == Period(0, HOUR_S, 1)


def test_a_period_never_crosses_a_new_price() -> None:
    assert plan_period(HOUR_S, 2 * DAY_S, 3 * DAY_S, PRICES) == Period(HOUR_S, DAY_S, 1)
    assert plan_period(DAY_S, 2 * DAY_S, 3 * DAY_S, PRICES) == Period(DAY_S, 2 * DAY_S, 2)


def test_a_period_is_not_ahead_of_the_ledger_s_clock() -> None:
    assert plan_period(0, DAY_S, HOUR_S + 10, PRICES) == Period(0, HOUR_S + 900, 1)


def test_there_is_no_period_before_the_first_price_and_none_without_time() -> None:
    assert plan_period(0, HOUR_S, DAY_S, ()) is None
    assert plan_period(HOUR_S, HOUR_S, DAY_S, PRICES) is None
    late = (Price(1, 2 * HOUR_S, 1, 1, 1, 0, 0),)
    assert plan_period(0, 2 * HOUR_S, DAY_S, late) is None
    assert plan_period(0, 3 * HOUR_S, DAY_S, late) == Period(2 * HOUR_S, 3 * HOUR_S, 1)


def test_usage_goes_to_the_column_of_its_tier() -> None:
    usage = [UnclaimedUsage(DAY_S + 900 * n, 5, n, 10 + n) for n in range(3)]
    composed = compose(usage, {5: state()}, PERIOD)
    assert [slot.columns for slot in composed.slots] == [(10, 11, 12, 0, 0)]


def test_usage_inside_the_plan_window_is_included_and_outside_it_is_charged() -> None:
    window = record(paid_from_s=DAY_S, paid_until_s=DAY_S + HOUR_S)
    usage = [UnclaimedUsage(DAY_S + 900 * n, 0, 1, 10) for n in range(6)]
    composed = compose(usage, {0: state(window)}, PERIOD)
    assert composed.slots[0].columns == (0, 20, 0, 40, 0)


def test_only_prepaid_meters_have_included_usage() -> None:
    window = record(paid_from_s=DAY_S, paid_until_s=2 * DAY_S, mode=2)
    composed = compose([UnclaimedUsage(DAY_S, 0, 2, 10)], {0: state(window)}, PERIOD)
    assert composed.slots[0].columns == (0, 0, 10, 0, 0)


def test_energy_bought_on_the_market_is_drawn_in_the_order_in_which_energy_flowed() -> None:
    bought = record(market_credit_wh=25)
    usage = [UnclaimedUsage(DAY_S + 900 * n, 0, 2 - n, 10) for n in range(3)]
    composed = compose(usage, {0: state(bought)}, PERIOD)
    assert composed.slots[0].columns == (5, 0, 0, 0, 25)
    assert [claim.claimed_wh for claim in composed.claims] == [10, 10, 10]


def test_what_a_plan_includes_draws_no_energy_bought_on_the_market() -> None:
    both = record(paid_from_s=DAY_S, paid_until_s=DAY_S + HOUR_S, market_credit_wh=15)
    usage = [UnclaimedUsage(DAY_S + 900 * n, 0, 1, 10) for n in range(6)]
    composed = compose(usage, {0: state(both)}, PERIOD)
    assert composed.slots[0].columns == (0, 5, 0, 40, 15)


def test_only_prepaid_meters_draw_energy_bought_on_the_market() -> None:
    composed = compose(
        [UnclaimedUsage(DAY_S, 0, 2, 10)], {0: state(record(mode=1, market_credit_wh=99))}, PERIOD
    )
    assert composed.slots[0].columns == (0, 0, 10, 0, 0)


def test_what_the_chain_had_counted_draws_no_energy_bought_on_the_market() -> None:
    usage = [UnclaimedUsage(DAY_S, 0, 0, 30), UnclaimedUsage(DAY_S + 900, 0, 1, 30)]
    composed = compose(usage, {0: state(record(market_credit_wh=5), ahead_wh=40)}, PERIOD)
    assert composed.absorbed_wh == {0: 40}
    assert composed.slots[0].columns == (0, 15, 0, 0, 5)


def test_late_usage_of_a_settled_plan_is_withheld_rather_than_spoiling_the_record() -> None:
    """The contract takes 1 Wh as included when none of the window is left to settle."""
    window = record(paid_from_s=0, paid_until_s=DAY_S, last_read_s=DAY_S)
    usage = [UnclaimedUsage(DAY_S - 900, 0, 1, 30), UnclaimedUsage(DAY_S, 0, 1, 7)]
    composed = compose(usage, {0: state(window)}, PERIOD)
    assert composed.slots[0].columns == (0, 7, 0, 1, 0)
    assert composed.withheld_wh == {0: 29}


def test_late_usage_goes_along_and_what_starts_after_the_period_waits() -> None:
    usage = [UnclaimedUsage(900, 0, 0, 3), UnclaimedUsage(PERIOD.to_s, 0, 0, 4)]
    composed = compose(usage, {0: state()}, PERIOD)
    assert composed.slots[0].total_wh == 3
    assert [claim.start_s for claim in composed.claims] == [900]


def test_a_meter_that_was_read_and_used_nothing_is_reported_too() -> None:
    meters = {0: state(read_until_s=PERIOD.to_s), 1: state(read_until_s=PERIOD.to_s - 1)}
    composed = compose([], meters, PERIOD)
    assert [slot.slot for slot in composed.slots] == [0]


def test_usage_of_a_meter_that_the_contract_does_not_know_waits() -> None:
    composed = compose([UnclaimedUsage(DAY_S, 9, 0, 3)], {0: state()}, PERIOD)
    assert composed.slots == ()
    assert composed.claims == ()


def test_what_the_chain_had_counted_is_absorbed_oldest_first() -> None:
    usage = [UnclaimedUsage(DAY_S, 0, 0, 30), UnclaimedUsage(DAY_S + 900, 0, 1, 30)]
    composed = compose(usage, {0: state(ahead_wh=40)}, PERIOD)
    assert composed.absorbed_wh == {0: 40}
    assert composed.slots[0].columns == (0, 20, 0, 0, 0)


def test_a_column_never_outgrows_32_bits() -> None:
    usage = [UnclaimedUsage(DAY_S + 900 * n, 0, 0, U32_MAX - 5) for n in range(2)]
    mine = record(last_read_s=0, max_power_w=655_350)
    period = Period(DAY_S, DAY_S + 2 * 365 * DAY_S, 2)  # 11 TWh
    composed = compose(usage, {0: state(mine)}, period)
    assert composed.slots[0].off_peak_wh == U32_MAX
    assert [claim.claimed_wh for claim in composed.claims] == [U32_MAX - 5, 5]


def test_more_meters_than_one_batch_holds_leave_room_for_further_batches() -> None:
    usage = [UnclaimedUsage(DAY_S, slot, 0, 1) for slot in range(10)]
    composed = compose(usage, {slot: state() for slot in range(10)}, PERIOD, max_slots=4)
    assert [slot.slot for slot in composed.slots] == [0, 1, 2, 3]
    assert composed.period.to_s == PERIOD.to_s - 2 * 900


wh = st.integers(1, 50_000)
slots = st.integers(0, 6)
rows = st.builds(
    UnclaimedUsage,
    start_s=st.integers(-8, 30).map(lambda n: DAY_S + 900 * n),
    slot=slots,
    tier=st.integers(0, 2),
    unclaimed_wh=wh,
)
records = st.builds(
    record,
    paid_from_s=st.integers(0, 20).map(lambda n: DAY_S + 900 * (n - 10)),
    paid_until_s=st.integers(0, 40).map(lambda n: DAY_S + 900 * (n - 10)),
    last_read_s=st.integers(0, 20).map(lambda n: DAY_S + 450 * (n - 10)),
    mode=st.integers(0, 2),
    max_power_w=st.integers(10, 5_000),
    market_credit_wh=st.integers(0, 100_000),
)
meters = st.dictionaries(
    slots, st.builds(state, records, st.integers(0, 60_000), st.integers(DAY_S, 2 * DAY_S))
)


@given(
    st.lists(rows, max_size=60, unique_by=lambda row: (row.start_s, row.slot)).map(
        lambda found: sorted(found, key=lambda row: row.start_s)
    ),
    meters,
    st.integers(1, 8),
)
def test_each_claimed_wh_is_sent_absorbed_or_withheld_and_never_more_than_was_used(
    usage: list[UnclaimedUsage], known: dict[int, MeterState], max_slots: int
) -> None:
    composed = compose(usage, known, PERIOD, max_slots)
    available = {(row.start_s, row.slot): row.unclaimed_wh for row in usage}
    claimed: Counter[int] = Counter()
    for claim in composed.claims:
        assert 0 < claim.claimed_wh <= available.pop((claim.start_s, claim.slot))
        assert claim.start_s < composed.period.to_s
        claimed[claim.slot] += claim.claimed_wh
        of_quarter = [p for p in composed.parts[claim.slot] if p.start_s == claim.start_s]
        assert sum(part.usage_wh for part in of_quarter) == claim.claimed_wh
    for slot in composed.slots:
        absorbed = composed.absorbed_wh.get(slot.slot, 0)
        withheld = composed.withheld_wh.get(slot.slot, 0)
        assert claimed[slot.slot] == slot.total_wh + absorbed + withheld
        by_use = Counter[int]()
        for part in composed.parts[slot.slot]:
            by_use[part.use] += part.usage_wh
        assert [by_use[use] for use in range(8)] == [*slot.columns, absorbed, withheld, 0]
        assert absorbed <= known[slot.slot].ahead_wh
        assert slot.market_wh <= known[slot.slot].record.market_credit_wh
        record_before = known[slot.slot].record
        accepted(record_before, slot, composed.period.to_s, (1, 1, 1))
    assert set(claimed) <= {slot.slot for slot in composed.slots}
    assert len(composed.slots) <= max_slots
    assert [slot.slot for slot in composed.slots] == sorted(slot.slot for slot in composed.slots)
    assert PERIOD.from_s < composed.period.to_s <= PERIOD.to_s


quarters = st.lists(st.tuples(st.integers(0, 250), st.integers(0, 2)), min_size=16, max_size=16)
rates = st.integers(0, 5_000)
prepaid_records = st.builds(
    record,
    paid_from_s=st.integers(0, 16).map(lambda n: DAY_S + 900 * n),
    paid_until_s=st.integers(0, 16).map(lambda n: DAY_S + 900 * n),
    max_power_w=st.just(2_000),
    market_credit_wh=st.integers(0, 4_000),
    balance=st.integers(-1_000, 100_000),
    remainder_milli=st.integers(0, 999),
)


@given(quarters, prepaid_records, st.sets(st.integers(1, 15)), st.tuples(rates, rates, rates))
def test_law_any_split_of_a_period_comes_to_the_same_balance(
    used: list[tuple[int, int]],
    before: MeterRecord,
    cuts: set[int],
    prices: tuple[int, int, int],
) -> None:
    usage = [
        UnclaimedUsage(DAY_S + 900 * n, 0, tier, wh) for n, (wh, tier) in enumerate(used) if wh
    ]
    whole = settled(usage, before, [16], prices)
    split = settled(usage, before, [*sorted(cuts), 16], prices)
    assert split == whole
    assert whole.total_wh == sum(row.unclaimed_wh for row in usage)
    outside = [row for row in usage if not in_window(before, row.start_s)]
    drawn_wh = min(before.market_credit_wh, sum(row.unclaimed_wh for row in outside))
    assert whole.market_credit_wh == before.market_credit_wh - drawn_wh


def settled(
    usage: list[UnclaimedUsage],
    before: MeterRecord,
    ends: list[int],
    prices: tuple[int, int, int],
) -> MeterRecord:
    """The contract's record after batches that end with these quarter-hours."""
    after, from_s = before, DAY_S
    for end in ends:
        period = Period(from_s, DAY_S + 900 * end, 1)
        part = [row for row in usage if from_s <= row.start_s < period.to_s]
        meters = {0: state(after, read_until_s=period.to_s)}
        (slot,) = compose(part, meters, period).slots
        after = accepted(after, slot, period.to_s, prices)
        from_s = period.to_s
    return after


def in_window(of: MeterRecord, start_s: int) -> bool:
    return of.paid_from_s <= start_s < of.paid_until_s


@given(
    st.tuples(*[st.integers(0, 500)] * 5).map(lambda columns: SlotUsage(0, *columns)),
    prepaid_records,
    st.tuples(rates, rates, rates),
)
def test_law_market_energy_beyond_the_credit_costs_what_standard_usage_costs(
    slot: SlotUsage, before: MeterRecord, prices: tuple[int, int, int]
) -> None:
    """The credit was refunded or drawn meanwhile: no Wh is refused, and none is free."""
    excess_wh = max(0, slot.market_wh - before.market_credit_wh)
    paid = replace(
        slot, market_wh=slot.market_wh - excess_wh, standard_wh=slot.standard_wh + excess_wh
    )
    to_s = DAY_S + 4 * HOUR_S
    assert charged(before, slot, to_s, prices) == charged(before, paid, to_s, prices)
