"""When a gateway ran, that did not know the time and was off in between. Pure.

What is certain: each boot's own count, that boots came one after the other, the latest instant
known before the first and the first known after the last. How long it was off each time is not;
what is left over is divided evenly, so that no gap becomes too short for what flowed in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One boot of which nobody knows when it was.

    Args:
        began_ms: its count since boot when it was first looked at.
        ended_ms: and when it was last heard, >= ``began_ms``.
    """

    began_ms: int
    ended_ms: int


def place(runs: Sequence[Run], from_ms: int, to_ms: int) -> list[int]:
    """Each boot's offset: when its count since boot was 0 (unix milliseconds).

    They are in order, and none overlaps the next. Where the runs do not fit, they begin at
    ``from_ms`` without a gap: then one of the two instants is wrong.

    Args:
        runs: in order.
        from_ms: the latest instant known before the first (unix milliseconds).
        to_ms: the first known after the last (unix milliseconds).
    """
    ran_ms = sum(run.ended_ms - run.began_ms for run in runs)
    gap_ms = max(0, to_ms - from_ms - ran_ms) // (len(runs) + 1)
    offsets: list[int] = []
    at_ms = from_ms
    for run in runs:
        at_ms += gap_ms
        offsets.append(at_ms - run.began_ms)
        at_ms += run.ended_ms - run.began_ms
    return offsets
