"""How far the usage of a long outage is settled, and how long the rest takes. Settles nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

DAY_S = 86_400
LEAST_DAYS = 2
"""Less than this much waiting is no backlog worth a sentence."""
_MINUTE_S, _MOST_MINUTES = 60, 90


class Backlog:
    """Follows batches, oldest first, towards the end of what is due.

    Args:
        now_s: monotonic seconds.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._from_s: int | None = None
        self._began_s = 0.0

    def composed(self, from_s: int) -> None:
        """A batch begins; the first one is where the backlog begins.

        Args:
            from_s: start of its period (unix seconds).
        """
        if self._from_s is None:
            self._from_s, self._began_s = from_s, self._now_s()

    def progress(self, settled_s: int, due_s: int) -> str | None:
        """One sentence, or None when nothing of a backlog is left.

        Args:
            settled_s: up to where usage is settled (unix seconds).
            due_s: up to where it is due (unix seconds).
        """
        if self._from_s is None or settled_s >= due_s:
            self._from_s = None
            return None
        days = math.ceil((due_s - self._from_s) / DAY_S)
        if days < LEAST_DAYS:
            return None
        done_s = settled_s - self._from_s
        told = f"settling the backlog: {done_s // DAY_S} of {days} days done"
        if done_s <= 0:
            return told
        pace = (self._now_s() - self._began_s) / done_s
        return f"{told}, {_left(pace * (due_s - settled_s))}"


def _left(wall_s: float) -> str:
    minutes = max(1, math.ceil(wall_s / _MINUTE_S))
    if minutes <= _MOST_MINUTES:
        return f"about {minutes} min left"
    return f"about {math.ceil(minutes / _MINUTE_S)} h left"
