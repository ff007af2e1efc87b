"""Whom to ask next: the period, the back-off, and the probe of a silent feeder."""

from __future__ import annotations

import pytest

from gateway.sources.schedule import PROBE_EVERY_S, Schedule


def test_each_meter_is_asked_once_per_period_on_a_fixed_grid() -> None:
    schedule = Schedule((1, 2), 10.0, 0.0)
    asked = []
    now_s = 0.0
    for _ in range(6):
        unit, due_s = schedule.next()
        now_s = max(now_s, due_s) + 0.04
        schedule.answered(unit, now_s)
        asked.append((unit, due_s))
    assert asked == [(1, 0.0), (2, 0.0), (1, 10.0), (2, 10.0), (1, 20.0), (2, 20.0)]


def test_without_a_period_the_one_that_waited_longest_is_next() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    asked = []
    for step in range(6):
        unit, _ = schedule.next()
        schedule.answered(unit, 0.04 * (step + 1))
        asked.append(unit)
    assert asked == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("period_s", "back_offs_s"),
    [
        (0.0, [1, 2, 4, 8, 16, 32, 60, 60]),
        (10.0, [10, 20, 40, 60, 60]),
        (300.0, [300, 300]),
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
        assert schedule.next() == (1, 100.0 + back_off_s)


def test_a_reply_ends_the_back_off() -> None:
    schedule = Schedule((1, 2), 0.0, 0.0)
    for _ in range(5):
        schedule.failed(1, 50.0, mute=True)
    schedule.answered(1, 60.0)
    schedule.failed(1, 70.0, mute=True)
    schedule.answered(2, 10_000.0)
    assert schedule.next() == (1, 71.0)


def test_a_silent_feeder_is_probed_by_one_meter_at_a_time_in_turn() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    for unit in (1, 2, 3):
        assert not schedule.is_silent
        schedule.failed(unit, float(unit), mute=True)
    assert schedule.is_silent
    probes = []
    now_s = 3.0
    for _ in range(4):
        unit, due_s = schedule.next()
        assert due_s == now_s + PROBE_EVERY_S
        now_s = due_s
        schedule.failed(unit, now_s, mute=True)
        probes.append(unit)
    assert probes == [1, 2, 3, 1]


def test_the_first_reply_on_a_silent_feeder_drops_every_back_off() -> None:
    schedule = Schedule((1, 2, 3), 0.0, 0.0)
    for step in range(30):
        unit, _ = schedule.next()
        schedule.failed(unit, float(step), mute=True)
    schedule.answered(2, 100.0)
    assert not schedule.is_silent
    due = []
    for _ in range(3):
        unit, due_s = schedule.next()
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
