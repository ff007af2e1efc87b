"""The books of settlement keep their law through any life: late usage, refusals, restores."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.batches import NO_DIGEST, Head, Price, Receipt
from gateway.domain.pages import MeterRecord
from gateway.store.batches import StoredBatch, Terms, compose_batch, find_batch
from gateway.store.chain import ChainState, find_head
from gateway.store.database import Database
from gateway.store.outbox import Applied, Signed, find_open, find_open_batch, mark_sent, mark_signed
from gateway.store.points import PointSetting, apply_settings
from gateway.store.settlement import (
    adopt,
    audit,
    begin_take_over,
    confirm_batch,
    find_pending,
    refuse_batch,
)
from gateway.store.snapshot import snapshot
from gateway.store.tracing import trace
from gateway.store.trail import find_point
from tests.domain.contract import accepted

SITE, METERS, HOUR_S = 1, 3, 3600
BOUGHT_WH = (0, 250, 10**6)
FEWEST_HOURS, HOURS_TO_DRAIN = 4, 60
"""Time for the connections, of 1 kW each, to have carried whatever was used."""
NETWORK_ID = hashlib.sha256(b"test").digest()
CONTRACT = "C" * 56
APPLIED = Applied(1, 100)
RATES = (701, 1_009, 1_511)
PRICES = (Price(1, 0, *RATES, 0, 0), Price(2, 5 * HOUR_S, *RATES, 0, 0))


CLAIMED = """
SELECT start_s, claimed_wh FROM usage JOIN meter_point USING (meter_point_id)
WHERE slot = :slot AND claimed_wh > 0
"""
PARTS = """
SELECT parts, refused FROM batch_item JOIN batch USING (outbox_id)
JOIN meter_point USING (meter_point_id) WHERE slot = :slot
UNION ALL
SELECT parts, 0 FROM adopted JOIN meter_point USING (meter_point_id) WHERE slot = :slot
"""


def unpacked(packed: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, use and Wh of each part: quarter-hours on and use, then Wh, seven bits a byte."""
    numbers, value, shift, quarter = [], 0, 0, 0
    for byte in packed:
        value += byte % 128 << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    for step, usage_wh in zip(numbers[::2], numbers[1::2], strict=True):
        quarter += step // 8
        yield quarter * 900, step % 8, usage_wh


def new_record(market_credit_wh: int) -> MeterRecord:
    return MeterRecord(
        total_wh=0,
        balance=0,
        paid_from_s=2 * HOUR_S,
        paid_until_s=4 * HOUR_S,
        last_read_s=0,
        market_credit_wh=market_credit_wh,
        remainder_milli=0,
        max_power_w=1_000,
        plan=1,
        flags=1,
        version=1,
    )


@dataclass(slots=True)
class Chain:
    """The contract's side, from its description: totals, a receipt, and what it refuses."""

    records: list[MeterRecord] = field(
        default_factory=lambda: [new_record(credit_wh) for credit_wh in BOUGHT_WH]
    )
    receipt: Receipt | None = None
    ledger: int = 1

    def state(self, now_s: int) -> ChainState:
        """What a gateway would read."""
        return ChainState(self.ledger, now_s, self.receipt, dict(enumerate(self.records)), PRICES)

    def apply(self, stored: StoredBatch, refused: set[int]) -> None:
        """Take a batch, and refuse the usage of some slots."""
        batch = stored.batch
        last = self.receipt
        assert batch.sequence == (last.sequence + 1 if last else 1)
        assert stored.previous_digest == (last.digest if last else NO_DIGEST)
        assert last is None or (batch.writer, batch.from_s) == (last.writer, last.to_s)
        accepted_wh = residue_wh = 0
        for usage in batch.slots:
            if usage.slot in refused:
                residue_wh += usage.total_wh
                continue
            record = self.records[usage.slot]
            assert usage.market_wh <= record.market_credit_wh, "drawn beyond the credit"
            self.records[usage.slot] = accepted(record, usage, batch.to_s, RATES)
            accepted_wh += usage.total_wh
        self.ledger += 1
        self.receipt = Receipt(
            writer=batch.writer,
            sequence=batch.sequence,
            previous_digest=stored.previous_digest,
            digest=stored.digest,
            from_s=batch.from_s,
            to_s=batch.to_s,
            price_version=batch.price_version,
            accepted_wh=accepted_wh,
            residue_wh=residue_wh,
            total_wh=sum(record.total_wh for record in self.records),
            total_residue_wh=(last.total_residue_wh if last else 0) + residue_wh,
            root=batch.root or bytes(32),
            closed_s=batch.to_s,
        )


