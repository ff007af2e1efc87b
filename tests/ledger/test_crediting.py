"""Payments taken on site go on chain once, whatever happens, and count once at every moment.

The verdict is read from the ledger's page and the store's file: at any moment what counts for a
meter is the balance that is stored plus what is still local, and that is all that was ever paid.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from gateway.domain.credits import Credit
from gateway.errors import Transient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.keys import SigningKey
from gateway.ledger.site import read_site
from gateway.store.crediting import CreditTerms, compose_credit
from gateway.store.credits import Payment, take_payment
from gateway.store.database import Database
from gateway.store.floats import Adoption, Seen, adopt_float
from gateway.store.outbox import find_open
from gateway.store.status import Status, find_status
from gateway.store.supply import SupplyBook
from tests.ledger.localnet import ROOT
from tests.ledger.test_faults import SECRET, settle_job, settlement_processes
from tests.ledger.test_interrupted import STOPPED
from tests.ledger.verdict import assert_settled_once, facts, page_bytes
from tests.ledger.village import HOUR_S, SITE, START_S, Village, client_of, point_setting, use
from tests.ledger.wire import Fault, Request, Rule, lose, tapped

LATER_S = START_S + 2 * HOUR_S


@pytest.fixture
async def village(village: Village) -> Village:
    """The same, with money in its float."""
    await fund(village, 1_000_000)
    return village


async def fund(village: Village, stroops: int) -> None:
    contract = village.settings.contract
    await village.do(meter.fund_float(contract, village.admin.address, SITE, stroops))


async def pay(database: Database, slot: int, stroops: int, key: str, at_s: int = START_S) -> None:
    """Cash for a house."""
    payment = Payment(f"house-{slot}", "cash", stroops, "amina", at_s, key)
    await take_payment(database, payment)


def on_chain(village: Village, meters: int = 3) -> list[int]:
    """Balances by slot, out of the ledger's page."""
    data = page_bytes(village.localnet, village.settings.contract, SITE)
    return [struct.unpack_from(">Qq", data, 8 + 48 * slot)[1] for slot in range(meters)]


def counted(database: Database, meters: int = 3) -> list[int]:
    """What counts for each meter: the stored balance and what is local still."""
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
        rows = file.execute(
            """SELECT slot, IFNULL((SELECT balance FROM chain_meter c
                                    WHERE c.meter_point_id = p.meter_point_id), 0)
                 + IFNULL((SELECT SUM(amount_stroops) FROM local_credit l
                           WHERE l.meter_point_id = p.meter_point_id AND state = 'local'), 0)
               FROM meter_point p ORDER BY slot"""
        ).fetchall()
    return [stroops for _, stroops in rows[:meters]]


def states(database: Database) -> list[str]:
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
        return [row[0] for row in file.execute("SELECT state FROM local_credit ORDER BY receipt")]


async def credits_status(database: Database) -> Status:
    return {one.name: one for one in await find_status(database)}["credits"]


async def go_on(village: Village, database: Database, second: int = LATER_S) -> None:
    """A gateway that has just started does all there is to do."""
    now = village.until(second)
    submitter = village.submitter(database)
    for _ in range(8):
        await submitter.tick(now)
    assert await find_open(database) is None, await find_status(database)


async def stop(village: Village, database: Database, rule: Rule) -> datetime:
    """A credit stops in a state of the outbox; returns when that is."""
    now = village.until(LATER_S)
    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        with pytest.raises(Transient):
            for _ in range(4):
                await submitter.tick(now)
    return now


@asynccontextmanager
async def copied(village: Village, database: Database) -> AsyncIterator[Database]:
    with (
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(village.folder / "copy.db")) as copy,
    ):
        source.backup(copy)
    yield await village.open("copy.db")


