"""Whom to ask next on a bus, and when: due times, back-off, and what a dead feeder looks like.

A meter's chip lives on the mains it measures, so a dead feeder is a bus on which nobody answers.
Pure: time is an argument, in wall seconds that only grow. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FIRST_BACK_OFF_S = 1.0
"""Longer than a reply can be late, so that none is taken for the answer to a newer request."""
LONGEST_BACK_OFF_S = 60.0
PROBE_EVERY_S = 1.0
LOST_AFTER = 3
"""Failures in a row before anybody is told: one damaged frame is only noise."""


@dataclass(slots=True)
class _Meter:
    due_s: float
    asked_s: float = float("-inf")
    failures: int = 0
    failing_since_s: float = 0.0
    mute: bool = False


class Schedule:
    """Due times of the meters on one bus.

    Args:
        units: their unit ids.
        period_s: how often each is read; 0: as fast as the line allows.
        now_s: when to begin.
    """

    def __init__(self, units: Iterable[int], period_s: float, now_s: float) -> None:
        self._period_s = period_s
        self._meters = {unit: _Meter(due_s=now_s) for unit in units}
        self._probe_s = now_s
        self._answered_s = float("-inf")

    def next(self) -> tuple[int, float]:
        """The unit to ask next, and when it is due.

        On a silent feeder that is one probe at a time, each of another meter.
        """
        if self.is_silent:
            unit = min(self._meters, key=lambda one: self._meters[one].asked_s)
            return unit, self._probe_s
        unit = min(self._meters, key=lambda one: self._meters[one].due_s)
        return unit, self._meters[unit].due_s

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard of any meter when it was last asked."""
        meters = self._meters.values()
        return (
            all(meter.mute for meter in meters)
            and sum(meter.failures for meter in meters) >= LOST_AFTER
        )

    def is_lost(self, unit: int) -> bool:
        """Whether this meter keeps failing while another one on the same bus still answers."""
        meter = self._meters[unit]
        return meter.failures >= LOST_AFTER and self._answered_s > meter.failing_since_s

    def answered(self, unit: int, now_s: float) -> None:
        """A meter replied; the first reply on a silent feeder drops every back-off."""
        if self.is_silent:
            for other in self._meters.values():
                other.due_s, other.failures, other.mute = now_s, 0, False
        meter = self._meters[unit]
        # Kept on its grid, unless the line is too slow for it.
        meter.due_s = max(meter.due_s + self._period_s, now_s)
        meter.asked_s = self._answered_s = now_s
        meter.failures, meter.mute = 0, False

    def failed(self, unit: int, now_s: float, *, mute: bool) -> None:
        """A meter did not reply usably.

        Args:
            unit: its unit id.
            now_s: when it was given up.
            mute: nothing was heard; a damaged reply still proves a live feeder.
        """
        meter = self._meters[unit]
        if meter.failures == 0:
            meter.failing_since_s = now_s
        back_off_s = max(self._period_s, FIRST_BACK_OFF_S) * 2.0 ** min(meter.failures, 16)
        meter.due_s = now_s + min(back_off_s, max(self._period_s, LONGEST_BACK_OFF_S))
        meter.asked_s = now_s
        meter.failures += 1
        meter.mute = mute
        self._probe_s = now_s + PROBE_EVERY_S
