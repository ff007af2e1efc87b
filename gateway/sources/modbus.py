"""One poller per bus: asks each meter in turn, and turns replies into readings.

The line is the constraint, so exactly one poller owns it. What is not a sound, plausible reply to
the request at hand never becomes a reading; the register keeps counting, so energy is only ever
counted later, never lost. Switches nothing and writes to no meter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.errors import Permanent, Transient
from gateway.sources.intake import Intake
from gateway.sources.journal import Journal, Sender
from gateway.sources.line import PortError, RefusedError, SerialLine, SilenceError
from gateway.sources.ranges import check_ranges
from gateway.sources.schedule import Schedule
from gateway.store.database import Database
from gateway.wire.errors import FrameError
from gateway.wire.frames import ReadRequest
from gateway.wire.registers import RegisterMap, decode

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class BusSettings:
    """One RS485 line.

    Args:
        name: how people refer to it.
        port: the serial device.
        baud: bits per second, 8N1.
        timeout_s: how long a meter may stay silent after a request, wall seconds.
        read_every_s: how often each meter is read, wall seconds; 0: as fast as the line allows.
    """

    name: str
    port: str
    baud: int = 9600
    timeout_s: float = 0.2
    read_every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class MeterOnBus:
    """A meter and its place on the bus.

    Args:
        unit_id: its address, 1-247.
        table: its register map.
        meter_id: its row in the store.
        meter_point_id: the row of the meter point that it measures.
        label: what people call that meter point.
    """

    unit_id: int
    table: RegisterMap
    meter_id: int
    meter_point_id: int
    label: str


class BusPoller:
    """Reads the meters of one bus for ever.

    Args:
        settings: the bus.
        meters: who is on it.
        intake: takes the readings.
        database: for statuses and events.
        clock: dates the readings.
    """

    def __init__(
        self,
        settings: BusSettings,
        meters: Sequence[MeterOnBus],
        intake: Intake,
        database: Database,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._meters = {meter.unit_id: meter for meter in meters}
        self._intake = intake
        self._clock = clock
        self._journal = Journal(database, clock)
        self._line = SerialLine(settings.port, settings.baud, settings.timeout_s)
        self._schedule = Schedule(self._meters, settings.read_every_s, time.monotonic())
        self._lost: set[int] = set()
        self._overflowing = False

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - a reading is dated at its reply
        """Ask the meter that is due, if one is.

        Raises:
            Transient: the serial port can't be used.
        """
        unit, due_s = self._schedule.next()
        if due_s > time.monotonic():
            return
        try:
            await self._line.open()
            await self._ask(self._meters[unit])
        except PortError as error:
            self._line.close()
            await self._mark("offline", str(error))
            raise

    async def run(self) -> None:
        """Ask each meter when it is due until cancelled; come back when the adapter does."""
        if not self._meters:
            log.warning("bus=%s has no meters: nothing to read", self._settings.name)
            return
        retry_s = FIRST_RETRY_S
        try:
            while True:
                try:
                    await self.tick(self._clock.now())
                except Transient:
                    await asyncio.sleep(retry_s)
                    retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                else:
                    retry_s = FIRST_RETRY_S
                    await asyncio.sleep(self._idle_s())
        finally:
            self._line.close()

    def _idle_s(self) -> float:
        _, due_s = self._schedule.next()
        return max(0.0, due_s - time.monotonic())

    async def _ask(self, meter: MeterOnBus) -> None:
        table = meter.table
        # Everything in one request, so that its values belong together.
        request = ReadRequest(meter.unit_id, table.function, table.address, table.count)
        try:
            words = await self._line.read(request)
        except (SilenceError, FrameError, RefusedError) as error:
            await self._failed(meter, error)
            return
        read_at = self._clock.now()
        self._schedule.answered(meter.unit_id, time.monotonic())
        await self._take(meter, words, read_at)
        await self._answered(meter)

    async def _take(self, meter: MeterOnBus, words: Sequence[int], read_at: datetime) -> None:
        try:
            reading = _reading(meter, words, read_at)
            check_ranges(reading)
            self._intake.offer(reading)
        except Permanent as error:
            await self._journal.refuse(self._sender(meter), str(error))
        except Transient as error:  # the register goes on counting: only resolution is lost
            if not self._overflowing:
                log.warning("bus=%s readings dropped: %s", self._settings.name, error)
            self._overflowing = True
        else:
            self._overflowing = False

    async def _answered(self, meter: MeterOnBus) -> None:
        await self._mark("online", f"reading {len(self._meters)} meters on {self._settings.port}")
        if meter.unit_id in self._lost:
            self._lost.remove(meter.unit_id)
            await self._journal.tell("meter-answers", self._sender(meter), "answers again")

    async def _failed(self, meter: MeterOnBus, error: _Failure) -> None:
        now_s = time.monotonic()
        mute = isinstance(error, SilenceError)
        self._schedule.failed(meter.unit_id, now_s, mute=mute)
        if self._schedule.is_silent:
            await self._mark(
                "offline",
                f"no meter on bus {self._settings.name} answers: is the feeder dead? "
                "If not, check the adapter and its A/B wires",
            )
        elif self._schedule.is_lost(meter.unit_id) and meter.unit_id not in self._lost:
            self._lost.add(meter.unit_id)
            kind, words = _complaint(error)
            await self._journal.tell(kind, self._sender(meter), words)

    async def _mark(self, state: Literal["online", "offline"], message: str) -> None:
        await self._journal.mark(f"bus:{self._settings.name}", state, message)

    def _sender(self, meter: MeterOnBus) -> Sender:
        name = f"meter {self._settings.name}/{meter.unit_id} ({meter.label})"
        return Sender(name, meter.meter_point_id, meter.meter_id)


_Failure = SilenceError | FrameError | RefusedError


def _complaint(error: _Failure) -> tuple[str, str]:
    """The event's kind and words for a meter that keeps failing."""
    match error:
        case SilenceError():
            return "meter-silent", "doesn't answer: check its mains supply and its A/B wires"
        case FrameError():
            return "meter-garbled", (
                f"can't be understood ({error}): check for two meters with this unit id, "
                "the A/B wires and the terminators"
            )
        case RefusedError():
            return "meter-refuses", (
                f"refuses to be read (exception {error.code}): correct its model in the "
                "configuration, or replace it"
            )
        case _ as never:
            assert_never(never)


def _reading(meter: MeterOnBus, words: Sequence[int], read_at: datetime) -> Reading:
    measured = decode(meter.table, words)
    return Reading(
        meter_id=meter.meter_id,
        read_at=read_at,
        energy_wh=measured.energy_wh,
        voltage_mv=measured.voltage_mv,
        current_ma=measured.current_ma,
        power_mw=measured.power_mw,
        frequency_mhz=measured.frequency_mhz,
        power_factor_milli=measured.power_factor_milli,
    )
