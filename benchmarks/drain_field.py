"""The field process beside a drain: readings, flushes and supply decisions each second, timed.

``python -m benchmarks.drain_field DATABASE NOW_S`` works until a line comes on stdin, then prints
the longest flush and the longest round of decisions as JSON, in ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.domain.tariffs import DEFAULT_BANDS, TimeBands
from gateway.relays.control import SupplyControl, SupplySettings
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import find_points


async def _work(path: Path, now_s: float) -> dict[str, float]:
    database = await Database.open(path)
    clock = Clock(now_s, time.time())
    points = await find_points(database)
    rows = await database.fetch_all("SELECT meter_id, energy_wh FROM register")
    energy_wh = {row["meter_id"]: row["energy_wh"] for row in rows}
    tier_at = TimeBands(UTC, DEFAULT_BANDS).tier_at
    intake = Intake(IntakeSettings(10), points, tier_at, database, clock)
    supply = SupplyControl(SupplySettings(), database, clock, {})
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    flush_ms = decide_ms = 0.0
    while not told.done():
        now = datetime.fromtimestamp(int(clock.now_s()), UTC)
        for meter_id, wh in energy_wh.items():
            intake.offer(Reading(meter_id, now, wh, 230_000, 0, 0, 50_000, 0))
        flush_ms = max(flush_ms, await _timed(intake.tick(now)))
        decide_ms = max(decide_ms, await _timed(supply.tick(now)))
        await asyncio.sleep(1)
    await database.close()
    return {"flush_ms": flush_ms, "decide_ms": decide_ms}


async def _timed(work: Awaitable[None]) -> float:
    began_s = time.monotonic()
    await work
    return (time.monotonic() - began_s) * 1000


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_work(Path(sys.argv[1]), float(sys.argv[2])))))