@dataclass(slots=True)
class Life:
    """A gateway's life on one file, and the registers as the truth behind it."""

    folder: Path
    chain: Chain = field(default_factory=Chain)
    registers: list[int] = field(default_factory=lambda: [0] * METERS)
    hour: int = 1

    @property
    def path(self) -> Path:
        """The store's file."""
        return self.folder / "usage.db"

    async def open(self) -> Database:
        """Start the gateway."""
        database = await Database.open(self.path)
        await apply_settings(database, [point(slot) for slot in range(METERS)], 0)
        return database

    def count(self, slot: int, quarter: int, usage_wh: int, tier: int) -> None:
        """The register moved, and a quarter-hour of any age up to now got the usage."""
        self.registers[slot] += usage_wh
        self.insert(slot, min(quarter, self.hour * 4 - 1) * 900, usage_wh, tier)

    def insert(self, slot: int, start_s: int, usage_wh: int, tier: int) -> None:
        """Count usage in the store."""
        with closing(sqlite3.connect(self.path)) as file, file:
            file.execute(
                """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh)
                   SELECT ?, meter_point_id, ?, ? FROM meter_point WHERE slot = ?
                   ON CONFLICT DO UPDATE SET usage_wh = usage_wh + excluded.usage_wh""",
                (start_s, tier, usage_wh, slot),
            )

    async def settle(self, refused: set[int], *, answered: bool = True) -> None:
        """Compose and apply a batch; without an answer it stays open until the next time."""
        now_s = self.hour * HOUR_S
        database = await self.open()
        terms = Terms(SITE, CONTRACT, NETWORK_ID, now_s, max_slots=2)
        await compose_batch(database, terms, self.chain.state(now_s), now_s)
        outgoing = await find_open_batch(database)
        if outgoing is not None:
            stored = await find_batch(database, outgoing.outbox_id)
            if self.chain.receipt is None or self.chain.receipt.digest != stored.digest:
                self.chain.apply(stored, refused)
            if answered:
                await confirm_batch(database, stored, self.chain.state(now_s), APPLIED, now_s)
        await database.close()

    async def refuse(self) -> None:
        """Compose a batch that the contract will not have."""
        now_s = self.hour * HOUR_S
        database = await self.open()
        terms = Terms(SITE, CONTRACT, NETWORK_ID, now_s, max_slots=2)
        if stored := await compose_batch(database, terms, self.chain.state(now_s), now_s):
            await refuse_batch(database, stored, "refused", now_s)
        await database.close()

    def backup(self) -> None:
        """Copy the store away."""
        shutil.copy(self.path, self.folder / "backup.db")

    async def restore(self, *, counted_first: bool) -> None:
        """Go back to the backup; the meters' registers count what was lost once more.

        Before the operator takes over, or after: then the chain is ahead for a while.
        """
        if not (self.folder / "backup.db").exists():
            return
        shutil.copy(self.folder / "backup.db", self.path)
        if not counted_first:
            await self.take_over()
        for slot, lost_wh in enumerate(self.lost()):
            if lost_wh:
                self.insert(slot, (self.hour * 4 - 1) * 900, lost_wh, 1)
        if counted_first:
            await self.take_over()

    def lost(self) -> Iterator[int]:
        """By slot, what the registers have counted and the store has not."""
        with closing(sqlite3.connect(self.path)) as file:
            counted = dict(
                file.execute(
                    """SELECT slot, SUM(usage_wh) FROM usage JOIN meter_point
                       USING (meter_point_id) GROUP BY slot"""
                )
            )
        for slot, register in enumerate(self.registers):
            yield register - counted.get(slot, 0)

    async def take_over(self) -> None:
        """Become the site's writer under a new id."""
        if self.chain.receipt is None:
            return
        database = await self.open()
        writer = hashlib.sha256(self.chain.receipt.digest).hexdigest()[:32]
        outbox_id = await begin_take_over(database, writer, 0)
        self.chain.receipt = replace(self.chain.receipt, writer=bytes.fromhex(writer))
        self.chain.ledger += 1
        waiting = await find_open_batch(database)
        stored = await find_batch(database, waiting.outbox_id) if waiting else None
        assert await adopt(
            database,
            outbox_id,
            site=SITE,
            state=self.chain.state(self.hour * HOUR_S),
            open_batch=stored,
            applied=APPLIED,
            now_s=0,
        )
        assert await find_head(database, SITE) == Head.of(self.chain.receipt)
        await database.close()

    async def check(self) -> None:
        """The law, by a reader of its own, whenever no batch is open."""
        database = await self.open()
        if await find_open(database) is None:
            assert await audit(database, SITE) == []
        pending = await find_pending(database, SITE)
        await database.close()
        self.check_proof()
        for slot, register in enumerate(self.registers):
            total_wh = self.chain.records[slot].total_wh
            assert total_wh <= register, "settled twice"
            assert self.claimed(slot) == self.claimed_by_parts(slot)
            if self.chain.receipt is not None:
                residue_wh = self.residue(slot)
                stored_wh = self.stored_total(slot)
                assert pending[slot] == register - stored_wh - residue_wh

    def is_drained(self) -> bool:
        """Whether everything used is claimed."""
        return all(
            self.claimed(slot).total() == register for slot, register in enumerate(self.registers)
        )

    def check_proof(self) -> None:
        """Whatever happened, every bill is proved."""
        with snapshot(self.path) as connection:
            for slot in range(METERS):
                found = find_point(connection, point(slot).label)
                assert found is not None
                assert trace(connection, found, (0, 1 << 40)).mismatches == []

    def claimed(self, slot: int) -> Counter[int]:
        """What is spoken for, Wh by the start of the quarter-hour."""
        return Counter(dict(self._rows(CLAIMED, slot)))

    def claimed_by_parts(self, slot: int) -> Counter[int]:
        """The same from the parts of batches and take-overs, taken apart by hand."""
        claimed = Counter[int]()
        for packed, is_refused in self._rows(PARTS, slot):
            for start_s, use, usage_wh in unpacked(packed):
                if not is_refused or use in {5, 6}:  # absorbed, withheld: booked for good
                    claimed[start_s] += usage_wh
        return claimed

    def _rows(self, sql: str, slot: int) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as file:
            return file.execute(sql, {"slot": slot}).fetchall()

    def residue(self, slot: int) -> int:
        """What the store has flagged, Wh."""
        return self._number("residue_wh", "settlement", slot)

    def stored_total(self, slot: int) -> int:
        """The chain's total as the store has it, Wh."""
        return self._number("total_wh", "chain_meter", slot)

    def _number(self, column: str, table: str, slot: int) -> int:
        with closing(sqlite3.connect(self.path)) as file:
            row = file.execute(
                f"""SELECT {column} FROM {table} JOIN meter_point USING (meter_point_id)
                    WHERE slot = ?""",
                (slot,),
            ).fetchone()
        return int(row[0]) if row else 0


