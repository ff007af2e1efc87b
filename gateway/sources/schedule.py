"""Whom to ask next on a bus, and when: periods, urgency, back-off, what a dead feeder looks like.

A meter's chip lives on the mains it measures, so a dead feeder is a bus on which nobody answers.
Pure: time is an argument, in wall seconds that only grow. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

FIRST_BACK_OFF_S = 1.0
"""Longer than a reply can be late, so that none is taken for the answer to a newer request."""
LONGEST_BACK_OFF_S = 60.0
PROBE_EVERY_S = 1.0
LOST_AFTER = 3
"""Failures in a row before anybody is told: one damaged frame is only noise."""
REFRESH_S = 1.0
"""A PZEM makes new values about once a second; asking more often tells nothing."""
TURNS_BEFORE_URGENT = 3
"""On a line too slow for everybody's period, so many others go before an urgent meter again."""


@dataclass(slots=True)
class _Meter:
    due_s: float
    asked_s: float = float("-inf")
    failures: int = 0
    failing_since_s: float = 0.0
    mute: bool = False


class Schedule:
    """Due times of the meters on one bus.

    Whoever is most overdue goes first. Urgent meters are read in between: each of the others
    keeps its period as long as three quarters of the line are enough for that.

    Args:
        units: their unit ids.
        period_s: how often each is read; 0: as fast as the line allows.
        now_s: when to begin.
        urgent_every_s: how often an urgent one is read, at least :data:`REFRESH_S`.
    """

    def __init__(
        self, units: Iterable[int], period_s: float, now_s: float, urgent_every_s: float = 2.0
    ) -> None:
        self._period_s = period_s
        self._urgent_every_s = max(urgent_every_s, REFRESH_S)
        self._meters = {unit: _Meter(due_s=now_s) for unit in units}
        self._urgent: frozenset[int] = frozenset()
        self._turns = 0
        self._probe_s = now_s
        self._answered_s = float("-inf")

    def set_urgent(self, units: Collection[int]) -> None:
        """Say which meters are urgent from now on; all others are not."""
        self._urgent = frozenset(units) & self._meters.keys()

    def next(self, now_s: float) -> tuple[int, float]:
        """The unit to ask next, and when it is due.

        On a silent feeder that is one probe at a time, each of another meter.
        """
        if self.is_silent:
            unit = min(self._meters, key=lambda one: self._meters[one].asked_s)
            return unit, self._probe_s
        unit = min(self._meters, key=lambda one: self._meters[one].due_s)
        due_s = self._meters[unit].due_s
        urgent = self._next_urgent()
        if urgent is None:
            return unit, due_s
        if urgent[1] > now_s or due_s > now_s:
            return min((unit, due_s), urgent, key=lambda one: one[1])
        return urgent if self._turns >= TURNS_BEFORE_URGENT else (unit, due_s)

    def _next_urgent(self) -> tuple[int, float] | None:
        """The urgent meter that waited longest, unless it is failing: then it is backed off."""
        sound = [unit for unit in self._urgent if not self._meters[unit].failures]
        if not sound:
            return None
        unit = min(sound, key=lambda one: self._meters[one].asked_s)
        return unit, self._meters[unit].asked_s + self._urgent_every_s

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
        if meter.due_s <= now_s:  # else it was read in between
            # Kept on its grid, unless the line is too slow for it.
            meter.due_s = max(meter.due_s + self._period_s, now_s)
        meter.asked_s = self._answered_s = now_s
        meter.failures, meter.mute = 0, False
        self._count_turn(unit)

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
        # A damaged frame or two are only noise: they cost no meter its period.
        back_off_s = FIRST_BACK_OFF_S * 2.0 ** min(meter.failures, 16)
        meter.due_s = now_s + min(back_off_s, max(self._period_s, LONGEST_BACK_OFF_S))
        meter.asked_s = now_s
        meter.failures += 1
        meter.mute = mute
        self._probe_s = now_s + PROBE_EVERY_S
        self._count_turn(unit)

    def _count_turn(self, unit: int) -> None:
        self._turns = 0 if unit in self._urgent else self._turns + 1
