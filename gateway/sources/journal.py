"""What a source has to tell people: who is online, and what was refused and why.

A noisy sender must not fill the card, so refusals are counted and seldom written. Telling is never
worth a reading: when the disk takes no event, the log has it and the source goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.store.database import Database
from gateway.store.status import State, append_event, mark_status

log = logging.getLogger(__name__)

TELL_AGAIN_S = 3600.0
"""Wall seconds between two events about refusals of the same sender."""
LONGEST_DETAIL = 300
"""Characters: a sentence may quote what a sender sent."""
REFUSED = "refused-reading"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who is told about.

    Args:
        name: as people know it: 'meter main/5 (house-05)', 'node meter-003'; one of a bounded set.
        meter_point_id: where it is, if known.
        meter_id: which meter it is, if known.
    """

    name: str
    meter_point_id: int | None = None
    meter_id: int | None = None


@dataclass(slots=True)
class _Told:
    again_s: float = float("-inf")
    withheld: int = 0


class Journal:
    """Writes statuses and events of one source.

    Args:
        database: where they go.
        clock: dates them.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self.refused: Counter[str] = Counter()
        self._database = database
        self._clock = clock
        self._marked: dict[str, tuple[State, str]] = {}
        self._missed: dict[str, tuple[State, str]] = {}
        self._told: dict[tuple[str, str], _Told] = {}
        self._marking = asyncio.Lock()
        self._complaint: str | None = None

    async def mark(self, name: str, state: State, message: str) -> None:
        """Record a status when it changed; ``name`` is as in the store ('bus:main', 'broker').

        One that the disk did not take is recorded before the next: who was away has come back, and
        is to be told its relay's state.
        """
        if self._is_marked(name, state, message):
            return
        async with self._marking:  # else every message of a burst would write the same transition
            if self._is_marked(name, state, message):
                return
            now_s = int(self._clock.now_s())
            try:
                if name in self._missed:
                    await mark_status(self._database, name, *self._missed[name], now_s)
                changed = await mark_status(self._database, name, state, message, now_s)
            except Transient as error:
                self._missed.setdefault(name, (state, message))
                self._complain(error)
                return
            self._missed.pop(name, None)
            self._complaint = None
            self._marked[name] = (state, message)
            if changed:
                log.info("status=%s state=%s %s", name, state, message)

    def _is_marked(self, name: str, state: State, message: str) -> bool:
        return name not in self._missed and self._marked.get(name) == (state, message)

    async def tell(self, kind: str, sender: Sender, what: str) -> None:
        """Write the event '<sender> <what>'."""
        detail = _printable(f"{sender.name} {what}"[:LONGEST_DETAIL])
        log.info("event=%s %s", kind, detail)
        try:
            async with self._database.transaction() as connection:
                await append_event(
                    connection,
                    kind,
                    detail,
                    int(self._clock.now_s() * 1000),
                    meter_point_id=sender.meter_point_id,
                    meter_id=sender.meter_id,
                )
        except Transient as error:
            self._complain(error)
        else:
            self._complaint = None

    def _complain(self, error: Transient) -> None:
        """Log once that the disk takes nothing."""
        if self._complaint != str(error):
            log.warning("statuses and events not stored: %s", error)
        self._complaint = str(error)

    async def refuse(self, sender: Sender, why: str) -> None:
        """Count a refused message, and tell of it seldom."""
        self.refused[sender.name] += 1
        await self.tell_seldom(REFUSED, sender, f"sent a message that was refused: {why}")

    async def tell_seldom(self, kind: str, sender: Sender, what: str) -> None:
        """Write the first event of a kind from a sender, then one an hour that says how many."""
        key = (kind, sender.name)
        now_s = time.monotonic()
        told = self._told.setdefault(key, _Told())
        if now_s < told.again_s:
            told.withheld += 1
            return
        more = f" (and {told.withheld} more since the last event)" if told.withheld else ""
        self._told[key] = _Told(again_s=now_s + TELL_AGAIN_S)
        await self.tell(kind, sender, what + more)


def _printable(text: str) -> str:
    """A sender's words without what would break a log's line, a page, or UTF-8."""
    return "".join(one if one.isprintable() else "?" for one in text)
