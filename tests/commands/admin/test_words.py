"""What a provider's person types is taken exactly, or a sentence says how to write it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Keypair

from gateway.commands.admin import words
from tests.ledger.contract_spec import CONTRACT

ACCOUNT = Keypair.from_raw_ed25519_seed(bytes(32)).public_key


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (words.meter_id, "7/3", 7 << 32 | 3),
        (words.meter_id, "30064771075", 7 << 32 | 3),
        (words.amount, "12.5", 125_000_000),
        (words.amount, "0.0000001", 1),
        (words.price, "0", 0),
        (words.rate, "2.5", 250),
        (words.rate, "100%", 10_000),
        (words.watts, "2000", 2000),
        (words.instant, "2026-01-01", 1_767_225_600),
        (words.instant, "2026-01-01T01:00+01:00", 1_767_225_600),
        (words.quarter_hour, "2026-01-01T00:15", 1_767_226_500),
        (words.hour, "2026-01-01T01:00Z", 1_767_229_200),
        (words.address, CONTRACT, CONTRACT),
        (words.account, ACCOUNT, ACCOUNT),
    ],
)
def test_what_is_right_is_taken_exactly(
    read: Callable[[str], object], text: str, value: object
) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (words.meter_id, "7-3", "write SITE/SLOT, like 7/3"),
        (words.meter_id, "4294967296/0", "write SITE/SLOT, like 7/3"),
        (words.site, "-1", "write a whole number"),
        (words.site, "4294967296", "it is from 0 to 4294967295"),
        (words.site, "\u0663", "write a whole number"),
        (words.amount, "0", "must be more than zero"),
        (words.amount, "-1", "must be from 0 to"),
        (words.amount, "1.00000001", "at most 7 digits after the point"),
        (words.amount, "1e30", "must be from 0 to 922337203685.4775807"),
        (words.amount, "NaN", "write tokens, like 12.5"),
        (words.amount, "12,5", "write tokens, like 12.5"),
        (words.rate, "101", "must be from 0 to 100 per cent"),
        (words.rate, "2.555", "write per cent, like 2.5"),
        (words.watts, "0", "it is from 1 to 655350"),
        (words.instant, "01.03.2026", "write 2026-03-01 or 2026-03-01T06:00 (UTC)"),
        (words.instant, "1969-12-31", "is before 1970"),
        (words.quarter_hour, "2026-01-01T00:10", "is not on the quarter-hour"),
        (words.hour, "2026-01-01T00:15", "is not on the hour"),
        (words.address, CONTRACT[:-1] + "A", "when one is mistyped, the checksum tells"),
        (words.address, "", "is no address"),
        (words.account, CONTRACT, "give an account's address (G...)"),
        (words.file, "/nowhere/x.csv", "/nowhere/x.csv isn't there"),
    ],
)
def test_what_is_wrong_is_explained(
    read: Callable[[str], object], text: str, sentence: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        read(text)
    assert sentence in str(caught.value)


def test_a_secret_in_place_of_an_address_is_refused_and_not_repeated() -> None:
    secret = Keypair.random().secret
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        words.address(secret)
    assert secret not in str(caught.value)
    assert "this is a secret key" in str(caught.value)


@given(st.integers(1, words.I64_MAX))
def test_every_amount_is_shown_as_it_can_be_typed(stroops: int) -> None:
    assert words.amount(words.shown_amount(stroops)) == stroops


@given(st.integers(0, words.U64_MAX))
def test_every_meter_is_shown_as_it_can_be_typed(meter_id: int) -> None:
    assert words.meter_id(words.shown_meter(meter_id)) == meter_id
