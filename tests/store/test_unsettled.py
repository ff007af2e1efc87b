"""What is remembered of unsettled usage while a long backlog is settled, batch after batch."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.supply import PricedUsage
from gateway.store import batches
from gateway.store.unsettled import UnsettledUsage
from tests.store.test_feeders import open_books
from tests.store.test_settlement import HOUR_S, METERS

DAYS = 4


def _costs(usage: dict[int, tuple[PricedUsage, ...]]) -> dict[int, int]:
    costs = {point: sum(one.cost_milli for one in of_point) for point, of_point in usage.items()}
    return {point: cost for point, cost in costs.items() if cost}


async def test_each_batch_of_a_backlog_is_taken_off_what_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_ROWS", 60)
    books = await open_books(tmp_path, [])
    for slot in range(METERS):
        await books.read(slot, HOUR_S, 40)
    assert await books.settle(HOUR_S) is not None  # from here on the contract's records are known
    for hour in range(2, DAYS * 24):
        for slot in range(METERS):
            await books.read(slot, hour * HOUR_S, 40 + hour % 7)
    now_s = DAYS * 24 * HOUR_S
    remembered = UnsettledUsage(books.database)
    told = [_costs(await remembered.find(now_s))]
    while told[-1] and len(told) < 4 * DAYS * METERS:
        await books.settle(now_s)
        told.append(_costs(await remembered.find(now_s)))
        assert told[-1] == _costs(await UnsettledUsage(books.database).find(now_s))
    assert len(told) > DAYS
    assert not told[-1]
    await books.database.close()


async def live(steps: Sequence[tuple[int, int, int]], apart_s: Sequence[int]) -> list[bool]:
    """Meters are read and batches settled; after each step several look at once: were they right?

    Args:
        steps: which meter is read how much later (s), and how far its register moved (Wh).
        apart_s: how much earlier than the others each of them believes it to be, s.
    """
    right = []
    with tempfile.TemporaryDirectory() as folder:
        books = await open_books(Path(folder), [])
        shared = UnsettledUsage(books.database)
        now_s = 4 * HOUR_S
        for slot, later_s, moved_wh in steps:
            now_s += later_s
            await books.read(slot % METERS, now_s, moved_wh)
            if moved_wh % 3 == 0:
                await books.settle(now_s)
            looks = [now_s - one_s for one_s in apart_s]
            found = await asyncio.gather(*(shared.find(one_s) for one_s in looks))
            fresh = [await UnsettledUsage(books.database).find(one_s) for one_s in looks]
            right.append([_costs(one) for one in found] == [_costs(one) for one in fresh])
        await books.database.close()
    return right


@example([(0, 1, 57), (1, 1, 128), (0, 113, 0), (1, 917, 227)], [0, 0])
@example([(0, 4_000, 6), (0, 4_000, 7)], [0, 9_000, 0])
@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, METERS),
            st.one_of(st.integers(1, 4_000), st.integers(40_000, 90_000)),
            st.integers(0, 900),
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from([0, 1, 900, 9_000]), min_size=2, max_size=4),
)
def test_whoever_shares_what_is_remembered_finds_what_a_fresh_one_finds(
    steps: list[tuple[int, int, int]], apart_s: list[int]
) -> None:
    assert all(asyncio.run(live(steps, apart_s)))
