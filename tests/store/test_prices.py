"""Prices in the store follow the chain, but for those that have charged a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.domain.batches import Price
from gateway.store.chain import ChainState, Cursor, save_answer, save_refresh
from gateway.store.database import Database

SITE = 1
FIRST = Price(1, 0, 10, 20, 30, 0, 0)
SECOND = Price(2, 9_000, 11, 21, 31, 400, 0)
OTHER = Price(2, 18_000, 12, 22, 32, 500, 0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def see(database: Database, ledger: int, *prices: Price) -> None:
    """The chain is read at a ledger."""
    state = ChainState(ledger, ledger * 5, None, {}, prices)
    await save_refresh(database, SITE, "C", state, Cursor("c", ledger, ledger * 5))


async def known(database: Database) -> list[Price]:
    rows = await database.fetch_all("SELECT * FROM chain_price ORDER BY version")
    return [Price(*row) for row in rows]


async def charge(database: Database, version: int, *, refused: bool = False) -> None:
    """A batch was composed at a price."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO outbox (kind, state, created_s, updated_s) VALUES ('batch', ?, 0, 0)",
            ("refused" if refused else "pending",),
        )
        await connection.execute(
            """INSERT INTO batch (outbox_id, site, writer, sequence, from_s, to_s, price_version,
                   previous_digest, digest, refused) VALUES (1, 1, '', 1, 0, 900, ?, '', '', ?)""",
            (version, int(refused)),
        )


async def test_a_withdrawn_version_goes_and_another_takes_its_number(database: Database) -> None:
    await see(database, 1, FIRST, SECOND)
    await see(database, 2, FIRST)
    assert await known(database) == [FIRST]
    await see(database, 3, FIRST, OTHER)
    assert await known(database) == [FIRST, OTHER]


async def test_a_version_is_replaced_when_both_changes_were_missed(database: Database) -> None:
    await see(database, 1, FIRST, SECOND)
    await see(database, 2, FIRST, OTHER)
    assert await known(database) == [FIRST, OTHER]


async def test_a_version_that_charged_a_batch_is_never_touched(database: Database) -> None:
    await see(database, 1, FIRST, SECOND)
    await charge(database, 2)
    await see(database, 2, FIRST)
    await see(database, 3, FIRST, OTHER)
    assert await known(database) == [FIRST, SECOND]


async def test_a_batch_that_was_refused_holds_no_price(database: Database) -> None:
    await see(database, 1, FIRST, SECOND)
    await charge(database, 2, refused=True)
    await see(database, 2, FIRST, OTHER)
    assert await known(database) == [FIRST, OTHER]


async def test_an_older_answer_brings_no_withdrawn_price_back(database: Database) -> None:
    await see(database, 5, FIRST)
    await save_answer(database, SITE, ChainState(4, 20, None, {}, (FIRST, SECOND)))
    assert await known(database) == [FIRST]
