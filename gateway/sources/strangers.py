"""Nodes that nobody knows: what they are and how they are, until a person accepts them.

Keeps figures, never a reading, and for a bounded number of names. Acknowledges nothing to them:
what they measured stays with them until somebody says whose it is.
"""

from __future__ import annotations

from gateway.clock import Clock
from gateway.sources.journal import Journal, Sender
from gateway.store.candidates import (
    MOST_CANDIDATES,
    Candidate,
    heard_again,
    save_candidates,
)
from gateway.store.database import Database
from gateway.wire.nodes import NodeReading

SAVE_EVERY_S = 60.0
"""Village seconds between two writes about the same strangers; a new one is written at once."""
STRANGER = Sender("an unknown node")  # one sender for all of them: names are theirs to invent


class Strangers:
    """Hears unknown nodes and writes down what is known of them.

    Args:
        database: where candidates are kept.
        clock: says when they were heard.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._journal = Journal(database, clock)
        self._unsaved: dict[str, Candidate] = {}
        self._known: dict[str, None] = {}
        self._new: list[str] = []
        self._save_again_s = 0.0

    def hear(self, message: NodeReading) -> None:
        """Note a stranger's message; the one heard longest ago makes room for a new one."""
        now_s = int(self._clock.now_s())
        name = message.device_id
        heard = Candidate(
            name=name,
            first_s=now_s,
            last_s=now_s,
            messages=1,
            read_ms=int(message.read_at.timestamp() * 1000),
            energy_wh=message.energy_wh,
            voltage_mv=message.voltage_mv,
            current_ma=message.current_ma,
            power_mw=message.power_mw,
            power_factor_milli=message.power_factor_milli,
            rssi_dbm=message.rssi_dbm,
        )
        before = self._unsaved.pop(name, None)
        self._unsaved[name] = heard if before is None else heard_again(before, heard)
        _bound(self._unsaved)
        if name not in self._known and name not in self._new:
            self._new = [*self._new, name][-MOST_CANDIDATES:]

    def forget(self, name: str) -> None:
        """It is known from now on."""
        self._unsaved.pop(name, None)
        self._known.pop(name, None)

    async def save(self) -> None:
        """Write down what was heard: at once about new ones, else every now and then.

        Raises:
            Transient: the disk did not take it; it is kept.
        """
        now_s = self._clock.now_s()
        if not self._unsaved or (not self._new and now_s < self._save_again_s):
            return
        heard, new = list(self._unsaved.values()), self._new
        await save_candidates(self._database, heard)
        self._save_again_s = now_s + SAVE_EVERY_S
        for one in heard:
            if self._unsaved.get(one.name) is one:
                del self._unsaved[one.name]
            self._known[one.name] = None
        _bound(self._known)
        self._new = [name for name in self._new if name not in new]
        for name in new:
            await self._journal.tell_seldom("unknown-node", STRANGER, _what_to_do(name))


def _bound(names: dict[str, Candidate] | dict[str, None]) -> None:
    while len(names) > MOST_CANDIDATES:
        del names[next(iter(names))]


def _what_to_do(name: str) -> str:
    return (
        f"called {name} reports and is no meter point's: add it with `gateway node accept {name} "
        "--label LABEL --slot SLOT`; it keeps its readings until then"
    )
