"""The one door: every reading passes here, is checked, and is committed in groups.

A caller that was told "stored" can forget the reading: the commit was FULL. Until then it is
held in memory, bounded; a source that can hold its readings itself (MQTT) waits for the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.errors import GatewayError, Permanent, Transient
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.readings import append_readings

log = logging.getLogger(__name__)

MOST_WAITING = 50_000
"""Readings held while the disk does not take them: 200 meters every 10 s for 40 minutes, 10 MB."""
MOST_AHEAD = timedelta(minutes=5)
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """How readings are grouped.

    Args:
        flush_s: the longest a reading waits in memory, wall seconds; longer spares the card.
    """

    flush_s: float = 10.0


class Intake:
    """Collects readings and commits them together.

    Args:
        settings: how readings are grouped.
        points: every meter point with its meter.
        tier_at: the tier of the quarter-hour that starts at a unix second.
        database: where readings go.
        clock: to refuse readings from the future.
    """

    def __init__(
        self,
        settings: IntakeSettings,
        points: Sequence[MeterPoint],
        tier_at: Callable[[int], int],
        database: Database,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._points = {point.meter_id: point for point in points}
        self._tier_at = tier_at
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[Reading, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()

    def offer(self, reading: Reading) -> asyncio.Future[None]:
        """Take a reading without waiting for the commit.

        Args:
            reading: of a meter that this gateway knows.

        Returns:
            A future that is done when the reading is durable.

        Raises:
            Permanent: the reading cannot be true or is of no meter of ours; it is not stored.
            Transient: too many readings wait for a disk that takes none.
        """
        self._check(reading)
        if len(self._waiting) >= MOST_WAITING:
            raise Transient(f"{MOST_WAITING} readings wait for the disk: free some space")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((reading, done))
        self._arrived.set()
        return done

    async def put(self, reading: Reading) -> None:
        """Take a reading and return when it is durable; raises like :meth:`offer`."""
        await self.offer(reading)

    def hurry(self) -> None:
        """Commit what waits now: it follows a switch, or somebody watches."""
        self._hurry.set()

    def _check(self, reading: Reading) -> None:
        if reading.meter_id not in self._points:
            raise Permanent(f"no meter point has meter {reading.meter_id}: add it to the file")
        label = self._points[reading.meter_id].label
        if reading.energy_wh < 0:
            raise Permanent(f"{label}: a register of {reading.energy_wh} Wh cannot be")
        now = self._clock.now()
        if reading.read_at > now + MOST_AHEAD:
            ahead = reading.read_at - now
            raise Permanent(f"{label}: its clock is {ahead} ahead; let it fetch the time again")
        installed_s = self._points[reading.meter_id].installed_s
        if reading.read_at.timestamp() < installed_s - MOST_AHEAD.total_seconds():
            raise Permanent(
                f"{label}: dated {reading.read_at:%Y-%m-%d %H:%M}, before the meter was "
                "installed; let it fetch the time again"
            )

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Commit everything that waits, in one transaction.

        Raises:
            Transient: the disk did not take it; everything still waits.
        """
        group, self._waiting = self._waiting, []
        if not group:
            return
        try:
            async with self._database.transaction() as connection:
                readings = [reading for reading, _ in group]
                await append_readings(connection, readings, self._points, self._tier_at)
        except BaseException:
            self._waiting = group + self._waiting
            raise
        for _, done in group:
            if not done.done():
                done.set_result(None)

    async def run(self) -> None:
        """Commit when the oldest reading has waited long enough; on the way out, what is left."""
        retry_s = self._settings.flush_s
        try:
            while True:
                await self._arrived.wait()
                await self._pause(retry_s)
                self._arrived.clear()
                retry_s = await self._flush(retry_s)
        finally:
            await self.tick(self._clock.now())

    async def _pause(self, duration_s: float) -> None:
        try:
            async with asyncio.timeout(duration_s):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    async def _flush(self, retry_s: float) -> float:
        try:
            await self.tick(self._clock.now())
        except GatewayError as error:
            log.warning("readings not stored waiting=%d error=%s", len(self._waiting), error)
            self._arrived.set()
            return min(max(retry_s, 1.0) * 2, LONGEST_RETRY_S)
        return self._settings.flush_s
