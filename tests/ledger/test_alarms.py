"""Whatever keeps usage from the chain is said to the operator, and is over when it is over."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stellar_sdk import Account, Asset, Keypair, TransactionBuilder, scval, xdr

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.contracts.calls import address_of
from gateway.ledger.keys import SigningKey
from gateway.ledger.submit import Submitter
from gateway.ledger.takeover import take_over
from gateway.store.batches import MAX_ROWS
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import apply_settings
from tests.ledger import village as villages
from tests.ledger.localnet import PASSPHRASE, ROOT, Localnet
from tests.ledger.verdict import assert_settled_once, facts
from tests.ledger.village import (
    HOUR_S,
    MAX_POWER_W,
    SITE,
    START_S,
    Village,
    at,
    chain_id,
    client_of,
    point_setting,
    settlement_status,
    use,
)
from tests.ledger.wire import Fault, JsonObject, Request, tapped

GRACE_S = 200
ONE = START_S + HOUR_S + GRACE_S
TWO = ONE + HOUR_S
TICKS = 30


async def alarm(database: Database) -> str:
    """What the operator is asked to do."""
    status = await settlement_status(database)
    assert status.state == "alarm", status
    return status.message


async def test_a_contract_that_knows_none_of_the_meters_is_no_silence(
    localnet: Localnet, tmp_path: Path
) -> None:
    async with villages.opened(localnet, tmp_path, meters=0) as village:
        database = await village.open()
        await apply_settings(database, [point_setting(0)], START_S)
        use(database, 0, START_S, 10)
        await village.submitter(database).tick(village.until(ONE))
        assert "knows none of this site's meters" in await alarm(database)
        contract, address = village.settings.contract, village.admin.address
        await village.do(meter.register_meter(contract, chain_id(0), address, MAX_POWER_W))
        await village.settle(database, ONE)
        assert (await settlement_status(database)).state == "online"
        await village.settle(database, TWO)  # the contract believes nothing from before it knew it
        found = facts(village, database)
        assert (found[0].chain_wh, found[0].residue_wh) == (10, 0)
        assert_settled_once(found)


async def test_usage_before_the_first_price_waits_and_says_so(
    village: Village, database: Database
) -> None:
    code = hashlib.sha256((ROOT / "contracts/wasm/meter.wasm").read_bytes()).digest()
    admin = village.admin.address
    constructor = meter.constructor(code, admin, admin, village.deployment.token)
    created = await village.client.perform(
        constructor, village.admin, max_fee_stroops=20_000_000_000
    )
    assert created is not None
    contract = address_of(created)
    village = replace(village, settings=replace(village.settings, contract=contract))
    await village.do(meter.add_site(contract, SITE, admin))
    await village.allow(village.key)
    for slot in range(3):
        await village.do(meter.register_meter(contract, chain_id(slot), admin, MAX_POWER_W))
    use(database, 0, START_S, 10)
    use(database, 0, START_S + HOUR_S, 20)
    for price_is_set in (False, True):
        if price_is_set:
            await village.do(meter.set_price(contract, START_S + 2 * HOUR_S, (1_000, 1_000, 1_000)))
        await village.submitter(database).tick(village.until(ONE))
        assert "no price is in force yet" in await alarm(database)
    use(database, 0, START_S + 2 * HOUR_S, 30)
    await village.settle(database, TWO + HOUR_S)
    assert (await settlement_status(database)).state == "online"
    found = facts(village, database)
    assert (found[0].chain_wh, found[0].balance) == (60, -60)
    assert_settled_once(found)


async def test_a_meter_that_the_contract_does_not_know_is_named_until_it_does(
    village: Village, database: Database
) -> None:
    await apply_settings(database, [point_setting(slot) for slot in range(4)], START_S)
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    assert "house-3: the provider has to register slot 3" in await alarm(database)
    contract, address = village.settings.contract, village.admin.address
    await village.do(meter.register_meter(contract, chain_id(3), address, MAX_POWER_W))
    use(database, 3, START_S + HOUR_S, 30)
    await village.settle(database, TWO)
    assert (await settlement_status(database)).state == "online"
    assert_settled_once(facts(village, database))


async def test_usage_of_unregistered_meters_never_keeps_that_of_the_others_waiting(
    village: Village, database: Database
) -> None:
    """As much of it as one batch takes up: it fills neither memory nor the batch."""
    await apply_settings(database, [point_setting(slot) for slot in range(4)], START_S)
    with closing(sqlite3.connect(database.path)) as file, file:
        file.executemany(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh)
               SELECT ?, meter_point_id, 1, 1 FROM meter_point WHERE slot = 3""",
            [(START_S - 900 * (number + 1),) for number in range(MAX_ROWS)],
        )
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    assert facts(village, database)[0].chain_wh == 10


