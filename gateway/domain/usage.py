"""Usage from cumulative registers: never from power, never silently negative, never invented.

Per meter, in whole Wh and after any fault:
``cumulative_wh + flagged_wh = register end - register start``, where a register that starts again
at 0 (rollover, reset, exchange) goes on counting from where it was, and one that went back counts
again only above its highest value.

A register that moves out of line is not believed at once. It becomes a candidate, and the next
readings decide: back in line, it was a glitch; in line with the candidate, which has moved on or
stood for ten minutes, it is a reset, a rollover, a jump, or it has gone back. Real PZEM counters
show all of them: a jump when the voltage falls to 0, then a counter that stands still
(https://github.com/arendst/Tasmota/issues/9311), wrong values with a good checksum for seconds
after power-up (https://github.com/arendst/Tasmota/issues/5875), spontaneous resets
(https://github.com/mandulaj/PZEM-004T-v30/issues/47).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.tariffs import INTERVAL_S

SLACK_WH = 1
"""Two registers are each cut to whole Wh: their difference is less than 1 Wh too large."""
SLACK_MS = 1_000
"""A reading's time is known to about a second."""
MS_PER_HOUR = 3_600_000
SETTLED_MS = 600_000
"""A register out of line that does not move is believed after this long: glitches freeze, too."""
_QUARTERS_PER_HOUR = 4


class Movement(StrEnum):
    """How a register moved since the checkpoint."""

    FIRST = "first"
    NORMAL = "normal"
    GAP = "gap"
    """As normal, after so long that only its total is known, not when it was drawn."""
    LATE = "late"
    SUSPECT = "suspect"
    GLITCH = "glitch"
    ROLLOVER = "rollover"
    RESET = "reset"
    JUMP = "jump"
    REVERSE = "reverse"
    """Gone back by a little, not to 0: not billed again until it passes its highest value."""
    STUCK = "stuck"
    """Stands still while power flows: see :mod:`gateway.domain.standstill`."""
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class RegisterLimits:
    """What a meter can do.

    Args:
        max_power_w: the most its meter point can draw, W.
        modulus_wh: the register's value at which it starts again at 0; None: not known.
        gap_ms: readings further apart than this leave a gap, ms: by default a quarter-hour, and a
            tenth for meters that are read once in it.
    """

    max_power_w: int
    modulus_wh: int | None = None
    gap_ms: int = INTERVAL_S * 1100

    def allow(self, energy_wh: int, duration_ms: int) -> bool:
        """Whether ``energy_wh`` can have flowed in ``duration_ms``."""
        most_wms = self.max_power_w * (duration_ms + SLACK_MS)
        return energy_wh >= 0 and (energy_wh - SLACK_WH) * MS_PER_HOUR <= most_wms

    def much(self, energy_wh: int) -> bool:
        """Whether it is more than a quarter of an hour at full power: too much to bill unseen."""
        return energy_wh * _QUARTERS_PER_HOUR > self.max_power_w


@dataclass(slots=True)
class Checkpoint:
    """From where the next reading's usage is counted. Nobody changes one.

    It is made for every reading of every meter, and a frozen one costs four times as much.

    Args:
        read_ms: when the register was last believed (unix milliseconds).
        energy_wh: the highest value up to which it is counted.
        cumulative_wh: all usage counted since installation.
        flagged_wh: register movement that is not billed until a person decides.
        candidate_ms: when a register out of line was read; None: there is none. Equal to
            ``read_ms``: the register has gone back, that is certain, and it stands at
            ``candidate_wh`` below ``energy_wh``.
        candidate_wh: what it showed.
    """

    read_ms: int
    energy_wh: int
    cumulative_wh: int = 0
    flagged_wh: int = 0
    candidate_ms: int | None = None
    candidate_wh: int | None = None

    @property
    def behind_wh(self) -> int:
        """How far the register stands below what is counted, Wh; 0: it has not gone back."""
        if self.candidate_wh is None or self.candidate_ms != self.read_ms:
            return 0
        return self.energy_wh - self.candidate_wh

    def precedes(self, read_ms: int) -> bool:
        """Whether a reading of this time (unix milliseconds) is certainly newer than all seen.

        While a register out of line waits, only the store knows: the same one may have been read
        again since.
        """
        return read_ms > self.read_ms and self.candidate_ms in {None, self.read_ms}


