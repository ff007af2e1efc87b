"""A long outage is settled oldest first, in several batches, and says how far it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from gateway.ledger.backlog import Backlog
from gateway.ledger.contracts import meter, upkeep
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.status import find_status
from tests.ledger.localnet import ROOT
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, chain_id, settlement_status, use

DAY_S = 24 * HOUR_S
ROWS = 8


@dataclass(slots=True)
class Watch:
    """A clock that a test moves.

    Args:
        now_s: what it shows, s.
    """

    now_s: float = 0.0

    def read(self) -> float:
        """What it shows."""
        return self.now_s


def test_the_time_left_follows_the_measured_pace() -> None:
    watch = Watch()
    backlog = Backlog(watch.read)
    backlog.composed(0)
    assert backlog.progress(0, 31 * DAY_S) == "settling the backlog: 0 of 31 days done"
    watch.now_s = 120.0
    backlog.composed(12 * DAY_S)
    told = backlog.progress(12 * DAY_S, 31 * DAY_S)
    assert told == "settling the backlog: 12 of 31 days done, about 4 min left"
    watch.now_s = 12 * 3600.0
    told = backlog.progress(12 * DAY_S, 31 * DAY_S)
    assert told == "settling the backlog: 12 of 31 days done, about 19 h left"
    assert backlog.progress(31 * DAY_S, 31 * DAY_S) is None


def test_what_is_due_every_day_is_no_backlog() -> None:
    backlog = Backlog()
    backlog.composed(0)
    assert backlog.progress(HOUR_S, DAY_S) is None


async def live(database: Database, days: int) -> None:
    """Two houses use something each day."""
    for day in range(days):
        for slot in range(2):
            use(database, slot, START_S + day * DAY_S + slot * HOUR_S, 100 + day)


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as ten thousand meters would be, in small."""
    monkeypatch.setattr("gateway.store.batches.MAX_ROWS", ROWS)


async def test_a_backlog_is_settled_oldest_first_with_progress(
    village: Village, database: Database
) -> None:
    await live(database, 20)
    now = village.until(START_S + 20 * DAY_S + 200)
    submitter = village.submitter(database)
    told = []
    for _ in range(40):
        await submitter.tick(now)
        told.append((await settlement_status(database)).message)
    periods = [row[1:3] for row in batches(database)]
    assert len(periods) > 3
    assert [start for start, _ in periods[1:]] == [end for _, end in periods[:-1]]
    assert "settling the backlog: 0 of 20 days done" in told
    assert any("3 of 20 days done, about 1 min left" in one for one in told)
    assert told[-1] == f"batch {len(periods)} is settled"
    assert_settled_once(facts(village, database))


async def test_a_backlog_waits_for_a_paused_contract_and_goes_on(
    village: Village, database: Database
) -> None:
    await live(database, 20)
    second = START_S + 20 * DAY_S + 200
    now = village.until(second)
    submitter = village.submitter(database)
    for _ in range(4):
        await submitter.tick(now)
    await village.do(upkeep.pause(village.settings.contract))
    for _ in range(8):
        await submitter.tick(now)
    status = await settlement_status(database)
    assert (status.state, "paused" in status.message) == ("offline", True)
    await village.do(upkeep.unpause(village.settings.contract))
    await village.settle(database, second, ticks=40)
    assert_settled_once(facts(village, database))


async def test_a_backlog_goes_on_after_the_contract_was_upgraded(
    village: Village, database: Database
) -> None:
    await live(database, 20)
    second = START_S + 20 * DAY_S + 200
    now = village.until(second)
    submitter = village.submitter(database)
    for _ in range(4):
        await submitter.tick(now)
    done = len(batches(database))
    code = hashlib.sha256((ROOT / "contracts/wasm/meter.wasm").read_bytes()).digest()
    contract = village.settings.contract
    await village.do(upkeep.announce_upgrade(contract, code))
    village.localnet.advance(8 * DAY_S)
    await village.do(upkeep.upgrade(contract, code))
    assert done < 5
    await village.settle(database, second + 8 * DAY_S, ticks=40)
    assert len(batches(database)) > done
    assert_settled_once(facts(village, database))


async def test_a_batch_in_flight_is_found_by_its_receipt_more_than_a_week_later(
    village: Village, database: Database
) -> None:
    """The network remembers transactions for a week; the contract keeps the receipt."""
    await live(database, 3)
    second = START_S + 3 * DAY_S + 200
    now = village.until(second)
    submitter = village.submitter(database)
    while (outgoing := await find_open(database)) is None or outgoing.signed is None:
        await submitter.tick(now)
    asked = {"hash": outgoing.signed.tx_hash}
    assert village.localnet.ask("getTransaction", asked)["status"] == "SUCCESS"
    for day in range(3, 30):
        use(database, 0, START_S + day * DAY_S, 100 + day)
    village.localnet.leave_alone(30 * DAY_S)
    assert village.localnet.ask("getTransaction", asked)["status"] == "NOT_FOUND"
    await village.settle(database, START_S + 33 * DAY_S, ticks=40)
    assert {row[4] for row in batches(database)} == {"confirmed"}
    assert_settled_once(facts(village, database))


async def test_a_deactivated_meter_does_not_hold_up_a_backlog(
    village: Village, database: Database
) -> None:
    await live(database, 20)
    await village.do(meter.deactivate_meter(village.settings.contract, chain_id(1)))
    await village.settle(database, START_S + 20 * DAY_S + 200, ticks=60)
    found = facts(village, database)
    assert found[0].chain_wh == found[0].usage_wh
    assert found[1].residue_wh == found[1].usage_wh
    assert_settled_once(found)
    assert not [one for one in await find_status(database) if one.state == "alarm"]
