"""The one door: every reading passes here, is checked, and is committed in groups.

A caller that was told "stored" can forget the reading: the commit was FULL. Until then it is
held in memory, bounded; a source that can hold its readings itself (MQTT) waits for the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.errors import Permanent, Transient
from gateway.sources.undated import MOST_AHEAD, Waiting
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.store.readings import ReadingBook
from gateway.store.trips import Trip, find_trips
from gateway.store.undated import Undated
from gateway.store.unsettled import UnsettledUsage

log = logging.getLogger(__name__)

MOST_WAITING = 50_000
"""Readings held while the disk does not take them: 200 meters every 10 s for 40 minutes, 10 MB."""
MOST_AT_ONCE = 2_000
"""Readings in one transaction: other processes wait for the file meanwhile, 10 s at most."""
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 10.0
DATE_AGAIN_S = 5.0
"""While readings wait for their date, nobody has to report for them to get it."""


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """How readings are grouped.

    Args:
        flush_s: the longest a reading waits in memory, wall seconds; longer spares the card.
        overdraft_stroops: how far below 0 a balance may go before disconnection: a reading that
            gets there does not wait.
    """

    flush_s: float = 10.0
    overdraft_stroops: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """Readings that will be durable together, and the future that says when.

    Either all are dated, or none is.
    """

    done: asyncio.Future[None]
    dated: bool
    readings: list[Reading] = field(default_factory=list)
    undated: list[Undated] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.readings) + len(self.undated)


class Intake:
    """Collects readings and commits them together.

    Args:
        settings: how readings are grouped.
        points: every meter point with its meter.
        tier_at: the tier of the quarter-hour that starts at a unix second.
        database: where readings go.
        clock: to refuse readings from the future; while it is not trusted, readings are stored
            without a date.
        unsettled: of that database, shared by all in this process; None: one of its own.
    """

    def __init__(
        self,
        settings: IntakeSettings,
        points: Sequence[MeterPoint],
        tier_at: Callable[[int], int],
        database: Database,
        clock: Clock,
        *,
        unsettled: UnsettledUsage | None = None,
    ) -> None:
        self._settings = settings
        # What waits of a meter that was exchanged meanwhile is still to be committed.
        self._points: dict[int, MeterPoint] = {}
        self._installed: frozenset[int] = frozenset()
        self.learn(points)
        self._book = ReadingBook(database, tier_at)
        self._undated = Waiting(self._book, database, clock)
        self._clock = clock
        self._groups: deque[_Group] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._database = database
        self._unsettled = unsettled or UnsettledUsage(database)
        self._trips: dict[int, Trip] = {}

    def offer(self, reading: Reading, *, own_date: bool = False) -> asyncio.Future[None]:
        """Take a reading without waiting for the commit.

        Args:
            reading: of a meter that this gateway knows.
            own_date: its sender dated it; else this gateway's clock did.

        Returns:
            A future that is done when the reading is durable; readings that are committed
            together share one.

        Raises:
            Permanent: the reading cannot be true or is of no meter of ours; it is not stored.
            Transient: too many readings wait for a disk that takes none.
        """
        dated = self._clock.trusted
        self._check(reading, dated=dated)
        if self._waiting >= MOST_WAITING:
            raise Transient(f"{MOST_WAITING} readings wait for the disk: free some space")
        last = self._groups[-1] if self._groups else None
        if last is None or last.dated is not dated or len(last) >= MOST_AT_ONCE:
            self._groups.append(_Group(asyncio.get_running_loop().create_future(), dated))
        group = self._groups[-1]
        if dated:
            group.readings.append(reading)
        else:
            group.undated.append(self._undated.undated(reading, own_date=own_date))
        self._waiting += 1
        self._arrived.set()
        if self._is_trip(reading):
            self._hurry.set()
        return group.done

    async def put(self, reading: Reading) -> None:
        """Take a reading and return when it is durable; raises like :meth:`offer`."""
        await asyncio.shield(self.offer(reading))

    def learn(self, points: Sequence[MeterPoint]) -> None:
        """Take readings of these meter points from now on.

        Args:
            points: every meter point with its meter, as the store has them now.
        """
        self._installed = frozenset(point.meter_id for point in points)
        self._points.update({point.meter_id: point for point in points})

    def hurry(self) -> None:
        """Commit what waits now: it follows a switch, or somebody watches."""
        self._hurry.set()

    def _is_trip(self, reading: Reading) -> bool:
        """Whether it is likely to disconnect its supply."""
        trip = self._trips.get(reading.meter_id)
        if trip is None:
            return False
        spent = trip.register_wh is not None and reading.energy_wh >= trip.register_wh
        return spent or (trip.power_mw is not None and (reading.power_mw or 0) > trip.power_mw)

    def _check(self, reading: Reading, *, dated: bool) -> None:
        if reading.meter_id not in self._installed:
            raise Permanent(f"no meter point has meter {reading.meter_id}: add it to the file")
        label = self._points[reading.meter_id].label
        if reading.energy_wh < 0:
            raise Permanent(f"{label}: a register of {reading.energy_wh} Wh cannot be")
        if not dated:
            return
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
        """Commit everything that waits, in one transaction unless a long fault left very much.

        What waits for its date is dated first, if the time is trusted.

        Raises:
            Transient: the disk did not take it; what is not committed still waits.
            Permanent: the store cannot be used until a person acts.
        """
        while self._groups:
            if self._groups[0].dated:
                await self._undated.date(self._points)  # else what came before would come late
            await self._commit()
        await self._undated.date(self._points)

    async def _commit(self) -> None:
        group = self._groups.popleft()
        try:
            if group.undated:
                await self._undated.keep(group.undated)
            else:
                await self._book.append(group.readings, self._points)
        except BaseException:
            self._groups.appendleft(group)
            raise
        self._waiting -= len(group)
        if not group.done.done():
            group.done.set_result(None)

    async def run(self) -> None:
        """Commit when the oldest reading has waited long enough; on the way out, what is left."""
        retry_s = 0.0
        try:
            await self.learn_trips()
            while True:
                await self._something_to_do()
                if retry_s:
                    await asyncio.sleep(retry_s)  # no hurry makes room on a disk
                else:
                    await self._pause()
                self._arrived.clear()
                retry_s = await self._flush(retry_s)
        finally:
            while self._groups:  # what waits for its date waits in the store
                await self._commit()

    async def _something_to_do(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DATE_AGAIN_S if self._undated.left else None):
                await self._arrived.wait()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._settings.flush_s):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    async def _flush(self, retry_s: float) -> float:
        """Commit; returns how long to wait before the next try, s, 0 when there was no fault."""
        try:
            await self.tick(self._clock.now())
        except Transient as error:
            if not retry_s:
                log.warning("readings wait in memory waiting=%d: %s", self._waiting, error)
            self._arrived.set()
            return min(max(retry_s * 2, FIRST_RETRY_S), LONGEST_RETRY_S)
        if retry_s:
            log.info("readings are stored again")
        await self.learn_trips()
        return 0.0

    async def learn_trips(self) -> None:
        """Know which readings can't wait; what can't be learnt stays as it was."""
        now_s, overdraft_stroops = int(self._clock.now_s()), self._settings.overdraft_stroops
        try:
            self._trips = await find_trips(
                self._database, self._unsettled, overdraft_stroops, now_s
            )
        except Transient as error:
            log.debug("trips not known: %s", error)