async def test_payments_go_on_chain_as_one_sum_per_meter(
    village: Village, database: Database
) -> None:
    for number, (slot, stroops) in enumerate([(0, 300), (2, 500), (0, 7)]):
        await pay(database, slot, stroops, f"k{number}")
    await go_on(village, database)
    assert on_chain(village) == counted(database) == [307, 0, 500]
    assert states(database) == ["on_chain"] * 3
    assert (await credits_status(database)).message == "credit 1 is on chain"
    await pay(database, 1, 11, "next", LATER_S)
    await go_on(village, database, LATER_S + HOUR_S)
    assert on_chain(village) == counted(database) == [307, 11, 500]


async def test_a_fresh_payment_waits_for_others_but_not_beyond_its_hour(
    village: Village, database: Database
) -> None:
    await pay(database, 0, 5, "a")
    await go_on(village, database, START_S + HOUR_S - 1)
    assert states(database) == ["local"]
    await go_on(village, database, START_S + HOUR_S)
    assert states(database) == ["on_chain"]


@pytest.mark.parametrize("stopped", STOPPED)
async def test_lost_requests_and_answers_credit_nothing_twice(
    village: Village, database: Database, stopped: str
) -> None:
    rule, state = STOPPED[stopped]
    await pay(database, 0, 300, "a")
    await pay(database, 1, 40, "b")
    now = await stop(village, database, rule)
    assert counted(database) == [300, 40, 0]
    outgoing = await find_open(database)
    assert outgoing is not None
    assert (outgoing.kind, outgoing.state) == ("credit", state)
    await pay(database, 0, 5, "c", LATER_S)
    await village.refresher(database).tick(now)
    assert counted(database) == [305, 40, 0]
    await go_on(village, database, LATER_S + village.settings.valid_for_s + 1)
    assert counted(database) == [305, 40, 0]
    await go_on(village, database, LATER_S + HOUR_S)
    assert on_chain(village) == counted(database) == [305, 40, 0]
    assert states(database) == ["on_chain"] * 3


async def test_a_payment_counts_once_between_any_two_requests(
    village: Village, database: Database
) -> None:
    """Someone else refreshes, and supply asks, at each request on the way of a credit."""
    seen = []
    await pay(database, 0, 300, "a")
    now = village.until(LATER_S)
    watcher = village.refresher(database)
    book = SupplyBook(database)

    async def look() -> None:
        await watcher.tick(now)
        facts_of = (await book.find(LATER_S))[0].facts
        balance = facts_of.record.balance_stroops if facts_of.record else 0
        seen.append(facts_of.credit_stroops + balance)

    await look()
    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        for cut in range(1, 12):
            wire.passed.clear()

            def rule(request: Request, cut: int = cut) -> Fault | None:
                return Fault.LOSE_ANSWER if request.number == cut else None

            wire.rule = rule
            try:
                for _ in range(6):
                    await submitter.tick(now)
                    await look()
            except Transient:
                await look()
    assert set(seen) == {300}
    assert on_chain(village)[0] == 300


async def test_the_process_may_be_killed_at_any_request_and_no_payment_is_lost_or_doubled(
    village: Village, database: Database, tmp_path: Path
) -> None:
    """SIGKILL when request n arrives, before or after the ledger has seen it, for every n."""
    key_file = tmp_path / "key"
    key_file.write_text(SECRET.secret)
    key_file.chmod(0o600)
    village = village.with_key(SigningKey(SECRET))
    village.localnet.fund(village.key.address)
    await village.allow(village.key)
    paid, kills, taken = [0, 0, 0], 0, 0
    async with settlement_processes() as processes:
        for number in range(1, 12):
            for fault in (Fault.LOSE_REQUEST, Fault.LOSE_ANSWER):
                taken += 1
                await pay(database, taken % 3, 100 + taken, f"k{taken}")
                paid[taken % 3] += 100 + taken
                now_s = LATER_S + 900 * taken
                village.until(now_s)
                job = settle_job(village, database, key_file, 0) | {"now_s": now_s}
                del job["until_s"]
                kills += await processes.run(village, job, (number, fault))
                assert counted(database) == paid
        assert not await processes.run(village, job)
    assert kills >= 12
    assert on_chain(village) == counted(database) == paid
    assert set(states(database)) == {"on_chain"}


