"""UTC for everything that is stamped, and a driven clock for a simulated village.

Nothing else in the package calls ``datetime.now``. Intervals of waiting stay wall time; only
stamps and due times go through a clock, so a driven village can live an hour in a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.clock.machine import Machine
from gateway.clock.trust import Standing


@dataclass(slots=True, eq=False)
class Clock:
    """The village's time.

    Without a standing it is the system's time, or runs ``factor`` times as fast from a shared
    starting point; then nobody doubts it. Every process that is given the same three numbers
    agrees on the time, which is how the demo's meters, nodes, gateway and ledger share one clock.
    With a standing it is the count since boot plus the standing's offset, and never goes back;
    every process that has the same standing agrees.

    Args:
        origin_s: what this clock showed at ``wall_s`` (unix seconds).
        wall_s: the system time at which it showed that (unix seconds).
        factor: seconds of this clock per second of system time, > 0.
        machine: where time is read.
        standing: how far it is trusted; replaced by whoever keeps or follows it.
    """

    origin_s: float = 0.0
    wall_s: float = 0.0
    factor: float = 1.0
    machine: Machine = field(default_factory=Machine)
    standing: Standing | None = None
    _shown_s: float = 0.0

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    def now_s(self) -> float:
        """The current instant in unix seconds."""
        if self.standing is None:
            return self.origin_s + (self.machine.wall() - self.wall_s) * self.factor
        self._shown_s = max(self._shown_s, self.standing.at_ms(self.monotonic_ms()) / 1000)
        return self._shown_s

    def monotonic_ms(self) -> int:
        """The count since boot, milliseconds."""
        return int(self.machine.monotonic() * 1000)

    @property
    def trusted(self) -> bool:
        """Whether the time shown is the time; else it is the latest that is certainly reached."""
        return self.standing is None or self.standing.trusted_by is not None

    def trust(self) -> tuple[bool, int]:
        """Whether the time is trusted, and for how many seconds it has not been.

        The seconds are counted while the machine runs, over restarts, and never go back.
        """
        if self.standing is None:
            return True, 0
        return self.trusted, self.standing.untrusted_for_ms(self.monotonic_ms()) // 1000

    def wall_duration_s(self, duration_s: float) -> float:
        """How many seconds to wait on the wall for ``duration_s`` seconds of this clock."""
        return duration_s / self.factor
