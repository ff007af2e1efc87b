"""Dates given to readings whose own can't be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sources.dating import clock_error, date_back

HOUR_MS = 3_600_000


def test_a_single_reading_was_taken_when_it_arrived() -> None:
    assert date_back([946_684_805_000], 5_000, 1_000) == [5_000]


def test_a_burst_keeps_its_own_distances() -> None:
    assert date_back([10_000, 20_000, 40_000], 100_000, 0) == [70_000, 80_000, 100_000]


def test_a_step_of_the_sender_s_clock_is_no_time() -> None:
    own_ms = [10_000, 20_000, 5_000, 6_000, 6_000 + 100 * HOUR_MS]
    assert date_back(own_ms, HOUR_MS, 0) == [
        HOUR_MS - 11_002,
        HOUR_MS - 1_002,
        HOUR_MS - 1_001,
        HOUR_MS - 1,
        HOUR_MS,
    ]


def test_readings_of_the_same_instant_are_told_apart() -> None:
    assert date_back([7, 7, 7], 100, 0) == [98, 99, 100]


def test_nothing_is_dated_before_what_was_believed_last() -> None:
    assert date_back([0, 40, 80], 1_000, 950) == [951, 960, 1_000]


@given(
    st.lists(st.integers(0, 10**13), min_size=1, max_size=50),
    st.integers(0, 10**13),
    st.integers(0, 10**13),
)
def test_dates_always_increase_after_the_last_believed(
    own_ms: list[int], arrived_ms: int, after_ms: int
) -> None:
    dates = date_back(own_ms, arrived_ms, after_ms)
    assert len(dates) == len(own_ms)
    for earlier, later in zip([after_ms, *dates], dates, strict=False):
        assert earlier < later
    assert dates[-1] <= max(arrived_ms, after_ms + len(own_ms))


@pytest.mark.parametrize(
    ("own_ms", "words"),
    [
        (0, "56 years behind"),
        (1_767_225_600_000 - 7_200_000, "2 hours behind"),
        (1_767_225_600_000 + 86_400_000, "1 day ahead"),
        (1_767_225_600_000 + 30_000, "30 seconds ahead"),
        (1_767_225_600_000, "0 seconds ahead"),
    ],
)
def test_a_wrong_clock_is_told_in_one_figure(own_ms: int, words: str) -> None:
    assert clock_error(own_ms, 1_767_225_600_000) == words
