"""The contract outlives the longest outage, and due payments are carried out, beside batches."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

from stellar_sdk import xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.clock import Clock
from gateway.ledger.contracts import electric, meter, oracle, scheduler
from gateway.ledger.contracts.calls import CallFor, address_of, code_key, instance_key, upload
from gateway.ledger.contracts.oracle import HourUsage
from gateway.ledger.keeper import LEDGERS_PER_DAY, LOOK_AFTER_S, Keeper
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import apply_settings
from gateway.store.status import Status, find_status
from tests.ledger.localnet import ROOT
from tests.ledger.verdict import assert_settled_once, facts
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
from tests.ledger.wire import JsonObject, Request, tapped

DAY_S = 24 * HOUR_S
ONE = START_S + HOUR_S + 200
RICH_STROOPS = 2_000_000_000
METER_WASM = ROOT / "contracts/wasm/meter.wasm"
T = TypeVar("T")


def keeper(village: Village, database: Database) -> Keeper:
    """A keeper that has just started."""
    return Keeper(village.settings, database, Clock(), village.client, village.key)


def rich(village: Village) -> Village:
    """The same village with lumens to spare."""
    return replace(village, settings=replace(village.settings, max_fee_stroops=RICH_STROOPS))


async def keep(village: Village, database: Database, second: int) -> None:
    """Look once, and see through what comes of it."""
    now = village.until(second)
    await keeper(village, database).tick(now)
    submitter = village.submitter(database)
    for _ in range(12):
        await submitter.tick(now)
    assert await find_open(database) is None


def days_left(village: Village, *, code: bool = True) -> int:
    """Days until the first of the site's entries is archived, as the ledger says it."""
    contract = village.settings.contract
    keys = [
        instance_key(contract),
        meter.site_key(contract, SITE),
        meter.receipt_key(contract, SITE),
        meter.page_key(contract, SITE, 0),
        meter.price_key(contract, 1),
    ]
    if code:
        keys.append(code_key(hashlib.sha256(METER_WASM.read_bytes()).digest()))
    answer = village.localnet.ask("getLedgerEntries", {"keys": [key.to_xdr() for key in keys]})
    entries = answer["entries"]
    assert isinstance(entries, list)
    ends = [one["liveUntilLedgerSeq"] for one in entries]
    return int((min(ends) - int(str(answer["latestLedger"]))) // LEDGERS_PER_DAY)


def kept(database: Database) -> list[tuple[str, str]]:
    """Every row of the kind 'keep': its task and its state."""
    with closing(sqlite3.connect(database.path)) as file:
        return file.execute(
            "SELECT task, state FROM keep JOIN outbox USING (outbox_id) ORDER BY outbox_id"
        ).fetchall()


async def keeper_status(database: Database) -> Status:
    """What the operator's page says of keeping."""
    return {one.name: one for one in await find_status(database)}["keeper"]


async def settled_once(village: Village, database: Database) -> None:
    """One hour of usage is settled."""
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)


