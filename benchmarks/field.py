"""Everything that the field process does with a bus, for as long as a benchmark wants to watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.line import TIMEOUT_S
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
from gateway.store.database import Database
from gateway.store.points import MeterPoint, PointSetting, apply_settings
from gateway.wire.registers import PZEM_004T_V3

Stamps = list[tuple[float, int]]
"""When each reading was had (s of the monotonic clock), and of which meter."""


class _StampingIntake(Intake):
    """Notes when each reading came."""

    stamps: Stamps

    def offer(self, reading: Reading, *, own_date: bool = False) -> asyncio.Future[None]:
        self.stamps.append((time.monotonic(), reading.meter_id))
        return super().offer(reading, own_date=own_date)


async def poll(
    ports: Sequence[str], meters: int, folder: Path, seconds: float, read_every_s: float
) -> Stamps:
    """Poll, check, and store in groups, one poller per bus.

    Args:
        ports: the serial device of each bus.
        meters: how many are on each, as units 1, 2, ...
        folder: for the store.
        seconds: for how long.
        read_every_s: how often each meter is read, s; 0: as fast as the line allows.
    """
    database = await Database.open(folder / "usage.db")
    clock = Clock()
    settings = [
        _point(bus, unit, (bus - 1) * meters + unit - 1)
        for bus in range(1, len(ports) + 1)
        for unit in range(1, meters + 1)
    ]
    points = await apply_settings(database, settings, int(clock.now_s()))
    intake = _StampingIntake(IntakeSettings(), points, lambda _: 1, database, clock)
    intake.stamps = []
    pollers = [
        BusPoller(
            BusSettings(f"bus{bus}", port, timeout_s=TIMEOUT_S, read_every_s=read_every_s),
            [_on_bus(point) for point in points if point.address.startswith(f"bus{bus}/")],
            intake,
            database,
            clock,
        )
        for bus, port in enumerate(ports, start=1)
    ]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            group.create_task(intake.run())
            for poller in pollers:
                group.create_task(poller.run())
    await database.close()
    return intake.stamps


def _on_bus(point: MeterPoint) -> MeterOnBus:
    return MeterOnBus(
        int(point.address.rpartition("/")[2]),
        PZEM_004T_V3,
        point.meter_id,
        point.meter_point_id,
        point.label,
    )


def _point(bus: int, unit: int, slot: int) -> PointSetting:
    return PointSetting(
        label=f"house-{slot:03d}",
        site=1,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=6_000,
        critical=False,
        relay="none",
        serial=f"PZEM-{slot:04d}",
        model=PZEM_004T_V3.model,
        address=f"bus{bus}/{unit}",
        first_register_wh=0,
    )


def clock_section() -> str:
    """A clock that is driven at its own pace: nobody may vouch for this machine's own time."""
    now_s = int(time.time())
    return f"[clock]\norigin_s = {now_s}\nwall_s = {now_s}\nfactor = 1\n"
