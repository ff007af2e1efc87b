"""Bought energy is attributed alike by whoever asks: supply now, the batch, the contract later."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.batches import Price, Receipt
from gateway.domain.pages import MeterRecord
from gateway.domain.supply import effective_balance, market_energy_left
from gateway.store.batches import StoredBatch, Terms, compose_batch
from gateway.store.chain import ChainState, save_answer
from gateway.store.database import Database
from gateway.store.outbox import Applied
from gateway.store.points import PointSetting, apply_settings
from gateway.store.settlement import audit, confirm_batch, find_pending
from gateway.store.unsettled import UnsettledUsage
from tests.domain.contract import charged

SITE = 1
QUARTER_S = 900
QUARTERS = 40
NOW_S = QUARTERS * QUARTER_S
RATES = (500, 701, 903)
PRICES = (Price(1, 0, *RATES, 0, 0),)


@dataclass(frozen=True, slots=True)
class Account:
    """What is left to a meter once everything is settled.

    Args:
        balance: stroops.
        market_wh: energy bought on the market.
    """

    balance: int
    market_wh: int


async def accounts(
    database: Database, records: Mapping[int, MeterRecord], book: UnsettledUsage
) -> dict[int, Account]:
    """By slot, as supply and the pages say it now; a meter point is its slot plus one."""
    found = await book.find(NOW_S)
    fresh = await UnsettledUsage(database).find(NOW_S)
    assert {point: sum(one.cost_milli for one in used) for point, used in found.items()} == {
        point: sum(one.cost_milli for one in used) for point, used in fresh.items()
    }
    return {
        slot: Account(
            effective_balance(record.balance, record.remainder_milli, found.get(slot + 1, ())),
            market_energy_left(record.market_credit_wh, found.get(slot + 1, ())),
        )
        for slot, record in records.items()
    }


async def live(
    records: dict[int, MeterRecord], rows: list[tuple[int, int, int, int]], cut: int, folder: str
) -> None:
    """Count usage, look, settle in two batches, and look at every step."""
    database = await Database.open(Path(folder) / "usage.db")
    await apply_settings(database, [setting(slot) for slot in records], 0)
    count(database, rows)
    book = UnsettledUsage(database)
    receipt: Receipt | None = None
    state = ChainState(1, NOW_S, receipt, records, PRICES)
    await save_answer(database, SITE, state)
    expected = await accounts(database, records, book)
    for ledger, boundary_s in ((2, cut * QUARTER_S), (3, NOW_S)):
        terms = Terms(SITE, "C" * 56, bytes(32), boundary_s, 4000)
        stored = await compose_batch(database, terms, state, NOW_S)
        if stored is None:
            continue
        assert await accounts(database, state.records, book) == expected
        state = applied(stored, state, ledger)
        assert await confirm_batch(database, stored, state, Applied(ledger, 100), NOW_S)
        assert await accounts(database, state.records, book) == expected
        assert await audit(database, SITE) == []
    used = {slot: sum(wh for _, of, _, wh in rows if of == slot) for slot in records}
    assert await find_pending(database, SITE) == dict.fromkeys(records, 0)
    for slot, record in state.records.items():
        assert Account(record.balance, record.market_credit_wh) == expected[slot]
        assert record.total_wh == used[slot]
    await database.close()


def applied(stored: StoredBatch, state: ChainState, ledger: int) -> ChainState:
    """The contract has taken the batch."""
    batch = stored.batch
    records = dict(state.records)
    for usage in batch.slots:
        assert usage.market_wh <= records[usage.slot].market_credit_wh
        records[usage.slot] = charged(records[usage.slot], usage, batch.to_s, RATES)
    receipt = Receipt(
        writer=batch.writer,
        sequence=batch.sequence,
        previous_digest=stored.previous_digest,
        digest=stored.digest,
        from_s=batch.from_s,
        to_s=batch.to_s,
        price_version=batch.price_version,
        accepted_wh=batch.total_wh,
        residue_wh=0,
        total_wh=0,
        total_residue_wh=0,
        root=bytes(32),
        closed_s=NOW_S,
    )
    return replace(state, ledger=ledger, receipt=receipt, records=records)


def count(database: Database, rows: list[tuple[int, int, int, int]]) -> None:
    """Count usage: quarter-hour, slot, tier, Wh."""
    with closing(sqlite3.connect(database.path)) as file, file:
        file.executemany(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh)
               SELECT ?, meter_point_id, ?, ? FROM meter_point WHERE slot = ?
               ON CONFLICT DO UPDATE SET usage_wh = usage_wh + excluded.usage_wh""",
            [(quarter * QUARTER_S, tier, wh, slot) for quarter, slot, tier, wh in rows],
        )


def setting(slot: int) -> PointSetting:
    return PointSetting(
        label=f"house-{slot}",
        site=SITE,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=100_000,
        critical=False,
        relay="none",
        serial=f"S{slot}",
        model="pzem-004t-v3",
        address=f"main/{slot + 1}",
        first_register_wh=0,
    )


def record(balance: int, remainder: int, market_credit_wh: int, window: list[int]) -> MeterRecord:
    return MeterRecord(
        total_wh=0,
        balance=balance,
        paid_from_s=min(window) * QUARTER_S,
        paid_until_s=max(window) * QUARTER_S,
        last_read_s=0,
        market_credit_wh=market_credit_wh,
        remainder_milli=remainder,
        max_power_w=100_000,
        plan=1,
        flags=1,
        version=1,
    )


quarter = st.integers(0, QUARTERS - 1)
record_strategy = st.builds(
    record,
    st.integers(-1_000, 10_000),
    st.integers(0, 999),
    st.one_of(st.just(0), st.integers(1, 5_000)),
    st.lists(st.integers(0, QUARTERS), min_size=2, max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(record_strategy, min_size=1, max_size=3),
    st.lists(
        st.tuples(quarter, st.integers(0, 2), st.integers(0, 2), st.integers(1, 900)), max_size=40
    ),
    st.integers(1, QUARTERS),
)
def test_law_supply_batch_and_contract_draw_the_same_energy(
    records: list[MeterRecord], rows: list[tuple[int, int, int, int]], cut: int
) -> None:
    by_slot = dict(enumerate(records))
    known = [row for row in rows if row[1] in by_slot]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(by_slot, known, cut, folder))
