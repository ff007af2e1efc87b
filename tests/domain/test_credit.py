"""Credit, plans that wait for a dead feeder, warnings, hours of the week, and unexplained drops."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.chain_drop import NOTHING, Drop, Look, unexplained
from gateway.domain.credit import LOW, MOST_PAUSE_S, VERY_LOW, low_credit, pause_of
from gateway.domain.local_hours import LocalHours, LocalSpan, parse_span

BERLIN = ZoneInfo("Europe/Berlin")
WARN = (1000, 400)


def test_a_plan_waits_for_every_blackout_that_begins_before_its_later_end() -> None:
    dead = [(50, 60), (150, 250), (280, 300), (360, None)]
    # Runs 100-300; 100 s dead make it 400, 20 more 420, and since 360 the feeder is dead again.
    assert pause_of(100, 300, 380, dead) == 100 + 20 + 20
    assert pause_of(100, 300, 380, dead[:1]) == 0


def test_a_blackout_that_begins_before_the_plan_counts_from_its_start() -> None:
    assert pause_of(100, 300, 400, [(50, 130)]) == 30


def test_a_line_that_is_cut_for_months_does_not_make_a_plan_last_for_months() -> None:
    assert pause_of(0, 100, 10**8, [(50, None)]) == MOST_PAUSE_S


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=6),
    st.integers(0, 500),
    st.integers(0, 500),
)
def test_law_a_plan_is_never_paused_for_longer_than_the_feeder_was_dead(
    some: list[tuple[int, int]], from_s: int, length_s: int
) -> None:
    dead = sorted((min(one), max(one)) for one in some)
    seconds = {at for start, end in dead for at in range(start, end)}
    paused_s = pause_of(from_s, from_s + length_s, 1000, dead)
    assert 0 <= paused_s <= len([at for at in seconds if at >= from_s])


def test_a_level_of_low_credit_is_reached_below_and_left_a_tenth_above() -> None:
    levels, level = [], 0
    for left in (1000, 999, 1099, 1100, 399, 439, 440, 1099, 1100):
        level = low_credit(level, left, WARN)
        levels.append(level)
    assert levels == [0, LOW, LOW, 0, VERY_LOW, VERY_LOW, LOW, LOW, 0]


def test_no_money_that_counts_down_and_no_threshold_are_no_warning() -> None:
    assert low_credit(VERY_LOW, None, WARN) == 0
    assert low_credit(0, -5, (0, 0)) == 0


@given(st.integers(-5000, 5000), st.integers(0, 2))
def test_law_a_level_told_once_is_not_told_again_for_the_same_balance(
    left: int, before: int
) -> None:
    level = low_credit(before, left, WARN)
    assert low_credit(level, left, WARN) == level


def at(zone: ZoneInfo, *parts: int, fold: int = 0) -> int:
    return int(datetime(*parts, tzinfo=zone, fold=fold).timestamp())  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "covered", "not_covered"),
    [
        ("20:00-06:00", [(15, 20, 0), (15, 5, 59), (17, 23, 59)], [(15, 6, 0), (15, 19, 59)]),
        ("fri 20:00-06:00", [(15, 20, 0), (16, 5, 59)], [(15, 5, 59), (16, 6, 0), (16, 20, 0)]),
        ("sat,sun 00:00-24:00", [(16, 0, 0), (17, 23, 59)], [(15, 23, 59), (18, 0, 0)]),
        ("fri-mon 12:00-13:00", [(15, 12, 0), (18, 12, 59)], [(19, 12, 0), (14, 12, 0)]),
    ],
)
def test_hours_of_the_week_are_half_open_and_belong_to_the_day_on_which_they_start(
    text: str, covered: list[tuple[int, int, int]], not_covered: list[tuple[int, int, int]]
) -> None:
    """2027-01-15 is a Friday."""
    hours = LocalHours((parse_span(text),), BERLIN)
    assert all(hours.cover(at(BERLIN, 2027, 1, *when)) for when in covered)
    assert not any(hours.cover(at(BERLIN, 2027, 1, *when)) for when in not_covered)


def test_in_the_night_in_which_the_clocks_change_the_hours_follow_the_wall() -> None:
    hours = LocalHours((LocalSpan(frozenset(range(7)), time(2), time(3)),), BERLIN)
    # 2026-10-25: 02:00-03:00 comes twice. 2026-03-29: it never comes.
    first = at(BERLIN, 2026, 10, 25, 2, 0)
    assert [hours.cover(first + minutes * 60) for minutes in (-1, 0, 59, 60, 119, 120)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    spring = int(datetime(2026, 3, 29, 0, 0, tzinfo=UTC).timestamp())
    assert not any(hours.cover(spring + minutes * 60) for minutes in range(180))


RATE = 1000  # stroops per kWh: one stroop per Wh


def seen(left: int, counted_wh: int, market_wh: int = 0, until_s: int = 0) -> Look:
    return Look(left, market_wh, until_s, counted_wh)


def test_usage_in_between_explains_its_price() -> None:
    assert unexplained(seen(500, 0), seen(0, 500), RATE, NOTHING) == NOTHING


def test_what_usage_does_not_explain_is_counted_and_a_payment_makes_up_for_it() -> None:
    drop = unexplained(seen(500, 0), seen(0, 100), RATE, NOTHING)
    assert drop == Drop(399)  # one stroop is for rounding
    assert unexplained(seen(0, 100), seen(150, 100), RATE, drop) == Drop(249)
    assert unexplained(seen(0, 100), seen(1000, 100), RATE, drop) == NOTHING


def test_a_plan_that_ends_early_and_energy_that_is_gone_are_counted() -> None:
    drop = unexplained(seen(0, 0, 50, 900), seen(0, 20, 10, 300), RATE, NOTHING)
    assert drop == Drop(0, 20, 900)
    assert unexplained(seen(0, 20, 10, 300), seen(0, 20, 10, 1000), RATE, drop) == Drop(0, 20, 0)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=10))
def test_law_payments_and_usage_at_any_price_are_never_a_drop(
    steps: list[tuple[int, int]],
) -> None:
    look, drop = seen(10**6, 0), NOTHING
    for paid, used_wh in steps:
        spent = used_wh * RATE // 1000
        then = seen(look.left_stroops + paid - spent, look.counted_wh + used_wh)
        drop = unexplained(look, then, RATE, drop)
        look = then
    assert drop == NOTHING
