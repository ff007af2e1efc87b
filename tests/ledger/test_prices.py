"""Prices follow the chain: dated, announced a day ahead, and withdrawn until they are in force."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from gateway.ledger.contracts import meter
from gateway.store.database import Database
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, PRICE, START_S, Village, use

DAY_S = 24 * HOUR_S
GRACE_S = 200
DEAR = (1_400, 2_000, 3_000)
DEARER = (7_000, 9_000, 11_000)


async def announce(village: Village, start_s: int, rates: tuple[int, int, int]) -> None:
    """The provider sets the next price version."""
    await village.do(meter.set_price(village.settings.contract, start_s, rates))


async def withdraw(village: Village, version: int) -> None:
    """The provider takes it back."""
    await village.do(meter.withdraw_price(village.settings.contract, version))


def known_prices(database: Database) -> list[tuple[int, int, int]]:
    """What the store holds: version, start, standard rate."""
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
        return file.execute(
            "SELECT version, effective_from_s, standard FROM chain_price ORDER BY version"
        ).fetchall()


FIRST = (1, START_S, PRICE.standard)


async def test_a_new_price_splits_the_backlog_at_its_first_second(
    village: Village, database: Database
) -> None:
    change_s = START_S + 26 * HOUR_S
    await announce(village, change_s, DEAR)
    for hour in range(24, 28):
        use(database, 0, START_S + hour * HOUR_S, 1_000)
    await village.settle(database, START_S + 28 * HOUR_S + GRACE_S)
    assert [row[1:4] for row in batches(database)] == [
        (START_S + DAY_S, change_s, 1),
        (change_s, START_S + 28 * HOUR_S, 2),
    ]
    found = facts(village, database)
    assert found[0].balance == -(2_000 * 1_000 + 2_000 * 2_000) // 1000
    assert_settled_once(found)


async def test_a_price_that_was_withdrawn_is_forgotten_and_its_number_given_out_again(
    village: Village, database: Database
) -> None:
    refresher = village.refresher(database)
    now = village.until(START_S)
    await announce(village, START_S + 2 * DAY_S, DEARER)
    await refresher.tick(now)
    assert known_prices(database) == [FIRST, (2, START_S + 2 * DAY_S, DEARER[1])]
    await withdraw(village, 2)
    await refresher.tick(now)
    assert known_prices(database) == [FIRST]
    await announce(village, START_S + 3 * DAY_S, DEAR)
    await refresher.tick(now)
    assert known_prices(database) == [FIRST, (2, START_S + 3 * DAY_S, DEAR[1])]


async def test_a_price_withdrawn_while_the_village_was_offline_charges_nobody(
    village: Village, database: Database
) -> None:
    """By its own clock the gateway held the withdrawn price to be in force."""
    await announce(village, START_S + 2 * DAY_S, DEARER)
    await village.refresher(database).tick(village.until(START_S))
    village.until(START_S + DAY_S)
    await withdraw(village, 2)
    await announce(village, START_S + 3 * DAY_S, DEAR)
    use(database, 0, START_S + 2 * DAY_S, 1_000)
    use(database, 0, START_S + 3 * DAY_S, 1_000)
    await village.settle(database, START_S + 5 * DAY_S)
    assert known_prices(database) == [FIRST, (2, START_S + 3 * DAY_S, DEAR[1])]
    found = facts(village, database)
    assert found[0].balance == -(1_000 + 2_000)
    assert_settled_once(found)
