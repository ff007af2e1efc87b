"""The time everything is stamped with: aware UTC, and a driven clock for a simulated village.

Nothing else in the package calls ``datetime.now``. Intervals of waiting stay wall time; only
stamps and due times go through a clock, so a driven village can live an hour in a minute.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """UTC that runs ``factor`` times as fast as the wall clock from a shared starting point.

    The default is plain system time. Every process that is given the same three numbers agrees
    on the time, which is how the demo's meters, nodes, gateway and ledger share one clock.

    Args:
        origin_s: what this clock showed at ``wall_s`` (unix seconds).
        wall_s: the system time at which it showed that (unix seconds).
        factor: seconds of this clock per second of system time, > 0.
    """

    origin_s: float = 0.0
    wall_s: float = 0.0
    factor: float = 1.0

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    def now_s(self) -> float:
        """The current instant in unix seconds."""
        return self.origin_s + (time.time() - self.wall_s) * self.factor

    def wall_duration_s(self, duration_s: float) -> float:
        """How many seconds to wait on the wall for ``duration_s`` seconds of this clock."""
        return duration_s / self.factor
