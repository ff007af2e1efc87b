"""What every act of a person on a supply has in common: who, why, when, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import aiosqlite

from gateway.errors import Permanent
from gateway.store.database import Row
from gateway.store.slots import FEEDER
from gateway.store.status import append_event

MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Args:
        label: the meter point's.
        author: who does it and answers for it.
        reason: why, one line.
        at_s: when (unix seconds).
    """

    label: str
    author: str
    reason: str
    at_s: int


def checked(act: Act) -> Act:
    """The act with its words trimmed.

    Raises:
        Permanent: a name or a reason is missing, or too long to be one.
    """
    return replace(
        act, author=one_line("--by", act.author), reason=one_line("--reason", act.reason)
    )


def one_line(option: str, text: str) -> str:
    """What is kept for good and shown on terminals and pages, trimmed.

    Args:
        option: where it was typed.
        text: anything at all.

    Raises:
        Permanent: it is missing, has control characters, or is too long to be a name or a reason.
    """
    text = text.strip()
    if not text:
        raise Permanent(f"{option} is missing: write one line; it is kept")
    if not text.isprintable():
        raise Permanent(f"{option} has characters that don't show: write one plain line")
    if len(text) > MOST_LETTERS:
        raise Permanent(f"{option} is longer than {MOST_LETTERS} letters: say it in one line")
    return text


async def point_of(connection: aiosqlite.Connection, act: Act) -> Row:
    """The meter point that it is about, with its supply.

    Raises:
        Permanent: there is none, or it is a feeder's meter.
    """
    async with connection.execute(
        """SELECT p.*, s.state, s.reason AS why, s.overloads, s.tripped_ms
           FROM meter_point p LEFT JOIN supply s USING (meter_point_id) WHERE p.label = :label""",
        {"label": act.label},
    ) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise Permanent(f"{act.label} is no meter point: see `gateway supply list`")
    if row["kind"] == FEEDER:
        raise Permanent(
            f"{act.label} is a feeder, and software never switches one: open its breaker by hand "
            "and lock that"
        )
    return row


async def tell(connection: aiosqlite.Connection, kind: str, act: Act, point: Row, what: str) -> str:
    """Journal the act; returns the sentence."""
    sentence = f"{act.label}: {what} by {act.author}: {act.reason}"
    at_ms = act.at_s * 1000
    await append_event(connection, kind, sentence, at_ms, meter_point_id=point["meter_point_id"])
    return sentence
