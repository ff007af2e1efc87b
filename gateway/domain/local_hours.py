"""Hours of the village's day and week in which nobody is disconnected for want of credit. Pure.

Local clock time: a span lasts an hour more or less in the night in which the clocks change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = frozenset(range(7))
_MIDNIGHT = "24:00"


@dataclass(frozen=True, slots=True)
class LocalSpan:
    """A span [start, end) of local clock time on some weekdays; it may pass midnight.

    Args:
        days: on which weekdays it starts, 0 Monday to 6 Sunday.
        start: its first minute.
        end: the first minute after it; not after ``start``: of the next day.
    """

    days: frozenset[int]
    start: time
    end: time

    def covers(self, weekday: int, local: time) -> bool:
        """Whether this local time is in it."""
        if self.start < self.end:
            return weekday in self.days and self.start <= local < self.end
        yesterday = (weekday - 1) % len(DAYS)
        return (weekday in self.days and local >= self.start) or (
            yesterday in self.days and local < self.end
        )


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Some spans of the village's week.

    Args:
        spans: any number; they may overlap.
        zone: the village's time zone.
    """

    spans: tuple[LocalSpan, ...] = ()
    zone: tzinfo = UTC

    def cover(self, now_s: int) -> bool:
        """Whether an instant (unix seconds) is in one of them."""
        if not self.spans:
            return False
        local = datetime.fromtimestamp(now_s, UTC).astimezone(self.zone)
        return any(span.covers(local.weekday(), local.time()) for span in self.spans)


def parse_span(text: str) -> LocalSpan:
    """A span from ``"20:00-06:00"``, ``"mon-fri 18:00-24:00"`` or ``"sat,sun 00:00-24:00"``.

    Raises:
        ValueError: it is none.
    """
    days, _, hours = text.rpartition(" ")
    start, _, end = hours.partition("-")
    last = time(0) if end == _MIDNIGHT else time.fromisoformat(end)
    return LocalSpan(_days(days), time.fromisoformat(start), last)


def _days(text: str) -> frozenset[int]:
    if not text:
        return _EVERY_DAY
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start = DAYS.index(first)
        count = (DAYS.index(last or first) - start) % len(DAYS)
        found.update((start + step) % len(DAYS) for step in range(count + 1))
    return frozenset(found)
