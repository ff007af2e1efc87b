"""Keeps the village's time: looks at the machine, judges, and tells every process by the store.

The field process keeps it, the others follow; a clock of either kind must have been looked at
once before anything is stamped. Moves no clock but the village's.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Never

from gateway.clock import Clock, Source, Standing
from gateway.clock.trust import Seen, begin, judge
from gateway.rhythm import repeat
from gateway.store.clock import (
    find_remembered,
    find_setting,
    find_standing,
    newest_close_ms,
    save_standing,
)
from gateway.store.database import Database
from gateway.store.status import State, mark_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
HEARTBEAT_MS = 300_000
"""Between two writes that say only that time has passed: what a cut of power may take back."""
TRUSTED_HEARTBEAT_MS = 3_600_000
"""The same while somebody is trusted: readings with their dates are stored then."""
STATUS = "clock"
_WORDS = {
    Source.NTP: "the time is right, by NTP",
    Source.RTC: "the time is right, by the real-time clock",
    Source.LEDGER: "the time is right, by the ledger",
    Source.OPERATOR: "the time is as an operator has set it",
}
_NOBODY = "no NTP, RTC or ledger has told it since the machine was started"
_REFUSED = f"{_NOBODY}, and the kernel refuses to tell of NTP: is ProtectClock= set in the unit?"
_MOVED = "the system's clock was moved without NTP"
_REMEDY = (
    "readings are kept and dated later, nothing is settled; let the gateway reach the internet or "
    'an NTP server, or run `gateway clock set "YYYY-MM-DD HH:MM" --by NAME`'
)


class ClockKeeper:
    """Judges the machine's clocks, for all processes.

    Args:
        database: what is known survives here.
        clock: whose standing is kept.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._saved: Standing | None = None
        self._heartbeat_ms = 0
        self._closed_ms: int | None = None
        self._why = ""

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Look once, and say what it led to.

        Raises:
            Transient: the store could not be read or written.
        """
        monotonic_ms = self._clock.monotonic_ms()
        if self._saved is None:
            await self._begin(monotonic_ms)
        standing = self._clock.standing
        if standing is None:  # it has just begun
            raise AssertionError
        verdict = judge(standing, await self._look(standing, monotonic_ms))
        if verdict.standing.trusted_by is None:
            self._clock.standing = verdict.standing
        await self._save(verdict.standing, monotonic_ms)
        self._clock.standing = verdict.standing  # trust counts once it is written down
        await self._report(verdict.standing, verdict.problem)

    async def run(self) -> Never:
        """Look every second until cancelled."""
        await repeat(self.tick, self._clock, LOOK_EVERY_S, log, "the clock is not written down")

    async def _begin(self, monotonic_ms: int) -> None:
        machine = self._clock.machine
        boot = machine.boot()
        found = await find_standing(self._database, boot)
        if found is None:
            known = await find_remembered(self._database)
            wall_ms = int(machine.wall() * 1000)
            found = begin(
                boot,
                monotonic_ms,
                wall_ms,
                known.newest_ms,
                known.untrusted_ms,
                known.setting_id,
            )
            await save_standing(self._database, found, monotonic_ms)
        self._clock.standing = self._saved = found
        self._heartbeat_ms = monotonic_ms

    async def _look(self, standing: Standing, monotonic_ms: int) -> Seen:
        machine = self._clock.machine
        closed_ms = await newest_close_ms(self._database)
        is_new = self._closed_ms is not None and closed_ms > self._closed_ms
        self._closed_ms = closed_ms
        synchronised = machine.is_synchronised()
        return Seen(
            monotonic_ms=monotonic_ms,
            wall_ms=int(machine.wall() * 1000),
            synchronised=synchronised,
            rtc_ms=None if synchronised else machine.rtc_ms(),
            closed_ms=closed_ms if is_new else None,
            setting=await find_setting(self._database, standing),
        )

    async def _save(self, standing: Standing, monotonic_ms: int) -> None:
        """Write what others have to know at once; that time passes, now and then."""
        pause_ms = HEARTBEAT_MS if standing.trusted_by is None else TRUSTED_HEARTBEAT_MS
        if (
            self._saved is not None
            and standing == replace(self._saved, wall_offset_ms=standing.wall_offset_ms)
            and monotonic_ms - self._heartbeat_ms < pause_ms
        ):
            return
        await save_standing(self._database, standing, monotonic_ms)
        self._saved, self._heartbeat_ms = standing, monotonic_ms

    def _default_why(self, standing: Standing) -> str:
        if standing.anchored_by is not None:
            return _MOVED
        return _NOBODY if self._clock.machine.tells_of_ntp() else _REFUSED

    async def _report(self, standing: Standing, problem: str) -> None:
        state: State = "online"
        if standing.trusted_by is None:
            self._why = problem or self._why or self._default_why(standing)
            state, message = "alarm", f"the time is not known: {self._why}; {_REMEDY}"
        elif problem:
            state = "alarm"
            message = f"{_WORDS[standing.trusted_by]}, but {problem}: check the NTP server"
        else:
            message = _WORDS[standing.trusted_by]
        if standing.trusted_by is not None:
            self._why = ""
        now_s = int(self._clock.now_s())
        if await mark_status(self._database, STATUS, state, message, now_s):
            log.info("status=%s state=%s %s", STATUS, state, message)


class ClockFollower:
    """Takes over what the field process has found.

    Args:
        database: where it says so.
        clock: follows.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._boot = clock.machine.boot()

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Look once; before the field process has run in this boot, nobody is trusted.

        Raises:
            Transient: the store is busy.
        """
        found = await find_standing(self._database, self._boot)
        if found is not None:
            self._clock.standing = found
        elif self._clock.standing is None:
            known = await find_remembered(self._database)
            monotonic_ms = self._clock.monotonic_ms()
            wall_ms = int(self._clock.machine.wall() * 1000)
            self._clock.standing = begin(
                self._boot,
                monotonic_ms,
                wall_ms,
                known.newest_ms,
                known.untrusted_ms,
                known.setting_id,
            )

    async def run(self) -> Never:
        """Look every second until cancelled."""
        await repeat(self.tick, self._clock, LOOK_EVERY_S, log, "the clock is not read")


async def follow(database: Database, clock: Clock) -> None:
    """Read the village's time once, for a command; where no gateway runs, the system's will do.

    Raises:
        Transient: the store is busy.
    """
    try:
        boot = clock.machine.boot()
    except OSError:  # a laptop whose kernel is another
        return
    standing = await find_standing(database, boot)
    if standing is not None:
        clock.standing = standing
