"""What a flush of readings changes: counted and judged in memory, before anything is written.

Knows no SQL. A flush whose transaction fails is thrown away whole, and counted again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from gateway.domain.groups import pack
from gateway.domain.readings import Gap, Quality, Reading
from gateway.domain.standstill import Standstill, stand
from gateway.domain.usage import Checkpoint, Movement, Step, advance, spread, start
from gateway.domain.validation import validate
from gateway.store.groups import Entry
from gateway.store.limits import MeterLimits, limits_of
from gateway.store.points import MeterPoint
from gateway.store.slots import FEEDER

_WORDS = {
    Movement.GLITCH: "showed {candidate} Wh for a moment and came back to {now} Wh",
    Movement.ROLLOVER: "wrapped round from {last} Wh to {now} Wh",
    Movement.RESET: "restarted: it showed {last} Wh and now {now} Wh",
    Movement.JUMP: "jumped from {last} Wh to {now} Wh, more than can have flowed",
    Movement.REVERSE: "went back from {last} Wh to {now} Wh; it counts again from {last} Wh on",
    Movement.STUCK: "stands still at {now} Wh while power flows",
}


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """A register that moved otherwise than it should.

    Args:
        movement: how.
        reading: the reading that showed it.
        point: where.
        energy_wh: the energy in question, Wh.
        detail: one sentence.
    """

    movement: Movement
    reading: Reading
    point: MeterPoint
    energy_wh: int
    detail: str


@dataclass(slots=True)
class Flush:
    """What one transaction will write.

    Args:
        stored: how many readings are new.
        entries: their records, and those of gaps.
        moved: the next checkpoint of each meter, and the reading that it comes from.
        usage: Wh, and Wh of them whose time is estimated, by quarter-hour (unix s) and meter point.
        feeder_usage: the same of feeders' own meters, for which nobody is charged.
        standing: how long registers have not moved.
        events: registers that moved otherwise than they should.
    """

    stored: int = 0
    entries: list[Entry] = field(default_factory=list)
    moved: dict[int, tuple[Checkpoint, Reading]] = field(default_factory=dict)
    usage: defaultdict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    feeder_usage: defaultdict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    standing: dict[int, Standstill] = field(default_factory=dict)
    events: list[RegisterEvent] = field(default_factory=list)


class Counter:
    """Counts readings, and remembers between flushes what a restart may forget."""

    def __init__(self) -> None:
        self._standing: dict[int, Standstill] = {}
        self._limits: dict[int, tuple[MeterPoint, MeterLimits]] = {}

    def committed(self, flush: Flush) -> None:
        """The flush is durable: go on from where it ended."""
        self._standing.update(flush.standing)

    def take(
        self, flush: Flush, reading: Reading, point: MeterPoint, last: Checkpoint | None
    ) -> Checkpoint:
        """Count one new reading and judge it; returns the meter's next checkpoint.

        Args:
            flush: what is added to.
            reading: one that is not stored yet.
            point: where its meter is installed.
            last: the meter's checkpoint; None: this is its first reading.
        """
        at_ms, limits = reading.at_ms, self._limits_of(point)
        if last is None and point.first_register_wh is not None:
            last = Checkpoint(point.installed_s * 1000, point.first_register_wh)
        if last is None:
            step = start(at_ms, reading.energy_wh)
        else:
            step = advance(last, at_ms, reading.energy_wh, limits.register)
        movement = step.movement
        if movement is not Movement.LATE:
            if movement is Movement.NORMAL and self._stops(flush, reading, step):
                movement = Movement.STUCK
            flush.moved[reading.meter_id] = step.checkpoint, reading
            if last is not None:
                _note_gap(flush, reading, last, limits)
                _note_event(flush, reading, point, last, step, movement)
            if step.usage_wh:
                _add_usage(flush, reading, point, step, limits)
        quality, doubts = validate(reading, limits.plausible, movement)
        if doubts is not reading.doubts or quality is not reading.quality:
            reading = replace(reading, quality=quality, doubts=doubts)
        flush.stored += 1
        flush.entries.append((reading.meter_id, at_ms, pack(reading)))
        return step.checkpoint

    def _stops(self, flush: Flush, reading: Reading, step: Step) -> bool:
        """Whether the register turns out, just now, to stand still while power flows."""
        meter_id = reading.meter_id
        before = flush.standing.get(meter_id) or self._standing.get(meter_id)
        now = stand(before, step.checkpoint.read_ms, reading.power_mw, step.usage_wh)
        flush.standing[meter_id] = now
        return now.stuck() and not (before is not None and before.stuck())

    def _limits_of(self, point: MeterPoint) -> MeterLimits:
        known = self._limits.get(point.meter_id)
        if known is None or known[0] is not point:
            known = self._limits[point.meter_id] = point, limits_of(point)
        return known[1]


def _note_gap(flush: Flush, reading: Reading, last: Checkpoint, limits: MeterLimits) -> None:
    heard_ms = max(last.read_ms, last.candidate_ms or 0)
    if reading.at_ms - heard_ms > limits.register.gap_ms:
        gap = Gap(reading.meter_id, heard_ms, reading.at_ms)
        flush.entries.append((reading.meter_id, reading.at_ms, pack(gap)))


def _add_usage(
    flush: Flush, reading: Reading, point: MeterPoint, step: Step, limits: MeterLimits
) -> None:
    """Usage over a gap is exact in total, but its split over quarter-hours is an estimate.

    So is that of a reading whose date is one.
    """
    at_ms = reading.at_ms
    estimated = (
        at_ms - step.from_ms > limits.register.gap_ms or reading.quality is Quality.ESTIMATED
    )
    usage = flush.feeder_usage if point.kind == FEEDER else flush.usage
    for start_s, part_wh in spread(step.usage_wh, step.from_ms, at_ms):
        figures = usage[start_s, point.meter_point_id]
        figures[0] += part_wh
        if estimated:
            figures[1] += part_wh


def _note_event(  # noqa: PLR0917 - all that a sentence needs
    flush: Flush,
    reading: Reading,
    point: MeterPoint,
    last: Checkpoint,
    step: Step,
    movement: Movement,
) -> None:
    if movement not in _WORDS:
        return
    words = _WORDS[movement].format(
        candidate=last.candidate_wh, last=last.energy_wh, now=reading.energy_wh
    )
    flagged = f"; {step.flagged_wh} Wh are not billed" if step.flagged_wh else ""
    detail = f"{point.label}: the register {words}{flagged}"
    energy_wh = step.flagged_wh or step.usage_wh
    flush.events.append(RegisterEvent(movement, reading, point, energy_wh, detail))
