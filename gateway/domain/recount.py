"""Counts a meter's usage again from its readings alone, another way than it was counted.

:mod:`gateway.domain.usage` adds up steps. This looks at where a register stood: between two fresh
starts at 0, what was counted and set aside is its highest value less where it began. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.readings import Doubt
from gateway.domain.usage import Movement


@dataclass(slots=True)
class Recount:
    """One meter's count while it hangs in one place.

    Args:
        base_wh: where its register began, Wh; None: the first reading says so.
        top_wh: the highest value believed since its last fresh start.
        before_wh: what was counted before that start.
        newest_ms: the newest reading (unix milliseconds); older ones that come later are late.
        is_open: False: it wrapped round, and nobody wrote down at what value.
    """

    base_wh: int | None
    top_wh: int = 0
    before_wh: int = 0
    newest_ms: int = 0
    is_open: bool = True

    def take(self, at_ms: int, energy_wh: int, doubts: Doubt, moved: str | None) -> None:
        """One reading, in the order in which they were stored.

        Args:
            at_ms: when it was read (unix milliseconds).
            energy_wh: its register.
            doubts: what was stored with it.
            moved: what the journal says of the register at this instant: a Movement, or nothing.
        """
        if at_ms <= self.newest_ms:
            return
        self.newest_ms = at_ms
        if self.base_wh is None:
            self.base_wh = self.top_wh = energy_wh
        elif moved == Movement.ROLLOVER:
            self.is_open = False
        elif moved == Movement.RESET:
            self.before_wh = self.total_wh
            self.base_wh, self.top_wh = 0, energy_wh
        elif moved == Movement.JUMP or not doubts & Doubt.REGISTER:
            self.top_wh = max(self.top_wh, energy_wh)

    def close(self, energy_wh: int) -> None:
        """A person closed the count at this register, Wh."""
        if self.base_wh is not None:
            self.top_wh = energy_wh

    @property
    def total_wh(self) -> int:
        """What was counted and what was set aside, together, Wh."""
        return self.before_wh + max(0, self.top_wh - (self.base_wh or 0))
