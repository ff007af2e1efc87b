"""Restored, cloned, replaced: a database that isn't the site's writer stops until told to go on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stellar_sdk import Keypair

from gateway.__main__ import main
from gateway.clock import Clock
from gateway.domain.batches import Receipt
from gateway.errors import Permanent, Transient
from gateway.ledger.contracts import meter
from gateway.ledger.keys import SigningKey
from gateway.ledger.takeover import take_over
from gateway.store.database import Database
from gateway.store.outbox import find_open
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.verdict import assert_books_hold, assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, client_of, settlement_status, use
from tests.ledger.wire import Fault, lose, tapped

GRACE_S = 200


def due(hour: int) -> int:
    """When the usage of an hour may be settled."""
    return START_S + (hour + 1) * HOUR_S + GRACE_S


async def backup(village: Village, database: Database, name: str) -> Database:
    """A copy of the store as it is now, opened."""
    with (
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(village.folder / name)) as copy,
    ):
        source.backup(copy)
    return await village.open(name)


async def taken_over(village: Village, database: Database) -> Receipt:
    """The operator's act."""
    key = village.key
    return await take_over(village.settings, database, Clock(), village.client, key)


async def test_a_restored_backup_stops_until_it_is_told_to_take_over_and_settles_nothing_twice(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    restored = await backup(village, database, "restored.db")
    use(database, 0, START_S + HOUR_S, 50)
    use(database, 1, START_S + HOUR_S, 60)
    await village.settle(database, due(1))

    # The registers went on: what the lost database had counted is counted again, all at once.
    use(restored, 0, START_S + 2 * HOUR_S, 50 + 5)
    use(restored, 1, START_S + 2 * HOUR_S, 60 + 6)
    await village.submitter(restored).tick(village.until(due(2)))
    status = await settlement_status(restored)
    assert status.state == "alarm"
    assert "gateway take-over" in status.message
    assert len(batches(restored)) == 1

    receipt = await taken_over(village, restored)
    assert receipt.writer.hex() == await restored.writer_id() != await database.writer_id()
    assert_books_hold(facts(village, restored))
    await village.settle(restored, due(2))
    found = facts(village, restored)
    assert [found[slot].chain_wh for slot in (0, 1)] == [155, 66]
    assert_settled_once(found)
    assert (await settlement_status(restored)).state == "online"


async def test_what_the_chain_had_counted_first_is_absorbed_when_it_is_counted_later(
    village: Village, database: Database
) -> None:
    restored = await backup(village, database, "restored.db")
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    with closing(sqlite3.connect(restored.path)) as file, file:
        file.execute("UPDATE installation SET first_register_wh = 0")
    await taken_over(village, restored)
    assert facts(village, restored)[0].ahead_wh == 100
    use(restored, 0, START_S + HOUR_S, 70)
    await village.settle(restored, due(1))
    assert (facts(village, restored)[0].chain_wh, facts(village, restored)[0].ahead_wh) == (100, 30)
    use(restored, 0, START_S + 2 * HOUR_S, 45)
    await village.settle(restored, due(2))
    found = facts(village, restored)
    assert (found[0].chain_wh, found[0].ahead_wh) == (115, 0)
    assert_settled_once(found)


async def test_of_two_copies_with_one_key_only_the_first_settles(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    clone = await backup(village, database, "clone.db")
    for number, one in enumerate((database, clone)):
        use(one, 0, START_S + HOUR_S, 10 + number)
    await village.settle(database, due(1))
    await village.submitter(clone).tick(village.until(due(1)))
    assert (await settlement_status(clone)).state == "alarm"
    assert_settled_once(facts(village, database))


async def test_the_one_that_was_taken_over_from_stops(village: Village, database: Database) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    other = await backup(village, database, "other.db")
    await taken_over(village, other)
    use(database, 0, START_S + HOUR_S, 10)
    await village.submitter(database).tick(village.until(due(1)))
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "another gateway settles" in status.message
    assert facts(village, database)[0].chain_wh == 100


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
async def test_a_batch_in_flight_is_judged_by_the_receipt_when_its_database_takes_over(
    village: Village, database: Database, fault: Fault
) -> None:
    """Sent, and nobody knows whether it arrived: adoption finds out, either way."""
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    use(database, 0, START_S + HOUR_S, 10)
    now = village.until(due(1))
    cut = tapped(village.localnet.url, lose("sendTransaction", fault))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(now)
    await taken_over(village, database)
    arrived = fault is Fault.LOSE_ANSWER
    assert [row[4] for row in batches(database)] == [
        "confirmed",
        "confirmed" if arrived else "refused",
    ]
    assert await find_open(database) is None
    await village.settle(database, due(1))
    assert_settled_once(facts(village, database))


@pytest.mark.parametrize("method", ["simulateTransaction", "sendTransaction", "getTransaction"])
@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
async def test_a_take_over_that_was_cut_short_is_finished_by_whoever_looks_next(
    village: Village, database: Database, method: str, fault: Fault
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    other = await backup(village, database, "other.db")
    cut = tapped(village.localnet.url, lose(method, fault))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await take_over(village.settings, other, Clock(), client, village.key)
    use(other, 0, START_S + HOUR_S, 10)
    await village.settle(other, due(1))
    assert await find_open(other) is None
    found = facts(village, other)
    assert found[0].chain_wh == 110
    assert_settled_once(found)


async def test_two_processes_may_drive_one_take_over(village: Village, database: Database) -> None:
    """The settlement process is running when the operator types the command."""
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    other = await backup(village, database, "other.db")
    twin = await Database.open(other.path)
    use(other, 0, START_S + HOUR_S, 10)
    now = village.until(due(1))
    service = village.submitter(twin)
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await take_over(village.settings, other, Clock(), client, village.key)
    await service.tick(now)
    await taken_over(village, other)
    for _ in range(8):
        await service.tick(now)
    await twin.close()
    assert_settled_once(facts(village, other))


async def test_a_site_that_never_settled_has_nothing_to_take_over(
    village: Village, database: Database
) -> None:
    with pytest.raises(Permanent, match="settled nothing yet"):
        await taken_over(village, database)


async def test_an_empty_database_may_not_take_over_meters_it_has_never_counted(
    village: Village, database: Database
) -> None:
    """It would take everything they use from now on for what the chain has counted already."""
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    empty = await village.open("empty.db")
    with pytest.raises(Permanent, match="restore a backup"):
        await taken_over(village, empty)
    assert await find_open(empty) is None


async def test_a_take_over_by_a_key_that_is_not_allowed_says_so(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    stranger = replace(village, key=SigningKey(Keypair.random()))
    village.localnet.fund(stranger.key.address)
    with pytest.raises(Permanent, match="has to allow it"):
        await taken_over(stranger, database)
    await village.do(
        meter.allow(village.settings.contract, village.settings.site, stranger.key.address)
    )
    await taken_over(stranger, database)
    assert_books_hold(facts(village, database))


async def configured(village: Village, database: Path) -> Path:
    """An operator's file for this village and a database, with a key that may settle."""
    secret = Keypair.random()
    key_file = village.folder / "key"
    key_file.write_text(secret.secret)
    key_file.chmod(0o600)
    village.localnet.fund(secret.public_key)
    await village.allow(SigningKey(secret))
    config = village.folder / "gateway.toml"
    config.write_text(
        f"""
        [gateway]
        name = "test"
        site = {village.settings.site}
        database = "{database}"
        [chain]
        network = "local"
        passphrase = "{PASSPHRASE}"
        rpc = ["{village.localnet.url}"]
        contract_id = "{village.settings.contract}"
        key_file = "{key_file}"
        max_fee_stroops = {village.settings.max_fee_stroops}
        [[bus]]
        name = "bus"
        port = "/dev/null"
        [[meter_point]]
        label = "house-0"
        slot = 0
        bus = "bus"
        unit_id = 1
        serial = "meter-0"
        """
    )
    return config


async def test_the_command_takes_over_and_says_from_where_it_goes_on(
    village: Village, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    other = await backup(village, database, "other.db")
    config = await configured(village, other.path)
    status = await asyncio.to_thread(main, ["take-over", "--config", str(config)])
    assert (status, "goes on after batch 1 (100 Wh settled so far)" in capsys.readouterr().out) == (
        0,
        True,
    )
    assert_books_hold(facts(village, other))


async def test_the_command_takes_over_no_meters_that_it_has_not_read(
    village: Village, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they use would be taken for what the chain has counted, though the file begins them."""
    use(database, 0, START_S, 100)
    await village.settle(database, due(0))
    config = await configured(village, village.folder / "new.db")
    config.write_text(f"{config.read_text()}first_register_wh = 0\n")
    status = await asyncio.to_thread(main, ["take-over", "--config", str(config)])
    said = capsys.readouterr().err
    assert (status, "run `gateway replace-gateway`" in said) == (1, True)
    assert "no reading of 1 meters (the first is house-0)" in said
