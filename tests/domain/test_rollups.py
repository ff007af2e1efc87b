"""Rollups: it never matters in which order readings come, or how they are divided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.readings import Doubt, Quality, Reading
from gateway.domain.rollups import SPANS_S, Rollup, merge, of, roll_up

START = datetime(2026, 1, 1, 22, tzinfo=UTC)
"""Two hours before midnight, so that a day ends among the readings."""
FIGURE = st.none() | st.integers(-1_000, 1_000)


def reading(moment: int, meter_id: int, energy_wh: int, figures: tuple[int | None, ...]) -> Reading:
    voltage_mv, power_mw, quality, doubts = figures
    return Reading(
        meter_id,
        START + timedelta(seconds=moment),
        energy_wh,
        voltage_mv=voltage_mv,
        power_mw=power_mw,
        quality=Quality(quality or 0),
        doubts=Doubt(doubts or 0),
    )


READINGS = st.lists(
    st.builds(
        reading,
        st.integers(0, 5 * 3_600),
        st.integers(1, 2),
        st.integers(0, 10_000),
        st.tuples(FIGURE, FIGURE, st.integers(0, 3), st.integers(0, 63)),
    ),
    max_size=30,
    unique_by=lambda one: (one.meter_id, one.read_at),  # as the store keeps them
)


Rollups = dict[tuple[int, int, int], Rollup]


def together(rollups: list[Rollups]) -> Rollups:
    found: Rollups = {}
    for one in rollups:
        for key, rollup in one.items():
            found[key] = merge(found[key], rollup) if key in found else rollup
    return found


@given(READINGS, st.lists(st.integers(0, 30), max_size=4), st.randoms())
def test_the_rollups_of_the_parts_are_the_rollups_of_the_whole(
    readings: list[Reading], cuts: list[int], luck: Random
) -> None:
    edges = [0, *sorted(cuts), len(readings)]
    parts = [roll_up(readings[one:other]) for one, other in pairwise(edges)]
    assert together(parts) == roll_up(readings)
    luck.shuffle(parts)
    assert together(parts) == roll_up(readings)


@given(READINGS.filter(lambda found: len(found) >= 3))
def test_merging_is_commutative_and_associative(readings: list[Reading]) -> None:
    one, two, three = (of(reading) for reading in readings[:3])
    if len({part.first_ms for part in (one, two, three)}) < 3:
        return  # of two meters: never merged
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(READINGS)
def test_every_reading_is_in_one_period_of_each_length(readings: list[Reading]) -> None:
    found = roll_up(readings)
    for span_s in SPANS_S:
        of_span = {key: rollup for key, rollup in found.items() if key[0] == span_s}
        assert sum(rollup.readings for rollup in of_span.values()) == len(readings)
        for (_, start_s, meter_id), rollup in of_span.items():
            period_ms = range(start_s * 1000, (start_s + span_s) * 1000)
            own = [one for one in readings if one.meter_id == meter_id and one.at_ms in period_ms]
            own.sort(key=lambda one: one.at_ms)
            assert start_s % span_s == 0
            assert rollup == Rollup(
                readings=len(own),
                valid=sum(one.quality is Quality.VALID for one in own),
                doubts=_all_doubts(own),
                first_ms=own[0].at_ms,
                first_wh=own[0].energy_wh,
                last_ms=own[-1].at_ms,
                last_wh=own[-1].energy_wh,
                min_voltage_mv=min(_known(one.voltage_mv for one in own), default=None),
                max_voltage_mv=max(_known(one.voltage_mv for one in own), default=None),
                max_power_mw=max(_known(one.power_mw for one in own), default=None),
                powers=len(_known(one.power_mw for one in own)),
                power_mw_sum=sum(_known(one.power_mw for one in own)),
            )


def _all_doubts(readings: list[Reading]) -> int:
    doubts = Doubt(0)
    for one in readings:
        doubts |= one.doubts
    return int(doubts)


def _known(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]


def test_a_mean_is_rounded_down_and_needs_a_reading_with_a_power() -> None:
    figures = [(None, power_mw, 0, 0) for power_mw in (100, 101, None)]
    with_power = [reading(number, 1, 0, one) for number, one in enumerate(figures)]
    (quarter, *_) = roll_up(with_power).values()
    assert quarter.mean_power_mw == 100
    assert of(with_power[-1]).mean_power_mw is None
