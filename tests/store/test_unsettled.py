"""What is remembered of unsettled usage while a long backlog is settled, batch after batch."""

from __future__ import annotations

from pathlib import Path

import pytest

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
