"""Thirty days without internet for 200 meters: how long until all is settled once it is back.

The store is what the intake makes of a reading per meter and quarter-hour. The ledger closes every
5 s of real time, on the real host. Field runs beside it as on the appliance, in a process of its
own (:mod:`benchmarks.drain_field`): readings, flushes and supply decisions, timed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.claims import Benchmark, Claim
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.domain.tariffs import DEFAULT_BANDS, TimeBands
from gateway.ledger.client import LedgerClient
from gateway.ledger.refresh import Refresher
from gateway.ledger.submit import Submitter
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.chain import find_head
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import find_points
from gateway.store.status import find_status
from tests.ledger import localnet
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.village import START_S, Village, opened

DAYS, METERS = 30, 200
DAY_S, INTERVAL_S = 86_400, 900
CLOSE_MS = 5_000
SETTLE_EVERY_S = 21_600
SEED = 11
_SCRATCH = Path("/var/tmp")  # noqa: S108 - /tmp may be memory, and nothing is durable there
_PATIENCE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Drained:
    """A backlog that was settled.

    Args:
        transactions: batches that it took.
        minutes: from the first look to the last receipt.
        progress: what the operator's page said on the way.
        flush_ms: the longest that a flush of readings took meanwhile, ms.
        decide_ms: the longest that a round of supply decisions took, ms.
        fee_stroops: what all of it cost.
    """

    transactions: int
    minutes: float
    progress: tuple[str, ...]
    flush_ms: float
    decide_ms: float
    fee_stroops: int


def measure(days: int = DAYS, close_ms: int = CLOSE_MS) -> Benchmark:
    """One outage, once.

    Args:
        days: without internet.
        close_ms: between two ledgers.
    """
    with tempfile.TemporaryDirectory(dir=_SCRATCH) as folder:
        found = asyncio.run(_drain(Path(folder), days, close_ms))
    rows = days * METERS * DAY_S // INTERVAL_S
    return Benchmark(
        "drain",
        (
            Claim(
                "drain.transactions",
                found.transactions,
                f"transactions: {days} days of {METERS} meters",
                "<=",
                60,
            ),
            Claim(
                "drain.minutes",
                round(found.minutes, 1),
                f"min, a ledger every {close_ms / 1000:g} s",
                "<=",
                10,
            ),
        ),
        (
            f"{rows:,} quarter-hours of usage in three tiers, {found.fee_stroops / 1e7:.3f} XLM "
            "in fees and rent. Meanwhile, in the field process: the slowest flush took "
            f"{found.flush_ms:.0f} ms, the slowest round of decisions {found.decide_ms:.0f} ms. "
            "The page said, for instance:",
            "",
            *(f"- {one}" for one in found.progress),
        ),
    )


async def _drain(folder: Path, days: int, close_ms: int) -> Drained:
    snapshot = folder / "ledger"
    with localnet.running(START_S, snapshot=snapshot) as ledger:
        async with opened(ledger, folder, METERS) as village:
            database = await village.open()
            await village.refresher(database).tick(_at(START_S))
            await _live(database, days)
            ledger.leave_alone(days * DAY_S)
            ledger.ask("dev_snapshot")
    with localnet.running(START_S, close_ms, factor=1, snapshot=snapshot) as ledger:
        async with _again(village, ledger) as later:
            return await _settled(later, folder, days)


async def _live(database: Database, days: int) -> None:
    """Read every meter each quarter-hour, while nobody reaches the village."""
    points = await find_points(database)
    rolls = random.Random(SEED)  # noqa: S311 - a village, not a key
    tier_at = TimeBands(UTC, DEFAULT_BANDS).tier_at
    intake = Intake(IntakeSettings(10), points, tier_at, database, _ended(days))
    energy_wh = {point.meter_id: rolls.randrange(10**6) for point in points}
    for number in range(days * DAY_S // INTERVAL_S + 1):
        now = _at(START_S + number * INTERVAL_S)
        for meter_id, shown_wh in energy_wh.items():
            intake.offer(Reading(meter_id, now, shown_wh, 230_000, 1_000, 230_000, 50_000, 1_000))
            energy_wh[meter_id] += rolls.randrange(1, 200)
        await intake.tick(now)


@asynccontextmanager
async def _again(village: Village, ledger: localnet.Localnet) -> AsyncIterator[Village]:
    client = LedgerClient([ledger.url], PASSPHRASE)
    settings = replace(
        village.settings, rpc_urls=(ledger.url,), settle_every_s=SETTLE_EVERY_S, poll_s=1.0
    )
    try:
        yield replace(village, localnet=ledger, client=client, settings=settings)
    finally:
        await client.close()


async def _settled(village: Village, folder: Path, days: int) -> Drained:
    database = await Database.open(folder / "usage.db")
    clock = Clock(village.localnet.time_s() + 300, time.time())
    key = village.key
    submitter = Submitter(village.settings, database, clock, village.client, key)
    refresher = Refresher(village.settings, database, clock, village.client)
    field = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.drain_field",
        str(database.path),
        repr(clock.now_s()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    began_s, progress = time.monotonic(), []
    services = [asyncio.create_task(one.run()) for one in (submitter, refresher)]
    until_s = START_S + days * DAY_S
    while time.monotonic() - began_s < _PATIENCE_S:
        head = await find_head(database, village.settings.site)
        if head and head.to_s >= until_s and await find_open(database) is None:
            break
        said = {one.name: one.message for one in await find_status(database)}
        message = said.get("settlement", "")
        if message and message not in progress:
            progress.append(message)
        await asyncio.sleep(0.2)
    minutes = (time.monotonic() - began_s) / 60
    for service in services:
        service.cancel()
    await asyncio.gather(*services, return_exceptions=True)
    await database.close()
    told, _ = await field.communicate(b"\n")
    timed = json.loads(told)
    with closing(sqlite3.connect(database.path)) as file:
        sent, fees = file.execute(
            "SELECT COUNT(*), IFNULL(SUM(fee_stroops), 0) FROM outbox WHERE attempts > 0"
        ).fetchone()
    return Drained(
        sent,
        minutes,
        tuple(progress[:: max(1, len(progress) // 8)]),
        timed["flush_ms"],
        timed["decide_ms"],
        fees,
    )


def _ended(days: int) -> Clock:
    """A clock that shows the end of the outage."""
    return Clock(START_S + days * DAY_S, time.time())


def _at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)