async def test_a_float_too_small_is_said_and_stops_no_settling(
    village: Village, database: Database
) -> None:
    contract, operator = village.settings.contract, village.admin.address
    await village.do(meter.withdraw_float(contract, SITE, operator, 1_000_000 - 350))
    for number in range(3):
        await pay(database, number, 300, f"k{number}")
    use(database, 0, START_S, 10)
    await go_on(village, database)
    assert states(database) == ["on_chain", "local", "local"]
    assert on_chain(village) == [290, 0, 0]
    assert counted(database) == [290, 300, 300]
    assert_settled_once(facts(village, database))
    status = await credits_status(database)
    assert status.state == "alarm"
    assert status.message == (
        "the site's float lacks 0.000025 tokens for the oldest payment: the operator funds it "
        "(`gateway admin float fund`); payments taken here count here and wait"
    )
    await fund(village, 250)
    await go_on(village, database)
    assert states(database) == ["on_chain", "on_chain", "local"]
    await fund(village, 1_000)
    await go_on(village, database)
    assert on_chain(village) == counted(database) == [290, 300, 300]
    assert (await credits_status(database)).state == "online"


async def test_a_float_emptied_between_look_and_signature_frees_the_payments(
    village: Village, database: Database
) -> None:
    contract, operator = village.settings.contract, village.admin.address
    await pay(database, 0, 300, "a")
    await stop(village, database, lose("simulateTransaction"))
    await village.do(meter.withdraw_float(contract, SITE, operator, 1_000_000))
    await go_on(village, database)
    message = (await credits_status(database)).message
    assert message.startswith("the site's float does not hold that much")
    assert counted(database) == [300, 0, 0]
    await fund(village, 1_000)
    await go_on(village, database)
    assert on_chain(village) == counted(database) == [300, 0, 0]


async def test_a_paused_contract_is_waited_out_while_payments_count(
    village: Village, database: Database
) -> None:
    await pay(database, 0, 300, "a")
    await village.do(upkeep.pause(village.settings.contract))
    await go_on(village, database)
    assert ((await credits_status(database)).state, states(database)) == ("offline", ["local"])
    await village.do(upkeep.unpause(village.settings.contract))
    await go_on(village, database)
    assert states(database) == ["on_chain"]


async def test_a_meter_that_the_contract_does_not_know_waits_and_holds_nobody_up(
    village: Village,
) -> None:
    wider = replace(village, meters=4)
    database = await wider.open()
    await pay(database, 3, 50, "a")
    await go_on(wider, database)
    assert (
        "the first is slot 3: the provider has to register it"
        in (await credits_status(database)).message
    )
    await pay(database, 1, 60, "b")
    await go_on(wider, database)
    assert (states(database), counted(database, 4)) == (["local", "on_chain"], [0, 60, 0, 50])
    contract, owner = village.settings.contract, village.admin.address
    await village.do(
        meter.register_meter(
            contract, SITE << 32 | 3, owner, point_setting(3).max_power_w, "prepaid"
        )
    )
    await go_on(wider, database)
    assert on_chain(wider, 4) == counted(database, 4) == [0, 60, 0, 50]