async def test_a_contract_with_a_long_life_is_left_alone(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    await keep(village, database, ONE)
    assert kept(database) == []
    status = await keeper_status(database)
    assert status.state == "online"
    assert "lives for 179 days" in status.message


async def test_everything_of_a_site_is_renewed_before_the_longest_outage_would_archive_it(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    village.localnet.leave_alone(20 * DAY_S)
    assert days_left(village) < village.settings.longest_outage_days
    again_s = START_S + 20 * DAY_S + 2 * HOUR_S
    await keep(rich(village), database, again_s)
    assert kept(database) == [("extend", "confirmed")]
    assert days_left(village) >= 179
    await keep(village, database, again_s + HOUR_S)
    assert len(kept(database)) == 1


async def test_where_the_provider_keeps_the_code_the_batches_keep_the_rest(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    village.localnet.leave_alone(20 * DAY_S)
    use(database, 0, START_S + DAY_S, 10)
    again_s = START_S + 20 * DAY_S + 2 * HOUR_S
    frugal = replace(village, settings=replace(village.settings, keep_code=False))
    await frugal.settle(database, again_s)
    await keep(frugal, database, again_s)
    assert kept(database) == []
    assert days_left(village) < 170 < days_left(village, code=False)


async def test_what_is_archived_is_restored_before_anybody_needs_it(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    village.localnet.leave_alone(200 * DAY_S)
    assert days_left(village) < 0
    again_s = START_S + 200 * DAY_S + 2 * HOUR_S
    await keep(village, database, again_s)
    status = await keeper_status(database)
    assert status.state == "alarm"
    assert "chain.max_fee_stroops" in status.message
    await keep(rich(village), database, again_s + HOUR_S)
    assert kept(database) == [("extend", "refused"), ("extend", "confirmed")]
    assert days_left(village) >= 179


async def test_what_cannot_be_kept_does_not_hold_up_a_batch(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    village.localnet.leave_alone(20 * DAY_S)
    again_s = START_S + 20 * DAY_S + 2 * HOUR_S
    use(database, 0, START_S + DAY_S, 30)
    now = village.until(again_s)
    await keeper(village, database).tick(now)
    refused: JsonObject = {"error": "HostError: Error(Contract, #1)", "latestLedger": 1}

    def refuse_once(request: Request) -> JsonObject | None:
        asked = wire.methods().count("simulateTransaction")
        return refused if request.method == "simulateTransaction" and asked == 1 else None

    async with tapped(village.localnet.url, refuse_once) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        for _ in range(12):
            await submitter.tick(now)
    assert kept(database) == [("extend", "refused")]
    assert (await settlement_status(database)).state == "online"
    assert "does not know this site" in (await keeper_status(database)).message
    assert_settled_once(facts(village, database))


async def test_nothing_is_begun_while_a_batch_is_on_its_way(
    village: Village, database: Database
) -> None:
    await settled_once(village, database)
    village.localnet.leave_alone(20 * DAY_S)
    use(database, 0, START_S + DAY_S, 30)
    now = village.until(START_S + 20 * DAY_S + 2 * HOUR_S)
    await village.submitter(database).tick(now)
    assert await find_open(database) is not None
    await keeper(village, database).tick(now)
    assert kept(database) == []


async def test_due_payments_are_carried_out(village: Village, database: Database) -> None:
    """A household pays by allowance for one hour of a streaming meter; nobody else calls."""
    admin, contract = village.admin, village.settings.contract
    slot, token = village.meters, village.deployment.token
    await village.do(
        meter.register_meter(contract, chain_id(slot), admin.address, MAX_POWER_W, "streaming")
    )
    setting = replace(point_setting(slot), settlement_mode="streaming")
    await apply_settings(database, [*map(point_setting, range(slot)), setting], START_S)
    code = {name: await uploaded(village, name) for name in ("oracle", "scheduler")}
    hours = await created(
        village, oracle.constructor(code["oracle"], admin.address, admin.address, contract)
    )
    payments = await created(
        village,
        scheduler.constructor(
            code["scheduler"],
            admin.address,
            admin.address,
            token=token,
            oracle=hours,
            provider=village.key.address,
        ),
    )
    await village.do(oracle.allow(hours, SITE, admin.address))
    await village.do(scheduler.subscribe(payments, admin.address, chain_id(slot)))
    live_until = int(str(village.localnet.ask("getLatestLedger")["sequence"])) + 10**6
    await village.do(electric.approve(token, admin.address, payments, 10**9, live_until))
    village.until(START_S + 2 * HOUR_S)
    usage = HourUsage(START_S + HOUR_S, 1, (1_000,), {slot: (1, 500)})
    await village.do(oracle.update_usage_and_price(hours, admin.address, SITE, [usage]))
    await village.do(scheduler.schedule_payment(payments, chain_id(slot), START_S + HOUR_S))
    opened = await answer(village, scheduler.get_open(payments, chain_id(slot)))
    assert [one.amount for one in opened] == [500]

    streaming = replace(village, settings=replace(village.settings, scheduler=payments))
    await keep(streaming, database, opened[0].due_s + LOOK_AFTER_S)
    assert kept(database) == [("execute", "confirmed")]
    assert await answer(village, scheduler.get_open(payments, chain_id(slot))) == ()
    assert (await answer(village, scheduler.get_account(payments, chain_id(slot)))).paid == 500
    await keep(streaming, database, opened[0].due_s + LOOK_AFTER_S + HOUR_S)
    assert len(kept(database)) == 1


async def uploaded(village: Village, name: str) -> bytes:
    """A contract's code, put on the ledger; its hash."""
    wasm = (ROOT / f"contracts/wasm/{name}.wasm").read_bytes()
    await village.client.perform(upload(wasm), village.admin, max_fee_stroops=20_000_000_000)
    return hashlib.sha256(wasm).digest()


async def created(village: Village, operation: InvokeHostFunction) -> str:
    """A contract on the ledger; its address."""
    value = await village.client.perform(operation, village.admin, max_fee_stroops=10**10)
    assert isinstance(value, xdr.SCVal)
    return address_of(value)


async def answer(village: Village, call: CallFor[T]) -> T:
    """What a contract answers."""
    value = await village.client.simulate(call.operation(), village.admin.address)
    assert value is not None
    return call.decode(value)
