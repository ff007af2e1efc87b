"""Amounts are exact: what is written is what is counted, and nothing is rounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import parse_amount, show_amount


@given(st.integers(0, 10**16 - 1))
def test_an_amount_survives_being_written(stroops: int) -> None:
    assert parse_amount(show_amount(stroops)) == stroops


@pytest.mark.parametrize(
    ("text", "stroops"),
    [("1", 10**7), ("0.1", 10**6), ("12.5", 125_000_000), (" 0.0000001 ", 1), ("007", 7 * 10**7)],
)
def test_tokens_are_stroops(text: str, stroops: int) -> None:
    assert parse_amount(text) == stroops


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".5", "1e3", "-1", "+1", "1,5", "1_0", "NaN", "0.00000001", "٣", "1 000"],
)
def test_what_is_no_amount_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no amount: write tokens like 12\.5"):
        parse_amount(text)


def test_a_debt_is_shown_with_its_sign() -> None:
    assert (show_amount(-15_000_000), show_amount(0)) == ("-1.5", "0")
