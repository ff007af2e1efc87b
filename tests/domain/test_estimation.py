"""Gaps divided over their quarter-hours: no Wh made, none lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.estimation import Estimate, Method, Stretch, apportion, consulted, estimate

MONDAY = 1_700_438_400
QUARTER_MS = 900_000
WEEK_S = 604_800


def _usage(estimates: tuple[Estimate, ...]) -> list[int]:
    return [one.usage_wh for one in estimates]


def _gap(quarters: int, total_wh: int | None, *, late_ms: int = 0) -> Stretch:
    from_ms = MONDAY * 1_000 + late_ms
    return Stretch(from_ms, MONDAY * 1_000 + quarters * QUARTER_MS, total_wh)


def test_a_short_gap_is_a_straight_line_between_its_neighbours() -> None:
    known_wh = {MONDAY - 900: 10, MONDAY + 3 * 900: 50}
    estimates = estimate(_gap(3, 90), known_wh)
    assert _usage(estimates) == [20, 30, 40]
    assert {one.method for one in estimates} == {Method.LINE}
    assert estimates[0].reason == (
        "No reading for 45 min: divided by a straight line between the quarter-hours before and "
        "after; the total is what the register moved."
    )


def test_a_short_gap_with_one_neighbour_is_level() -> None:
    assert _usage(estimate(_gap(3, 10), {MONDAY - 900: 8})) == [4, 3, 3]


def test_a_quarter_hour_that_is_only_partly_in_the_gap_counts_for_its_part() -> None:
    known_wh = {MONDAY - 900: 30, MONDAY + 3 * 900: 30}
    assert _usage(estimate(_gap(3, 75, late_ms=450_000), known_wh)) == [15, 30, 30]


def test_a_long_gap_follows_the_same_time_of_earlier_weeks() -> None:
    known_wh = {
        MONDAY + 900 * place - WEEK_S * week: usage_wh
        for place, usage_wh in enumerate([10] * 4 + [40] * 4)
        for week in (1, 2, 3)
    }
    estimates = estimate(_gap(8, 100), known_wh)
    assert _usage(estimates) == [5] * 4 + [20] * 4
    assert {one.method for one in estimates} == {Method.LIKE_DAYS}


def test_without_earlier_weeks_the_days_before_have_to_do() -> None:
    known_wh = {MONDAY - 86_400 + 900 * place: place for place in range(8)}
    assert _usage(estimate(_gap(8, 28), known_wh)) == list(range(8))


def test_a_total_that_nobody_knows_is_that_of_the_like_days() -> None:
    known_wh = {MONDAY - WEEK_S + 900 * place: 10 + place for place in range(8)}
    estimates = estimate(_gap(8, None), known_wh)
    assert _usage(estimates) == [10 + place for place in range(8)]
    assert estimates[0].reason.endswith("the total is estimated, too.")


def test_without_anything_to_go_by_it_is_even() -> None:
    assert _usage(estimate(_gap(4, 10), {})) == [3, 3, 2, 2]
    assert _usage(estimate(_gap(4, None), {})) == [0, 0, 0, 0]


@given(
    from_ms=st.integers(0, 10**6),
    duration_ms=st.integers(1, 4 * 86_400_000),
    total_wh=st.integers(0, 10**6),
    seed=st.dictionaries(st.integers(-3_000, 500), st.integers(0, 2_000), max_size=60),
)
def test_estimates_add_up_to_what_the_register_moved(
    from_ms: int, duration_ms: int, total_wh: int, seed: dict[int, int]
) -> None:
    """Law: an estimate neither makes nor loses a Wh, and covers the gap and nothing else."""
    first_ms = MONDAY * 1_000 + from_ms
    known_wh = {MONDAY + 900 * place: usage_wh for place, usage_wh in seed.items()}
    estimates = estimate(Stretch(first_ms, first_ms + duration_ms, total_wh), known_wh)
    assert sum(_usage(estimates)) == total_wh
    assert min(_usage(estimates)) >= 0
    assert estimates[0].start_s * 1_000 <= first_ms < (estimates[0].start_s + 900) * 1_000
    end_ms = first_ms + duration_ms
    assert estimates[-1].start_s * 1_000 < end_ms <= (estimates[-1].start_s + 900) * 1_000


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**9), min_size=1, max_size=100))
def test_apportioned_parts_are_exact_and_within_one_wh(total_wh: int, weights: list[int]) -> None:
    """Law: the parts add up, and none is a whole Wh from its exact share."""
    parts = apportion(total_wh, weights)
    assert sum(parts) == total_wh
    whole = sum(weights)
    for part_wh, weight in zip(parts, weights, strict=True):
        if whole:
            assert abs(part_wh * whole - total_wh * weight) < whole


@given(
    st.integers(1, 200),
    st.integers(0, 899_999),
    st.dictionaries(st.integers(-2_700, 210).map(lambda place: place * 900 + MONDAY), st.just(7)),
)
def test_nothing_is_asked_for_but_what_was_said_before(
    quarters: int, late_ms: int, known_wh: dict[int, int]
) -> None:
    gap = _gap(quarters, 1_000, late_ms=late_ms)
    asked = consulted(gap)
    needed = {start_s: wh for start_s, wh in known_wh.items() if start_s in asked}
    assert estimate(gap, needed) == estimate(gap, known_wh)
