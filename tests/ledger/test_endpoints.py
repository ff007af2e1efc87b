"""Several RPC servers before real ledgers: who is asked, who is passed over, who is believed."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stellar_sdk import scval, xdr

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import Disputed
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.endpoints import ASIDE_S, MAX_LAG_LEDGERS, MAX_REST_S, Endpoints
from gateway.ledger.refresh import Refresher
from gateway.store.chain import find_records
from gateway.store.database import Database
from gateway.store.status import Status, find_status
from tests.ledger import village as villages
from tests.ledger.localnet import PASSPHRASE, Localnet, running
from tests.ledger.verdict import assert_settled_once, facts
from tests.ledger.village import (
    HOUR_S,
    SITE,
    START_S,
    Village,
    at,
    chain_id,
    settlement_status,
    use,
)
from tests.ledger.wire import Fault, JsonObject, Request, Rule, Wire, lose, tapped

NOW = at(START_S)
ONE = START_S + HOUR_S + 200
METERS = 5
FLAGS_AT = 37
"""In a record of 48 bytes."""


@pytest.fixture
async def village(localnet: Localnet, tmp_path: Path) -> AsyncIterator[Village]:
    async with villages.opened(localnet, tmp_path, meters=METERS) as opened:
        yield opened


@dataclass(slots=True)
class Hands:
    """A clock that a test moves.

    Args:
        now_s: what it shows, s.
    """

    now_s: float = 0.0

    def read(self) -> float:
        """What it shows."""
        return self.now_s


@asynccontextmanager
async def two(
    village: Village, first: Rule = lambda _: None, second: Rule = lambda _: None
) -> AsyncIterator[tuple[LedgerClient, Wire, Wire]]:
    """A client of two servers, both in front of the village's ledger."""
    url = village.localnet.url
    async with tapped(url, first) as one, tapped(url, second) as other:
        client = LedgerClient([one.url, other.url], PASSPHRASE)
        try:
            yield client, one, other
        finally:
            await client.close()


async def chain_status(database: Database) -> Status:
    """What the operator's page says of the chain."""
    return {one.name: one for one in await find_status(database)}["chain"]


def refresher(village: Village, database: Database, client: LedgerClient) -> Refresher:
    """A refresher over another way."""
    return Refresher(village.settings, database, Clock(), client)


async def ledger_of(endpoints: Endpoints) -> int:
    """The newest ledger, by whoever is asked."""
    latest = await endpoints.ask(
        lambda server: server.get_latest_ledger(), lambda answer: answer.sequence
    )
    return latest.sequence


async def test_the_second_server_answers_in_the_same_breath_and_the_first_comes_back(
    village: Village,
) -> None:
    hands, url = Hands(), village.localnet.url
    async with tapped(url, lose("getLatestLedger")) as one, tapped(url) as other:
        endpoints = Endpoints([one.url, other.url], PASSPHRASE, now_s=hands.read)
        await ledger_of(endpoints)
        assert "getLatestLedger" in other.methods()
        assert "can't be reached" in endpoints.troubles()
        asked = len(one.passed)
        await ledger_of(endpoints)
        assert len(one.passed) == asked, "it rests"
        one.rule = lambda _: None
        hands.now_s += MAX_REST_S
        asked = len(other.passed)
        await ledger_of(endpoints)
        assert (len(other.passed), endpoints.troubles()) == (asked, "")
        await endpoints.close()


async def test_the_page_says_which_server_is_away(village: Village, database: Database) -> None:
    everything: Rule = lambda _: Fault.LOSE_REQUEST  # noqa: E731 - a rule is a function
    async with two(village, first=everything) as (client, one, other):
        await refresher(village, database, client).tick(NOW)
        status = await chain_status(database)
        assert status.state == "online"
        assert status.message.startswith("the chain is in reach; the chain at 127.0.0.1:")
        assert urlsplit(one.url).netloc in status.message
        assert urlsplit(other.url).netloc not in status.message
    async with two(village) as (client, _, _):
        await refresher(village, database, client).tick(NOW)
    assert (await chain_status(database)).message == "the chain is in reach"


