"""A village that nobody reaches for months: its contract is left alone, its meters are read on.

The network keeps entries for 180 days at most and archives what nobody renews. Verdicts compare
the meters' registers, which these tests keep themselves, with the store's file and the ledger.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from stellar_sdk import xdr

from gateway.errors import Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.limits import Limits
from gateway.ledger.site import read_site
from gateway.store.chain import find_records
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.status import find_status
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.verdict import assert_settled_once, facts
from tests.ledger.village import (
    HOUR_S,
    PRICE,
    SITE,
    START_S,
    Village,
    client_of,
    settlement_status,
    use,
)
from tests.ledger.wire import Fault, JsonObject, Request, tapped

DAY_S = 24 * HOUR_S
FEE_FOR_RESTORING = 1_000_000_000
CREDIT = 10_000_000


@dataclass(slots=True)
class Registers:
    """The meters of the village, as the truth behind everything.

    Args:
        village: where they are.
        database: where they are counted.
        shown_wh: what each has counted.
    """

    village: Village
    database: Database
    shown_wh: Counter[int] = field(default_factory=Counter)

    def run(self, slot: int, start_s: int, usage_wh: int) -> None:
        """A meter runs for a quarter-hour."""
        self.shown_wh[slot] += usage_wh
        use(self.database, slot, start_s, usage_wh)

    async def live(self, from_s: int, days: int) -> None:
        """Everybody uses energy every day, while nobody reaches the village."""
        for day in range(days):
            for slot in range(self.village.meters):
                self.run(slot, from_s + day * DAY_S + slot * HOUR_S, 300 + 10 * slot + day)
        self.village.localnet.leave_alone(days * DAY_S)

    def assert_nothing_lost(self) -> None:
        """Register, store and ledger agree to the Wh, and each Wh was paid for once."""
        found = facts(self.village, self.database)
        assert_settled_once(found)
        for slot, one in found.items():
            assert one.chain_wh == one.usage_wh == self.shown_wh[slot]
            assert one.residue_wh == 0
            paid = CREDIT if slot == 0 else 0
            assert one.balance == paid - self.shown_wh[slot] * PRICE.standard // 1000


def life_left(village: Village) -> dict[str, int]:
    """Ledgers until each of the site's entries is archived; below zero it is."""
    contract = village.settings.contract
    keys = {
        "receipt": meter.receipt_key(contract, SITE),
        "page": meter.page_key(contract, SITE, 0),
        "price": meter.price_key(contract, 1),
    }
    answer = village.localnet.ask("getLedgerEntries", {"keys": [k.to_xdr() for k in keys.values()]})
    entries = answer["entries"]
    assert isinstance(entries, list)
    assert len(entries) == len(keys)
    ends = {one["key"]: one["liveUntilLedgerSeq"] for one in entries}
    latest = int(str(answer["latestLedger"]))
    return {name: ends[key.to_xdr()] - latest for name, key in keys.items()}


async def a_first_hour(village: Village, database: Database) -> Registers:
    """The village pays, uses and settles something; then the connection breaks."""
    registers = Registers(village, database)
    await village.pay(0, CREDIT)
    for slot in range(village.meters):
        registers.run(slot, START_S, 100)
    await village.settle(database, START_S + HOUR_S + 200)
    registers.assert_nothing_lost()
    return registers


async def chain_condition(database: Database) -> str:
    """What the operator's page says of the chain."""
    return {one.name: one.message for one in await find_status(database)}["chain"]


async def test_a_village_left_alone_for_170_days_settles_as_if_it_were_the_next_day(
    village: Village, database: Database
) -> None:
    registers = await a_first_hour(village, database)
    await registers.live(START_S + HOUR_S, 170)
    assert min(life_left(village).values()) > 0
    now = village.until(START_S + 170 * DAY_S + 2 * HOUR_S)
    await village.refresher(database).tick(now)
    assert await chain_condition(database) == "the chain is in reach"
    await village.settle(database, START_S + 170 * DAY_S + 2 * HOUR_S)
    registers.assert_nothing_lost()


