"""Meters that are replaced: their last register and the new one's first, at one instant."""

from __future__ import annotations

import pytest

from gateway.domain.exchange import exchange
from gateway.domain.usage import Checkpoint, Movement, RegisterLimits, advance

LIMITS = RegisterLimits(max_power_w=6_000)
AT = 1_700_000_000_000
HOUR_MS = 3_600_000


def test_both_registers_are_read_at_one_instant() -> None:
    done = exchange(Checkpoint(AT, 90_000, 500), 90_120, 17, AT + HOUR_MS, LIMITS)
    assert done.closing is not None
    assert (done.closing.usage_wh, done.closing.checkpoint.cumulative_wh) == (120, 620)
    assert done.opening.checkpoint == Checkpoint(AT + HOUR_MS, 17)
    step = advance(done.opening.checkpoint, AT + HOUR_MS + 60_000, 27, LIMITS)
    assert (step.movement, step.usage_wh) == (Movement.NORMAL, 10)


def test_a_dead_meter_keeps_its_last_register_and_its_estimate_is_set_aside() -> None:
    last = Checkpoint(AT, 90_000, 500, 3, AT + 10_000, 7)
    done = exchange(last, None, 0, AT + HOUR_MS, LIMITS, estimate_wh=250)
    assert done.closing is not None
    assert (done.closing.movement, done.closing.usage_wh) == (Movement.EXCHANGE, 0)
    assert done.closing.flagged_wh == 250
    assert done.closing.checkpoint == Checkpoint(AT + HOUR_MS, 90_000, 500, 253)


def test_a_last_register_beyond_what_can_have_flowed_is_set_aside() -> None:
    done = exchange(Checkpoint(AT, 1_000), 901_000, 0, AT + HOUR_MS, LIMITS)
    assert done.closing is not None
    assert (done.closing.movement, done.closing.flagged_wh) == (Movement.JUMP, 900_000)


def test_a_meter_that_was_never_read_has_nothing_to_close() -> None:
    assert exchange(None, 5, 0, AT, LIMITS).closing is None


def test_an_exchange_before_the_last_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="give the instant at which it was taken off"):
        exchange(Checkpoint(AT, 1_000), 1_001, 0, AT - 1, LIMITS)


def test_an_estimate_beside_a_register_is_refused() -> None:
    with pytest.raises(ValueError, match="only where the old meter is dead"):
        exchange(Checkpoint(AT, 1_000), 1_001, 0, AT, LIMITS, estimate_wh=5)
