"""Who loses supply because the chain says so, and who because credit was used up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batches import Price
from gateway.domain.masscut import find_cut
from gateway.domain.pages import MeterRecord, flags_of

PRICE = Price(1, 0, off_peak=700, standard=1_000, peak=1_500, daily=0, weekly=0)
RECORD = MeterRecord(
    total_wh=1_000,
    balance=500,
    paid_from_s=0,
    paid_until_s=900,
    last_read_s=0,
    market_credit_wh=0,
    remainder_milli=0,
    max_power_w=2_000,
    plan=0,
    flags=flags_of(0, deactivated=False, announced_active=True),
    version=1,
)
OFF = replace(RECORD, flags=flags_of(0, deactivated=True, announced_active=False))


@pytest.mark.parametrize(
    ("after", "is_cut"),
    [
        (RECORD, False),
        (OFF, True),
        (None, True),
        (replace(RECORD, balance=1), False),
        (replace(RECORD, balance=0), True),
        (replace(RECORD, balance=-100, total_wh=1_400), False),
        (replace(RECORD, balance=-1_000, total_wh=1_400), True),
        (replace(RECORD, total_wh=999), True),
        (replace(RECORD, paid_until_s=0), True),
        (replace(RECORD, paid_until_s=1_800), False),
    ],
)
def test_a_meter_is_cut_when_more_is_gone_than_was_used(
    after: MeterRecord | None, *, is_cut: bool
) -> None:
    found = find_cut({4: RECORD}, {4: after} if after else {}, [PRICE])
    assert found == ([4] if is_cut else [])


def test_who_was_off_before_is_not_cut_again() -> None:
    assert find_cut({4: OFF}, {}, [PRICE]) == []


@given(
    st.lists(st.tuples(st.sampled_from((700, 1_000, 1_500)), st.integers(0, 10**6)), max_size=6),
    st.integers(1, 10**9),
)
def test_law_no_honest_batch_cuts_anybody(used: list[tuple[int, int]], balance: int) -> None:
    """The contract charges each column at its rate and carries what is below a stroop."""
    before = replace(RECORD, balance=balance, remainder_milli=999)
    milli = sum(rate * wh for rate, wh in used) + before.remainder_milli
    after = replace(
        before,
        total_wh=before.total_wh + sum(wh for _, wh in used),
        balance=balance - milli // 1_000,
    )
    assert find_cut({0: before}, {0: after}, [PRICE]) == []
