"""A provider's contract moves from one entry per meter to pages while villages go on settling."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.errors import Transient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.contracts.calls import upload
from gateway.ledger.provision import CODE_MAX_FEE_STROOPS
from gateway.store.chain import find_records
from gateway.store.database import Database
from tests.ledger import village as villages
from tests.ledger.localnet import ROOT, Localnet
from tests.ledger.verdict import assert_settled_once, batches, facts, page_bytes
from tests.ledger.village import (
    HOUR_S,
    SITE,
    START_S,
    Village,
    chain_id,
    client_of,
    settlement_status,
    use,
)
from tests.ledger.wire import Fault, lose, tapped

DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
GRACE_S = 200
METER = (ROOT / "contracts/wasm/meter.wasm").read_bytes()


async def chain(database: Database) -> dict[int, tuple[int, int]]:
    """What the store holds of the chain: total and balance by slot."""
    found = await find_records(database, SITE)
    return {slot: (one.total_wh, one.balance) for slot, one in found.items()}


def page_count(village: Village) -> int:
    """How many records the village's first page has, holes among them."""
    return page_bytes(village.localnet, village.settings.contract, SITE)[2]


async def upgrade(village: Village) -> None:
    """Announce the pages a week ahead, then move to them."""
    contract = village.settings.contract
    await village.client.perform(upload(METER), village.admin, max_fee_stroops=CODE_MAX_FEE_STROOPS)
    code = hashlib.sha256(METER).digest()
    await village.do(upkeep.announce_upgrade(contract, code))
    village.localnet.advance(WEEK_S)
    await village.do(upkeep.upgrade(contract, code))


async def test_a_village_settles_before_during_and_after_the_migration_of_its_meters(
    localnet: Localnet, tmp_path: Path
) -> None:
    """House 2 is moved by a batch, which leaves holes before it, 1 by a payment, 0 by hand."""
    async with villages.opened(localnet, tmp_path, code="entries") as village:
        contract, database = village.settings.contract, await village.open()
        await village.pay(0, 1_000)
        for slot in range(3):
            use(database, slot, START_S, 100 + slot)
        await village.settle(database, START_S + HOUR_S + GRACE_S)
        assert (await settlement_status(database)).message == "batch 1 is settled"
        assert await chain(database) == {0: (100, 900), 1: (101, -101), 2: (102, -102)}

        use(database, 0, START_S + HOUR_S, 50)
        cut = tapped(village.localnet.url, lose("sendTransaction", Fault.LOSE_ANSWER))
        async with cut as wire, client_of(wire.url) as client:
            with pytest.raises(Transient):
                now = village.until(START_S + 2 * HOUR_S + GRACE_S)
                await village.submitter(database, client).tick(now)

        for day in range(1, 8):
            use(database, 2, START_S + day * DAY_S, 10)
        await upgrade(village)
        await village.settle(database, START_S + 8 * DAY_S)
        assert page_count(village) == 3
        assert await chain(database) == {0: (150, 850), 1: (101, -101), 2: (172, -172)}
        await village.pay(1, 5_000)
        await village.refresher(database).tick(village.until(START_S + 8 * DAY_S))
        assert await chain(database) == {0: (150, 850), 1: (101, 4_899), 2: (172, -172)}

        await village.do(meter.migrate_meter(contract, chain_id(0)))
        for slot in range(3):
            use(database, slot, START_S + 8 * DAY_S, 7)
        await village.settle(database, START_S + 8 * DAY_S + HOUR_S + GRACE_S)
        assert await chain(database) == {0: (157, 843), 1: (108, 4_892), 2: (179, -179)}
        assert_settled_once(facts(village, database))
        assert [row[0] for row in batches(database)] == [1, 2, 3, 4]
