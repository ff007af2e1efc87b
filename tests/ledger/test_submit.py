"""A batch's life on a real ledger: what is charged, what is refused, and who may settle."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from stellar_sdk import Keypair

from gateway.clock import Clock
from gateway.clock.trust import begin
from gateway.domain.readings import Reading
from gateway.errors import Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.keys import SigningKey
from gateway.ledger.limits import Limits
from gateway.ledger.submit import Submitter
from gateway.store.clock import save_standing
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import apply_settings
from gateway.store.undated import Undated, append_undated, forget_undated
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.verdict import assert_books_hold, assert_settled_once, batches, facts, items
from tests.ledger.village import (
    HOUR_S,
    MAX_POWER_W,
    SITE,
    START_S,
    Village,
    chain_id,
    client_of,
    point_setting,
    settlement_status,
    use,
)
from tests.ledger.wire import JsonObject, Request, lose, tapped

DAY_S = 24 * HOUR_S
GRACE_S = 200
ONE = START_S + HOUR_S + GRACE_S
TWO = START_S + 2 * HOUR_S + GRACE_S


async def test_usage_of_an_hour_is_settled_in_one_batch(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 120)
    use(database, 0, START_S + 900, 80, tier=2)
    use(database, 2, START_S + 1800, 5, tier=0)
    await village.settle(database, ONE)
    found = facts(village, database)
    assert [found[slot].chain_wh for slot in range(3)] == [200, 0, 5]
    assert found[0].balance == -(120 * 1000 + 80 * 1500) // 1000
    assert_settled_once(found)
    assert batches(database) == [(1, START_S, START_S + HOUR_S, 1, "confirmed", 205)]
    status = await settlement_status(database)
    assert (status.state, status.message) == ("online", "batch 1 is settled")


async def test_usage_waits_for_late_readings_before_it_is_settled(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 120)
    now = village.until(START_S + HOUR_S + village.settings.settle_after_s - 1)
    await village.submitter(database).tick(now)
    assert await find_open(database) is None
    await village.settle(database, START_S + HOUR_S + village.settings.settle_after_s)
    assert_settled_once(facts(village, database))


async def test_no_period_ends_while_the_time_is_not_known(
    village: Village, database: Database
) -> None:
    """What is certain to have been reached may be long past the end of an hour: it waits."""
    use(database, 0, START_S, 120)
    now = village.until(ONE)
    clock = Clock()
    clock.standing = begin("boot", 0, 0, ONE * 1000, 0, 0)
    await save_standing(database, clock.standing, 0)
    settings, client, key = village.settings, village.client, village.key
    for _ in range(3):
        await Submitter(settings, database, clock, client, key).tick(now)
    assert await find_open(database) is None
    await append_undated(database, "boot", [Undated(Reading(1, now, 1_200), 10_000)])
    submitter = village.submitter(database)  # whose clock is trusted
    await submitter.tick(now)
    assert await find_open(database) is None  # what waits for its date may be of that hour
    async with database.transaction() as connection:
        await forget_undated(connection, [1])
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_batches_follow_each_other_without_a_gap(
    village: Village, database: Database
) -> None:
    for hour in range(3):
        use(database, 1, START_S + hour * HOUR_S, 10 + hour)
        await village.settle(database, ONE + hour * HOUR_S)
    periods = [(row[0], row[1], row[2]) for row in batches(database)]
    assert periods == [(n + 1, START_S + n * HOUR_S, START_S + (n + 1) * HOUR_S) for n in range(3)]
    assert_settled_once(facts(village, database))


async def test_a_late_reading_of_a_settled_quarter_hour_goes_with_the_next_batch(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, ONE)
    use(database, 0, START_S, 30)
    use(database, 0, START_S + HOUR_S, 7)
    await village.settle(database, TWO)
    assert [row[5] for row in batches(database)] == [100, 37]
    assert_settled_once(facts(village, database))


async def test_a_week_without_the_chain_becomes_one_batch(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 5)
    await village.settle(database, ONE)
    for day in range(7):
        use(database, 0, START_S + HOUR_S + day * DAY_S, 1_000)
    await village.settle(database, START_S + 8 * DAY_S)
    assert [row[5] for row in batches(database)] == [5, 7_000]
    assert_settled_once(facts(village, database))


async def test_an_outage_claims_nothing(village: Village, database: Database) -> None:
    use(database, 0, START_S, 5)
    now = village.until(ONE)
    nowhere = LedgerClient(["http://127.0.0.1:1"], PASSPHRASE)
    with pytest.raises(Transient, match=r"the chain at 127\.0\.0\.1:1 can't be reached"):
        await village.submitter(database, nowhere).tick(now)
    await nowhere.close()
    assert facts(village, database)[0].claimed_wh == 0
    assert batches(database) == []


async def test_the_next_server_is_asked_when_the_first_is_away(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 5)
    client = LedgerClient(["http://127.0.0.1:1", village.localnet.url], PASSPHRASE)
    submitter = village.submitter(database, client)
    now = village.until(ONE)
    for _ in range(6):
        await submitter.tick(now)
    await client.close()
    assert_settled_once(facts(village, database))


async def test_a_batch_that_the_contract_refuses_for_good_is_composed_anew(
    village: Village, database: Database
) -> None:
    """No batch of ours is; so the wire says once that the prices changed within its period."""
    use(database, 0, START_S, 500)
    refused: JsonObject = {"error": "HostError: Error(Contract, #26)", "latestLedger": 1}

    def once(request: Request) -> JsonObject | None:
        first = "simulateTransaction" not in wire.methods()[:-1]
        return refused if first and request.method == "simulateTransaction" else None

    async with tapped(village.localnet.url, once) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        now = village.until(ONE)
        for _ in range(12):
            await submitter.tick(now)
    assert [(row[0], *row[3:]) for row in batches(database)] == [
        (1, 1, "refused", 500),
        (1, 1, "confirmed", 500),
    ]
    assert_settled_once(facts(village, database))


async def test_usage_inside_a_plan_is_not_charged_again(
    village: Village, database: Database
) -> None:
    await village.pay(0, 50_000, meter.Plan.DAILY)
    for hour in (0, 1, 23, 24, 25):
        use(database, 0, START_S + hour * HOUR_S, 100)
    await village.settle(database, START_S + 26 * HOUR_S + GRACE_S)
    found = facts(village, database)
    assert found[0].balance == -(200 * 1_000) // 1000
    assert_settled_once(found)
    assert items(database) == [(0, 0, 200, 0, 300, 1)]


async def test_what_the_contract_refuses_is_flagged_and_never_sent_again(
    village: Village, database: Database
) -> None:
    await village.do(meter.deactivate_meter(village.settings.contract, chain_id(1)))
    use(database, 1, START_S, 11)
    use(database, 2, START_S, 12)
    await village.settle(database, ONE)
    found = facts(village, database)
    assert [found[slot].residue_wh for slot in range(3)] == [0, 11, 0]
    assert [found[slot].chain_wh for slot in range(3)] == [0, 0, 12]
    assert [row[-1] for row in items(database)] == [0, 1]
    assert_settled_once(found)
    use(database, 1, START_S + HOUR_S, 5)
    await village.do(meter.activate_meter(village.settings.contract, chain_id(1)))
    await village.settle(database, TWO)
    found = facts(village, database)
    assert (found[1].chain_wh, found[1].residue_wh) == (5, 11)
    assert_settled_once(found)


async def test_a_meter_that_is_not_registered_waits_until_it_is(
    village: Village, database: Database
) -> None:
    await apply_settings(database, [point_setting(slot) for slot in range(4)], START_S)
    use(database, 0, START_S, 10)
    use(database, 3, START_S, 20)
    await village.settle(database, ONE)
    assert items(database) == [(0, 0, 10, 0, 0, 1)]
    address = village.admin.address
    call = meter.register_meter(village.settings.contract, chain_id(3), address, MAX_POWER_W)
    await village.do(call)
    use(database, 3, START_S + HOUR_S, 30)
    await village.settle(database, TWO)
    assert facts(village, database)[3].chain_wh == 50


async def test_a_key_that_is_not_allowed_alarms_and_goes_on_by_itself_once_it_is(
    village: Village, database: Database
) -> None:
    contract, address = village.settings.contract, village.key.address
    await village.do(meter.disallow(contract, SITE, address))
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    submitter = village.submitter(database)
    for _ in range(3):
        await submitter.tick(now)
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "has to allow it" in status.message
    await village.do(meter.allow(contract, SITE, address))
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))
    assert (await settlement_status(database)).state == "online"


async def test_a_rotated_key_goes_on_with_the_batch_of_the_old_one(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    use(database, 0, START_S + HOUR_S, 20)
    now = village.until(TWO)
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(now)
    rotated = replace(village, key=SigningKey(Keypair.random()))
    village.localnet.fund(rotated.key.address)
    await village.do(meter.disallow(village.settings.contract, SITE, village.key.address))
    await village.do(meter.allow(village.settings.contract, SITE, rotated.key.address))
    await rotated.settle(database, TWO + village.settings.valid_for_s + 1)
    assert_settled_once(facts(village, database))


async def test_a_paused_contract_is_waited_for(village: Village, database: Database) -> None:
    contract = village.settings.contract
    await village.do(upkeep.pause(contract))
    use(database, 0, START_S, 10)
    await village.submitter(database).tick(village.until(ONE))
    status = await settlement_status(database)
    assert (status.state, "paused" in status.message) == ("offline", True)
    await village.do(upkeep.unpause(contract))
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_an_account_that_does_not_exist_is_asked_for(
    village: Village, database: Database
) -> None:
    poor = replace(village, key=SigningKey(Keypair.random()))
    await village.do(meter.allow(village.settings.contract, SITE, poor.key.address))
    use(database, 0, START_S, 10)
    await poor.submitter(database).tick(village.until(ONE))
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "send it some XLM" in status.message
    village.localnet.fund(poor.key.address)
    await poor.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_a_fee_above_the_limit_is_not_paid(village: Village, database: Database) -> None:
    cheap = replace(village, settings=replace(village.settings, max_fee_stroops=1_000))
    use(database, 0, START_S, 10)
    await cheap.submitter(database).tick(village.until(ONE))
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "chain.max_fee_stroops" in status.message
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_a_batch_beyond_a_network_limit_is_split(
    village: Village, database: Database
) -> None:
    """Three meters in batches of two, as a thousand are in batches of what fits."""
    for slot in range(3):
        use(database, slot, START_S, 10 + slot)
    submitter = village.submitter(database)
    submitter._max_slots = 2
    now = village.until(ONE)
    for _ in range(12):
        await submitter.tick(now)
    assert [row[5] for row in batches(database)] == [21, 12]
    assert_settled_once(facts(village, database))


async def test_a_batch_that_no_split_makes_small_enough_is_not_sent(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    narrow = LedgerClient([village.localnet.url], PASSPHRASE, Limits(instructions=1))
    submitter = village.submitter(database, narrow)
    for _ in range(3):
        await submitter.tick(now)
    await narrow.close()
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "instructions, the network allows 1" in status.message
    await village.settle(database, ONE)
    assert [row[4] for row in batches(database)] == ["refused", "confirmed"]
    assert_settled_once(facts(village, database))


async def test_books_that_disagree_with_the_chain_stop_settling(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, ONE)
    with closing(sqlite3.connect(database.path)) as file, file:
        file.execute("UPDATE usage SET claimed_wh = 90")
    use(database, 0, START_S + HOUR_S, 7)
    await village.submitter(database).tick(village.until(TWO))
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "house-0: 100 Wh there, 90 Wh in our books" in status.message
    assert len(batches(database)) == 1
    assert_books_hold({1: facts(village, database)[1]})
