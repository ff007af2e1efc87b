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
from dataclasses import dataclass, replace
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
from gateway.store.points import MeterPoint
from gateway.store.unsettled import UnsettledUsage
from gateway.store.urgency import find_urgent
from gateway.wire.errors import FrameError
from gateway.wire.registers import decode, find_map, read_request
from gateway.wire.tables import RegisterMap

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0
LOOK_EVERY_S = 1.0
"""How often the store is asked which meters are urgent, wall seconds."""


@dataclass(frozen=True, slots=True)
class BusSettings:
    """One RS485 line.

    Args:
        name: how people refer to it.
        port: the serial device.
        baud: bits per second.
        timeout_s: how long a meter may stay silent after a request, wall seconds.
        read_every_s: how often each meter is read, wall seconds; 0: as fast as the line allows.
        urgent_every_s: how often while its credit is low or its relay was just switched.
        low_credit_stroops: which balance is low, usage on its way to the chain taken off.
    """

    name: str
    port: str
    baud: int = 9600
    timeout_s: float = 0.2
    read_every_s: float = 10.0
    urgent_every_s: float = 2.0
    low_credit_stroops: int = 50_000_000


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
        unsettled: of that database, shared by all in this process; None: one of its own.
    """

    def __init__(
        self,
        settings: BusSettings,
        meters: Sequence[MeterOnBus],
        intake: Intake,
        database: Database,
        clock: Clock,
        *,
        unsettled: UnsettledUsage | None = None,
    ) -> None:
        self._settings = settings
        self._meters = {meter.unit_id: meter for meter in meters}
        self._intake = intake
        self._clock = clock
        self._journal = Journal(database, clock)
        # A meter that wants one stop bit takes the second for silence.
        stop_bits = max((meter.table.stop_bits for meter in meters), default=1)
        self._line = SerialLine(settings.port, settings.baud, settings.timeout_s, stop_bits)
        self._schedule = Schedule(
            self._meters, settings.read_every_s, time.monotonic(), settings.urgent_every_s
        )
        self._database = database
        self._unsettled = unsettled or UnsettledUsage(database)
        self._lost: set[int] = set()
        self._overflowing = False

    def learn(self, points: Sequence[MeterPoint]) -> None:
        """Take over which meter now hangs at each unit id; a unit id that is new needs a restart.

        Args:
            points: every meter point with its meter, as the store has them now.
        """
        for point in points:
            bus, _, unit = point.address.rpartition("/")
            known = self._meters.get(int(unit)) if bus == self._settings.name else None
            if known is None or known.meter_id == point.meter_id:
                continue
            self._meters[known.unit_id] = replace(
                known,
                table=find_map(point.model),
                meter_id=point.meter_id,
                meter_point_id=point.meter_point_id,
                label=point.label,
            )

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - a reading is dated at its reply
        """Ask the meter that is due, if one is.

        Raises:
            Transient: the serial port can't be used.
        """
        now_s = time.monotonic()
        unit, due_s = self._schedule.next(now_s)
        if due_s > now_s:
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
        looking = asyncio.create_task(self._keep_looking())
        try:
            await self._keep_asking()
        finally:
            looking.cancel()
            self._line.close()

    async def _keep_asking(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self.tick(self._clock.now())
            except Transient:
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            else:
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(self._idle_s())

    async def _keep_looking(self) -> None:
        while True:
            await self.look(self._clock.now())
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, now: datetime) -> None:
        """Learn from the store which meters are urgent; what can't be learnt stays as it was."""
        try:
            urgent = await find_urgent(
                self._database,
                int(now.timestamp()),
                self._settings.low_credit_stroops,
                self._unsettled,
            )
        except Transient as error:
            log.debug("bus=%s urgency not known: %s", self._settings.name, error)
            return
        units = [unit for unit, meter in self._meters.items() if meter.meter_id in urgent]
        self._schedule.set_urgent(units)

    def _idle_s(self) -> float:
        """How long nobody is due, s; not for long, because somebody may become urgent."""
        now_s = time.monotonic()
        _, due_s = self._schedule.next(now_s)
        return min(max(0.0, due_s - now_s), LOOK_EVERY_S)

    async def _ask(self, meter: MeterOnBus) -> None:
        try:
            words = await self._line.read(read_request(meter.table, meter.unit_id))
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
            check_ranges(reading, meter.table.ranges)
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
        export_wh=measured.export_wh,
    )