def point(slot: int) -> PointSetting:
    return PointSetting(
        label=f"house-{slot}",
        site=SITE,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=1_000,
        critical=False,
        relay="none",
        serial=f"meter-{slot}",
        model="pzem-004t-v3",
        address=f"bus/{slot + 1}",
        first_register_wh=0,
    )


slot_numbers = st.integers(0, METERS - 1)
steps = st.one_of(
    st.tuples(
        st.just("use"), slot_numbers, st.integers(0, 40), st.integers(1, 900), st.integers(0, 2)
    ),
    st.tuples(st.just("hour")),
    st.tuples(st.just("settle"), st.sets(slot_numbers)),
    st.tuples(st.just("unanswered"), st.sets(slot_numbers)),
    st.tuples(st.just("refuse")),
    st.tuples(st.just("backup")),
    st.tuples(st.just("restore"), st.booleans()),
    st.tuples(st.just("take_over")),
)


async def do(life: Life, step: tuple[object, ...]) -> None:
    match step:
        case ("use", int(slot), int(quarter), int(usage_wh), int(tier)):
            life.count(slot, quarter, usage_wh, tier)
        case ("settle", set(refused)):
            await life.settle(refused)
        case ("unanswered", set(refused)):
            await life.settle(refused, answered=False)
        case ("hour",):
            life.hour += 1
        case ("backup",):
            life.backup()
        case ("restore", bool(counted_first)):
            await life.restore(counted_first=counted_first)
        case ("refuse",):
            await life.refuse()
        case ("take_over",):
            await life.take_over()


