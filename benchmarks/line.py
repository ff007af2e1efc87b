"""A paced RS485 line in a process of its own, and what somebody who asks on it is credited with.

In a process of its own so that no asker's work slows the bytes down: 9600 baud, 8 ms turnaround,
ten PZEM meters of which some may be dead.
"""

from __future__ import annotations

import itertools
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from gateway.simulation.bus import TURNAROUND_S, Bus
from gateway.simulation.household import Household
from gateway.simulation.pzem import Fault, Pzem
from gateway.wire.frames import frame_duration_s, silence_s

METERS = 10
TIMEOUT_S = 0.2
START_S = 1_767_225_600
POLL_S = frame_duration_s(8) + TURNAROUND_S + frame_duration_s(25) + silence_s()
"""The least a whole poll can take on this line: request, turnaround, reply, silence."""

Asker = Callable[[str, "Tally"], None]
"""Reads all ten registers of the meters 1 to :data:`METERS` in turn, for ``tally.seconds``.

Takes the path of the serial device; waits :data:`TIMEOUT_S` for a reply and does not ask again.
"""


@dataclass(slots=True)
class Tally:
    """How long to ask, and what came of it.

    Args:
        warm_up_s: seconds after the first reply that do not count.
        counted_s: seconds after those that do.
        replied_s: when each good reply was had, s of the monotonic clock.
        cpu_s: processor time for all of it, s.
        gap_violations: requests without 3.5 characters of silence before them.
        in_packs: replies are known by the pack only, so that their gaps tell nothing.
    """

    warm_up_s: float
    counted_s: float
    replied_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    gap_violations: int = 0
    in_packs: bool = False

    @property
    def seconds(self) -> float:
        """How long to go on asking, s; a little more than is counted."""
        return self.warm_up_s + self.counted_s + 2.0

    @property
    def counted(self) -> list[float]:
        """The replies that count."""
        began_s = self.replied_s[0] + self.warm_up_s
        return [one for one in self.replied_s if began_s <= one < began_s + self.counted_s]

    @property
    def utilisation(self) -> float:
        """The shortest possible poll by the median poll: other programs' noise does not count."""
        if self.in_packs:
            return POLL_S * self.per_s
        polls_s = [b - a for a, b in itertools.pairwise(self.counted)]
        return POLL_S / statistics.median(polls_s)

    @property
    def per_s(self) -> float:
        """Whole readings per second."""
        return len(self.counted) / self.counted_s

    @property
    def cpu_ms(self) -> float:
        """Processor time for one reading, ms."""
        return self.cpu_s / len(self.replied_s) * 1000


class Idle:
    """Draws nothing."""

    def power_mw(self, minute: int) -> int:  # noqa: ARG002 - the same in every minute
        """None, in mW."""
        return 0


def run(asker: Asker, tally: Tally, dead: int = 0) -> Tally:
    """Let somebody ask on a fresh line where the first ``dead`` meters never answer."""
    with line(METERS, dead) as (path, near_end):
        asker(path, tally)
        near_end.send("count")
        tally.gap_violations = near_end.recv()
    return tally


@contextmanager
def line(meters: int, dead: int = 0) -> Iterator[tuple[str, Connection]]:
    """A line with so many meters: its serial device, and whom to ask for the gap violations."""
    spawn = multiprocessing.get_context("spawn")
    near_end, far_end = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(far_end, meters, dead), daemon=True)
    process.start()
    try:
        yield near_end.recv(), near_end
    finally:
        near_end.send("stop")
        process.join()


def _serve(far_end: Connection, count: int, dead: int) -> None:
    meters = [
        Pzem(unit, Household(f"house-{unit}", Idle(), START_S * 1000))
        for unit in range(1, count + 1)
    ]
    for meter in meters[:dead]:
        meter.set_fault(Fault.ABSENT)
    bus = Bus(meters, lambda: START_S * 1000)
    far_end.send(bus.start())
    while far_end.recv() == "count":
        far_end.send(bus.counters.gap_violations)
    bus.stop()