async def test_a_server_that_fails_again_and_again_rests_longer_and_longer(
    village: Village,
) -> None:
    hands, url = Hands(), village.localnet.url
    async with tapped(url, lose("getLatestLedger")) as one, tapped(url) as other:
        endpoints = Endpoints([one.url, other.url], PASSPHRASE, now_s=hands.read)
        tried = []
        for second in range(600):
            hands.now_s = float(second)
            before = len(one.passed)
            await ledger_of(endpoints)
            if len(one.passed) > before:
                tried.append(second)
        await endpoints.close()
    rests = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert rests == sorted(rests)
    assert len(tried) < 10


async def test_a_lagging_server_is_passed_over_until_it_has_caught_up(village: Village) -> None:
    """Against the other server, and against what was seen before the start."""
    hands, url = Hands(), village.localnet.url
    behind = village.localnet.ask("getLatestLedger")
    village.localnet.close_ledgers(MAX_LAG_LEDGERS + 1)
    newest = int(str(village.localnet.ask("getLatestLedger")["sequence"]))

    def lag(request: Request) -> JsonObject | None:
        return behind if request.method == "getLatestLedger" else None

    async with tapped(url, lag) as one, tapped(url) as other:
        endpoints = Endpoints([one.url, other.url], PASSPHRASE, now_s=hands.read)
        endpoints.remember(newest)
        assert await ledger_of(endpoints) == newest
        assert "lags" in endpoints.troubles()
        one.rule = lambda _: None
        hands.now_s += MAX_REST_S
        asked = len(other.passed)
        assert await ledger_of(endpoints) == newest
        assert len(other.passed) == asked
        await endpoints.close()
    async with tapped(url, lag) as one:
        alone = Endpoints([one.url], PASSPHRASE)
        alone.remember(newest)
        with pytest.raises(Transient, match="lags"):
            await ledger_of(alone)
        await alone.close()


async def test_a_lagging_server_is_not_believed_by_who_has_seen_more(
    village: Village, database: Database
) -> None:
    """It shows a time when house 0 was not yet paid for."""
    await village.pay(0, 500)
    await village.refresher(database).tick(NOW)
    with closing(sqlite3.connect(database.path)) as file, file:
        file.execute("UPDATE chain_cursor SET ledger = ledger + ?", (MAX_LAG_LEDGERS + 1,))
    async with villages.client_of(village.localnet.url) as client:
        with pytest.raises(Transient, match="lags"):
            await refresher(village, database, client).tick(NOW)
    assert (await find_records(database, SITE))[0].balance == 500


async def test_a_server_of_another_network_is_set_aside_with_an_alarm(
    village: Village, database: Database
) -> None:
    with running(START_S, passphrase="Another Network ; 1999") as elsewhere:  # noqa: S106
        urls = [elsewhere.url, village.localnet.url]
        client = LedgerClient(urls, PASSPHRASE)
        await refresher(village, database, client).tick(NOW)
        await client.close()
        status = await chain_status(database)
        assert status.state == "alarm"
        assert "belongs to another network" in status.message
        assert len(await find_records(database, SITE)) == METERS
        alone = LedgerClient([elsewhere.url], PASSPHRASE)
        with pytest.raises(Permanent, match="correct chain"):
            await alone.latest()
        await alone.close()


async def test_a_server_that_goes_back_in_time_is_set_aside_until_it_has_caught_up(
    village: Village,
) -> None:
    hands, url = Hands(), village.localnet.url
    before = village.localnet.ask("getLatestLedger")
    village.localnet.close_ledgers(MAX_LAG_LEDGERS + 1)
    async with tapped(url) as wire:
        endpoints = Endpoints([wire.url], PASSPHRASE, now_s=hands.read)
        newest = await ledger_of(endpoints)
        wire.rule = lambda request: before if request.method == "getLatestLedger" else None
        with pytest.raises(Permanent, match="went back in time"):
            await ledger_of(endpoints)
        wire.rule = lambda _: None
        with pytest.raises(Permanent, match="went back in time"):
            await ledger_of(endpoints)
        hands.now_s += ASIDE_S
        assert await ledger_of(endpoints) == newest
        assert endpoints.alarm() == ""
        await endpoints.close()


def altered(village: Village, change: Callable[[xdr.LedgerEntryData], None]) -> Rule:
    """A server that answers with other entries than the ledger holds."""

    def rule(request: Request) -> JsonObject | None:
        if request.method != "getLedgerEntries":
            return None
        answer = village.localnet.ask(request.method, request.params)
        entries = answer["entries"]
        assert isinstance(entries, list)
        for entry in entries:
            data = xdr.LedgerEntryData.from_xdr(entry["xdr"])
            change(data)
            entry["xdr"] = data.to_xdr()
        return answer

    return rule