async def live(life: Life, told: list[tuple[object, ...]]) -> None:
    await (await life.open()).close()
    for step in told:
        await do(life, step)
        await life.check()
    for hour in range(HOURS_TO_DRAIN):
        if hour >= FEWEST_HOURS and life.is_drained():
            break
        life.hour += 1
        await life.settle(set())
        await life.check()
    for slot, register in enumerate(life.registers):
        assert life.chain.records[slot].total_wh + life.residue(slot) == register, "lost"


USED = ("use", 0, 3, 100, 1)
LATER: list[tuple[object, ...]] = [("hour",), ("use", 0, 7, 50, 1), ("settle", set())]


@example([USED, ("settle", set()), ("backup",), *LATER, ("restore", False)])
@example([USED, ("settle", set()), ("backup",), *LATER, ("restore", True)])
@example([USED, ("settle", {0}), ("refuse",), *LATER, ("take_over",)])
@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=16))
def test_no_wh_is_ever_settled_twice_or_lost(told: list[tuple[object, ...]]) -> None:
    """The law: claimed + ahead = chain + residue + sent, through any order of what can happen."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Life(Path(folder)), told))


async def test_books_are_not_judged_while_a_batch_is_on_its_way(tmp_path: Path) -> None:
    """Another process may compose one between a confirmation and the audit after it."""
    life = Life(tmp_path)
    await (await life.open()).close()
    life.count(0, 0, 10, 1)
    await life.settle(set())
    life.hour += 1
    life.count(0, 4, 20, 1)
    await life.settle(set(), answered=False)
    database = await life.open()
    assert await find_open(database) is not None
    assert await audit(database, SITE) == []
    await database.close()


async def test_an_envelope_is_stored_once_even_when_two_processes_sign(tmp_path: Path) -> None:
    life = Life(tmp_path)
    database = await life.open()
    life.count(0, 0, 10, 1)
    terms = Terms(SITE, CONTRACT, NETWORK_ID, HOUR_S, max_slots=2)
    await compose_batch(database, terms, life.chain.state(HOUR_S), HOUR_S)
    outgoing = await find_open(database)
    assert outgoing is not None
    first, second = (Signed(name, name, 99) for name in ("first", "second"))
    assert await mark_signed(database, outgoing, first, 1)
    assert not await mark_signed(database, outgoing, second, 1)
    assert not await mark_sent(database, outgoing, 1)
    stored = await find_open(database)
    assert stored is not None
    assert (stored.state, stored.signed) == ("signed", first)
    await database.close()
