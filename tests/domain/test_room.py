"""What is read late waits for room under the contract's limit, and is settled like the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batches import SlotUsage
from gateway.domain.composition import (
    Composition,
    MeterState,
    Period,
    Sieve,
    UnclaimedUsage,
    compose,
)
from gateway.domain.pages import MeterRecord
from gateway.domain.parts import Use
from tests.domain.contract import accepted

QUARTER_S, HOUR_S, START_S = 900, 3600, 86_400
POWER_W = 2_000
QUARTER_WH = POWER_W // 4
"""The most that flows in a quarter-hour."""
PREPAID, STREAMING, POSTPAID = range(3)
RATES = (701, 1_009, 1_511)
FOR_EVER_S = 1 << 31


def record(
    *,
    window: tuple[int, int] = (0, 0),
    mode: int = PREPAID,
    market_credit_wh: int = 0,
    last_read_s: int = START_S,
    max_power_w: int = POWER_W,
) -> MeterRecord:
    return MeterRecord(
        total_wh=0,
        balance=0,
        paid_from_s=window[0],
        paid_until_s=window[1],
        last_read_s=last_read_s,
        market_credit_wh=market_credit_wh,
        remainder_milli=0,
        max_power_w=max_power_w,
        plan=0,
        flags=1 | mode << 3,
        version=1,
    )


@dataclass(slots=True)
class Settled:
    """One meter, settled batch after batch by the contract's rule.

    Args:
        record: what the contract holds.
        unclaimed: what was read and no batch carries, Wh by quarter-hour and tier.
        to_s: where the last batch ended (unix seconds).
        withheld_wh: never sent, over all batches.
        claimed: over all batches, Wh by quarter-hour.
    """

    record: MeterRecord
    unclaimed: Counter[tuple[int, int]] = field(default_factory=Counter)
    to_s: int = START_S
    withheld_wh: int = 0
    claimed: Counter[int] = field(default_factory=Counter)

    @property
    def waiting_wh(self) -> int:
        """What was read and no batch carries."""
        return self.unclaimed.total()

    def settle(self, to_s: int, *, is_read: bool = True) -> Composition:
        """The next batch; the contract takes it, or the test ends here."""
        usage = [
            UnclaimedUsage(start_s, 0, tier, wh)
            for (start_s, tier), wh in sorted(self.unclaimed.items())
            if wh
        ]
        meters = {0: MeterState(self.record, 0, to_s if is_read else 0)}
        composed = compose(usage, meters, Period(self.to_s, to_s, 1))
        tiers = {row.start_s: row.tier for row in usage}
        for claim in composed.claims:
            self.unclaimed[claim.start_s, tiers[claim.start_s]] -= claim.claimed_wh
            self.claimed[claim.start_s] += claim.claimed_wh
        for slot in composed.slots:
            self.record = accepted(self.record, slot, to_s, RATES)
        self.withheld_wh += sum(composed.withheld_wh.values())
        self.to_s = to_s
        return composed


def test_what_would_not_be_believed_yet_waits_and_goes_when_there_is_room() -> None:
    meter = Settled(record())
    meter.settle(START_S + HOUR_S)  # nothing was read of that hour, but that the meter is there
    for quarter in range(8):
        meter.unclaimed[START_S + QUARTER_S * quarter, 1] = QUARTER_WH
    assert meter.settle(START_S + 2 * HOUR_S).slots == (SlotUsage(0, standard_wh=2_001),)
    assert [start_s for (start_s, _), wh in sorted(meter.unclaimed.items()) if wh] == [
        START_S + QUARTER_S * quarter for quarter in range(4, 8)
    ]
    assert meter.settle(START_S + 3 * HOUR_S).slots == (SlotUsage(0, standard_wh=1_999),)
    assert meter.waiting_wh == 0


def test_what_is_held_back_is_claimed_part_by_part_from_the_same_quarter_hour() -> None:
    meter = Settled(record(last_read_s=START_S - QUARTER_S))
    meter.unclaimed[START_S - HOUR_S, 2] = 1_500
    parts = [meter.settle(START_S + QUARTER_S * n).parts[0][0] for n in (1, 2)]
    assert [(part.start_s, part.use, part.usage_wh) for part in parts] == [
        (START_S - HOUR_S, Use.PEAK, 1_001),
        (START_S - HOUR_S, Use.PEAK, 499),
    ]


def test_the_limit_is_of_all_columns_together() -> None:
    window = (START_S + HOUR_S, FOR_EVER_S)
    meter = Settled(record(window=window, market_credit_wh=700))
    for start_s in (START_S - HOUR_S, START_S, START_S + HOUR_S):
        meter.unclaimed[start_s, 0] = 2_000
    (slot,) = meter.settle(START_S + 2 * HOUR_S).slots
    assert slot.columns == (1_301, 0, 0, 2_000, 700)


def test_only_what_the_batch_ends_with_counts_as_time() -> None:
    """Its end moves earlier when there are more meters than it holds."""
    usage = [UnclaimedUsage(START_S - QUARTER_S, slot, 1, 9_000) for slot in range(3)]
    meters = {slot: MeterState(record(), 0, 0) for slot in range(3)}
    composed = compose(usage, meters, Period(START_S, START_S + HOUR_S, 1), max_slots=1)
    assert composed.period.to_s == START_S + HOUR_S - 2 * QUARTER_S
    assert [slot.total_wh for slot in composed.slots] == [1_001]


def test_a_plan_s_usage_goes_before_older_usage_because_its_window_closes() -> None:
    window = (START_S, START_S + HOUR_S)
    meter = Settled(record(window=window))
    meter.unclaimed[START_S - QUARTER_S, 1] = 5_000
    meter.unclaimed[START_S, 1] = 1_900
    (slot,) = meter.settle(START_S + HOUR_S).slots
    assert slot.columns == (0, 101, 0, 1_900, 0)
    assert meter.withheld_wh == 0


def test_a_plan_s_late_usage_waits_while_the_window_is_open_and_no_longer() -> None:
    meter = Settled(record(window=(START_S - HOUR_S, START_S + 2 * HOUR_S)))
    meter.unclaimed[START_S - QUARTER_S, 1] = 4_100
    included = [meter.settle(START_S + HOUR_S * n).slots[0].included_wh for n in (1, 2)]
    assert (included, meter.withheld_wh) == ([2_001, 2_001], 98)
    assert meter.waiting_wh == 0


def test_meters_that_always_use_too_much_do_not_keep_others_out_of_the_batch() -> None:
    usage = [UnclaimedUsage(START_S - HOUR_S, slot, 1, 90_000) for slot in range(2)]
    usage.append(UnclaimedUsage(START_S, 2, 1, 7))
    meters = {slot: MeterState(record(), 0, 0) for slot in range(2)}
    meters[2] = MeterState(record(last_read_s=START_S - QUARTER_S), 0, 0)
    composed = compose(usage, meters, Period(START_S, START_S + HOUR_S, 1), max_slots=2)
    assert [slot.slot for slot in composed.slots] == [0, 2]


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter-hour of a meter.

    Args:
        usage_wh: what flowed.
        tier: of its time.
        late: after how many further batches it is read.
    """

    usage_wh: int
    tier: int
    late: int


