"""Registers that roll over, restart, glitch and jump: no Wh invented, none lost unseen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.usage import (
    Checkpoint,
    Movement,
    RegisterLimits,
    Step,
    advance,
    settle,
    spread,
    start,
)

LIMITS = RegisterLimits(max_power_w=6_000)
MINUTE_MS = 60_000
AT = 1_700_000_000_000


def test_usage_is_the_difference_of_two_registers() -> None:
    step = advance(Checkpoint(AT, 1_000), AT + MINUTE_MS, 1_050, LIMITS)
    assert (step.movement, step.usage_wh, step.checkpoint.cumulative_wh) == ("normal", 50, 50)


def test_an_older_reading_changes_nothing() -> None:
    last = Checkpoint(AT, 1_000, 7)
    assert advance(last, AT, 1_050, LIMITS).checkpoint == last
    assert advance(last, AT - 1, 1_050, LIMITS).movement is Movement.LATE


def test_a_zero_glitch_is_never_billed() -> None:
    last = Checkpoint(AT, 90_000, 10)
    glitch = advance(last, AT + MINUTE_MS, 0, LIMITS)
    assert (glitch.movement, glitch.usage_wh) == (Movement.SUSPECT, 0)
    back = advance(glitch.checkpoint, AT + 2 * MINUTE_MS, 90_100, LIMITS)
    assert (back.movement, back.usage_wh) == (Movement.GLITCH, 100)


def test_a_reset_is_named_and_counts_from_zero() -> None:
    suspect = advance(Checkpoint(AT, 90_000), AT + MINUTE_MS, 20, LIMITS)
    step = advance(suspect.checkpoint, AT + 2 * MINUTE_MS, 60, LIMITS)
    assert (step.movement, step.usage_wh) == (Movement.RESET, 60)


def test_a_reset_is_no_rollover_however_high_the_register_stood() -> None:
    limits = RegisterLimits(6_000, modulus_wh=9_999_990)
    suspect = advance(Checkpoint(AT, 5_000_000), AT + MINUTE_MS, 3, limits)
    step = advance(suspect.checkpoint, AT + 2 * MINUTE_MS, 4, limits)
    assert (step.movement, step.usage_wh) == (Movement.RESET, 4)


def test_a_rollover_is_bridged_where_the_modulus_is_known() -> None:
    limits = RegisterLimits(6_000, modulus_wh=9_999_990)
    suspect = advance(Checkpoint(AT, 9_999_970), AT + MINUTE_MS, 5, limits)
    step = advance(suspect.checkpoint, AT + 2 * MINUTE_MS, 15, limits)
    assert (step.movement, step.usage_wh) == (Movement.ROLLOVER, 35)


def test_a_jump_is_set_aside_and_not_billed() -> None:
    suspect = advance(Checkpoint(AT, 1_000), AT + MINUTE_MS, 900_000, LIMITS)
    step = advance(suspect.checkpoint, AT + 2 * MINUTE_MS, 900_040, LIMITS)
    assert (step.movement, step.usage_wh, step.flagged_wh) == (Movement.JUMP, 40, 899_000)
    assert step.checkpoint.cumulative_wh + step.checkpoint.flagged_wh == 900_040 - 1_000


def _read(last: Checkpoint, *registers_wh: int, every_ms: int = MINUTE_MS) -> list[Step]:
    """Readings at a steady pace."""
    steps: list[Step] = []
    for number, register_wh in enumerate(registers_wh, start=1):
        steps.append(advance(last, AT + number * every_ms, register_wh, LIMITS))
        last = steps[-1].checkpoint
    return steps


def test_a_register_frozen_at_zero_is_not_believed_while_it_may_be_a_glitch() -> None:
    steps = _read(Checkpoint(AT, 90_000), 0, 0, 0, 90_010)
    assert [step.movement for step in steps] == ["suspect", "suspect", "suspect", "glitch"]
    assert steps[-1].usage_wh == 10


def test_a_register_that_stays_at_zero_for_ten_minutes_is_believed() -> None:
    steps = _read(Checkpoint(AT, 90_000), *[0] * 11, 7)
    assert [step.movement for step in steps[-3:]] == ["suspect", "reset", "normal"]
    assert steps[-1].checkpoint == Checkpoint(AT + 12 * MINUTE_MS, 7, 7)


def test_a_register_that_goes_back_is_named_once_and_its_old_ground_is_not_billed_again() -> None:
    steps = _read(Checkpoint(AT, 90_000), 89_950, 89_960, 89_990, 90_020, 90_040)
    movements = [step.movement for step in steps]
    assert movements == ["suspect", "reverse", "normal", "normal", "normal"]
    assert [step.usage_wh for step in steps] == [0, 0, 0, 20, 20]
    assert [step.checkpoint.behind_wh for step in steps] == [0, 40, 10, 0, 0]
    assert steps[-1].checkpoint == Checkpoint(AT + 5 * MINUTE_MS, 90_040, 40)


def test_a_register_that_comes_back_from_below_its_highest_value_was_a_glitch_after_all() -> None:
    steps = _read(Checkpoint(AT, 90_000), 89_500, 89_501, 90_030)
    assert [step.movement for step in steps] == ["suspect", "reverse", "glitch"]
    assert steps[-1].usage_wh == 30


def test_a_young_register_that_falls_is_set_aside_because_it_may_have_gone_back() -> None:
    steps = _read(Checkpoint(AT, 300), 20, 30)
    assert (steps[-1].movement, steps[-1].usage_wh, steps[-1].flagged_wh) == ("reset", 10, 20)


def test_a_register_restored_from_an_old_copy_is_set_aside() -> None:
    steps = _read(Checkpoint(AT, 90_000), 50_000, 50_010)
    assert (steps[-1].movement, steps[-1].usage_wh, steps[-1].flagged_wh) == ("reset", 10, 50_000)


def test_much_that_was_left_up_to_the_modulus_is_set_aside() -> None:
    limits = RegisterLimits(6_000, modulus_wh=9_999_990)
    last = Checkpoint(AT, 9_995_000)
    waiting = advance(last, AT + 60 * MINUTE_MS, 5, limits).checkpoint
    step = advance(waiting, AT + 61 * MINUTE_MS, 15, limits)
    assert (step.movement, step.usage_wh, step.flagged_wh) == (Movement.ROLLOVER, 15, 4_990)


def test_a_glitch_to_zero_shortly_before_a_rollover_hides_it_not() -> None:
    limits = RegisterLimits(6_000, modulus_wh=9_999_990)
    glitch = advance(Checkpoint(AT, 9_999_000), AT + 10_000, 0, limits).checkpoint
    step = advance(glitch, AT + 30 * MINUTE_MS, 10, limits)
    assert (step.movement, step.usage_wh) == (Movement.ROLLOVER, 1_000)


def test_usage_after_a_gap_is_counted_and_named() -> None:
    step = advance(Checkpoint(AT, 1_000), AT + 60 * MINUTE_MS, 3_000, LIMITS)
    assert (step.movement, step.usage_wh) == (Movement.GAP, 2_000)


def test_a_reading_older_than_the_candidate_changes_nothing() -> None:
    waiting = advance(Checkpoint(AT, 90_000), AT + 2 * MINUTE_MS, 5, LIMITS).checkpoint
    step = advance(waiting, AT + MINUTE_MS, 5, LIMITS)
    assert (step.movement, step.checkpoint) == (Movement.LATE, waiting)


def test_a_waiting_candidate_leaves_open_what_was_read_since() -> None:
    first, again = _read(Checkpoint(AT, 90_000), 0, 0)
    assert Checkpoint(AT, 90_000).precedes(AT + 1)
    assert not Checkpoint(AT, 90_000).precedes(AT)
    assert first.checkpoint == again.checkpoint
    assert not again.checkpoint.precedes(AT + 2 * MINUTE_MS)
    back = _read(Checkpoint(AT, 90_000), 89_950, 89_960)[-1].checkpoint
    assert back.precedes(AT + 3 * MINUTE_MS)


def test_a_load_above_the_maximum_for_a_moment_is_no_glitch() -> None:
    steps = _read(Checkpoint(AT, 1_000), 1_130, 1_140)
    assert [step.movement for step in steps] == ["suspect", "normal"]
    assert steps[-1].usage_wh == 140


def test_a_register_is_cut_to_whole_wh_at_both_ends() -> None:
    limits = RegisterLimits(10)
    assert advance(Checkpoint(AT, 0), AT + 10_000, 1, limits).movement is Movement.NORMAL
    assert advance(Checkpoint(AT, 0), AT + 10_000, 2, limits).movement is Movement.SUSPECT


def test_a_reading_may_be_a_second_off() -> None:
    limits = RegisterLimits(23_000)
    assert advance(Checkpoint(AT, 0), AT + 10_000, 70, limits).movement is Movement.NORMAL
    assert advance(Checkpoint(AT, 0), AT + 10_000, 73, limits).movement is Movement.SUSPECT


def test_a_register_that_a_person_read_is_believed_at_once() -> None:
    step = settle(Checkpoint(AT, 90_000), AT + MINUTE_MS, 20, LIMITS)
    assert (step.movement, step.usage_wh) == (Movement.RESET, 20)
    again = settle(step.checkpoint, AT + MINUTE_MS, 20, LIMITS)
    assert (again.movement, again.usage_wh) == (Movement.NORMAL, 0)


def test_a_first_reading_starts_the_count() -> None:
    assert start(AT, 12_345).checkpoint == Checkpoint(AT, 12_345)


@given(
    first_wh=st.integers(0, 9_000_000),
    moves=st.lists(st.tuples(st.integers(1, 3_600), st.integers(-50, 400_000)), max_size=40),
)
def test_billed_and_flagged_are_what_the_register_moved_when_it_only_grows(
    first_wh: int, moves: list[tuple[int, int]]
) -> None:
    """Law: cumulative + flagged = register end − register start, whatever is believed when."""
    checkpoint, read_ms, energy_wh = Checkpoint(AT, first_wh), AT, first_wh
    for wait_s, grown_wh in moves:
        read_ms += wait_s * 1_000
        energy_wh += max(0, grown_wh)
        step = advance(checkpoint, read_ms, energy_wh, LIMITS)
        checkpoint = step.checkpoint
        assert step.usage_wh >= 0
        counted_wh = checkpoint.cumulative_wh + checkpoint.flagged_wh
        assert counted_wh == checkpoint.energy_wh - first_wh


@given(
    first_wh=st.integers(0, 9_999_990),
    registers=st.lists(st.tuples(st.integers(1, 900), st.integers(0, 9_999_990)), max_size=60),
)
def test_no_history_bills_more_than_the_meter_point_can_draw(
    first_wh: int, registers: list[tuple[int, int]]
) -> None:
    """Law: usage never exceeds maximum power × time, plus the slack of each reading."""
    checkpoint, read_ms = Checkpoint(AT, first_wh), AT
    for wait_s, energy_wh in registers:
        read_ms += wait_s * 1_000
        checkpoint = advance(checkpoint, read_ms, energy_wh, LIMITS).checkpoint
    most_wh = LIMITS.max_power_w * (read_ms - AT) // 3_600_000 + 3 * (len(registers) + 1)
    assert 0 <= checkpoint.cumulative_wh <= most_wh


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 40 * 86_400_000))
def test_spread_usage_adds_up_exactly(usage_wh: int, offset_ms: int, duration_ms: int) -> None:
    """Law: dividing usage over quarter-hours neither makes nor loses a Wh."""
    parts = spread(usage_wh, AT + offset_ms, AT + offset_ms + duration_ms)
    assert sum(part_wh for _, part_wh in parts) == usage_wh
    assert all(part_wh > 0 and start_s % 900 == 0 for start_s, part_wh in parts)
