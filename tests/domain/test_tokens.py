"""Which token counts: each count once, out of order within a window, and never another kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.tokens import (
    DAY_S,
    DISABLE,
    FREE_WRONG,
    FREE_WRONG_SHARED,
    JUMP,
    OLDEST,
    SYNC,
    Decoded,
    Refusal,
    TokenState,
    clean_digits,
    judge_token,
    wait_s,
)

NEW = TokenState()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("123 456 789", "123456789"),
        ("123-456-789", "123456789"),
        ("111222333444111", "111222333444111"),
        ("12345678", Refusal.MALFORMED),
        ("12345678a", Refusal.MALFORMED),
        ("", Refusal.MALFORMED),
        ("١٢٣٤٥٦٧٨٩", Refusal.MALFORMED),
        ("111222333444115", Refusal.MALFORMED),
        ("1234567890", Refusal.EXTENDED),
        ("123456789012", Refusal.EXTENDED),
        ("1" * 20, Refusal.EXTENDED),
        (" " * 100_000 + "123456789", Refusal.MALFORMED),
    ],
)
def test_digits_are_standard_or_it_is_said_what_they_are(text: str, found: str) -> None:
    assert clean_digits(text) == found


@pytest.mark.parametrize(
    ("state", "value", "counts", "verdict"),
    [
        (NEW, 30, [2], 2),
        (NEW, 30, [], Refusal.UNKNOWN),
        (NEW, 30, [0], Refusal.UNKNOWN),
        (NEW, 30, [JUMP], JUMP),
        (NEW, 30, [JUMP + 2], Refusal.UNKNOWN),
        (NEW, 30, [3], Refusal.SETS_TIME),
        (NEW, DISABLE, [3], Refusal.DISABLES),
        (NEW, SYNC, [3], Refusal.SETS_COUNTER),
        (NEW, SYNC, [99], Refusal.SETS_COUNTER),
        (NEW, 0, [2], Refusal.NO_VALUE),
        (NEW, 997, [2], Refusal.NO_VALUE),
        (NEW.after(2), 30, [2], Refusal.USED),
        (NEW.after(20), 30, [6], 6),
        (NEW.after(20), 30, [4], Refusal.TOO_OLD),
        (NEW.after(2), 30, [2, 40], 40),
        (TokenState(frozen=True), 30, [2], Refusal.FROZEN),
    ],
)
def test_a_token_counts_or_says_why_not(
    state: TokenState, value: int, counts: list[int], verdict: object
) -> None:
    assert judge_token(Decoded(value, counts), state) == verdict


def test_a_count_that_was_paid_in_long_ago_is_used_and_not_just_old() -> None:
    assert judge_token(Decoded(30, [2]), NEW.after(40), known={2}) is Refusal.USED


def test_digits_that_counted_once_count_no_more_under_a_later_count() -> None:
    both = Decoded(40, [8, 64])
    assert judge_token(both, NEW.after(8), known={8}, has_counted=True) is Refusal.USED
    assert judge_token(both, NEW.after(8), known={8}) == 64


@given(st.lists(st.integers(1, 60).map(lambda half: 2 * half), max_size=60))
def test_law_no_count_is_ever_taken_twice(order: list[int]) -> None:
    state, taken = NEW, []
    for count in order:
        verdict = judge_token(Decoded(5, [count]), state)
        if not isinstance(verdict, Refusal):
            taken.append(verdict)
            before, state = state, state.after(verdict)
            assert state.counter >= before.counter
            assert all(state.counter - OLDEST < one <= state.counter for one in state.used)
    assert len(taken) == len(set(taken))


@given(st.integers(0, 200), st.integers(0, 200))
def test_law_nothing_up_to_a_reconciled_count_is_taken(counter: int, count: int) -> None:
    state = TokenState(counter).reconciled(count)
    assert state.counter == max(counter, count)
    for one in range(2, state.counter + 1, 2):
        assert isinstance(judge_token(Decoded(5, [one]), state), Refusal)


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_a_sentence(refusal: Refusal) -> None:
    assert refusal.sentence.endswith(".")
    assert len({one.sentence for one in Refusal}) == len(Refusal)


def test_the_wait_doubles_up_to_a_day_and_a_day_forgives_one() -> None:
    waits = [wait_s(wrong, 0) for wrong in range(20)]
    assert waits[:FREE_WRONG] == [0] * FREE_WRONG
    assert waits[FREE_WRONG : FREE_WRONG + 3] == [60, 120, 240]
    assert waits[-1] == DAY_S
    assert wait_s(FREE_WRONG, DAY_S) == 0
    assert wait_s(FREE_WRONG_SHARED - 1, 0, shared=True) == 0
    assert wait_s(19, -(10**9)) == DAY_S, "a clock that was set back holds nobody up for years"
