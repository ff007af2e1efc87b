"""How much of an RS485 line the poller uses, what it breaks, and what dead meters cost it.

Ten PZEM meters on a paced 9600 baud line in a process of its own, so that no asker's work slows
the bytes down. Every asker reads all ten registers of one meter after the other.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import minimalmodbus  # type: ignore[import-untyped]
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from benchmarks.claims import Benchmark, Claim
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.simulation.bus import TURNAROUND_S, Bus
from gateway.simulation.household import Household
from gateway.simulation.pzem import Fault, Pzem
from gateway.sources.intake import Intake, IntakeSettings
from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings
from gateway.wire.frames import frame_duration_s, silence_s
from gateway.wire.registers import PZEM_004T_V3

METERS = 10
DEAD = 3
WARM_UP_S = 1.0
SECONDS = 15.0
TIMEOUT_S = 0.2
START_S = 1_767_225_600
POLL_S = frame_duration_s(8) + TURNAROUND_S + frame_duration_s(25) + silence_s()
"""The least a whole poll can take on this line: request, turnaround, reply, silence."""

Asker = Callable[[str, "Tally"], None]


@dataclass(slots=True)
class Tally:
    """When each good reply was had, s of the monotonic clock, and what it cost."""

    replied_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    cpu_ms: float = 0.0
    gap_violations: int = 0

    @property
    def utilisation(self) -> float:
        """The shortest possible poll by the median poll: other programs' noise does not count."""
        return POLL_S / statistics.median(b - a for a, b in itertools.pairwise(self.replied_s))

    @property
    def per_s(self) -> float:
        """Whole readings per second over everything after the warm-up."""
        return len(self.replied_s) / SECONDS


def measure() -> Benchmark:
    """Run every asker on a sound line, then on one where three of ten meters are dead."""
    askers: dict[str, Asker] = {
        "gateway": _gateway,
        "pymodbus loop": _pymodbus,
        "minimalmodbus": _minimalmodbus,
    }
    sound = {name: _run(asker, 0) for name, asker in askers.items()}
    dead = {name: _run(asker, DEAD) for name, asker in askers.items()}
    ours, ours_dead = sound.pop("gateway"), dead.pop("gateway")
    return Benchmark(
        "bus",
        (
            Claim(
                "bus.utilisation",
                round(ours.utilisation, 3),
                "of the line's ceiling",
                ">=",
                0.97,
                {name: round(tally.utilisation, 3) for name, tally in sound.items()},
            ),
            Claim(
                "bus.gap_violations",
                ours.gap_violations + ours_dead.gap_violations,
                "requests without 3.5 characters of silence",
                "=",
                0,
                {name: sound[name].gap_violations + dead[name].gap_violations for name in sound},
            ),
            Claim(
                "bus.readings_per_s_with_3_of_10_dead",
                round(ours_dead.per_s, 1),
                "readings/s",
                ">=",
                15,
                {name: round(tally.per_s, 1) for name, tally in dead.items()},
            ),
        ),
        (
            f"Ceiling {1 / POLL_S:.1f} polls/s: 9600 baud, {TURNAROUND_S * 1000:.0f} ms turnaround",
            "",
            "| asker | readings/s | of the ceiling | CPU ms/reading | 3 of 10 dead, readings/s |",
            "|---|--:|--:|--:|--:|",
            _row("gateway", ours, ours_dead),
            *(_row(name, sound[name], dead[name]) for name in sound),
        ),
    )


def _row(name: str, sound: Tally, dead: Tally) -> str:
    return (
        f"| {name} | {sound.per_s:.1f} | {sound.utilisation:.3f} | {sound.cpu_ms:.2f} "
        f"| {dead.per_s:.1f} |"
    )


def _run(asker: Asker, dead: int) -> Tally:
    tally = Tally()
    with _line(dead) as (path, near_end):
        asker(path, tally)
        near_end.send("count")
        tally.gap_violations = near_end.recv()
    tally.cpu_ms = tally.cpu_s / len(tally.replied_s) * 1000
    began_s = tally.replied_s[0] + WARM_UP_S
    tally.replied_s = [one for one in tally.replied_s if began_s <= one < began_s + SECONDS]
    return tally


