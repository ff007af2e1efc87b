"""Writes a village's readings at a pace, in a process of its own, and prints what reached the disk.

``python -m benchmarks.card_rig PER_S FLUSH_S HOURS [whole]``: real services on a driven clock, so
that a day takes seconds. The kernel counts what this process writes (``write_bytes`` of
/proc/self/io), the last checkpoint included. With ``whole`` everything else that writes runs, too:
supply control, looks at a real local ledger each minute, its keeper, batches every six hours, and
the checks of what was used.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.billing import IntervalCheck
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.domain.tariffs import DEFAULT_BANDS, TimeBands
from gateway.ledger.keeper import Keeper
from gateway.relays.control import SupplyControl, SupplySettings
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.housekeeping import Housekeeper
from gateway.store.points import MeterPoint, apply_settings
from gateway.store.retention import Retention
from tests.ledger import localnet
from tests.ledger.village import START_S, opened, point_setting

METERS = 200
MINUTE_S, HOUR_S = 60, 3_600
SEED = 7
SETTLE_EVERY_S = 21_600
FIRST_BATCH_S = SETTLE_EVERY_S + 600
"""Until a village's first batch has gone, the chain is read at each try."""

Others = Callable[[datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a village is read.

    Args:
        per_s: readings per second of the whole village.
        flush_s: how often they are committed, s.
        hours: how long.
        warm_up_s: what is written before this is not counted, s.
    """

    per_s: float
    flush_s: int
    hours: int
    warm_up_s: int = 0


async def write(
    database: Database, points: Sequence[MeterPoint], pace: Pace, others: Others
) -> dict[str, float]:
    """Take readings at a pace for some hours; bytes per reading and per second.

    Args:
        database: an empty store.
        points: who is read, in turn.
        pace: how.
        others: what else runs, once a minute.
    """
    until_s = pace.warm_up_s + pace.hours * HOUR_S
    clock = Clock(START_S + until_s, time.time())
    tier_at = TimeBands(UTC, DEFAULT_BANDS).tier_at
    intake = Intake(IntakeSettings(pace.flush_s), points, tier_at, database, clock)
    keeper = Housekeeper(database, clock, Retention())
    readings = _readings(points, pace.per_s)
    await keeper.tick(_at(START_S))
    before_bytes = warm = count = 0
    for second in range(pace.flush_s, until_s + 1, pace.flush_s):
        if second > pace.warm_up_s and not before_bytes:
            before_bytes, warm = _written_bytes(), count
        while count < int(second * pace.per_s):
            intake.offer(next(readings))
            count += 1
        await intake.tick(_at(START_S + second))
        if second % MINUTE_S == 0:
            await keeper.tick(_at(START_S + second))
            await others(_at(START_S + second))
    await database.close()
    written = _written_bytes() - before_bytes
    return {
        "readings": count,
        "per_reading": round(written / (count - warm)),
        "per_s": round(written / pace.hours / HOUR_S),
        "file_bytes_per_reading": round(database.path.stat().st_size / count, 1),
    }


def _readings(points: Sequence[MeterPoint], per_s: float) -> Iterator[Reading]:
    """Every meter in turn, in digits of a PZEM; loads that change as those of a house do."""
    rolls = random.Random(SEED)  # noqa: S311 - a village, not a key
    mwh = {point.meter_id: rolls.randrange(10**9) for point in points}
    power_mw = dict.fromkeys(mwh, 0)
    every_s = len(points) / per_s
    number = 0
    while True:
        for point in points:
            number += 1
            meter_id = point.meter_id
            if rolls.random() < every_s / 600:  # something is switched on or off every 10 minutes
                power_mw[meter_id] = rolls.choice((0, 60_000, 120_000, 300_000, 900_000))
            load_mw = power_mw[meter_id] and power_mw[meter_id] + rolls.randrange(-20, 20) * 100
            mwh[meter_id] += int(load_mw * every_s / HOUR_S)
            voltage_mv = 230_000 + rolls.randrange(-60, 60) * 100
            factor_milli = rolls.randrange(90, 100) * 10 if load_mw else 0
            yield Reading(
                meter_id,
                _at(START_S + number / per_s + rolls.random() / per_s / 2),
                mwh[meter_id] // 1000,
                voltage_mv,
                load_mw * 1000 // voltage_mv * 1000 // factor_milli if load_mw else 0,
                load_mw,
                50_000 + rolls.randrange(-1, 2) * 100,
                factor_milli,
            )


def _at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


async def _nothing(now: datetime) -> None:  # noqa: ARG001 - nothing else runs
    return


@asynccontextmanager
async def _whole(folder: Path) -> AsyncIterator[tuple[Database, Others]]:
    """A village on a local ledger, and everything else of the gateway that writes."""
    with localnet.running(START_S) as chain:
        async with opened(chain, folder, METERS) as village:
            settings = replace(village.settings, settle_every_s=SETTLE_EVERY_S)
            slow = replace(village, settings=settings)
            database = await village.open()
            supply = SupplyControl(SupplySettings(), database, Clock(START_S, time.time()), {})
            refresher, submitter = slow.refresher(database), slow.submitter(database)
            clock = Clock(START_S, time.time())
            keeper = Keeper(slow.settings, database, clock, slow.client, slow.key)
            checks = IntervalCheck(database, clock, TimeBands(UTC, DEFAULT_BANDS).tier_at)

            async def others(now: datetime) -> None:
                village.until(int(now.timestamp()))
                await refresher.tick(now)
                await submitter.tick(now)
                await supply.tick(now)
                await keeper.tick(now)
                await checks.tick(now)

            yield database, others


async def _run(pace: Pace, *, whole: bool) -> dict[str, float]:
    # Not in /tmp, which may be memory: nothing written there would be counted.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        if whole:
            async with _whole(Path(folder)) as (database, others):
                settings = [point_setting(slot) for slot in range(METERS)]
                points = await apply_settings(database, settings, START_S)
                warm = replace(pace, warm_up_s=FIRST_BATCH_S)
                return await write(database, points, warm, others)
        database = await Database.open(Path(folder) / "usage.db")
        settings = [point_setting(slot) for slot in range(METERS)]
        points = await apply_settings(database, settings, START_S)
        return await write(database, points, pace, _nothing)


def main() -> int:
    """One run; prints its figures as JSON."""
    pace = Pace(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    whole = sys.argv[4:] == ["whole"]
    print(json.dumps(asyncio.run(_run(pace, whole=whole))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