within = st.sampled_from((0, 1, QUARTER_WH)) | st.integers(0, QUARTER_WH)
beyond = within | st.integers(0, 9 * QUARTER_WH)
kinds = st.sampled_from((PREPAID, PREPAID, STREAMING, POSTPAID))
openings = st.integers(-2, 30).map(lambda n: START_S + n * QUARTER_S)


def lives(usage_wh: st.SearchStrategy[int]) -> st.SearchStrategy[list[Quarter]]:
    quarter = st.builds(Quarter, usage_wh, st.integers(0, 2), st.just(0) | st.integers(0, 8))
    return st.lists(quarter, min_size=1, max_size=24)


def lived(
    meter: Settled, quarters: list[Quarter], ends: set[int], unread: set[int]
) -> dict[int, int]:
    """Settle at the ends of some quarter-hours; returns what was used, Wh by its start."""
    used = {}
    unread_yet: list[tuple[int, int, Quarter]] = []
    batches = 0
    for number, quarter in enumerate(quarters):
        start_s = START_S + number * QUARTER_S
        used[start_s] = quarter.usage_wh
        unread_yet.append((batches + quarter.late, start_s, quarter))
        if number in ends or number == len(quarters) - 1:
            for due in [one for one in unread_yet if one[0] <= batches]:
                unread_yet.remove(due)
                meter.unclaimed[due[1], due[2].tier] += due[2].usage_wh
            meter.settle(start_s + QUARTER_S, is_read=number not in unread)
            batches += 1
    for _, start_s, quarter in unread_yet:
        meter.unclaimed[start_s, quarter.tier] += quarter.usage_wh
    return used