async def test_a_transaction_that_fails_again_and_again_goes_less_and_less_often(
    village: Village, database: Database
) -> None:
    """Each failure in a ledger costs a fee; here the server's simulation is always too low."""
    use(database, 0, START_S, 10)
    now = village.until(ONE)

    def starve(request: Request) -> JsonObject | None:
        if request.method != "simulateTransaction":
            return None
        answer = village.localnet.ask(request.method, request.params)
        data = xdr.SorobanTransactionData.from_xdr(str(answer["transactionData"]))
        data.resources.instructions = xdr.Uint32(10_000)
        return answer | {"transactionData": data.to_xdr()}

    async with tapped(village.localnet.url, starve) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        for _ in range(TICKS):
            await submitter.tick(now)
        assert len(set(wire.sent())) == 3
    assert "never carried it out" in await alarm(database)
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (xdr.TransactionResultCode.txBAD_AUTH, "alarm", "who may sign for that account"),
        (xdr.TransactionResultCode.txMALFORMED, "alarm", "(txMALFORMED): report it"),
        (xdr.TransactionResultCode.txINSUFFICIENT_FEE, "offline", "asks a higher fee"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_a_transaction_that_the_network_does_not_take_is_no_silence(
    village: Village,
    database: Database,
    code: xdr.TransactionResultCode,
    state: str,
    words: str,
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    result = xdr.TransactionResult(
        xdr.Int64(100), xdr.TransactionResultResult(code), xdr.TransactionResultExt(0)
    )
    refusal: JsonObject = {
        "status": "ERROR",
        "hash": "0" * 64,
        "latestLedger": 1,
        "latestLedgerCloseTime": "1",
        "errorResultXdr": result.to_xdr(),
    }

    def refuse(request: Request) -> JsonObject | None:
        return refusal if request.method == "sendTransaction" else None

    async with tapped(village.localnet.url, refuse) as wire, client_of(wire.url) as client:
        await village.submitter(database, client).tick(now)
    status = await settlement_status(database)
    assert (status.state, words in status.message) == (state, True), status
    await village.settle(database, ONE)
    assert (await settlement_status(database)).state == "online"
    assert_settled_once(facts(village, database))


async def test_an_account_without_lumens_is_told_to_the_operator(
    village: Village, database: Database
) -> None:
    """It exists, and has less than one batch costs; a gift later the same batch goes."""
    poor = replace(village, key=SigningKey(keypair := Keypair.random()))
    await village.allow(poor.key)
    benefactor = Keypair.random()
    village.localnet.fund(benefactor.public_key)
    await give(village, benefactor, poor.key.address, "1.001", create=True)
    use(database, 0, START_S, 10)
    submitter = poor.submitter(database)
    for _ in range(3):
        await submitter.tick(village.until(ONE))
    assert await alarm(database) == f"the account {keypair.public_key} is out of XLM: send it some"
    await give(village, benefactor, poor.key.address, "50")
    await poor.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def give(
    village: Village, giver: Keypair, to: str, lumens: str, *, create: bool = False
) -> None:
    """One account gives another lumens."""
    sequence = await village.client.account_sequence(giver.public_key)
    assert sequence is not None
    builder = TransactionBuilder(Account(giver.public_key, sequence), PASSPHRASE, base_fee=100)
    builder.add_time_bounds(0, 0)
    if create:
        builder.append_create_account_op(to, lumens)
    else:
        builder.append_payment_op(to, Asset.native(), lumens)
    envelope = builder.build()
    envelope.sign(giver)
    await village.client.send(envelope.to_xdr())
    assert (await village.client.find_transaction(envelope.hash_hex())).succeeded


async def test_a_contract_that_was_upgraded_beyond_this_version_stops_settling_with_a_sentence(
    village: Village, database: Database
) -> None:
    """Its receipt no longer has a field that is needed."""
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    use(database, 0, START_S + HOUR_S, 20)
    now = village.until(TWO)

    def upgraded(request: Request) -> JsonObject | None:
        if request.method != "getLedgerEntries":
            return None
        answer = village.localnet.ask(request.method, request.params)
        entries = answer["entries"]
        assert isinstance(entries, list)
        for entry in entries:
            data = xdr.LedgerEntryData.from_xdr(entry["xdr"])
            if data.contract_data and (fields := data.contract_data.val.map):
                fields.sc_map = [
                    one for one in fields.sc_map if scval.from_symbol(one.key) != "sequence"
                ]
            entry["xdr"] = data.to_xdr()
        return answer

    async with tapped(village.localnet.url, upgraded) as wire, client_of(wire.url) as client:
        await village.submitter(database, client).tick(now)
    assert "receipt has a form that this version does not know" in await alarm(database)
    await village.settle(database, TWO)
    assert_settled_once(facts(village, database))


async def test_a_store_that_is_kept_locked_or_full_does_not_end_the_process(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even its own trouble can be written down then."""
    monkeypatch.setattr("gateway.store.database.BUSY_TIMEOUT_S", 0.05)
    database = await village.open()
    use(database, 0, START_S, 10)
    village.until(ONE)
    looked_twice = asyncio.Event()

    def count(_request: Request) -> Fault | None:
        if len(wire.passed) > 3:
            looked_twice.set()
        return None

    async with tapped(village.localnet.url, count) as wire, client_of(wire.url) as client:
        submitter = Submitter(village.settings, database, Clock(ONE, 0, 1e-12), client, village.key)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            running = asyncio.create_task(submitter.run())
            async with asyncio.timeout(20):
                await looked_twice.wait()
            assert not running.done()
            other.execute("ROLLBACK")
        running.cancel()
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_a_take_over_of_a_paused_contract_says_so_and_is_finished_later(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    contract = village.settings.contract
    await village.do(upkeep.pause(contract))
    with pytest.raises(Transient, match=r"paused .*`gateway run` finishes it"):
        await take_over(village.settings, database, Clock(), village.client, village.key)
    await village.do(upkeep.unpause(contract))
    use(database, 0, START_S + HOUR_S, 20)
    await village.settle(database, TWO)
    assert await find_open(database) is None
    assert_settled_once(facts(village, database))


async def test_an_alarm_of_the_way_ends_when_there_is_nothing_to_settle(
    village: Village, database: Database
) -> None:
    """A village where nobody was read and nobody used anything has nothing to say, and says so."""
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    async with client_of("http://127.0.0.1:1") as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(at(TWO))
    await village.submitter(database).tick(village.until(TWO))
    status = await settlement_status(database)
    assert (status.state, "nothing to settle" in status.message) == ("online", True)
