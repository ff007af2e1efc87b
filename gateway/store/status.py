"""What the gateway itself is doing, and what happened: the operator's first two questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import aiosqlite

from gateway.store.database import Database

State = Literal["online", "offline", "alarm"]


@dataclass(frozen=True, slots=True)
class Status:
    """One thing that can be away.

    Args:
        name: 'bus:NAME', 'broker', 'chain', 'settlement', 'node:NAME', 'losses:FEEDER' or
            'sign:KIND:SUBJECT'.
        state: 'alarm' asks for a person.
        since_s: when it last changed (unix seconds).
        message: one sentence, fit for the operator's page.
    """

    name: str
    state: State
    since_s: int
    message: str


async def mark_status(
    database: Database, name: str, state: State, message: str, now_s: int
) -> bool:
    """Record a transition; the same state again writes nothing unless its message changed.

    Returns:
        True when the state changed, so that the caller logs transitions and not states.
    """
    row = await database.fetch_one(
        "SELECT state, message FROM status WHERE name = :name", {"name": name}
    )
    if row and (row["state"], row["message"]) == (state, message):
        return False
    async with database.transaction() as connection:
        await put_status(connection, Status(name, state, now_s, message))
    return row is None or row["state"] != state


async def put_status(connection: aiosqlite.Connection, status: Status) -> None:
    """Write a status inside the caller's transaction; ``since_s`` counts when its state is new."""
    await connection.execute(
        """INSERT INTO status (name, state, since_s, message)
           VALUES (:name, :state, :now_s, :message)
           ON CONFLICT (name) DO UPDATE SET message = excluded.message,
               since_s = CASE WHEN state = excluded.state THEN since_s
                              ELSE excluded.since_s END,
               state = excluded.state""",
        {
            "name": status.name,
            "state": status.state,
            "now_s": status.since_s,
            "message": status.message,
        },
    )


async def find_status(database: Database) -> list[Status]:
    """Every status, by name."""
    rows = await database.fetch_all("SELECT * FROM status ORDER BY name")
    return [Status(row["name"], row["state"], row["since_s"], row["message"]) for row in rows]


async def drop_statuses(database: Database, kinds: Sequence[str], keep: Sequence[str]) -> None:
    """Forget the statuses of what is no longer there; nobody would ever change them again.

    Args:
        database: the store.
        kinds: what stands before the colon in their names: 'bus', 'node', ...
        keep: the full names of what is there.
    """
    gone = [
        one.name
        for one in await find_status(database)
        if one.name.partition(":")[0] in kinds and one.name not in keep
    ]
    if gone:
        async with database.transaction() as connection:
            await connection.executemany(
                "DELETE FROM status WHERE name = :name", [{"name": name} for name in gone]
            )


async def append_event(
    connection: aiosqlite.Connection,
    kind: str,
    detail: str,
    at_ms: int,
    *,
    meter_point_id: int | None = None,
    meter_id: int | None = None,
    energy_wh: int | None = None,
) -> None:
    """Append one event inside the caller's transaction.

    Args:
        connection: of an open transaction.
        kind: a short word: 'reset', 'rollover', 'jump', 'refused-reading', 'switch', ...
        detail: one sentence.
        at_ms: when it happened (unix milliseconds).
        meter_point_id: where, if known.
        meter_id: which meter, if known.
        energy_wh: the energy in question, when there is some.
    """
    await connection.execute(
        """INSERT INTO event (at_ms, kind, meter_point_id, meter_id, energy_wh, detail)
           VALUES (:at_ms, :kind, :meter_point_id, :meter_id, :energy_wh, :detail)""",
        {
            "at_ms": at_ms,
            "kind": kind,
            "meter_point_id": meter_point_id,
            "meter_id": meter_id,
            "energy_wh": energy_wh,
            "detail": detail,
        },
    )
