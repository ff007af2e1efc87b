"""Packed parts of batch items: all of them come back, and nothing else is taken for some."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.parts import (
    Part,
    PartsError,
    Use,
    columns_of,
    decode_parts,
    encode_parts,
)

VECTOR = json.loads(
    (Path(__file__).parents[1] / "vectors" / "commitment.json").read_text(encoding="utf-8")
)
PARTS = st.lists(
    st.builds(
        Part,
        st.integers(0, 2**32 // 900).map((900).__mul__),
        st.sampled_from(Use),
        st.integers(1, 2**32 - 1),
    ),
    max_size=30,
).map(lambda parts: sorted(parts, key=lambda part: part.start_s))


@pytest.mark.parametrize("item", VECTOR["items"], ids=lambda item: f"slot {item['slot']}")
def test_the_form_is_the_one_that_was_anchored_before(item: dict[str, object]) -> None:
    written = item["parts"]
    assert isinstance(written, list)
    parts = [Part(start_s, Use(use), usage_wh) for start_s, use, usage_wh in written]
    assert encode_parts(parts).hex() == item["packed"]
    assert decode_parts(bytes.fromhex(str(item["packed"]))) == parts


@given(PARTS)
def test_what_is_packed_comes_back_as_it_was(parts: list[Part]) -> None:
    assert decode_parts(encode_parts(parts)) == parts


@given(PARTS)
def test_columns_add_up_to_what_the_contract_is_told(parts: list[Part]) -> None:
    told = sum(part.usage_wh for part in parts if part.use <= Use.MARKET)
    assert sum(columns_of(parts)) == told


@given(PARTS.filter(len), st.data())
def test_what_is_cut_off_is_refused_or_says_less(parts: list[Part], data: st.DataObject) -> None:
    packed = encode_parts(parts)
    with suppress(PartsError):
        assert len(decode_parts(packed[: data.draw(st.integers(0, len(packed) - 1))])) < len(parts)


@pytest.mark.parametrize("packed", [b"\x01", b"\x80", b"\x01\x80", b"\xff" * 12 + b"\x01\x01"])
def test_foreign_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(PartsError):
        decode_parts(packed)


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_or_are_parts(packed: bytes) -> None:
    with suppress(PartsError):
        assert all(part.usage_wh >= 0 for part in decode_parts(packed))