@dataclass(slots=True)
class Step:
    """What one reading changes. Nobody changes one, either.

    Args:
        checkpoint: the next checkpoint.
        movement: how the register moved.
        usage_wh: usage that it adds, >= 0.
        flagged_wh: movement that is set aside, Wh, >= 0.
        from_ms: since when the usage was drawn (unix milliseconds).
    """

    checkpoint: Checkpoint
    movement: Movement
    usage_wh: int
    flagged_wh: int
    from_ms: int


_NORMAL = Movement.NORMAL
_MOVED = {True: Movement.GAP, False: Movement.NORMAL}


def start(read_ms: int, energy_wh: int) -> Step:
    """The first reading of a meter whose register at installation nobody wrote down."""
    return Step(Checkpoint(read_ms, energy_wh), Movement.FIRST, 0, 0, read_ms)


def advance(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """Count the usage between the checkpoint and a reading.

    Runs for every reading; what is not out of line takes the first branch.

    Args:
        last: the checkpoint.
        read_ms: when the register was read (unix milliseconds).
        energy_wh: the cumulative register, Wh.
        limits: what the meter can do.
    """
    from_ms = last.read_ms
    duration_ms = read_ms - from_ms
    moved_wh = energy_wh - last.energy_wh
    if (
        last.candidate_ms is None
        and 0 < duration_ms <= limits.gap_ms
        and moved_wh >= 0
        and (moved_wh - SLACK_WH) * MS_PER_HOUR <= limits.max_power_w * (duration_ms + SLACK_MS)
    ):
        checkpoint = Checkpoint(read_ms, energy_wh, last.cumulative_wh + moved_wh, last.flagged_wh)
        return Step(checkpoint, _NORMAL, moved_wh, 0, from_ms)
    return _advance_with_care(last, read_ms, energy_wh, limits)


def _advance_with_care(
    last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits
) -> Step:
    """Late, after a gap, out of line, or while a candidate waits."""
    if read_ms <= max(last.read_ms, last.candidate_ms or 0):
        return Step(last, Movement.LATE, 0, 0, read_ms)
    if last.behind_wh:
        return _behind(last, read_ms, energy_wh, limits)
    if limits.allow(energy_wh - last.energy_wh, read_ms - last.read_ms):
        return _in_line(last, read_ms, energy_wh, limits)
    return _out_of_line(last, read_ms, energy_wh, limits)


def _out_of_line(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """What can't have flowed: the first such reading waits for the next ones."""
    if last.candidate_ms is None or last.candidate_wh is None:
        return _suspect(last, read_ms, energy_wh)
    waited_ms = read_ms - last.candidate_ms
    if not limits.allow(energy_wh - last.candidate_wh, waited_ms):
        return _suspect(last, read_ms, energy_wh)
    if energy_wh == last.candidate_wh and waited_ms < SETTLED_MS:
        return Step(last, Movement.SUSPECT, 0, 0, read_ms)
    return _confirmed(last, (last.candidate_ms, last.candidate_wh), (read_ms, energy_wh), limits)


def _in_line(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """What can have flowed since the checkpoint; a candidate between the two was no glitch."""
    between = last.candidate_wh is None or last.energy_wh <= last.candidate_wh <= energy_wh
    movement = _MOVED[read_ms - last.read_ms > limits.gap_ms] if between else Movement.GLITCH
    return _step(last, read_ms, energy_wh, movement, usage_wh=energy_wh - last.energy_wh)


def _suspect(last: Checkpoint, read_ms: int, energy_wh: int) -> Step:
    waiting = Checkpoint(
        last.read_ms, last.energy_wh, last.cumulative_wh, last.flagged_wh, read_ms, energy_wh
    )
    return Step(waiting, Movement.SUSPECT, 0, 0, read_ms)


def _behind(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """A register that went back climbs: only what is above its highest value is counted."""
    duration_ms = read_ms - last.read_ms
    if limits.allow(energy_wh - (last.candidate_wh or 0), duration_ms):
        movement = _MOVED[duration_ms > limits.gap_ms]
        if energy_wh < last.energy_wh:
            return _gone_back(last, read_ms, energy_wh, movement)
        return _step(last, read_ms, energy_wh, movement, usage_wh=energy_wh - last.energy_wh)
    if limits.allow(energy_wh - last.energy_wh, duration_ms):
        return _in_line(last, read_ms, energy_wh, limits)
    return _suspect(last, read_ms, energy_wh)


def _gone_back(last: Checkpoint, read_ms: int, energy_wh: int, movement: Movement) -> Step:
    checkpoint = Checkpoint(
        read_ms, last.energy_wh, last.cumulative_wh, last.flagged_wh, read_ms, energy_wh
    )
    return Step(checkpoint, movement, 0, 0, last.read_ms)


def _confirmed(
    last: Checkpoint, candidate: tuple[int, int], reading: tuple[int, int], limits: RegisterLimits
) -> Step:
    """Two readings agree on a register out of line: name what happened."""
    candidate_ms, candidate_wh = candidate
    read_ms, energy_wh = reading
    fallen_wh = last.energy_wh - candidate_wh
    if fallen_wh < 0:
        since_wh = energy_wh - candidate_wh
        return _step(
            last, read_ms, energy_wh, Movement.JUMP, usage_wh=since_wh, flagged_wh=-fallen_wh
        )
    if limits.modulus_wh is not None:
        wrapped_wh = limits.modulus_wh - last.energy_wh + energy_wh
        if limits.allow(wrapped_wh, read_ms - last.read_ms):
            return _rolled_over(last, reading, limits.modulus_wh, limits)
    from_zero = limits.allow(candidate_wh, candidate_ms - last.read_ms)
    if not from_zero and fallen_wh <= limits.max_power_w:
        return _gone_back(last, read_ms, energy_wh, Movement.REVERSE)
    doubtful = not from_zero or fallen_wh <= limits.max_power_w or limits.much(candidate_wh)
    return _restarted(last, candidate_wh, reading, doubtful=doubtful)


def _rolled_over(
    last: Checkpoint,
    reading: tuple[int, int],
    modulus_wh: int,
    limits: RegisterLimits,
) -> Step:
    """A register that wrapped round, or restarted shortly before it would have.

    What is left up to the modulus is billed where it is little, and else set aside.
    """
    _, energy_wh = reading
    left_wh = modulus_wh - last.energy_wh
    doubtful_wh = left_wh if limits.much(left_wh) else 0
    return _step(
        last,
        *reading,
        Movement.ROLLOVER,
        usage_wh=energy_wh + left_wh - doubtful_wh,
        flagged_wh=doubtful_wh,
    )


def _restarted(
    last: Checkpoint, restarted_wh: int, reading: tuple[int, int], *, doubtful: bool
) -> Step:
    """A register that restarted at 0 has counted ``restarted_wh`` since.

    That is billed where nothing else is likely: a small register after a large one. It is set
    aside where the register may as well have gone back (it fell by less than an hour at full
    power), been restored from an old copy or exchanged (it shows more than can have flowed, or
    much).
    """
    _, energy_wh = reading
    return _step(
        last,
        *reading,
        Movement.RESET,
        usage_wh=energy_wh - (restarted_wh if doubtful else 0),
        flagged_wh=restarted_wh if doubtful else 0,
    )


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


def settle(last: Checkpoint, read_ms: int, energy_wh: int, limits: RegisterLimits) -> Step:
    """Count up to a register that a person read: it is believed at once, however far out of line.

    What can't have flowed is set aside, as always.

    Args:
        last: the checkpoint.
        read_ms: when it was read (unix milliseconds); taken to be after what was counted so far.
        energy_wh: the cumulative register, Wh.
        limits: what the meter can do.
    """
    read_ms = max(read_ms, last.read_ms + 1, (last.candidate_ms or 0) + 1)
    step = advance(last, read_ms, energy_wh, limits)
    waiting = step.checkpoint
    if (
        step.movement is not Movement.SUSPECT
        or waiting.candidate_ms is None
        or waiting.candidate_wh is None
    ):
        return step
    candidate = (waiting.candidate_ms, waiting.candidate_wh)
    return _confirmed(last, candidate, (read_ms, energy_wh), limits)


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
