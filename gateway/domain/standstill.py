"""A register that stands still while power flows: stuck, or its pulses are kept from it.

Between readings it is kept in memory only, one small object per meter: after a restart the count
begins anew, and a stuck register is found a little later. How long it stood, and what it missed, is
found again in its quarter-hours. Never bills anything: what a stuck register missed can only be
estimated, by a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.intervals import Finding, Interval, stuck_reason
from gateway.domain.readings import Doubt
from gateway.domain.tariffs import INTERVAL_S

STUCK_WH = 10
"""A register of 1 Wh that has missed ten is stuck; one such miss can be a load that cycles."""
STUCK_RUN_WH = 20
"""The same over whole quarter-hours, where only their mean power is known."""
STEADY_MS = 120_000
"""Between readings further apart than this nobody knows what flowed."""
_MJ_PER_WH = 3_600_000


@dataclass(slots=True)
class Standstill:
    """How long a register has not moved, in energy. Nobody changes one.

    Args:
        read_ms: when it was last read (unix milliseconds).
        power_mw: active power then, mW.
        missed_mj: what has flowed since it last moved, by the meter's own power, mJ (mW x s).
    """

    read_ms: int
    power_mw: int
    missed_mj: int = 0

    def stuck(self, stuck_wh: int = STUCK_WH) -> bool:
        """Whether the register must have moved by now.

        Args:
            stuck_wh: what it may miss, Wh: more than its own resolution.
        """
        return self.missed_mj >= stuck_wh * _MJ_PER_WH


def stand(last: Standstill | None, read_ms: int, power_mw: int | None, moved_wh: int) -> Standstill:
    """Follow a register from one reading to the next.

    Between two readings the smaller of both powers is taken to have flowed, so switching a load
    on is no standstill.

    Args:
        last: how it stood before; None: not known.
        read_ms: when it was read (unix milliseconds).
        power_mw: active power, mW; None: the meter does not say.
        moved_wh: how far the register moved since the reading before, Wh; any move ends it.
    """
    power_mw = power_mw or 0
    if last is None or moved_wh:
        return Standstill(read_ms, power_mw)
    duration_ms = read_ms - last.read_ms
    if not 0 < duration_ms <= STEADY_MS:
        return Standstill(read_ms, power_mw, last.missed_mj)
    flowed_mj = min(power_mw, last.power_mw) * duration_ms // 1000
    return Standstill(read_ms, power_mw, last.missed_mj + flowed_mj)


def check_standstill(
    intervals: Sequence[Interval], mean_power_mw: Mapping[int, int]
) -> Iterator[Finding]:
    """Runs of quarter-hours in which power flowed and the register did not move.

    Each says what flowed by the meter's own power, to start an estimate from.

    Args:
        intervals: quarter-hours by time.
        mean_power_mw: mean active power by start of the quarter-hour (unix seconds), mW.
    """
    run: list[Interval] = []
    for one in [*intervals, None]:
        stands = one is not None and not one.usage_wh and mean_power_mw.get(one.start_s, 0) > 0
        if run and (one is None or not stands or one.start_s != run[-1].start_s + INTERVAL_S):
            missed_mj = sum(mean_power_mw[still.start_s] * INTERVAL_S for still in run)
            missed_wh = missed_mj // _MJ_PER_WH
            if missed_wh >= STUCK_RUN_WH:
                start_s, end_s = run[0].start_s, run[-1].start_s + INTERVAL_S
                yield Finding(Doubt.STUCK, start_s, end_s, stuck_reason(missed_wh), 0, missed_wh)
            run = []
        if one is not None and stands:
            run.append(one)
