"""What the contract says is fresh in the store: read again when something happened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from stellar_sdk import scval

from gateway.clock import Clock
from gateway.domain.pages import MeterRecord
from gateway.errors import Transient
from gateway.ledger.contracts import meter
from gateway.ledger.refresh import (
    MAX_LEDGERS_BEHIND,
    MAX_QUIET_LOOKS,
    QUIET_SAVED_EVERY_S,
    Refresher,
)
from gateway.store.chain import Cursor, find_cursor, find_records
from gateway.store.database import Database
from gateway.store.status import find_status
from gateway.store.supply import SupplyBook
from tests.ledger import village as villages
from tests.ledger.localnet import running
from tests.ledger.village import HOUR_S, SITE, START_S, Village, at, chain_id, client_of, use
from tests.ledger.wire import JsonObject, Request, tapped

DAY_S = 24 * HOUR_S
NOW = at(START_S)


async def record(database: Database, slot: int = 0) -> MeterRecord:
    """What the store holds of a meter."""
    return (await find_records(database, SITE))[slot]


async def cursor(village: Village, database: Database) -> Cursor:
    """How far the events were read."""
    found = await find_cursor(database, village.settings.contract)
    assert found is not None
    return found


async def test_the_first_look_reads_everything(village: Village, database: Database) -> None:
    await village.pay(1, 12_345)
    await village.refresher(database).tick(NOW)
    records = await find_records(database, SITE)
    assert {slot: one.balance for slot, one in records.items()} == {0: 0, 1: 12_345, 2: 0}
    assert records[0].max_power_w == villages.MAX_POWER_W
    assert _rows(database, "SELECT version, standard, daily FROM chain_price") == [
        (1, villages.PRICE.standard, villages.PRICE.daily)
    ]
    statuses = {one.name: (one.state, one.message) for one in await find_status(database)}
    assert statuses["chain"] == ("online", "the chain is in reach")


async def test_a_payment_a_price_and_a_batch_are_seen_at_the_next_look(
    village: Village, database: Database
) -> None:
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    await village.pay(0, 50_000, meter.Plan.DAILY)
    await refresher.tick(NOW)
    assert (await record(database)).paid_until_s == START_S + DAY_S
    change_s = START_S + 2 * DAY_S
    await village.do(meter.set_price(village.settings.contract, change_s, (1, 2, 3)))
    await refresher.tick(NOW)
    assert len(_rows(database, "SELECT version FROM chain_price")) == 2
    use(database, 0, START_S, 40)
    await village.settle(database, START_S + HOUR_S + 200)
    await refresher.tick(NOW)
    assert (await record(database)).total_wh == 40
    assert _rows(database, "SELECT sequence, accepted_wh FROM chain_receipt") == [(1, 40)]


async def test_while_nothing_happens_one_small_request_keeps_the_records_fresh(
    village: Village, database: Database
) -> None:
    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        refresher = Refresher(village.settings, database, Clock(), client)
        await refresher.tick(NOW)
        before = len(wire.passed)
        village.localnet.advance(QUIET_SAVED_EVERY_S)
        await refresher.tick(NOW)
        assert wire.methods()[before:] == ["getEvents"]
    assert (await cursor(village, database)).as_of_s == village.localnet.time_s()
    points = await SupplyBook(database).find(village.localnet.time_s())
    seen = {point.facts.record.as_of_s for point in points if point.facts.record}
    assert seen == {village.localnet.time_s()}


async def test_events_of_another_village_change_nothing_here(
    village: Village, database: Database
) -> None:
    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        refresher = Refresher(village.settings, database, Clock(), client)
        await refresher.tick(NOW)
        contract, admin = village.settings.contract, village.admin.address
        await village.pay(2, 100)
        await refresher.tick(NOW)
        before = len(wire.passed)
        await village.do(meter.add_site(contract, SITE + 1, admin))
        call = meter.register_meter(contract, (SITE + 1) << 32, admin, 1_000)
        await village.do(call)
        await refresher.tick(NOW)
        assert wire.methods()[before:] == ["getEvents"]
        await village.do(meter.deactivate_meter(contract, chain_id(2)))
        await refresher.tick(NOW)
        assert "getLedgerEntries" in wire.methods()[before:]
    assert (await record(database, 2)).is_deactivated


async def test_more_events_than_one_answer_holds_are_no_proof_of_silence(
    village: Village, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the first answer is of other villages; what comes after may be ours."""
    monkeypatch.setattr("gateway.ledger.client.MAX_EVENTS", 2)
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    for site in (SITE + 1, SITE + 2):
        call = meter.add_site(village.settings.contract, site, village.admin.address)
        await village.do(call)
    await village.pay(0, 500)
    await refresher.tick(NOW)
    assert (await record(database)).balance == 500


