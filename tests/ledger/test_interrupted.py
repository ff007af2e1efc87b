"""A batch stopped in each state of the outbox, and what can happen to a village meanwhile.

Whatever it is, all usage is on the chain or flagged in the end, each Wh once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest
from stellar_sdk import Keypair

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.keys import SigningKey
from gateway.ledger.takeover import take_over
from gateway.store.database import Database
from gateway.store.outbox import find_open
from tests.ledger.verdict import assert_books_hold, assert_settled_once, batches, facts
from tests.ledger.village import (
    HOUR_S,
    SITE,
    START_S,
    Village,
    at,
    chain_id,
    client_of,
    settlement_status,
    use,
)
from tests.ledger.wire import Fault, JsonObject, Request, Rule, lose, tapped

GRACE_S = 200
DAY_S = 24 * HOUR_S
ACCEPTED: JsonObject = {
    "status": "PENDING",
    "hash": "0" * 64,
    "latestLedger": 1,
    "latestLedgerCloseTime": "1",
}


def dropped(request: Request) -> JsonObject | Fault | None:
    """The network says that it has the transaction, forgets it, and then the line is cut."""
    if request.method == "getTransaction":
        return Fault.LOSE_REQUEST
    return ACCEPTED if request.method == "sendTransaction" else None


STOPPED: dict[str, tuple[Rule, str]] = {
    "pending": (lose("simulateTransaction"), "pending"),
    "signed": (lose("sendTransaction"), "signed"),
    "signed and applied": (lose("sendTransaction", Fault.LOSE_ANSWER), "signed"),
    "sent and dropped": (dropped, "sent"),
    "sent and applied": (lose("getTransaction"), "sent"),
}
states = pytest.mark.parametrize("stopped", STOPPED)


def due(hour: int) -> int:
    """When the usage of an hour may be settled."""
    return START_S + (hour + 1) * HOUR_S + GRACE_S


async def stop(village: Village, database: Database, stopped: str) -> None:
    """One batch is settled, and the next stops in a state of the outbox."""
    for hour in range(2):
        use(database, 0, START_S + hour * HOUR_S, 100 + hour)
        use(database, 1, START_S + hour * HOUR_S, 10 + hour, tier=2)
        if hour == 0:
            await village.settle(database, due(0))
    now = village.until(due(1))
    rule, state = STOPPED[stopped]
    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        with pytest.raises(Transient):
            for _ in range(4):
                await submitter.tick(now)
    outgoing = await find_open(database)
    assert outgoing is not None
    assert outgoing.state == state


async def go_on(village: Village, database: Database, second: int) -> None:
    """Start again, again and again as time passes, until everything is settled."""
    for later_s in (0, village.settings.valid_for_s + 1, HOUR_S):
        now = village.until(second + later_s)
        submitter = village.submitter(database)
        for _ in range(12):
            await submitter.tick(now)
    assert await find_open(database) is None, await settlement_status(database)


@states
async def test_the_same_process_started_again_goes_on(
    village: Village, database: Database, stopped: str
) -> None:
    await stop(village, database, stopped)
    await village.settle(database, due(1) + village.settings.valid_for_s + 1)
    assert_settled_once(facts(village, database))
    assert [row[0] for row in batches(database)] == [1, 2]


@states
async def test_a_paused_contract_goes_on_where_it_stopped(
    village: Village, database: Database, stopped: str
) -> None:
    contract = village.settings.contract
    await stop(village, database, stopped)
    await village.do(upkeep.pause(contract))
    use(database, 0, START_S + 2 * HOUR_S, 50)
    submitter = village.submitter(database)
    for later_s in (0, village.settings.valid_for_s + 1):
        now = village.until(due(2) + later_s)
        for _ in range(4):
            await submitter.tick(now)
    status = await settlement_status(database)
    assert (status.state, "paused" in status.message) == ("offline", True)
    await village.do(upkeep.unpause(contract))
    await go_on(village, database, due(3))
    assert_settled_once(facts(village, database))


@states
@pytest.mark.parametrize("withdrawn", [True, False], ids=["withdrawn", "both allowed"])
async def test_a_rotated_key_settles_nothing_twice(
    village: Village, database: Database, stopped: str, *, withdrawn: bool
) -> None:
    await stop(village, database, stopped)
    rotated = replace(village, key=SigningKey(Keypair.random()))
    village.localnet.fund(rotated.key.address)
    await village.allow(rotated.key)
    if withdrawn:
        await village.do(meter.disallow(village.settings.contract, SITE, village.key.address))
    use(database, 1, START_S + 2 * HOUR_S, 70)
    await go_on(rotated, database, due(2))
    assert_settled_once(facts(village, database))
    assert {row[4] for row in batches(database)} == {"confirmed"}


async def test_the_envelope_of_a_former_key_is_sent_while_it_may_be_applied(
    village: Village, database: Database
) -> None:
    """Of the former key's account only the time bound is known; nothing is signed beside it."""
    await stop(village, database, "sent and dropped")
    rotated = replace(village, key=SigningKey(Keypair.random()))
    village.localnet.fund(rotated.key.address)
    await village.allow(rotated.key)
    before = await find_open(database)
    assert before is not None
    assert before.signed is not None
    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        await rotated.submitter(database, client).tick(at(due(1)))
        assert wire.sent() == [before.signed.envelope]
    await rotated.settle(database, due(1))
    assert_settled_once(facts(village, database))


