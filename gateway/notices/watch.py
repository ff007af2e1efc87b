"""Watches every feeder for signs of tampering and faults, and tells where each begins and ends.

What has begun stands in the store, so a restart neither repeats nor forgets it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from gateway.clock import Clock
from gateway.domain.diagnosis import Key, Sign, State, Watch
from gateway.errors import Permanent
from gateway.notices.feeders import Feeder, by_feeder, diagnose_feeder
from gateway.notices.settings import NoticeSettings
from gateway.rhythm import repeat
from gateway.store.database import Database
from gateway.store.feeders import Newest, find_feeder_meters, find_newest
from gateway.store.signs import OF_FEEDERS, StandingSign, Turn, find_signs, save_turns
from gateway.store.status import drop_statuses, mark_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""Wall seconds between two looks."""
PARKED = "watch"
"""What the status of a feeder that can't be watched begins with."""
_STANDS = Watch(active=True, turning_s=None)


class SignWatch:
    """Turns what meters say into signs.

    Args:
        settings: the feeders.
        database: where readings are, and where signs go.
        clock: the village's time.
    """

    def __init__(self, settings: NoticeSettings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._newest = Newest(None, {})
        self._crew: frozenset[tuple[str, int]] | None = None
        self._states: dict[str, State] = {}
        self._parked: set[str] = set()

    async def tick(self, now: datetime) -> None:
        """Look once.

        Args:
            now: the time, aware.

        Raises:
            Transient: the store is busy; nothing that turned is lost.
        """
        if not self._clock.trusted:
            return  # readings wait for their date: every meter would look mute
        now_s = int(now.timestamp())
        self._newest = await find_newest(self._database, self._newest)
        meters = await find_feeder_meters(self._database, self._newest)
        feeders = by_feeder(meters, self._settings, now_s)
        crew = frozenset((one.name, meter.facts.meter_id) for one in feeders for meter in one.all)
        if crew != self._crew:
            await self._take_over(feeders, now_s)
            self._crew = crew
        for feeder in feeders:
            if feeder.name not in self._parked:
                await self._look(feeder, now_s)

    async def _take_over(self, feeders: Iterable[Feeder], now_s: int) -> None:
        """Go on from the store: at the start, and when meters have come, gone or been exchanged."""
        if self._crew is None:
            await drop_statuses(self._database, (PARKED,), ())
        standing = await find_signs(self._database)
        self._states = {feeder.name: _state(feeder, standing) for feeder in feeders}
        subjects = {feeder.name for feeder in feeders}
        labels = {meter.label for feeder in feeders for meter in feeder.all}
        orphans = [
            Turn(one.kind, one.subject, began=False, reason="It is not watched any more.")
            for one in standing
            if one.subject not in (subjects if one.kind in OF_FEEDERS else labels)
        ]
        await save_turns(self._database, orphans, now_s)

    async def _look(self, feeder: Feeder, now_s: int) -> None:
        limits = self._settings.signs_of(feeder.name)
        try:
            state = self._states[feeder.name]
            after, signs = diagnose_feeder(state, feeder, now_s, limits)
            turns = [_turn(feeder, sign) for sign in signs]
            for turn in await save_turns(self._database, turns, now_s):
                log.info(
                    "sign kind=%s subject=%s began=%s %s",
                    turn.kind,
                    turn.subject,
                    turn.began,
                    turn.reason,
                )
            self._states[feeder.name] = after
        except Permanent as error:
            await self._park(feeder.name, str(error), now_s)

    async def _park(self, name: str, why: str, now_s: int) -> None:
        log.error("feeder is not watched any more feeder=%s: %s", name, why)
        self._parked.add(name)
        message = f"this feeder is not watched for signs any more: {why}"
        await mark_status(self._database, f"{PARKED}:{name}", "alarm", message, now_s)

    async def run(self) -> None:
        """Look for ever."""
        await repeat(self.tick, self._clock, LOOK_EVERY_S, log, "the watch for signs waits")


def _state(feeder: Feeder, standing: Iterable[StandingSign]) -> State:
    """A feeder's signs as the store has them; what had not lasted long enough begins anew."""
    meters = {meter.label: meter.facts.meter_id for meter in feeder.all}
    keys: list[Key] = []
    for sign in standing:
        if sign.kind in OF_FEEDERS:
            keys += [(sign.kind, None)] if sign.subject == feeder.name else []
        elif sign.subject in meters:
            keys.append((sign.kind, meters[sign.subject]))
    return dict.fromkeys(keys, _STANDS)


def _turn(feeder: Feeder, sign: Sign) -> Turn:
    if sign.meter_id is None:
        return Turn(sign.kind, feeder.name, sign.began, sign.reason)
    meter = next(one for one in feeder.all if one.facts.meter_id == sign.meter_id)
    return Turn(
        sign.kind, meter.label, sign.began, sign.reason, meter.meter_point_id, sign.meter_id
    )
