"""The daily profile: repeatable, plausible hour by hour, never negative."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.load import ProfileLoad

MIDNIGHT_S = 1_769_990_400  # 2026-02-02 00:00 UTC
DAYS = 40


def mean_w(hours: range, *, utc_offset_s: int = 0) -> float:
    """Mean power in these local hours over many days and a few households, W."""
    powers_mw = [
        load.power_mw((day * 24 + hour) * 60 + minute - utc_offset_s // 60)
        for load in (ProfileLoad(f"house-{n}", MIDNIGHT_S, utc_offset_s) for n in range(4))
        for day in range(1, DAYS)
        for hour in hours
        for minute in range(0, 60, 7)
    ]
    return sum(powers_mw) / len(powers_mw) / 1000


@given(seed=st.text(min_size=1, max_size=20), minute=st.integers(0, 10**7))
def test_the_same_seed_gives_the_same_household(seed: str, minute: int) -> None:
    first = ProfileLoad(seed, MIDNIGHT_S).power_mw(minute)

    assert ProfileLoad(seed, MIDNIGHT_S).power_mw(minute) == first
    assert first >= 0


def test_a_seed_means_the_same_on_every_machine() -> None:
    load = ProfileLoad("house-1", MIDNIGHT_S)

    assert [load.power_mw(minute) for minute in (0, 1, 7 * 60, 18 * 60)] == [
        879_125,
        737_637,
        2_411_182,
        2_994_338,
    ]


def test_neighbours_differ() -> None:
    day = range(24 * 60)
    first, second = (ProfileLoad(f"house-{n}", MIDNIGHT_S) for n in (1, 2))

    assert [first.power_mw(m) for m in day] != [second.power_mw(m) for m in day]


def test_two_starts_an_hour_apart_are_the_same_household_an_hour_apart() -> None:
    early, late = (ProfileLoad("house-1", s) for s in (MIDNIGHT_S, MIDNIGHT_S + 3600))

    assert [early.power_mw(60 + m) for m in range(120)] == [late.power_mw(m) for m in range(120)]


@pytest.mark.parametrize(
    ("hours", "expected_w"),
    [
        (range(6, 9), 2_000),
        (range(9, 17), 1_000),
        (range(17, 21), 3_500),
        (range(21, 22), 1_000),
        (range(22, 24), 500),
        (range(6), 500),
    ],
    ids=["morning", "day", "evening peak", "late evening", "night", "small hours"],
)
def test_each_time_of_day_draws_what_the_profile_says(hours: range, expected_w: float) -> None:
    spikes_w = 0.1 * 1_250

    assert mean_w(hours) == pytest.approx(expected_w + spikes_w, abs=120)


def test_the_local_hour_counts_not_utc() -> None:
    india_s = 19_800

    assert mean_w(range(17, 21), utc_offset_s=india_s) == pytest.approx(mean_w(range(17, 21)))
