"""Payments taken on site, on a real file: numbered without holes, counted once, never changed."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.batches import NO_DIGEST
from gateway.domain.credits import NO_FLOAT, Float
from gateway.domain.pages import MeterRecord
from gateway.errors import Permanent
from gateway.store.chain import ChainState, save_answer
from gateway.store.crediting import (
    CreditTerms,
    close_credit,
    compose_credit,
    find_credit,
    give_up_credit,
)
from gateway.store.credits import (
    DailyLimit,
    KeyTaken,
    OverLimit,
    Payment,
    UnknownMeter,
    find_payment,
    take_payment,
    void_payment,
)
from gateway.store.database import Database
from gateway.store.floats import Seen
from gateway.store.outbox import Applied, find_open
from gateway.store.restored import make_ready
from tests.village import START_S, settle_in

HOUSES = 4
TERMS = CreditTerms(1, "C" * 56, bytes(32), 2)
CASH = Payment("house-01", "cash", 500, "amina", START_S, "k1")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database, HOUSES)
    yield database
    await database.close()


async def test_a_payment_is_counted_once_however_often_it_is_given(database: Database) -> None:
    first = await take_payment(database, CASH)
    again = await take_payment(database, replace(CASH, at_s=START_S + 9))
    assert (again.is_repeated, replace(again, is_repeated=False)) == (True, first)
    assert (first.number, first.state) == ("1-000001", "local")
    with pytest.raises(KeyTaken):
        await take_payment(database, replace(CASH, amount_stroops=501))
    assert (await take_payment(database, replace(CASH, key="k2"))).number == "1-000002"


async def test_one_key_from_many_at_once_is_one_payment(database: Database) -> None:
    taken = await asyncio.gather(*(take_payment(database, CASH) for _ in range(20)))
    assert {one.receipt for one in taken} == {1}
    assert sum(not one.is_repeated for one in taken) == 1


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
async def test_an_amount_that_cannot_be_true_is_refused(database: Database, amount: int) -> None:
    with pytest.raises(Permanent, match="is no payment"):
        await take_payment(database, replace(CASH, amount_stroops=amount))


async def test_only_meters_that_are_paid_for_in_advance_take_payments(database: Database) -> None:
    with pytest.raises(UnknownMeter, match="'nobody' is no meter point"):
        await take_payment(database, replace(CASH, label="nobody"))
    async with database.transaction() as connection:
        await connection.execute("UPDATE meter_point SET settlement_mode = 'postpaid'")
    with pytest.raises(Permanent, match="charged afterwards"):
        await take_payment(database, CASH)


async def test_a_cashier_takes_no_more_than_a_day_allows(database: Database) -> None:
    limit = DailyLimit(START_S, 1_000)
    await take_payment(database, CASH, limit)
    with pytest.raises(OverLimit, match=r"has taken 0\.00005"):
        await take_payment(database, replace(CASH, key="k2", amount_stroops=501), limit)
    await take_payment(database, replace(CASH, key="k2", author="bola"), limit)
    tomorrow = DailyLimit(START_S + 86_400, 1_000)
    await take_payment(database, replace(CASH, key="k3", at_s=START_S + 86_400), tomorrow)


async def test_cash_is_taken_back_by_a_counter_entry_with_a_number_of_its_own(
    database: Database,
) -> None:
    await take_payment(database, CASH)
    credit, void = await void_payment(database, 1, "bola", "wrong house", START_S + 5)
    assert (credit.state, void.number, void.reason) == ("void", "1-000002", "wrong house")
    assert await void_payment(database, 1, "x", "y", START_S + 9) == (credit, void)
    assert (await take_payment(database, replace(CASH, key="k2"))).number == "1-000003"
    assert await find_payment(database, 2) == await find_payment(database, 1) == (credit, void)
    assert await find_payment(database, 9) is None
    limit = DailyLimit(START_S, 1_000)
    await take_payment(database, replace(CASH, key="k4"), limit)


async def test_what_is_on_its_way_to_the_chain_is_not_taken_back(database: Database) -> None:
    await take_payment(database, CASH)
    world = World()
    world.fund(1_000)
    await compose_credit(database, TERMS, world.seen(), START_S)
    with pytest.raises(Permanent, match="on chain or on its way there"):
        await void_payment(database, 1, "bola", "changed my mind", START_S)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE local_credit SET amount_stroops = 1",
        "UPDATE local_credit SET meter_point_id = 2",
        "DELETE FROM local_credit",
        "UPDATE local_credit SET state = 'void'",
        "INSERT INTO local_credit SELECT receipt + 2, series, 'x', asked, meter_point_id, kind, "
        "amount_stroops, token_count, author, at_s, state, reason, outbox_id FROM local_credit",
    ],
)
async def test_the_file_itself_refuses_to_change_a_payment(
    database: Database, statement: str
) -> None:
    await take_payment(database, CASH)
    with closing(sqlite3.connect(database.path)) as file, pytest.raises(sqlite3.IntegrityError):
        file.execute(statement)


async def test_a_restored_copy_numbers_its_receipts_in_a_series_of_its_own(
    database: Database,
) -> None:
    await take_payment(database, CASH)
    await database.close()
    await make_ready(database.path, "restored", START_S * 1000)
    again = await Database.open(database.path)
    assert (await take_payment(again, replace(CASH, key="k2"))).number == "2-000002"
    await again.close()


class World:
    """A contract at the world's edge: credits once, by sequence and digest."""

    def __init__(self) -> None:
        self.float = NO_FLOAT
        self.balances = dict.fromkeys(range(HOUSES), 0)
        self.ledger = 10

    def fund(self, stroops: int) -> None:
        """Put money in the float."""
        self.float = replace(self.float, balance=self.float.balance + stroops)
        self.ledger += 1

    def records(self) -> dict[int, MeterRecord]:
        """Every meter's record."""
        return {
            slot: MeterRecord(0, balance, 0, 0, 0, 0, 0, 0, 3, 1, 1)
            for slot, balance in self.balances.items()
        }

    def seen(self) -> Seen:
        """Float and records."""
        return Seen(self.float, self.records(), self.ledger, START_S)

    def state(self) -> ChainState:
        """What a refresh reads."""
        return ChainState(self.ledger, START_S, None, self.records(), (), site_float=self.float)

    def apply(self, sequence: int, digest: bytes, amounts: tuple[tuple[int, int], ...]) -> None:
        """Take a credit, if it is the next and the float holds it."""
        due = sum(stroops for _, stroops in amounts)
        if sequence != self.float.sequence + 1 or due > self.float.balance:
            return
        self.ledger += 1
        for slot, stroops in amounts:
            self.balances[slot] += stroops
        self.float = Float(
            self.float.balance - due,
            sequence,
            self.float.digest,
            digest,
            due,
            0,
            self.float.total_credited + due,
            START_S,
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(0, HOUSES - 1), st.integers(1, 500)),
        st.tuples(st.just("repeat"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("void"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("fund"), st.integers(1, 900), st.just(0)),
        st.tuples(
            st.sampled_from(["compose", "apply", "refresh", "old", "give up", "restart"]),
            st.just(0),
            st.just(0),
        ),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_law_every_payment_counts_exactly_once_at_every_moment(
    steps: list[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder) / "usage.db", steps))


async def _live(path: Path, steps: list[tuple[str, int, int]]) -> None:
    life = Life(path, await Database.open(path))
    await settle_in(life.database, HOUSES)
    for kind, number, stroops in steps:
        await life.step(kind, number, stroops)
        assert _counted(path) == life.paid, (kind, number)
        _assert_books(path)
    await life.database.close()


class Life:
    """What happens to a store, and what was paid in it."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path, self.database = path, database
        self.world = World()
        self.old = self.world.state()
        self.paid = dict.fromkeys(range(HOUSES), 0)
        self.payments: dict[int, Payment] = {}

    async def step(self, kind: str, number: int, stroops: int) -> None:
        """One thing happens."""
        match kind:
            case "pay":
                await self.pay(number, stroops)
            case "repeat" if number in self.payments:
                assert (await take_payment(self.database, self.payments[number])).is_repeated
            case "void" if number in self.payments:
                await self.void(number)
            case "fund":
                self.world.fund(number)
            case "compose":
                await compose_credit(self.database, TERMS, self.world.seen(), START_S)
            case "apply" | "give up":
                await self.answer(kind)
            case "refresh":
                await self.refresh()
            case "old":
                await save_answer(self.database, 1, self.old)
            case "restart":
                await self.database.close()
                self.database = await Database.open(self.path)

    async def pay(self, slot: int, stroops: int) -> None:
        """Somebody pays."""
        label, key = f"house-{slot + 1:02}", f"k{len(self.payments)}"
        payment = Payment(label, "cash", stroops, "amina", START_S, key)
        self.payments[(await take_payment(self.database, payment)).receipt] = payment
        self.paid[slot] += stroops

    async def void(self, receipt: int) -> None:
        """Somebody wants it back, and gets it unless a credit carries it."""
        before = await find_payment(self.database, receipt)
        assert before is not None
        if before[0].outbox_id is not None:
            with pytest.raises(Permanent):
                await void_payment(self.database, receipt, "bola", "no", START_S)
            return
        await void_payment(self.database, receipt, "bola", "no", START_S)
        if before[1] is None:
            slot = int(self.payments[receipt].label[-2:]) - 1
            self.paid[slot] -= self.payments[receipt].amount_stroops

    async def answer(self, kind: str) -> None:
        """The chain takes what is open, or it is dead."""
        outgoing = await find_open(self.database)
        if outgoing is None:
            return
        stored = await find_credit(self.database, outgoing.outbox_id)
        if kind == "apply":
            self.world.apply(stored.credit.sequence, stored.digest, stored.credit.amounts)
        elif self.world.float.digest != stored.digest:
            await give_up_credit(self.database, outgoing.outbox_id, "dead", START_S)

    async def refresh(self) -> None:
        """The chain is read; what is booked is answered, too."""
        self.old = self.world.state()
        await save_answer(self.database, 1, self.old)
        outgoing = await find_open(self.database)
        if outgoing and (await find_credit(self.database, outgoing.outbox_id)).is_applied:
            applied = Applied(self.world.ledger, None)
            async with self.database.transaction() as connection:
                await close_credit(connection, outgoing.outbox_id, applied, START_S)


def _counted(path: Path) -> dict[int, int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        rows = file.execute(
            """SELECT slot, IFNULL((SELECT balance FROM chain_meter c
                                    WHERE c.meter_point_id = p.meter_point_id), 0)
                 + IFNULL((SELECT SUM(amount_stroops) FROM local_credit l
                           WHERE l.meter_point_id = p.meter_point_id AND state = 'local'), 0)
               FROM meter_point p"""
        )
        return dict(rows.fetchall())


def _assert_books(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        numbers = [
            row[0]
            for row in file.execute(
                "SELECT receipt FROM local_credit UNION SELECT receipt FROM local_void ORDER BY 1"
            )
        ]
        assert numbers == list(range(1, len(numbers) + 1))
        carried = file.execute(
            """SELECT (SELECT IFNULL(SUM(amount_stroops), 0) FROM local_credit
                       WHERE outbox_id IS NOT NULL),
                      (SELECT IFNULL(SUM(amount_stroops), 0) FROM credit_item
                       JOIN credit USING (outbox_id) WHERE state <> 'given_up')"""
        ).fetchone()
        assert carried[0] == carried[1]


def test_the_first_digest_is_the_contracts() -> None:
    assert NO_FLOAT.digest == NO_DIGEST
