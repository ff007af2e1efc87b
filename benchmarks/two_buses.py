"""200 meters on two buses, each read every 10 s: how long a round takes, and who is left out."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.field import Stamps, poll
from benchmarks.line import line

BUSES = 2
PER_BUS = 100
PERIOD_S = 10.0


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was seen of all meters.

    Args:
        seconds: for how long they were watched.
        readings: how many came.
        cycle_s: the longest time between two readings of the same meter, s: in any span as long,
            every meter was read.
        skipped: periods in which a meter was due and not read; all of them, for one never read.
        gap_violations: requests without 3.5 characters of silence before them.
    """

    seconds: float
    readings: int
    cycle_s: float
    skipped: int
    gap_violations: int


def watch(seconds: float) -> Rounds:
    """Poll two fresh lines for so long."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        lines = [stack.enter_context(line(PER_BUS)) for _ in range(BUSES)]
        ports = [path for path, _ in lines]
        stamps = asyncio.run(poll(ports, PER_BUS, Path(folder), seconds, PERIOD_S))
        violations = 0
        for _, near_end in lines:
            near_end.send("count")
            violations += near_end.recv()
    return _rounds(stamps, seconds, violations)


def _rounds(stamps: Stamps, seconds: float, violations: int) -> Rounds:
    by_meter: defaultdict[int, list[float]] = defaultdict(list)
    for at_s, meter_id in stamps:
        by_meter[meter_id].append(at_s)
    end_s = stamps[0][0] + seconds
    # The wait that was still going on at the end counts like one that was over.
    waits_s = [b - a for times in by_meter.values() for a, b in itertools.pairwise([*times, end_s])]
    # A meter keeps its grid: a reading that is late by less than a period is not a skipped one.
    skipped = sum(max(0, int(wait_s / PERIOD_S) - 1) for wait_s in waits_s)
    never = BUSES * PER_BUS - len(by_meter)
    return Rounds(
        seconds,
        len(stamps),
        max(waits_s) if not never else seconds,
        skipped + never * int(seconds / PERIOD_S),
        violations,
    )


def table(rounds: Rounds) -> tuple[str, ...]:
    """The numbers for the reader."""
    return (
        f"{BUSES * PER_BUS} meters on {BUSES} buses, each read every {PERIOD_S:g} s, watched for "
        f"{rounds.seconds:,.0f} s:",
        f"{rounds.readings:,} readings, longest wait {rounds.cycle_s:.2f} s, {rounds.skipped} "
        f"skipped, {rounds.gap_violations} requests without their gap.",
    )