async def test_an_event_that_this_version_does_not_know_has_the_entries_read(
    village: Village, database: Database
) -> None:
    strange = scval.to_vec([]).to_xdr()

    def rename(request: Request) -> JsonObject | None:
        if request.method != "getEvents":
            return None
        answer = village.localnet.ask(request.method, request.params)
        events = answer["events"]
        assert isinstance(events, list)
        return answer | {"events": [event | {"topic": [strange]} for event in events]}

    async with tapped(village.localnet.url, rename) as wire, client_of(wire.url) as client:
        refresher = Refresher(village.settings, database, Clock(), client)
        await refresher.tick(NOW)
        await village.pay(0, 500)
        await refresher.tick(NOW)
    assert (await record(database)).balance == 500


async def test_a_change_without_an_event_is_found_before_long(
    village: Village, database: Database
) -> None:
    """Switching off a meter that is off already announces nothing."""
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    await village.do(meter.deactivate_meter(village.settings.contract, chain_id(0)))
    for _ in range(MAX_QUIET_LOOKS + 1):
        await refresher.tick(NOW)
    assert (await record(database)).is_deactivated


async def test_a_gateway_that_was_away_longer_than_events_are_kept_reads_the_entries(
    tmp_path: Path,
) -> None:
    with running(START_S, retention_ledgers=20) as localnet:
        async with villages.opened(localnet, tmp_path, meters=1) as village:
            database = await village.open()
            refresher = village.refresher(database)
            await refresher.tick(NOW)
            await village.pay(0, 777)
            localnet.close_ledgers(40)
            await refresher.tick(NOW)
            assert (await record(database)).balance == 777


async def test_a_cursor_far_behind_is_given_up_for_the_entries(
    village: Village, database: Database
) -> None:
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    await village.pay(0, 777)
    village.localnet.close_ledgers(MAX_LEDGERS_BEHIND + 1)
    await refresher.tick(NOW)
    assert (await record(database)).balance == 777


async def test_an_outage_leaves_what_was_stored_with_its_age(
    village: Village, database: Database
) -> None:
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    before = _rows(database, "SELECT * FROM chain_meter")
    async with client_of("http://127.0.0.1:1") as client:
        away = Refresher(village.settings, database, Clock(), client)
        with pytest.raises(Transient, match=r"127\.0\.0\.1:1 can't be reached"):
            await away.tick(NOW)
    assert _rows(database, "SELECT * FROM chain_meter") == before


async def test_an_older_answer_never_replaces_a_newer_one(
    village: Village, database: Database
) -> None:
    refresher = village.refresher(database)
    await refresher.tick(NOW)
    latest = (await cursor(village, database)).ledger
    with closing(sqlite3.connect(database.path)) as file, file:
        file.execute("UPDATE chain_cursor SET ledger = ?", (latest + 20,))
        file.execute("UPDATE chain_meter SET ledger = ?, balance = 42", (latest + 20,))
    with pytest.raises(Transient, match="lags"):
        await refresher.tick(NOW)
    await village.refresher(database).tick(NOW)
    assert (await record(database)).balance == 42


def _rows(database: Database, sql: str) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(database.path)) as file:
        return file.execute(sql).fetchall()