async def test_what_the_contract_refuses_is_told_by_meter_and_never_counts_twice(
    village: Village,
) -> None:
    """The meter seemed to be registered when the credit was composed."""
    wider = replace(village, meters=4)
    database = await wider.open()
    await pay(database, 3, 50, "a")
    await pay(database, 1, 60, "b")
    now = wider.until(LATER_S)
    settings = wider.settings
    answer = await read_site(wider.client, settings, database)
    assert answer.state.site_float is not None
    records = {**answer.state.records, 3: answer.state.records[1]}
    seen = Seen(answer.state.site_float, records, answer.state.ledger, answer.state.as_of_s)
    terms = CreditTerms(SITE, settings.contract, settings.network_id, 100)
    await compose_credit(database, terms, seen, int(now.timestamp()))
    await go_on(wider, database)
    assert states(database) == ["refused", "on_chain"]
    assert counted(database, 4) == [0, 60, 0, 0]
    rows = await database.fetch_all("SELECT detail FROM event WHERE kind = 'credit-refused'")
    assert [row["detail"][:34] for row in rows] == ["50 stroops for slot 3 were refused"]


async def test_two_copies_that_take_other_payments_under_one_number_halt_one_of_them(
    village: Village, database: Database
) -> None:
    await pay(database, 0, 300, "a")
    await go_on(village, database)
    async with copied(village, database) as copy:
        await pay(database, 1, 10, "b", LATER_S)
        await pay(copy, 2, 20, "c", LATER_S)
        await go_on(village, database, LATER_S + HOUR_S)
        await go_on(village, copy, LATER_S + HOUR_S)
        status = await credits_status(copy)
        assert status.state == "alarm"
        assert "is at credit 2 and this database knows 1" in status.message
        assert (on_chain(village), states(copy)[1]) == ([300, 10, 0], "local")
        await village.refresher(copy).tick(village.until(LATER_S + HOUR_S))
        assert counted(copy)[2] == 20
        await adopt_float(copy, SITE, Adoption((), "amina", LATER_S))
        await go_on(village, copy, LATER_S + 2 * HOUR_S)
        assert on_chain(village) == counted(copy) == [300, 10, 20]


@pytest.mark.parametrize("stopped", STOPPED)
async def test_two_copies_that_hold_one_credit_put_it_on_chain_once(
    village: Village, database: Database, stopped: str
) -> None:
    await pay(database, 0, 300, "a")
    now = await stop(village, database, STOPPED[stopped][0])
    async with copied(village, database) as copy:
        for one in (copy, database):
            await go_on(village, one, LATER_S + village.settings.valid_for_s + 1)
            await village.refresher(one).tick(now)
            assert (states(one), counted(one)) == (["on_chain"], [300, 0, 0])
    assert on_chain(village) == [300, 0, 0]


async def test_what_a_restored_copy_finds_on_chain_is_adopted_and_not_sent_again(
    village: Village, database: Database
) -> None:
    await pay(database, 0, 300, "a")
    await pay(database, 1, 40, "b")
    async with copied(village, database) as copy:
        await go_on(village, database)
        await pay(copy, 2, 5, "c", LATER_S)
        await go_on(village, copy, LATER_S + HOUR_S)
        assert (await credits_status(copy)).state == "alarm"
        await village.refresher(copy).tick(village.until(LATER_S + HOUR_S))
        await adopt_float(copy, SITE, Adoption((1, 2), "amina", LATER_S))
        assert counted(copy) == [300, 40, 5]
        await go_on(village, copy, LATER_S + 2 * HOUR_S)
        assert on_chain(village) == counted(copy) == [300, 40, 5]


def test_a_credit_has_the_digest_of_the_contract() -> None:
    """As tests/vectors/credit.json holds the contract to."""
    vector = json.loads((ROOT / "tests" / "vectors" / "credit.json").read_text())["digests"][0]
    amounts = tuple((one["meter_id"] & 0xFFFFFFFF, one["amount"]) for one in vector["top_ups"])
    credit = Credit(vector["site"], vector["sequence"], amounts)
    assert {one["plan"] for one in vector["top_ups"]} == {3}
    digest = credit.digest(
        bytes.fromhex(vector["previous_digest"]),
        bytes.fromhex(vector["network_id"]),
        vector["contract"],
    )
    assert digest.hex() == vector["digest"]