@states
async def test_a_meter_switched_off_meanwhile_is_flagged_and_the_rest_is_settled(
    village: Village, database: Database, stopped: str
) -> None:
    contract = village.settings.contract
    await stop(village, database, stopped)
    await village.do(meter.deactivate_meter(contract, chain_id(1)))
    await go_on(village, database, due(1))
    await village.do(meter.activate_meter(contract, chain_id(1)))
    use(database, 1, START_S + 3 * HOUR_S, 30)
    await go_on(village, database, due(4))
    found = facts(village, database)
    assert found[1].residue_wh == (0 if stopped.endswith("applied") else 11)
    assert_settled_once(found)


@states
async def test_ledger_time_may_jump_by_days(
    village: Village, database: Database, stopped: str
) -> None:
    await stop(village, database, stopped)
    use(database, 0, START_S + 2 * HOUR_S, 20)
    use(database, 0, START_S + 9 * DAY_S, 30)
    await go_on(village, database, START_S + 12 * DAY_S)
    assert_settled_once(facts(village, database))


@states
async def test_a_price_set_meanwhile_charges_each_wh_at_one_price(
    village: Village, database: Database, stopped: str
) -> None:
    """It comes into force after the batch's period, within that of the next."""
    await stop(village, database, stopped)
    change_s = START_S + 27 * HOUR_S
    await village.do(meter.set_price(village.settings.contract, change_s, (7_000, 9_000, 11_000)))
    use(database, 0, START_S + 2 * HOUR_S, 40)
    use(database, 0, change_s, 60)
    await go_on(village, database, due(27))
    found = facts(village, database)
    assert found[0].balance == -(100 + 101 + 40) - 60 * 9
    assert_settled_once(found)


@asynccontextmanager
async def copied(village: Village, database: Database) -> AsyncIterator[Database]:
    """A copy of the store as it is now, opened."""
    with (
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(village.folder / "copy.db")) as copy,
    ):
        source.backup(copy)
    yield await village.open("copy.db")


async def taken_over(village: Village, database: Database) -> None:
    await take_over(village.settings, database, Clock(), village.client, village.key)


async def nothing(_village: Village, _database: Database) -> None:
    """The original is lost at once."""


async def settles_it(village: Village, database: Database) -> None:
    """The original settles what was stopped, and is lost then."""
    await village.settle(database, due(1) + village.settings.valid_for_s + 1)


async def settles_more(village: Village, database: Database) -> None:
    """The original goes on for an hour more, and is lost then."""
    await settles_it(village, database)
    use(database, 0, START_S + 2 * HOUR_S, 33)
    await village.settle(database, due(2))


@states
@pytest.mark.parametrize("original", [nothing, settles_it, settles_more])
async def test_a_copy_restored_from_any_state_settles_nothing_twice(
    village: Village,
    database: Database,
    stopped: str,
    original: Callable[[Village, Database], Awaitable[None]],
) -> None:
    """It goes on by itself only when the chain is where it left it; else it is told to."""
    await stop(village, database, stopped)
    async with copied(village, database) as copy:
        await original(village, database)
        if original is settles_more:
            use(copy, 0, START_S + 3 * HOUR_S, 33)  # its register had gone on
        use(copy, 1, START_S + 3 * HOUR_S, 44)
        submitter = village.submitter(copy)
        now = village.until(due(4))
        for _ in range(6):
            await submitter.tick(now)
        halted = (await settlement_status(copy)).state == "alarm"
        assert halted == (original is settles_more)
        if halted:
            await taken_over(village, copy)
            assert_books_hold(facts(village, copy))
        await go_on(village, copy, due(4))
        assert_settled_once(facts(village, copy))


async def test_two_gateways_that_run_on_one_store_by_mistake_settle_once_and_raise_no_alarm(
    village: Village, database: Database
) -> None:
    twin = await Database.open(database.path)
    async with client_of(village.localnet.url) as client:
        gateways = [village.submitter(database), village.submitter(twin, client)]
        for hour in range(6):
            use(database, hour % 3, START_S + hour * HOUR_S, 10 + hour)
            now = village.until(due(hour))
            for turn in range(16):
                await gateways[turn % 2].tick(now)
                if turn > 1:
                    assert (await settlement_status(database)).state != "alarm"
    await twin.close()
    assert await find_open(database) is None
    assert [row[0] for row in batches(database)] == list(range(1, 7))
    assert_settled_once(facts(village, database))


async def test_usage_may_be_counted_at_any_moment_of_a_batch(
    village: Village, database: Database
) -> None:
    """At every request on the way, each meter uses some more in the quarter-hour being settled."""
    use(database, 0, START_S, 1)

    def rule(_request: Request) -> None:
        for slot in range(3):
            use(database, slot, START_S, 1)

    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        for hour in range(4):
            now = village.until(due(hour))
            for _ in range(4):
                await submitter.tick(now)
    await village.settle(database, due(5))
    found = facts(village, database)
    assert found[0].chain_wh > 20
    assert_settled_once(found)
