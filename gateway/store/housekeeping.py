"""Keeps the store fit for years: checks it, rolls readings up, forgets old ones, makes room.

Runs beside metering and never in its way: every step is a short transaction. Money is never
touched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.store.database import Database
from gateway.store.retention import Retention, make_room, prune, room_bytes
from gateway.store.rollups import roll_up_next
from gateway.store.status import State, mark_status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
"""Wall seconds between two looks at the room on the disk."""
ROLL_UP_EVERY = timedelta(hours=1)
BALLAST_BYTES = 8_000_000
"""Given back when the disk is full, so that there is room to write down what is forgotten."""
STATUS = "store"


class Housekeeper:
    """Looks after one store file.

    Args:
        database: the store.
        clock: says when an hour is over.
        retention: how long what is kept.
    """

    def __init__(self, database: Database, clock: Clock, retention: Retention) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention
        self._ballast = database.path.with_name(f"{database.path.name}.ballast")
        self._next: datetime | None = None
        self._complaint = ""

    async def tick(self, now: datetime) -> None:
        """Make room if there is too little; once an hour roll up and forget.

        Raises:
            Transient: the disk takes nothing.
            Permanent: the file is damaged.
        """
        now_s = int(now.timestamp())
        if not await self._has_room():
            self._ballast.unlink(missing_ok=True)
            while await roll_up_next(self._database):
                pass
            await make_room(self._database, self._retention, now_s)
        elif not self._ballast.exists() and await self._has_room(BALLAST_BYTES):
            _reserve(self._ballast)
        if self._next is None or now >= self._next:
            while await roll_up_next(self._database):
                pass
            await prune(self._database, self._retention, now_s)
            self._next = now + ROLL_UP_EVERY
        await self._report(now_s)

    async def run(self) -> None:
        """Check the file once, then look after it until cancelled.

        Damage ends nobody: readings may still be stored, and the alarm calls a person.
        """
        self._complaint = await asyncio.to_thread(find_damage, self._database.path)
        if self._complaint:
            log.error("store damaged: %s", self._complaint)
            await self._try_to_report()
        trouble = ""
        while True:
            trouble = await self._attempt(trouble)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _attempt(self, trouble: str) -> str:
        """One unit of work; returns what hinders it, and logs that once."""
        try:
            await self.tick(self._clock.now())
        except (Transient, Permanent) as error:
            if str(error) != trouble:
                log.warning("housekeeping waits: %s", error)
            if isinstance(error, Permanent):
                self._complaint = self._complaint or str(error)
                await self._try_to_report()
            return str(error)
        return ""

    async def _try_to_report(self) -> None:
        with suppress(Transient, Permanent):
            await self._report(int(self._clock.now().timestamp()))

    async def _has_room(self, besides_bytes: int = 0) -> bool:
        wanted_bytes = self._retention.room_mb * 1_000_000 + besides_bytes
        return await room_bytes(self._database) >= wanted_bytes

    async def _report(self, now_s: int) -> None:
        state: State = "online"
        message = "the file is sound and has room"
        if not await self._has_room():
            state = "alarm"
            message = "the card is nearly full: free some space or use a larger one"
        if self._complaint:
            state = "alarm"
            message = f"the file is damaged ({self._complaint}): `gateway restore` a backup"
        if await mark_status(self._database, STATUS, state, message, now_s):
            log.info("status=%s state=%s %s", STATUS, state, message)


def _reserve(path: Path) -> None:
    """Set room aside without writing to it; does nothing where there is none."""
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
    except OSError:
        path.unlink(missing_ok=True)


def find_damage(path: Path) -> str:
    """Look through a whole store file; what is wrong in SQLite's words, or nothing.

    Args:
        path: the file; it may be in use.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            findings = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
            findings += [
                f"a row of {row[0]} refers to nothing"
                for row in connection.execute("PRAGMA foreign_key_check")
            ][:1]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "; ".join(finding for finding in findings if finding != "ok")
