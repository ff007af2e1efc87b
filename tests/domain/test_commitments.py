"""What a root is made of: its form stands still, and any other head makes another root."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batches import Price
from gateway.domain.commitments import (
    AUDIT,
    HEADS,
    PRICE,
    READINGS,
    USAGE,
    Anchor,
    Commitment,
    CommitmentError,
    price_anchor,
    tokens_anchor,
    usage_anchor,
)

VECTOR = json.loads(
    (Path(__file__).parents[1] / "vectors" / "commitment.json").read_text(encoding="utf-8")
)
ANCHORS = st.builds(Anchor, st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
COMMITMENTS = st.dictionaries(st.sampled_from(HEADS), ANCHORS).map(Commitment.of)
PRICES = st.builds(
    Price, st.integers(0, 2**32 - 1), st.integers(0, 2**63), *[st.integers(0, 2**63 - 1)] * 5
)


def anchors(written: dict[str, dict[str, object]]) -> dict[str, Anchor]:
    return {
        name: Anchor(int(str(one["number"])), bytes.fromhex(str(one["value"])))
        for name, one in written.items()
    }


def test_the_form_is_the_one_that_was_anchored_before() -> None:
    items = [(one["slot"], bytes.fromhex(one["packed"])) for one in VECTOR["items"]]
    heads = {
        READINGS: anchors(VECTOR["heads"])[READINGS],
        PRICE: price_anchor(Price(**VECTOR["price"])),
        USAGE: usage_anchor(items),
    }
    commitment = Commitment.of(heads)
    assert commitment.text.hex() == VECTOR["text"]
    assert commitment.root.hex() == VECTOR["root"]
    assert commitment.heads == anchors(VECTOR["heads"])


def test_a_text_with_fewer_heads_keeps_its_root() -> None:
    shorter = VECTOR["shorter"]
    commitment = Commitment.read(bytes.fromhex(shorter["text"]))
    assert commitment.root.hex() == shorter["root"]
    assert commitment.heads == anchors(shorter["heads"])


@given(COMMITMENTS)
def test_a_text_says_the_heads_that_it_was_made_of(commitment: Commitment) -> None:
    assert Commitment.read(commitment.text) == commitment
    assert tuple(commitment.heads) == HEADS


@given(COMMITMENTS, st.sampled_from(HEADS), ANCHORS)
def test_another_head_makes_another_root(commitment: Commitment, name: str, head: Anchor) -> None:
    other = Commitment.of({**commitment.heads, name: head})
    assert (other.root == commitment.root) is (commitment.heads[name] == head)


@given(COMMITMENTS, st.data())
def test_a_text_that_was_cut_or_lengthened_is_refused(
    commitment: Commitment, data: st.DataObject
) -> None:
    text = commitment.text
    cut = data.draw(st.integers(0, len(text) - 1))
    for wrong in (text[:cut], text + b"\0"):
        with pytest.raises(CommitmentError):
            Commitment.read(wrong)


def test_more_heads_than_are_known_ask_for_a_newer_version() -> None:
    text = bytearray(Commitment.of({}).text)
    text[13] += 1
    with pytest.raises(CommitmentError, match="newer version"):
        Commitment.read(bytes(text) + bytes(40))


def test_a_head_that_has_no_place_is_refused() -> None:
    with pytest.raises(KeyError):
        Commitment.of({AUDIT: Anchor(), "weather": Anchor()})


@given(PRICES, st.sampled_from(["effective_from_s", "off_peak", "standard", "peak", "daily"]))
def test_another_price_is_another_head(price: Price, changed: str) -> None:
    other = replace(price, **{changed: getattr(price, changed) ^ 1})
    assert price_anchor(other) != price_anchor(price)


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.binary(max_size=9), min_size=1), st.data())
def test_another_part_of_any_meter_is_another_head(
    items: dict[int, bytes], data: st.DataObject
) -> None:
    slot = data.draw(st.sampled_from(sorted(items)))
    other = items | {slot: items[slot] + b"\0"}
    assert usage_anchor(other.items()) != usage_anchor(items.items())
    moved = {key: value for key, value in items.items() if key != slot}
    assert usage_anchor(moved.items()) != usage_anchor(items.items())


@given(
    st.dictionaries(
        st.integers(0, 2**32 - 1),
        st.tuples(st.integers(1, 2**63), st.lists(st.integers(0, 2**63), max_size=5)),
        min_size=1,
        max_size=5,
    )
)
def test_any_token_used_makes_another_head(used: dict[int, tuple[int, list[int]]]) -> None:
    counters = [(slot, *of_slot) for slot, of_slot in sorted(used.items())]
    anchor = tokens_anchor(counters)
    assert anchor.number == len(counters)
    slot, counter, counts = counters[0]
    for other in [(slot, counter + 1, counts), (slot, counter, [*counts, counter])]:
        assert tokens_anchor([other, *counters[1:]]) != anchor
    assert tokens_anchor([]) == Anchor()