@given(
    lives(within),
    st.sets(st.integers(0, 23)),
    st.sets(st.integers(0, 23)),
    st.builds(
        record,
        window=st.just((0, 0)) | openings.map(lambda start_s: (start_s, FOR_EVER_S)),
        mode=kinds,
        market_credit_wh=st.just(0) | st.integers(0, 5_000),
    ),
)
def test_law_whatever_is_read_late_a_meter_within_its_limit_has_each_wh_settled_and_none_refused(
    quarters: list[Quarter], ends: set[int], unread: set[int], before: MeterRecord
) -> None:
    """And at one price it costs what it would cost had it been read in time."""
    meter = Settled(before)
    used = lived(meter, quarters, ends, unread)
    for _ in quarters:
        if meter.waiting_wh:  # else no batch is made for it
            meter.settle(meter.to_s + QUARTER_S)
    assert (meter.waiting_wh, meter.withheld_wh) == (0, 0)
    assert meter.record.total_wh == sum(used.values())
    if not before.market_credit_wh and before.settlement_mode == "prepaid":
        cost_milli = sum(
            quarter.usage_wh * RATES[quarter.tier]
            for start_s, quarter in zip(used, quarters, strict=True)
            if not before.paid_from_s <= start_s < before.paid_until_s
        )
        assert (meter.record.balance, meter.record.remainder_milli) == (
            -(cost_milli // 1000),
            cost_milli % 1000,
        )


@given(
    lives(beyond),
    st.sets(st.integers(0, 23)),
    st.sets(st.integers(0, 23)),
    st.builds(
        record,
        window=st.tuples(openings, openings),
        mode=kinds,
        market_credit_wh=st.integers(0, 5_000),
        max_power_w=st.integers(1, 400).map(lambda units: 10 * units),
    ),
)
def test_law_no_batch_holds_more_than_the_contract_takes_and_each_wh_is_settled_or_waits(
    quarters: list[Quarter], ends: set[int], unread: set[int], before: MeterRecord
) -> None:
    """`Settled` ends the test at a batch that the contract would refuse."""
    meter = Settled(before)
    used = lived(meter, quarters, ends, unread)
    assert meter.record.total_wh + meter.withheld_wh + meter.waiting_wh == sum(used.values())
    assert all(meter.claimed[start_s] <= wh for start_s, wh in used.items())
    if meter.withheld_wh:
        assert before.paid_from_s < before.paid_until_s <= meter.to_s


many_rows = st.lists(
    st.builds(
        UnclaimedUsage,
        start_s=st.integers(-30, 20).map(lambda n: START_S + QUARTER_S * n),
        slot=st.integers(0, 3),
        tier=st.integers(0, 2),
        unclaimed_wh=st.integers(1, 3_000),
    ),
    max_size=80,
    unique_by=lambda row: (row.start_s, row.slot),
).map(lambda rows: sorted(rows, key=lambda row: row.start_s))
many_meters = st.lists(
    st.builds(
        MeterState,
        record=st.builds(
            record,
            window=st.tuples(openings, openings),
            mode=kinds,
            market_credit_wh=st.integers(0, 3_000),
            last_read_s=st.integers(-4, 0).map(lambda n: START_S + QUARTER_S * n),
            max_power_w=st.sampled_from((100, 500, POWER_W)),
        ),
        ahead_wh=st.just(0) | st.integers(0, 4_000),
        read_until_s=st.just(0),
    ),
    min_size=4,
    max_size=4,
).map(lambda states: dict(enumerate(states)))


@given(many_rows, many_meters, st.integers(1, 5))
def test_law_what_the_sieve_leaves_behind_would_not_have_been_in_the_batch(
    rows: list[UnclaimedUsage], meters: dict[int, MeterState], max_slots: int
) -> None:
    period = Period(START_S, START_S + 4 * HOUR_S, 1)
    rows = [row for row in rows if row.start_s < period.to_s]
    passed = list(Sieve(meters, period).sift(astuple(row) for row in rows))
    assert compose(passed, meters, period, max_slots) == compose(rows, meters, period, max_slots)


def test_the_sieve_holds_no_more_of_a_meter_than_a_batch_may_need() -> None:
    meters = {0: MeterState(replace(record(), max_power_w=10), 0, 0)}
    sieve = Sieve(meters, Period(START_S, START_S + HOUR_S, 1))
    rows = [(QUARTER_S * n, 0, 1, 3) for n in range(10_000)]
    passed = [*sieve.sift(rows[:2]), *sieve.sift(rows[2:])]
    assert [row.start_s for row in passed] == [QUARTER_S * n for n in range(4)]
