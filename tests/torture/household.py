"""Households with meters, as the world knows them: registers that only ever go forward."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.domain.readings import Reading
from tests.torture.ground import METERS, MOST_WH, QUARTER_S, START_S, at, first_wh


@dataclass(slots=True)
class Households:
    """All houses of the village; each uses a little in each quarter-hour.

    Args:
        chance: what they use is drawn from it.
        meter_ids: the meter of each slot, in the store.
        shown_wh: what each register shows, by slot.
        now_s: where they are (unix seconds).
        unread: readings that are taken and not said to be stored, oldest first.
    """

    chance: random.Random
    meter_ids: Sequence[int]
    shown_wh: list[int] = field(default_factory=lambda: [first_wh(slot) for slot in range(METERS)])
    now_s: int = START_S
    unread: list[Reading] = field(default_factory=list)

    def live(self, quarters: int = 1, missed: float = 0.1) -> None:
        """Time passes; at the end of each quarter-hour most meters are read.

        Args:
            quarters: how many quarter-hours.
            missed: how likely a reading fails, 0 to 1; its energy comes with the next one.
        """
        for _ in range(quarters):
            self.now_s += QUARTER_S
            for slot in range(METERS):
                self.shown_wh[slot] += self.chance.choice((0, 1, MOST_WH, self._some_wh()))
                if self.chance.random() >= missed:
                    self._read(slot)

    def read_all(self) -> None:
        """Every meter is read once more."""
        self.now_s += 1
        for slot in range(METERS):
            self._read(slot)

    def _some_wh(self) -> int:
        return self.chance.randint(0, MOST_WH)

    def _read(self, slot: int) -> None:
        self.unread.append(Reading(self.meter_ids[slot], at(self.now_s), self.shown_wh[slot]))
