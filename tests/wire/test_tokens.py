"""Tokens: ours agree with EnAccess's own encoder, and what they can be is told completely."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpaygo import generate_token
from openpaygo.token_shared import TokenType

from gateway.wire.tokens import TokenKey, decode_token, encode_token

KEY = TokenKey(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123_456_789)
OTHER = TokenKey(bytes(range(16)), 987_654_321)


@pytest.mark.parametrize("units", [1, 30, 995])
@pytest.mark.parametrize("restricted", [False, True])
def test_a_token_is_what_the_library_makes(units: int, *, restricted: bool) -> None:
    made = generate_token(
        secret_key=KEY.secret.hex(),
        count=6,
        value=units,
        starting_code=KEY.starting_code,
        restricted_digit_set=restricted,
    )
    assert encode_token(KEY, units, 6, restricted=restricted) == made


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 995), st.integers(0, 60), st.booleans())
def test_a_token_says_its_units_and_its_count(units: int, after: int, restricted: bool) -> None:  # noqa: FBT001 - hypothesis
    count, digits = encode_token(KEY, units, after, restricted=restricted)
    assert len(digits) == (15 if restricted else 9)
    value, counts = decode_token(KEY, digits, 170)
    assert value == units
    assert count in counts
    assert count % 2 == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 995), st.integers(0, 20))
def test_a_foreign_token_is_none_here(units: int, after: int) -> None:
    _, digits = encode_token(OTHER, units, after)
    assert decode_token(KEY, digits, 100)[1] == []


@pytest.mark.parametrize(
    "kind", [TokenType.SET_TIME, TokenType.DISABLE_PAYG, TokenType.COUNTER_SYNC]
)
def test_other_kinds_have_odd_counts(kind: int) -> None:
    value = {} if kind != TokenType.SET_TIME else {"value": 30}
    count, digits = generate_token(
        secret_key=KEY.secret.hex(),
        count=4,
        token_type=kind,
        starting_code=KEY.starting_code,
        **value,
    )
    assert (count % 2, count in decode_token(KEY, digits, 100)[1]) == (1, True)


def test_a_key_is_never_printed() -> None:
    assert repr(KEY) == "TokenKey()"


@pytest.mark.parametrize("units", [0, -1, 996, 998, 999])
def test_units_that_no_token_holds_are_refused(units: int) -> None:
    with pytest.raises(ValueError, match="give 1 to 995"):
        encode_token(KEY, units, 0)
