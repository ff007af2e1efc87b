"""Energy bought on the market, on the real contract: drawn before money, in the order it flowed.

The market is the provider's account here: who may give and take credit is the admin's word.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.domain.batches import SlotUsage
from gateway.domain.pages import MeterRecord
from gateway.domain.supply import effective_balance, market_energy_left
from gateway.errors import Transient
from gateway.ledger.contracts import meter
from gateway.store.chain import find_records
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.unsettled import UnsettledUsage
from tests.domain.contract import charged
from tests.ledger.verdict import assert_settled_once, facts
from tests.ledger.village import (
    HOUR_S,
    PRICE,
    SITE,
    START_S,
    Village,
    chain_id,
    client_of,
    use,
)
from tests.ledger.wire import lose, tapped

GRACE_S = 200
ONE = START_S + HOUR_S + GRACE_S
TWO = ONE + HOUR_S
RATES = (PRICE.off_peak, PRICE.standard, PRICE.peak)
FLOW = [(0, 2, 301), (1, 0, 77), (2, 1, 123), (3, 1, 99), (4, 2, 250), (5, 0, 10), (6, 1, 55)]
"""Quarter-hour, tier, Wh."""


@pytest.fixture(autouse=True)
async def market(village: Village) -> None:
    """The provider trades."""
    await village.do(meter.set_market(village.settings.contract, village.admin.address))


async def buy(village: Village, slot: int, wh: int) -> None:
    """A household buys energy."""
    await village.do(meter.add_market_credit(village.settings.contract, chain_id(slot), wh))


async def refund(village: Village, slot: int, wh: int) -> None:
    """It gives some back."""
    await village.do(meter.take_market_credit(village.settings.contract, chain_id(slot), wh))


async def records(village: Village, database: Database, second: int) -> dict[int, MeterRecord]:
    """The contract's records as a gateway reads them now."""
    await village.refresher(database).tick(village.until(second))
    return await find_records(database, SITE)


async def left(database: Database, slot: int, second: int) -> tuple[int, int]:
    """What supply knows to be left of a meter: stroops and Wh."""
    record = (await find_records(database, SITE))[slot]
    unsettled = (await UnsettledUsage(database).find(second)).get(slot + 1, ())
    return (
        effective_balance(record.balance, record.remainder_milli, unsettled),
        market_energy_left(record.market_credit_wh, unsettled),
    )


def market_wh(database: Database) -> list[tuple[int, int]]:
    """Of every item of every batch: all usage, and what of it was bought."""
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
        return file.execute(
            """SELECT off_peak_wh + standard_wh + peak_wh + included_wh + market_wh, market_wh
               FROM batch_item WHERE market_wh > 0 ORDER BY outbox_id, meter_point_id"""
        ).fetchall()


@pytest.mark.parametrize("credit_wh", [1, 300, 500, 10_000])
@pytest.mark.parametrize("hours", [1, 2], ids=["hour by hour", "at once"])
async def test_any_split_of_usage_comes_to_the_balance_of_the_contract_s_rule(
    village: Village, database: Database, credit_wh: int, hours: int
) -> None:
    await village.pay(0, 5_000)
    await buy(village, 0, credit_wh)
    before = (await records(village, database, START_S))[0]
    for quarter, tier, usage_wh in FLOW:
        use(database, 0, START_S + 900 * quarter, usage_wh, tier)
    expected = charged(before, in_order(credit_wh), START_S + 2 * HOUR_S, RATES)
    known = await left(database, 0, START_S + 2 * HOUR_S)
    assert known == (expected.balance, expected.market_credit_wh)
    for hour in range(hours, 3, hours):
        await village.settle(database, START_S + hour * HOUR_S + GRACE_S)
        assert await left(database, 0, START_S + 2 * HOUR_S) == known
    found = (await records(village, database, TWO))[0]
    assert replace(found, flags=before.flags) == expected
    assert_settled_once(facts(village, database))
    assert sum(bought for _, bought in market_wh(database)) == min(credit_wh, all_wh())


def all_wh() -> int:
    """All that flowed."""
    return sum(usage_wh for _, _, usage_wh in FLOW)


def in_order(credit_wh: int) -> SlotUsage:
    """The columns that the flow comes to, when each Wh is bought while there is credit."""
    columns = [0, 0, 0]
    bought_wh = 0
    for _, tier, usage_wh in FLOW:
        drawn_wh = min(usage_wh, credit_wh - bought_wh)
        bought_wh += drawn_wh
        columns[tier] += usage_wh - drawn_wh
    off_peak_wh, standard_wh, peak_wh = columns
    return SlotUsage(0, off_peak_wh, standard_wh, peak_wh, 0, bought_wh)


async def test_energy_refunded_while_a_batch_waits_is_charged_at_the_standard_rate(
    village: Village, database: Database
) -> None:
    """It is used already: nothing is refused, and no second batch is needed to say so."""
    await buy(village, 0, 300)
    use(database, 0, START_S, 300, tier=2)
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(village.until(ONE))
    await refund(village, 0, 100)
    assert (await records(village, database, ONE))[0].market_credit_wh == 200
    assert await left(database, 0, ONE) == (-(100 * PRICE.standard) // 1000, 0)
    await village.settle(database, ONE + village.settings.valid_for_s + 1)
    found = (await records(village, database, TWO))[0]
    assert (found.balance, found.market_credit_wh) == (-(100 * PRICE.standard) // 1000, 0)
    assert market_wh(database) == [(300, 300)]
    assert_settled_once(facts(village, database))


async def test_a_meter_with_bought_energy_is_active_and_energy_bought_later_is_drawn_next(
    village: Village, database: Database
) -> None:
    assert not (await records(village, database, START_S))[1].is_active_at(START_S)
    await buy(village, 1, 50)
    assert (await records(village, database, START_S))[1].is_active_at(START_S)
    use(database, 1, START_S, 80)
    await village.settle(database, ONE)
    assert not (await records(village, database, ONE))[1].is_active_at(ONE)
    await buy(village, 1, 40)
    use(database, 1, START_S + HOUR_S, 30)
    await village.settle(database, TWO)
    found = (await records(village, database, TWO))[1]
    assert (found.balance, found.market_credit_wh) == (-30, 10)
    assert market_wh(database) == [(80, 50), (30, 30)]
    assert await find_open(database) is None
    assert_settled_once(facts(village, database))
