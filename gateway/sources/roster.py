"""Keeps the running sources in step with the store: which meters hang where, and who is unknown.

A meter point that an operator adds, or a meter that is exchanged, is taken up without a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.clock import Clock
from gateway.rhythm import repeat
from gateway.sources.strangers import Strangers
from gateway.store.database import Database
from gateway.store.points import MeterPoint, find_points, installations_version

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""Wall seconds between two looks into the store."""


class Learner(Protocol):
    """Something that has to know every meter point."""

    def learn(self, points: Sequence[MeterPoint]) -> None:
        """Take over which meters are installed now."""


class Roster:
    """Tells learners of every change, in the order in which they are given.

    Args:
        database: where meter points are.
        clock: the time.
        strangers: written down in passing; None: there is no broker.
        learners: who has to know.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        strangers: Strangers | None,
        learners: Sequence[Learner],
    ) -> None:
        self._database = database
        self._clock = clock
        self._strangers = strangers
        self._learners = learners
        self._version: tuple[int, int] | None = None

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Look once.

        Raises:
            Transient: the store is busy.
        """
        if self._strangers is not None:
            await self._strangers.save()
        version = await installations_version(self._database)
        if version == self._version:
            return
        points = await find_points(self._database)
        for learner in self._learners:
            learner.learn(points)
        self._version = version

    async def run(self) -> None:
        """Look for ever."""
        await repeat(self.tick, self._clock, LOOK_EVERY_S, log, "meter points can't be looked up")
