"""Adds up each feeder's hours and days, and says when more is missing than meters can be wrong by.

An hour is added up when it is over and every meter was read since; a mute meter only delays it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo

from gateway.clock import Clock
from gateway.domain.losses import HOUR_S, HOURS_PER_DAY, FeederHour, balance, judge
from gateway.errors import Permanent
from gateway.notices.settings import FeederSettings, NoticeSettings
from gateway.rhythm import repeat
from gateway.store.database import Database
from gateway.store.losses import (
    STATUS,
    Membership,
    find_hours,
    is_alarmed,
    measure_hours,
    save_hours,
    save_verdict,
)
from gateway.store.status import drop_statuses, mark_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 300.0
"""Seconds of the village between two looks for an hour that is complete."""
LEAST_WAIT_S = 1.0
FIRST_LOOK_BACK_H = 7 * HOURS_PER_DAY
"""How far a process that starts looks for hours that nobody has added up."""
LOOK_BACK_H = 2 * HOURS_PER_DAY
"""For so long an hour waits for a meter that is mute."""
PARKED = "losses-parked"


class LossReport:
    """Keeps the balance of every feeder that has a meter.

    Args:
        settings: the feeders.
        database: where usage is, and where balances go.
        clock: the village's time.
    """

    def __init__(self, settings: NoticeSettings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._feeders = [one for one in settings.feeders if one.has_meter]
        self._database = database
        self._clock = clock
        self._look_back_h = FIRST_LOOK_BACK_H
        self._parked: set[str] = set()

    async def tick(self, now: datetime) -> None:
        """Add up what is complete and was not, and judge it.

        Args:
            now: the time, aware.

        Raises:
            Transient: the store is busy.
        """
        if not self._clock.trusted:
            self._look_back_h = FIRST_LOOK_BACK_H  # what waits for its date comes at once then
            return
        if self._look_back_h == FIRST_LOOK_BACK_H:
            keep = [f"{STATUS}:{one.name}" for one in self._feeders]
            await drop_statuses(self._database, (STATUS, PARKED), keep)
        for feeder in self._feeders:
            if feeder.name not in self._parked:
                await self._look(feeder, now)
        self._look_back_h = LOOK_BACK_H

    async def _look(self, feeder: FeederSettings, now: datetime) -> None:
        now_s = int(now.timestamp())
        try:
            if await self._add_up(feeder, now_s):
                await self._judge(feeder, now_s)
        except Permanent as error:
            log.error("no balance any more feeder=%s: %s", feeder.name, error)  # noqa: TRY400
            self._parked.add(feeder.name)
            message = f"the balance of this feeder is not added up any more: {error}"
            await mark_status(self._database, f"{PARKED}:{feeder.name}", "alarm", message, now_s)

    async def _add_up(self, feeder: FeederSettings, now_s: int) -> bool:
        """Store hours that are new or have changed; whether there were any."""
        zone = self._settings.zone
        to_s = hour_start_s(now_s, zone)
        from_s = to_s - self._look_back_h * HOUR_S
        known = {
            hour.start_s: hour for hour in await find_hours(self._database, feeder.name, from_s)
        }
        open_s = [
            start_s
            for start_s in range(from_s, to_s, HOUR_S)
            if start_s not in known or not known[start_s].complete
        ]
        if not open_s:
            return False
        who = Membership(feeder.name, self._settings.only)
        measured = await measure_hours(self._database, who, open_s[0], to_s)
        changed = [
            hour
            for hour in measured
            if hour.start_s in set(open_s) and hour != known.get(hour.start_s)
        ]
        if changed:
            rows = [(hour, balance([hour], feeder.model)) for hour in changed]
            await save_hours(self._database, feeder.name, rows, _days(changed, zone))
        return bool(changed)

    async def _judge(self, feeder: FeederSettings, now_s: int) -> None:
        to_s = hour_start_s(now_s, self._settings.zone)
        hours = await find_hours(self._database, feeder.name, to_s - HOURS_PER_DAY * HOUR_S)
        alarmed = await is_alarmed(self._database, feeder.name)
        verdict = judge(hours, feeder.model, feeder.losses, alarmed=alarmed)
        if verdict is None:
            return
        await save_verdict(self._database, feeder.name, verdict, now_s)
        if verdict.changed:
            word = "begins" if verdict.alarmed else "ends"
            log.info("loss alarm %s feeder=%s %s", word, feeder.name, verdict.reason)

    async def run(self) -> None:
        """Look for ever; does nothing where no feeder has a meter."""
        pause_s = max(LEAST_WAIT_S, self._clock.wall_duration_s(LOOK_EVERY_S))
        await repeat(self.tick, self._clock, pause_s, log, "balances wait")


def hour_start_s(at_s: int, zone: tzinfo) -> int:
    """The start of the hour of the village's clock that an instant is in (unix seconds)."""
    offset_s = _offset_s(at_s, zone)
    return at_s - (at_s + offset_s) % HOUR_S


def _offset_s(at_s: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _days(hours: Iterable[FeederHour], zone: tzinfo) -> list[tuple[int, int]]:
    """Start and end of every day that has some of these hours (unix seconds)."""
    dates = sorted({datetime.fromtimestamp(hour.start_s, zone).date() for hour in hours})
    return [(_midnight_s(day, zone), _midnight_s(day + timedelta(days=1), zone)) for day in dates]


def _midnight_s(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
