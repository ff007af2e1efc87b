"""Usage that is read late waits until the contract lets it through; none of it is refused."""

from __future__ import annotations

import pytest

from gateway.domain.supply import PricedUsage
from gateway.errors import Transient
from gateway.ledger.contracts import meter
from gateway.store.database import Database
from gateway.store.points import find_points
from gateway.store.readings import ReadingBook
from gateway.store.unsettled import UnsettledUsage
from tests.ledger.billed import GRACE_S, Household, tier_at
from tests.ledger.test_proved import proved
from tests.ledger.verdict import assert_books_hold, assert_settled_once, batches, facts
from tests.ledger.village import (
    HOUR_S,
    MAX_POWER_W,
    PRICE,
    START_S,
    Village,
    chain_id,
    client_of,
    settlement_status,
    use,
)
from tests.ledger.wire import lose, tapped
from tests.store.chained import reading

RATES = (PRICE.off_peak, PRICE.standard, PRICE.peak)


def hour(number: int) -> int:
    """When the usage of so many hours is due (unix seconds)."""
    return START_S + number * HOUR_S + GRACE_S


async def unsettled_wh(database: Database, now_s: int) -> dict[int, int]:
    """What supply takes for unsettled, Wh by meter point."""
    usage = await UnsettledUsage(database).find(now_s)
    assert all(one.rates_stroops_per_kwh == RATES for of in usage.values() for one in of)
    return {point: sum(_wh(one) for one in of_point) for point, of_point in usage.items()}


def _wh(usage: PricedUsage) -> int:
    return sum(usage.tiers_wh)


async def test_usage_read_late_waits_for_room_and_is_settled_with_the_rest(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    await village.settle(database, hour(1))
    use(database, 0, START_S + 900, 1_500, tier=2)
    use(database, 0, START_S + HOUR_S, 1_800)
    await village.settle(database, hour(2), ticks=30)
    found = facts(village, database)
    assert (found[0].chain_wh, found[0].residue_wh) == (10 + MAX_POWER_W + 1, 0)
    assert_books_hold(found)
    assert len(batches(database)) == 2  # what waits has no batch composed before its time
    assert await unsettled_wh(database, hour(2)) == {1: 1_299}
    assert (await settlement_status(database)).state == "online"
    await village.settle(database, hour(3))
    found = facts(village, database)
    assert (found[0].chain_wh, found[0].residue_wh) == (3_310, 0)
    assert found[0].balance == -(1_810 * PRICE.standard + 1_500 * PRICE.peak) // 1_000
    assert await unsettled_wh(database, hour(3)) == {}
    assert_settled_once(found)


async def test_a_bill_is_proved_although_two_batches_share_a_quarter_hour(
    village: Village, database: Database
) -> None:
    home = Household(village, database)
    points = {point.meter_id: point for point in await find_points(database)}
    meter_ids = [point.meter_id for point in sorted(points.values(), key=lambda one: one.slot)]
    book = ReadingBook(database, tier_at)
    for minutes, wh in ((0, 0), (10, 316), (120, 3_800), (180, 3_900)):
        at_s = START_S + minutes * 60
        await book.append([reading(meter_ids[0], at_s, 1_000 + wh)], points)
        if minutes:
            await village.settle(database, max(hour(1), at_s + GRACE_S), ticks=30)
    found = facts(village, database)
    assert [row[5] for row in batches(database)] == [316, MAX_POWER_W + 1, 3_900 - 316 - 2_001]
    assert (found[0].chain_wh, found[0].residue_wh) == (3_900, 0)
    assert_settled_once(found)
    await proved(home)


async def test_a_limit_lowered_while_a_batch_is_on_its_way_refuses_it_and_that_is_flagged(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 1_900)
    now = village.until(hour(1))
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(now)
    await village.do(meter.set_max_power(village.settings.contract, chain_id(0), 100))
    await village.settle(database, hour(1) + village.settings.valid_for_s + 1)
    found = facts(village, database)
    assert (found[0].chain_wh, found[0].residue_wh) == (0, 1_900)
    assert_settled_once(found)


@pytest.mark.parametrize("mended", [False, True])
async def test_more_than_a_connection_can_carry_is_told_and_goes_faster_once_the_limit_is_right(
    village: Village, database: Database, *, mended: bool
) -> None:
    use(database, 0, START_S, 2 * MAX_POWER_W)
    use(database, 1, START_S, 55_000)
    use(database, 2, START_S, 60_000)
    await village.settle(database, hour(1))
    status = await settlement_status(database)
    assert (status.state, status.message) == (
        "alarm",
        "batch 1 is settled, but 58.0 kWh of house-2 wait because the contract lets at most 2000 W "
        "flow there (1 more meters have the same): unless much was read late, check the meter, "
        "and what its connection can carry; the provider sets that with "
        "`gateway admin meter max-power 7/2 W`",
    )
    if mended:
        for slot in (1, 2):
            call = meter.set_max_power(village.settings.contract, chain_id(slot), 60_000)
            await village.do(call)
    await village.settle(database, hour(2))
    assert (await settlement_status(database)).state == ("online" if mended else "alarm")
    await village.settle(database, hour(3 if mended else 40))
    found = facts(village, database)
    assert_settled_once(found)
    assert [found[slot].residue_wh for slot in range(3)] == [0, 0, 0]
    assert (await settlement_status(database)).state == "online"
