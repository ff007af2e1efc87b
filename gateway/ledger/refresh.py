"""Keep what the contract says fresh: watch its events, read its entries again when one came.

One small request while nothing happens. Writes records, receipt, prices and cursor in one
transaction; decides nothing about supply and sends nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from datetime import datetime

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import Events, HistoryGone
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import read_site
from gateway.store.chain import Cursor, find_cursor, save_quiet, save_refresh
from gateway.store.database import Database
from gateway.store.status import State, mark_status

log = logging.getLogger(__name__)

MAX_LEDGERS_BEHIND = 5_000
"""Beyond this the entries are read at once: a server looks through 10 000 ledgers at a time."""
MAX_QUIET_LOOKS = 60
"""After so many looks without an event the entries are read anyway: not every change has one."""
QUIET_SAVED_EVERY_S = 900
"""That nothing happened is written down this seldom, s of ledger time: a commit costs 4 kB."""
MAX_BACKOFF_S = 15.0
LEAST_PAUSE_S = 0.2


class Refresher:
    """Reads the chain for one site.

    Args:
        settings: which contract, which site, how often.
        database: where the answers go.
        clock: village time.
        client: the network.
    """

    def __init__(
        self, settings: LedgerSettings, database: Database, clock: Clock, client: LedgerClient
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._client = client
        self._quiet_looks = MAX_QUIET_LOOKS
        self._archived = 0

    async def run(self) -> None:
        """Refresh for ever; faults of the way to the chain are waited out."""
        backoff_s = 1.0
        while True:
            pause_s = max(self._clock.wall_duration_s(self._settings.refresh_s), LEAST_PAUSE_S)
            try:
                await self.tick(self._clock.now())
                backoff_s = 1.0
            except Transient as error:
                await self._mark("offline", str(error), self._clock.now())
                pause_s = backoff_s
                backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            except Permanent as error:
                await self._mark("alarm", str(error), self._clock.now())
            await asyncio.sleep(pause_s)

    async def tick(self, now: datetime) -> None:
        """Look once, and store what is new.

        Args:
            now: village time, aware UTC.

        Raises:
            Transient: the chain cannot be reached; what was stored before stays.
            Permanent: its entries cannot be understood.
        """
        site, contract = self._settings.site, self._settings.contract
        seen = await find_cursor(self._database, contract)
        self._client.endpoints.remember(seen.ledger if seen else 0)
        events = await self._events_since(seen)
        if events is not None and events.complete and not self._concern_us(events):
            now_seen = _cursor(events)
            if seen is None or now_seen.as_of_s - seen.as_of_s >= QUIET_SAVED_EVERY_S:
                await save_quiet(self._database, contract, now_seen)
            self._quiet_looks += 1
        else:
            cursor = _cursor(events or await self._from_now())
            answer = await read_site(self._client, self._settings, self._database)
            await save_refresh(self._database, site, contract, answer.state, cursor)
            self._quiet_looks = 0
            self._archived = answer.archived
        alarm = self._client.endpoints.alarm()
        await self._mark("alarm" if alarm else "online", self._condition(alarm), now)

    def _condition(self, alarm: str) -> str:
        told = ["the chain is in reach"]
        if self._archived:
            told.append(
                f"{self._archived} entries of the contract are archived, because it was left "
                "alone for months: the next batch restores them"
            )
        return "; ".join([*told, *filter(None, (self._client.endpoints.troubles(), alarm))])

    async def _events_since(self, cursor: Cursor | None) -> Events | None:
        """What happened since the cursor, or None when only the entries can tell."""
        if cursor is None or self._quiet_looks >= MAX_QUIET_LOOKS:
            return None
        try:
            events = await self._client.events(self._settings.contract, cursor.cursor)
        except HistoryGone:
            return None
        if events.latest.sequence < cursor.ledger:
            raise Transient("the RPC server is behind its own last answer: it lags")
        return events if events.latest.sequence - cursor.ledger <= MAX_LEDGERS_BEHIND else None

    async def _from_now(self) -> Events:
        """A fresh cursor; taken before the entries are read, so that nothing falls between."""
        stamp = await self._client.latest()
        return await self._client.events(self._settings.contract, stamp.sequence)

    def _concern_us(self, events: Events) -> bool:
        try:
            found = [meter.decode_event(topics) for topics in events.topics]
        except ValueError:  # an event that this version does not know: the entries can tell
            return True
        return any(event.site in (None, self._settings.site) for event in found)

    async def _mark(self, state: State, message: str, now: datetime) -> None:
        now_s = math.floor(now.timestamp())
        with suppress(Transient):  # a full disk cannot take it; the log has it
            if await mark_status(self._database, "chain", state, message, now_s):
                log.info("chain state=%s message=%s", state, message)


def _cursor(events: Events) -> Cursor:
    return Cursor(events.cursor, events.latest.sequence, events.latest.closed_s)