@contextmanager
def _line(dead: int) -> Iterator[tuple[str, Connection]]:
    spawn = multiprocessing.get_context("spawn")
    near_end, far_end = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(far_end, dead), daemon=True)
    process.start()
    try:
        yield near_end.recv(), near_end
    finally:
        near_end.send("stop")
        process.join()


def _serve(far_end: Connection, dead: int) -> None:
    meters = [
        Pzem(unit, Household(f"house-{unit}", _Idle(), START_S * 1000))
        for unit in range(1, METERS + 1)
    ]
    for meter in meters[:dead]:
        meter.set_fault(Fault.ABSENT)
    bus = Bus(meters, lambda: START_S * 1000)
    far_end.send(bus.start())
    while far_end.recv() == "count":
        far_end.send(bus.counters.gap_violations)
    bus.stop()


class _Idle:
    """Draws nothing."""

    def power_mw(self, minute: int) -> int:  # noqa: ARG002 - the same in every minute
        """None, in mW."""
        return 0


class _StampingIntake(Intake):
    """Notes when each reading came."""

    tally: Tally

    def offer(self, reading: Reading) -> asyncio.Future[None]:
        self.tally.replied_s.append(time.monotonic())
        return super().offer(reading)


def _gateway(path: str, tally: Tally) -> None:
    """Everything that the field process does with a bus: poll, check, store in groups."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_poll(path, Path(folder) / "usage.db", tally))


async def _poll(path: str, database_path: Path, tally: Tally) -> None:
    database = await Database.open(database_path)
    clock = Clock()
    points = await apply_settings(
        database, [_point(unit) for unit in range(1, METERS + 1)], int(clock.now_s())
    )
    intake = _StampingIntake(IntakeSettings(), points, lambda _: 1, database, clock)
    intake.tally = tally
    meters = [
        MeterOnBus(unit, PZEM_004T_V3, point.meter_id, point.meter_point_id, point.label)
        for unit, point in enumerate(points, start=1)
    ]
    settings = BusSettings("main", path, timeout_s=TIMEOUT_S, read_every_s=0)
    poller = BusPoller(settings, meters, intake, database, clock)
    began_s = time.process_time()
    with suppress(TimeoutError):
        async with asyncio.timeout(2 * WARM_UP_S + SECONDS), asyncio.TaskGroup() as group:
            group.create_task(intake.run())
            group.create_task(poller.run())
    tally.cpu_s = time.process_time() - began_s
    await database.close()


def _point(unit: int) -> PointSetting:
    return PointSetting(
        label=f"house-{unit:02d}",
        site=1,
        slot=unit - 1,
        settlement_mode="prepaid",
        max_power_w=6_000,
        critical=False,
        relay="none",
        serial=f"PZEM-{unit:04d}",
        model=PZEM_004T_V3.model,
        address=f"main/{unit}",
        first_register_wh=0,
    )


def _pymodbus(path: str, tally: Tally) -> None:
    """The loop of pymodbus' own examples, with a sensible timeout; keeps nothing."""

    async def poll() -> None:
        client = AsyncModbusSerialClient(path, baudrate=9600, timeout=TIMEOUT_S, retries=0)
        await client.connect()
        for unit in _units():
            with suppress(ModbusIOException):
                await client.read_input_registers(0, count=10, device_id=unit)
                tally.replied_s.append(time.monotonic())
        client.close()

    began_s = time.process_time()
    asyncio.run(poll())
    tally.cpu_s = time.process_time() - began_s


def _minimalmodbus(path: str, tally: Tally) -> None:
    """The same, blocking; keeps nothing."""
    instruments = [minimalmodbus.Instrument(path, unit) for unit in range(1, METERS + 1)]
    instruments[0].serial.baudrate = 9600
    instruments[0].serial.timeout = TIMEOUT_S
    began_s = time.process_time()
    for unit in _units():
        with suppress(minimalmodbus.ModbusException):
            instruments[unit - 1].read_registers(0, 10, functioncode=4)
            tally.replied_s.append(time.monotonic())
    tally.cpu_s = time.process_time() - began_s
    instruments[0].serial.close()


def _units() -> Iterator[int]:
    """Unit ids in turn until time is up."""
    end_s = time.monotonic() + 2 * WARM_UP_S + SECONDS
    for unit in itertools.cycle(range(1, METERS + 1)):
        if time.monotonic() >= end_s:
            return
        yield unit
