"""Exactly once, whatever happens on the way: every request lost, every answer lost, every kill.

The verdict is read from raw ledger bytes and the store's file, not from the code under test.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from stellar_sdk import Keypair, xdr

from gateway.errors import Transient
from gateway.ledger.contracts import meter
from gateway.ledger.keys import SigningKey
from gateway.store.database import Database
from gateway.store.outbox import find_open
from tests.ledger.localnet import ROOT
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, at, client_of, settlement_status, use
from tests.ledger.wire import Fault, JsonObject, Request, Rule, lose, tapped

GRACE_S = 200
ONE = START_S + HOUR_S + GRACE_S
TICKS = 12


def due(hour: int) -> int:
    """When the usage of an hour may be settled."""
    return START_S + (hour + 1) * HOUR_S + GRACE_S


async def tick_until_cut(village: Village, database: Database, second: int, rule: Rule) -> int:
    """Settle over a faulty wire until it fails or is done; returns the requests that passed."""
    now = village.until(second)
    async with tapped(village.localnet.url, rule) as wire, client_of(wire.url) as client:
        submitter = village.submitter(database, client)
        try:
            for _ in range(TICKS):
                await submitter.tick(now)
        except Transient:
            pass
        return len(wire.passed)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_any_request_may_meet_a_fault_and_the_gateway_start_again(
    village: Village, database: Database, fault: Fault
) -> None:
    """Round n has a fault at request n; a fresh submitter then finishes over a sound wire."""
    number = passed = 0
    while passed >= number:
        number += 1
        for slot in range(3):
            use(database, slot, START_S + number * HOUR_S, 10 * slot + number)

        def rule(request: Request, at_number: int = number) -> Fault | None:
            return fault if request.number == at_number else None

        passed = await tick_until_cut(village, database, due(number), rule)
        await village.settle(database, due(number))
        assert_settled_once(facts(village, database))
    assert number > 9
    assert [row[0] for row in batches(database)] == list(range(1, number + 1))
    assert {row[4] for row in batches(database)} == {"confirmed"}


async def test_the_process_may_be_killed_at_any_request_and_nothing_is_lost_or_doubled(
    village: Village, database: Database, tmp_path: Path
) -> None:
    """SIGKILL when request n arrives, before or after the ledger has seen it, for every n.

    Each process first recovers what the one before it left behind, whatever that was.
    """
    key_file = tmp_path / "key"
    key_file.write_text(SECRET.secret)
    key_file.chmod(0o600)
    village = village.with_key(SigningKey(SECRET))
    village.localnet.fund(village.key.address)
    await village.allow(village.key)
    hour = kills = 0
    async with settlement_processes() as processes:
        for number in range(1, 20):
            for fault in (Fault.LOSE_REQUEST, Fault.LOSE_ANSWER):
                hour += 1
                use(database, hour % 3, START_S + hour * HOUR_S, 100 + hour)
                village.until(due(hour))
                job = settle_job(village, database, key_file, hour)
                kills += await processes.run(village, job, (number, fault))
        hour += 1
        use(database, 0, START_S + hour * HOUR_S, 1)
        village.until(due(hour))
        assert not await processes.run(village, settle_job(village, database, key_file, hour))
    assert kills >= 20
    assert_settled_once(facts(village, database))
    assert {row[4] for row in batches(database)} == {"confirmed"}


SECRET = Keypair.random()


def settle_job(village: Village, database: Database, key_file: Path, hour: int) -> JsonObject:
    """What a settlement process is told."""
    return {
        "settings": asdict(village.settings),
        "database": str(database.path),
        "key_file": str(key_file),
        "now_s": due(hour),
        "until_s": START_S + (hour + 1) * HOUR_S,
    }


@dataclass(frozen=True, slots=True)
class Processes:
    """Settlement processes, one after the other.

    Args:
        stdin: takes one job a line.
        stdout: gives process id and exit status, a line each.
    """

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader

    async def run(
        self, village: Village, job: JsonObject, cut: tuple[int, Fault] | None = None
    ) -> bool:
        """Run one job to its end; True when it was killed at the request that ``cut`` names."""
        process_id = 0

        def rule(request: Request) -> Fault | None:
            return cut[1] if cut and request.number == cut[0] else None

        async with tapped(village.localnet.url, rule) as wire:
            wire.on_lost = lambda: os.kill(process_id, signal.SIGKILL)
            settings = dict(asdict(village.settings), rpc_urls=[wire.url])
            self.stdin.write(json.dumps(job | {"settings": settings}).encode() + b"\n")
            process_id = int(await self.stdout.readline())
            status = int(await self.stdout.readline())
        assert status in (0, signal.SIGKILL)
        return status == signal.SIGKILL


@asynccontextmanager
async def settlement_processes() -> AsyncIterator[Processes]:
    """A program that starts settlement processes, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.ledger.process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Processes(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        await process.wait()


async def test_the_same_envelope_goes_again_while_it_may_still_be_applied(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    async with tapped(village.localnet.url, lose("sendTransaction")) as wire:
        for _ in range(3):
            async with client_of(wire.url) as client:
                with pytest.raises(Transient):
                    await village.submitter(database, client).tick(now)
        assert len(wire.sent()) == 3
        assert len(set(wire.sent())) == 1
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_the_same_batch_is_signed_anew_once_its_time_has_passed_by_ledger_time(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        for advance_s in (0, village.settings.valid_for_s, 1):
            village.localnet.advance(advance_s)
            with pytest.raises(Transient):
                await village.submitter(database, client).tick(now)
        first, again, anew = wire.sent()
    assert first == again != anew
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))
    assert [row[0] for row in batches(database)] == [1]


async def test_a_busy_network_gets_the_same_envelope_again(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    busy: JsonObject = {
        "status": "TRY_AGAIN_LATER",
        "hash": "0" * 64,
        "latestLedger": 1,
        "latestLedgerCloseTime": "1",
    }

    def rule(request: Request) -> JsonObject | None:
        early = sum(one == "sendTransaction" for one in wire.methods()) <= 2
        return busy if request.method == "sendTransaction" and early else None

    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        wire.rule = rule
        submitter = village.submitter(database, client)
        for _ in range(TICKS):
            await submitter.tick(now)
        assert len(wire.sent()) == 3
        assert len(set(wire.sent())) == 1
    assert_settled_once(facts(village, database))


async def test_an_account_used_by_another_tool_does_not_stop_settling(
    village: Village, database: Database
) -> None:
    """Its sequence number is gone, so the envelope is dead and the batch is signed anew."""
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    cut = tapped(village.localnet.url, lose("sendTransaction"))
    async with cut as wire, client_of(wire.url) as client:
        with pytest.raises(Transient):
            await village.submitter(database, client).tick(now)
    await village.do(meter.extend(village.settings.contract, village.settings.site), village.key)
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_a_server_that_lags_behind_is_not_believed(
    village: Village, database: Database
) -> None:
    """It shows the receipt before our last batch; nothing is sent on the strength of that."""
    use(database, 0, START_S, 10)
    await village.settle(database, ONE)
    use(database, 0, START_S + HOUR_S, 20)
    now = village.until(due(1))
    async with tapped(village.localnet.url) as wire, client_of(wire.url) as client:
        latest = village.localnet.ask("getLatestLedger")
        ahead = latest | {"sequence": int(str(latest["sequence"])) + 5}
        wire.rule = lambda request: ahead if request.method == "getLatestLedger" else None
        with pytest.raises(Transient, match="lags behind"):
            await village.submitter(database, client).tick(now)
        assert wire.sent() == []
    await village.settle(database, due(1))
    assert_settled_once(facts(village, database))


async def test_a_server_that_talks_nonsense_is_a_fault_of_the_way(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    portal = tapped(village.localnet.url, lambda _: {"portal": "please log in"})
    async with portal as wire, client_of(wire.url) as client:
        with pytest.raises(Transient, match=r"at 127\.0\.0\.1:.* talks nonsense"):
            await village.submitter(database, client).tick(now)
    await village.settle(database, ONE)
    assert_settled_once(facts(village, database))


async def test_an_envelope_is_stored_before_it_is_sent_and_bound_by_ledger_time(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    now = village.until(ONE)
    async with tapped(village.localnet.url, lose("sendTransaction")) as wire:
        async with client_of(wire.url) as client:
            with pytest.raises(Transient):
                await village.submitter(database, client).tick(now)
        outgoing = await find_open(database)
        assert outgoing is not None
        assert outgoing.signed is not None
        assert [outgoing.signed.envelope] == wire.sent()
    envelope = xdr.TransactionEnvelope.from_xdr(outgoing.signed.envelope).v1
    assert envelope is not None
    bounds = envelope.tx.cond.time_bounds
    assert bounds is not None
    assert bounds.max_time.time_point.uint64 == outgoing.signed.valid_until_s
    assert outgoing.signed.valid_until_s == ONE + village.settings.valid_for_s


async def test_an_outage_is_said_in_words_while_it_lasts(
    village: Village, database: Database
) -> None:
    use(database, 0, START_S, 10)
    village.until(ONE)
    lost = asyncio.Event()
    cut = tapped(village.localnet.url, lambda _: Fault.LOSE_REQUEST)
    async with cut as wire, client_of(wire.url) as client, asyncio.timeout(20):
        wire.on_lost = lost.set
        async with asyncio.TaskGroup() as group:
            running = group.create_task(village.submitter(database, client).run())
            for _ in range(2):  # the second attempt comes after the first one's words are stored
                await lost.wait()
                lost.clear()
            running.cancel()
    status = await settlement_status(database)
    assert status.state == "offline"
    assert status.message.endswith("usage waits here")
    await village.submitter(database).tick(at(ONE))
