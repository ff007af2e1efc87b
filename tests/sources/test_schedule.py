"""Whom to ask next: the period, the back-off, and the probe of a silent feeder."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.schedule import PROBE_EVERY_S, REFRESH_S, Schedule


def test_each_meter_is_asked_once_per_period_on_a_fixed_grid() -> None:
    schedule = Schedule((1, 2), 10.0, 0.0)
    asked = []
    now_s = 0.0
    for _ in range(6):
        unit, due_s = schedule.next(now_s)
        now_s = max(now_s, due_s) + 0.04
        schedule.answered(unit, now_s)
        asked.append((unit, due_s))
    assert asked == [(1, 0.0), (2, 0.0), (1, 10.0), (2, 10.0), (1, 20.0), (2, 20.0)]


def test_without_a_period_the_one_that_waited_longest_is_next() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    asked = []
    for step in range(6):
        unit, _ = schedule.next(0.04 * step)
        schedule.answered(unit, 0.04 * (step + 1))
        asked.append(unit)
    assert asked == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("period_s", "back_offs_s"),
    [
        (0.0, [1, 2, 4, 8, 16, 32, 60, 60]),
        (10.0, [1, 2, 4, 8, 16, 32, 60, 60]),
        (300.0, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
    ],
)
def test_a_silent_meter_is_left_alone_for_longer_each_time(
    period_s: float, back_offs_s: list[float]
) -> None:
    schedule = Schedule((1, 2), period_s, 0.0)
    for back_off_s in back_offs_s:
        schedule.answered(2, 100.0)
        schedule.failed(1, 100.0, mute=True)
        schedule.answered(2, 100.0 + 10_000)  # now only unit 1 can be next
        assert schedule.next(100.0) == (1, 100.0 + back_off_s)


def test_three_damaged_frames_cost_no_period() -> None:
    schedule = Schedule((1,), 10.0, 0.0)
    for failed_s, due_s in [(0.2, 1.2), (1.4, 3.4), (3.6, 7.6)]:
        schedule.failed(1, failed_s, mute=False)
        assert schedule.next(failed_s) == (1, due_s)
    schedule.answered(1, 7.65)
    assert schedule.next(7.65)[1] <= 17.65


def test_a_reply_ends_the_back_off() -> None:
    schedule = Schedule((1, 2), 0.0, 0.0)
    for _ in range(5):
        schedule.failed(1, 50.0, mute=True)
    schedule.answered(1, 60.0)
    schedule.failed(1, 70.0, mute=True)
    schedule.answered(2, 10_000.0)
    assert schedule.next(70.0) == (1, 71.0)


def test_a_silent_feeder_is_probed_by_one_meter_at_a_time_in_turn() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    for unit in (1, 2, 3):
        assert not schedule.is_silent
        schedule.failed(unit, float(unit), mute=True)
    assert schedule.is_silent
    probes = []
    now_s = 3.0
    for _ in range(4):
        unit, due_s = schedule.next(now_s)
        assert due_s == now_s + PROBE_EVERY_S
        now_s = due_s
        schedule.failed(unit, now_s, mute=True)
        probes.append(unit)
    assert probes == [1, 2, 3, 1]


def test_the_first_reply_on_a_silent_feeder_drops_every_back_off() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    for step in range(30):
        unit, _ = schedule.next(float(step))
        schedule.failed(unit, float(step), mute=True)
    schedule.answered(2, 100.0)
    assert not schedule.is_silent
    due = []
    for _ in range(3):
        unit, due_s = schedule.next(100.0)
        due.append((unit, due_s <= 100.0))
        schedule.answered(unit, 100.1)
    assert sorted(due) == [(1, True), (2, True), (3, True)]


def test_a_damaged_reply_proves_that_the_feeder_lives() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    for _ in range(5):
        schedule.failed(1, 1.0, mute=True)
        schedule.failed(2, 1.0, mute=True)
        schedule.failed(3, 1.0, mute=False)
    assert not schedule.is_silent


def test_one_noisy_frame_on_a_bus_of_one_is_no_silence() -> None:
    schedule = Schedule((1,), 0.0, 0.0)
    schedule.failed(1, 1.0, mute=True)
    assert not schedule.is_silent


def test_a_meter_is_lost_only_while_another_one_answers() -> None:
    schedule = Schedule((1, 2), 0.0, 0.0)
    schedule.answered(2, 0.5)
    for step in range(3):
        schedule.failed(1, 1.0 + step, mute=True)
    assert not schedule.is_lost(1)
    schedule.answered(2, 5.0)
    assert schedule.is_lost(1)


POLL_S = 0.05


def play(schedule: Schedule, poll_s: float, until_s: float) -> dict[int, list[float]]:
    """When each meter was read, on a line where a poll takes ``poll_s``."""
    read_s: defaultdict[int, list[float]] = defaultdict(list)
    now_s = 0.0
    while now_s < until_s:
        unit, due_s = schedule.next(now_s)
        now_s = max(now_s, due_s) + poll_s
        schedule.answered(unit, now_s)
        read_s[unit].append(now_s)
    return read_s


def longest_wait_s(read_s: list[float]) -> float:
    return max(b - a for a, b in itertools.pairwise(read_s))


def urgent_schedule(
    meters: int, urgent: Collection[int], period_s: float, urgent_every_s: float
) -> Schedule:
    schedule = Schedule(range(1, meters + 1), period_s, 0.0, urgent_every_s)
    schedule.set_urgent(urgent)
    return schedule


def test_an_urgent_meter_is_read_more_often_and_the_others_at_their_period() -> None:
    read_s = play(urgent_schedule(10, {3}, 10.0, 2.0), POLL_S, 100.0)
    assert 47 <= len(read_s[3]) <= 50
    assert longest_wait_s(read_s[3]) <= 2.0 + 4 * POLL_S
    assert {len(read_s[unit]) for unit in (1, 2, 4, 10)} <= {10, 11}


def test_urgency_ends_when_it_is_said_to() -> None:
    schedule = urgent_schedule(4, {1, 2}, 10.0, 2.0)
    play(schedule, POLL_S, 20.0)
    schedule.set_urgent(())
    schedule.answered(1, 100.0)
    schedule.answered(2, 100.0)
    assert schedule.next(100.0)[0] in {3, 4}


def test_nobody_is_asked_faster_than_a_meter_makes_new_values() -> None:
    read_s = play(urgent_schedule(2, {1}, 60.0, 0.1), POLL_S, 30.0)
    assert min(b - a for a, b in itertools.pairwise(read_s[1])) >= REFRESH_S


def test_an_urgent_meter_that_fails_is_backed_off_like_any_other() -> None:
    schedule = urgent_schedule(2, {1}, 10.0, 2.0)
    schedule.answered(2, 0.0)
    schedule.failed(1, 0.0, mute=True)
    assert schedule.next(0.0) == (1, 1.0)
    schedule.failed(1, 1.0, mute=True)
    assert schedule.next(1.0) == (1, 3.0)


def test_on_a_line_too_slow_for_everybody_an_urgent_meter_has_one_turn_in_four() -> None:
    read_s = play(urgent_schedule(100, {7}, 0.0, 1.0), 0.1, 200.0)
    assert longest_wait_s(read_s[7]) <= 1.0 + 4 * 0.1
    assert longest_wait_s(read_s[8]) <= 100 * 0.1 * 4 / 3 + 1


@settings(deadline=None, max_examples=60)
@given(
    meters=st.integers(2, 40),
    urgent=st.sets(st.integers(1, 40)),
    urgent_every_s=st.floats(0.1, 5.0),
)
def test_law_urgent_meters_never_take_the_others_period(
    meters: int, urgent: set[int], urgent_every_s: float
) -> None:
    """However many are urgent, as long as three quarters of the line are enough for all."""
    period_s = meters * POLL_S / 0.75
    read_s = play(urgent_schedule(meters, urgent, period_s, urgent_every_s), POLL_S, 12 * period_s)
    for unit in range(1, meters + 1):
        # The grid is kept over time; a single read may wait for those that were due before it.
        assert len(read_s[unit]) >= 11
        assert longest_wait_s(read_s[unit]) <= 2 * period_s