async def test_a_village_left_alone_for_200_days_restores_its_contract_and_goes_on(
    village: Village, database: Database
) -> None:
    registers = await a_first_hour(village, database)
    await registers.live(START_S + HOUR_S, 200)
    assert max(life_left(village).values()) < 0
    again_s = START_S + 200 * DAY_S + 2 * HOUR_S
    now = village.until(again_s)
    await village.refresher(database).tick(now)
    assert "2 entries of the contract are archived" in await chain_condition(database)
    assert len(await find_records(database, SITE)) == village.meters

    await village.submitter(database).tick(now)
    status = await settlement_status(database)
    assert status.state == "alarm"
    assert "has archived 6 of its entries" in status.message
    asked = int(status.message.partition("set it to at least ")[2].split(",")[0])

    settings = replace(village.settings, max_fee_stroops=asked + asked // 20)
    restoring = replace(village, settings=settings)
    await restoring.settle(database, again_s)
    registers.assert_nothing_lost()
    assert min(life_left(village).values()) > 0
    await village.refresher(database).tick(now)
    assert await chain_condition(database) == "the chain is in reach"
    registers.run(1, again_s, 77)
    await village.settle(database, again_s + 2 * HOUR_S)
    registers.assert_nothing_lost()


@pytest.mark.parametrize(
    "lost", [None, Fault.LOSE_REQUEST, Fault.LOSE_ANSWER], ids=["all well", "request", "answer"]
)
@pytest.mark.parametrize("killed", [False, True], ids=["in one go", "killed after each step"])
async def test_what_one_transaction_cannot_restore_is_restored_before_it_in_parts(
    village: Village, database: Database, *, killed: bool, lost: Fault | None
) -> None:
    """Six entries with the code among them, limits that let two through, and a bad line."""
    registers = await a_first_hour(village, database)
    await registers.live(START_S + HOUR_S, 200)
    now = village.until(START_S + 200 * DAY_S + 2 * HOUR_S)
    settings = replace(village.settings, max_fee_stroops=FEE_FOR_RESTORING)
    rich = replace(village, settings=settings)

    def first_send(request: Request) -> Fault | None:
        first = request.method == "sendTransaction" and len(wire.sent()) == 1
        return lost if first else None

    async with tapped(village.localnet.url, first_send) as wire:
        client = LedgerClient([wire.url], PASSPHRASE, Limits(disk_read_entries=2))
        submitter = rich.submitter(database, client)
        for _ in range(12):
            if killed:
                submitter = rich.submitter(database, client)
            with suppress(Transient):
                await submitter.tick(now)
        await client.close()
    assert await find_open(database) is None
    restoring, calling = xdr.OperationType.RESTORE_FOOTPRINT, xdr.OperationType.INVOKE_HOST_FUNCTION
    assert [operation(one) for one in dict.fromkeys(wire.sent())] == [restoring, restoring, calling]
    registers.assert_nothing_lost()


def operation(envelope: str) -> xdr.OperationType:
    """What a signed envelope does."""
    signed = xdr.TransactionEnvelope.from_xdr(envelope).v1
    assert signed is not None
    return signed.tx.operations[0].body.type


async def test_a_household_may_be_the_first_to_use_a_contract_that_was_left_alone(
    village: Village, database: Database
) -> None:
    """A wallet's simulation restores what the payment needs; the gateway sees it afterwards."""
    registers = await a_first_hour(village, database)
    await registers.live(START_S + HOUR_S, 200)
    await village.pay(1, 5_000)
    again_s = START_S + 200 * DAY_S + 2 * HOUR_S
    await village.refresher(database).tick(village.until(again_s))
    records = await find_records(database, SITE)
    assert records[1].balance == 5_000 - cost(100)
    assert records[2].balance == -cost(100)


def cost(usage_wh: int) -> int:
    """Stroops for usage at the standard rate."""
    return usage_wh * PRICE.standard // 1000


@pytest.mark.parametrize("said", [None, 0], ids=["no life at all", "a life until ledger 0"])
async def test_an_archived_entry_is_none_that_is_missing_however_a_server_says_it(
    village: Village, database: Database, said: int | None
) -> None:
    """Servers differ: https://github.com/stellar/stellar-rpc/issues/413."""
    await a_first_hour(village, database)

    def evicted(request: Request) -> JsonObject | None:
        if request.method != "getLedgerEntries":
            return None
        answer = village.localnet.ask(request.method, request.params)
        entries = answer["entries"]
        assert isinstance(entries, list)
        for entry in entries:
            if entry.pop("liveUntilLedgerSeq", None) is not None and said is not None:
                entry["liveUntilLedgerSeq"] = said
        return answer

    async with tapped(village.localnet.url, evicted) as wire, client_of(wire.url) as client:
        answer = await read_site(client, village.settings, database, village.key.address)
    assert answer.archived == 2
    assert answer.account_sequence is not None
    assert answer.state.receipt is not None
    assert len(answer.state.records) == village.meters
