"""Usage from cumulative registers: never from power, never silently negative, never invented.

Per meter, in whole Wh and after any fault:
``cumulative_wh + flagged_wh = register end - register start`` (adjusted for rollover and reset).

A register that moves out of line is not believed at once. It becomes a candidate, and the next
reading decides: back in line, it was a glitch; in line with the candidate, it is a reset, a
rollover or a jump. Real PZEM counters show all four (arendst/Tasmota 9311, esphome 12154 and
15280, mandulaj/PZEM-004T-v30 47).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.domain.tariffs import INTERVAL_S

SLACK_WH = 2
"""Two registers are each cut to whole Wh, and a reading's time is known to about a second."""
MS_PER_HOUR = 3_600_000


class Movement(StrEnum):
    """How a register moved since the checkpoint."""

    FIRST = "first"
    NORMAL = "normal"
    LATE = "late"
    SUSPECT = "suspect"
    GLITCH = "glitch"
    ROLLOVER = "rollover"
    RESET = "reset"
    JUMP = "jump"


@dataclass(frozen=True, slots=True)
class RegisterLimits:
    """What a meter can do.

    Args:
        max_power_w: the most its meter point can draw, W.
        modulus_wh: the register's value at which it starts again at 0; None: not known.
    """

    max_power_w: int
    modulus_wh: int | None = None

    def allow(self, energy_wh: int, duration_ms: int) -> bool:
        """Whether ``energy_wh`` can have flowed in ``duration_ms``."""
        most_wh = self.max_power_w * duration_ms // MS_PER_HOUR + SLACK_WH
        return 0 <= energy_wh <= most_wh


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """From where the next reading's usage is counted.

    Args:
        read_ms: when the register was last believed (unix milliseconds).
        energy_wh: what it showed.
        cumulative_wh: all usage counted since installation.
        flagged_wh: register movement that is not billed until a person decides.
        candidate_ms: when a register out of line was read; None: there is none.
        candidate_wh: what it showed.
    """

    read_ms: int
    energy_wh: int
    cumulative_wh: int = 0
    flagged_wh: int = 0
    candidate_ms: int | None = None
    candidate_wh: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one reading changes.

    Args:
        checkpoint: the next checkpoint.
        movement: how the register moved.
        usage_wh: usage that it adds, >= 0.
        flagged_wh: movement that is set aside, Wh.
        from_ms: since when the usage was drawn (unix milliseconds).
    """

    checkpoint: Checkpoint
    movement: Movement
    usage_wh: int
    flagged_wh: int
    from_ms: int


def start(read_ms: int, energy_wh: int) -> Step:
    """The first reading of a meter whose register at installation nobody wrote down."""
    return Step(Checkpoint(read_ms, energy_wh), Movement.FIRST, 0, 0, read_ms)


def advance(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """Count the usage between the checkpoint and a reading.

    Args:
        last: the checkpoint.
        read_ms: when the register was read (unix milliseconds).
        energy_wh: the cumulative register, Wh.
        limits: what the meter can do.
    """
    if read_ms <= last.read_ms:
        return Step(last, Movement.LATE, 0, 0, read_ms)
    if limits.allow(energy_wh - last.energy_wh, read_ms - last.read_ms):
        movement = Movement.NORMAL if last.candidate_ms is None else Movement.GLITCH
        return _step(last, read_ms, energy_wh, movement, usage_wh=energy_wh - last.energy_wh)
    if last.candidate_ms is not None and last.candidate_wh is not None:
        since_wh = energy_wh - last.candidate_wh
        if limits.allow(since_wh, read_ms - last.candidate_ms):
            return _confirmed(
                last, last.candidate_ms, last.candidate_wh, (read_ms, energy_wh), limits
            )
    waiting = replace(last, candidate_ms=read_ms, candidate_wh=energy_wh)
    return Step(waiting, Movement.SUSPECT, 0, 0, read_ms)


def _confirmed(
    last: Checkpoint,
    candidate_ms: int,
    candidate_wh: int,
    reading: tuple[int, int],
    limits: RegisterLimits,
) -> Step:
    """Two readings agree on a register out of line: name what happened."""
    read_ms, energy_wh = reading
    duration_ms = candidate_ms - last.read_ms
    since_wh = energy_wh - candidate_wh
    if candidate_wh > last.energy_wh:
        flagged_wh = candidate_wh - last.energy_wh
        return _step(
            last, read_ms, energy_wh, Movement.JUMP, usage_wh=since_wh, flagged_wh=flagged_wh
        )
    if limits.modulus_wh is not None:
        wrapped_wh = candidate_wh + limits.modulus_wh - last.energy_wh
        if limits.allow(wrapped_wh, duration_ms):
            usage_wh = wrapped_wh + since_wh
            return _step(last, read_ms, energy_wh, Movement.ROLLOVER, usage_wh=usage_wh)
    # A register that restarted at 0 has counted candidate_wh since; more than can have flowed
    # means that it did not start at 0, so only what both readings saw is counted.
    restarted_wh = candidate_wh if limits.allow(candidate_wh, duration_ms) else 0
    usage_wh = restarted_wh + since_wh
    return _step(last, read_ms, energy_wh, Movement.RESET, usage_wh=usage_wh)


def _step(
    last: Checkpoint,
    read_ms: int,
    energy_wh: int,
    movement: Movement,
    *,
    usage_wh: int,
    flagged_wh: int = 0,
) -> Step:
    checkpoint = Checkpoint(
        read_ms, energy_wh, last.cumulative_wh + usage_wh, last.flagged_wh + flagged_wh
    )
    return Step(checkpoint, movement, usage_wh, flagged_wh, last.read_ms)


def spread(usage_wh: int, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """Divide usage over the quarter-hours it was drawn in, in proportion to time.

    Each edge is rounded down and the remainder carried on, so the parts add up exactly.

    Args:
        usage_wh: >= 0.
        from_ms: start of the period (unix milliseconds).
        to_ms: its end, > ``from_ms``.

    Returns:
        (start of the quarter-hour in unix seconds, Wh) for each part that is not 0.
    """
    interval_ms = INTERVAL_S * 1000
    parts: list[tuple[int, int]] = []
    done_wh = 0
    edge_ms = from_ms - from_ms % interval_ms
    while edge_ms < to_ms:
        next_ms = edge_ms + interval_ms
        upto_wh = usage_wh * (min(next_ms, to_ms) - from_ms) // (to_ms - from_ms)
        if upto_wh > done_wh:
            parts.append((edge_ms // 1000, upto_wh - done_wh))
        done_wh = upto_wh
        edge_ms = next_ms
    return parts
