"""Signs that stand: as statuses for the page, as events for the record, both in one transaction.

A status ``sign:KIND:SUBJECT`` is there for as long as the sign stands, so who starts again finds
in the store what has begun, and nothing begins twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.signs import SignKind
from gateway.store.database import Database
from gateway.store.status import append_event

STATUS = "sign"
OF_FEEDERS = frozenset({SignKind.FEEDER_DEAD, SignKind.BROWN_OUT})
"""Signs of a whole feeder; their subject is its name. All others are of a meter point."""


@dataclass(frozen=True, slots=True)
class StandingSign:
    """A sign that has begun and not ended.

    Args:
        kind: what it is.
        subject: a feeder's name, or a meter point's label, see :data:`OF_FEEDERS`.
        since_s: when it began (unix seconds).
        message: what was said then.
    """

    kind: SignKind
    subject: str
    since_s: int
    message: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A sign that begins or ends.

    Args:
        kind: what it is.
        subject: a feeder's name, or a meter point's label.
        began: True where it begins.
        reason: one sentence.
        meter_point_id: where; None: the whole feeder.
        meter_id: which meter; None: the whole feeder.
    """

    kind: SignKind
    subject: str
    began: bool
    reason: str
    meter_point_id: int | None = None
    meter_id: int | None = None


def status_name(kind: SignKind, subject: str) -> str:
    """What the status of a sign is called."""
    return f"{STATUS}:{kind}:{subject}"


def parse_name(name: str) -> tuple[SignKind, str] | None:
    """Kind and subject of a sign's status; None: it is another status, or of a newer version."""
    start, _, rest = name.partition(":")
    kind, _, subject = rest.partition(":")
    if start != STATUS or kind not in frozenset(SignKind):
        return None
    return SignKind(kind), subject


async def find_signs(database: Database) -> list[StandingSign]:
    """Every sign that stands, by kind and subject."""
    rows = await database.fetch_all(
        "SELECT * FROM status WHERE name >= 'sign:' AND name < 'sign;' ORDER BY name"
    )
    return [
        StandingSign(*named, row["since_s"], row["message"])
        for row in rows
        if (named := parse_name(row["name"]))
    ]


async def save_turns(database: Database, turns: Sequence[Turn], now_s: int) -> list[Turn]:
    """Store what begins and ends; what stands already, or is over already, changes nothing.

    Args:
        turns: in order.
        now_s: the time (unix seconds).

    Returns:
        Those that changed something.

    Raises:
        Transient: the disk did not take it; nothing was stored.
    """
    if not turns:
        return []
    async with database.transaction() as connection:
        return [turn for turn in turns if await _save(connection, turn, now_s)]


async def _save(connection: aiosqlite.Connection, turn: Turn, now_s: int) -> bool:
    cursor = await connection.execute(
        """INSERT INTO status (name, state, since_s, message)
           VALUES (:name, 'alarm', :now_s, :message) ON CONFLICT DO NOTHING"""
        if turn.began
        else "DELETE FROM status WHERE name = :name",
        {
            "name": status_name(turn.kind, turn.subject),
            "now_s": now_s,
            "message": turn.reason,
        },
    )
    if not cursor.rowcount:
        return False
    await append_event(
        connection,
        turn.kind.value,
        f"{turn.subject}: {turn.reason}" if turn.began else f"{turn.subject}: over. {turn.reason}",
        now_s * 1000,
        meter_point_id=turn.meter_point_id,
        meter_id=turn.meter_id,
    )
    return True