def deactivate_all(data: xdr.LedgerEntryData) -> None:
    """A page whose meters are all switched off by the provider."""
    if data.contract_data is None or data.contract_data.val.type is not xdr.SCValType.SCV_BYTES:
        return
    page = bytearray(scval.from_bytes(data.contract_data.val))
    for slot in range(page[2]):
        page[8 + 48 * slot + FLAGS_AT] |= 1 << 1
    data.contract_data.val = scval.to_bytes(bytes(page))


async def test_two_servers_that_disagree_stop_settling_and_change_nothing(
    village: Village, database: Database
) -> None:
    await village.refresher(database).tick(NOW)
    use(database, 0, START_S, 10)
    async with two(village, second=altered(village, deactivate_all)) as (client, _, _):
        with pytest.raises(Disputed, match="disagree about 1 entries"):
            await refresher(village, database, client).tick(NOW)
        await village.submitter(database, client).tick(village.until(ONE))
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "disagree" in status.message
    assert not any(one.is_deactivated for one in (await find_records(database, SITE)).values())
    assert facts(village, database)[0].chain_wh == 0
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_what_two_servers_say_is_kept_as_said_by_two(
    village: Village, database: Database
) -> None:
    async with two(village) as (client, _, _):
        await refresher(village, database, client).tick(NOW)
    assert witnesses(database) == {2}
    await village.refresher(database).tick(NOW)
    assert witnesses(database) == {2}
    await village.pay(0, 5)
    await village.refresher(database).tick(NOW)
    assert witnesses(database) == {1, 2}


async def test_many_meters_lose_supply_only_by_the_word_of_two(
    village: Village, database: Database
) -> None:
    async with two(village) as (client, _, other):
        watching = refresher(village, database, client)
        for slot in range(METERS):
            await village.pay(slot, 500)
        await watching.tick(NOW)
        for slot in range(METERS - 1):
            await village.do(meter.deactivate_meter(village.settings.contract, chain_id(slot)))
        other.rule = lose("getLedgerEntries")
        with pytest.raises(Transient, match="4 meters would lose supply"):
            await watching.tick(NOW)
        assert off(await deactivated(database)) == 0
    async with two(village) as (client, _, _):
        await refresher(village, database, client).tick(NOW)
    assert off(await deactivated(database)) == METERS - 1
    assert witnesses(database) == {2}


async def test_few_meters_lose_supply_at_once_and_so_does_a_village_with_one_server(
    village: Village, database: Database
) -> None:
    for slot in range(METERS):
        await village.pay(slot, 500)
    async with two(village, second=lose("getLedgerEntries")) as (client, _, _):
        await refresher(village, database, client).tick(NOW)
        await village.do(meter.deactivate_meter(village.settings.contract, chain_id(0)))
        await refresher(village, database, client).tick(NOW)
    assert off(await deactivated(database)) == 1
    for slot in range(1, METERS):
        await village.do(meter.deactivate_meter(village.settings.contract, chain_id(slot)))
    await village.refresher(database).tick(NOW)
    assert off(await deactivated(database)) == METERS
    assert witnesses(database) == {1}


async def test_a_whole_village_that_used_its_credit_up_needs_no_second_word(
    village: Village, database: Database
) -> None:
    for slot in range(METERS):
        await village.pay(slot, 100)
        use(database, slot, START_S, 500)
    await village.refresher(database).tick(NOW)
    async with two(village, second=lose("getLedgerEntries")) as (client, _, _):
        submitter = village.submitter(database, client)
        for _ in range(12):
            await submitter.tick(village.until(ONE))
        await refresher(village, database, client).tick(NOW)
    assert {one.balance for one in (await find_records(database, SITE)).values()} == {-400}


async def deactivated(database: Database) -> list[bool]:
    """Who is switched off by the provider, as the store has it."""
    records = await find_records(database, SITE)
    return [records[slot].is_deactivated for slot in range(METERS)]


def off(flags: list[bool]) -> int:
    """How many are."""
    return sum(flags)


def witnesses(database: Database) -> set[int]:
    """How many servers stand for the stored records."""
    with closing(sqlite3.connect(database.path)) as file:
        return {row[0] for row in file.execute("SELECT witnesses FROM chain_witness")}
