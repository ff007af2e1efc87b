"""Keeping a contract alive and its payments going, in the outbox: what is to be done, and its end.

At most one such row is open, and none is opened while anything else is: batches go first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.store.database import Database
from gateway.store.outbox import Applied, close_outgoing, has_open, insert_outgoing

Task = Literal["extend", "execute", "reschedule"]


@dataclass(frozen=True, slots=True)
class Keep:
    """One thing that keeps.

    Args:
        task: renew the site's entries, carry payments out, or move a late one.
        ids: which payments.
    """

    task: Task
    ids: tuple[int, ...] = ()


async def begin_keep(database: Database, keep: Keep, now_s: int) -> bool:
    """Put it in the outbox; False, and nothing is, while anything else waits there.

    Args:
        database: where the outbox is.
        keep: what is to be done.
        now_s: village time (unix seconds).
    """
    async with database.transaction() as connection:
        if await has_open(connection):
            return False
        outbox_id = await insert_outgoing(connection, "keep", now_s)
        await connection.execute(
            "INSERT INTO keep (outbox_id, task, ids) VALUES (:outbox_id, :task, :ids)",
            {"outbox_id": outbox_id, "task": keep.task, "ids": json.dumps(keep.ids)},
        )
    return True


async def find_keep(database: Database, outbox_id: int) -> Keep:
    """What a row does.

    Raises:
        LookupError: it is of another kind.
    """
    row = await database.fetch_one(
        "SELECT task, ids FROM keep WHERE outbox_id = :outbox_id", {"outbox_id": outbox_id}
    )
    if row is None:
        raise LookupError(f"outbox row {outbox_id} keeps nothing")
    return Keep(row["task"], tuple(json.loads(row["ids"])))


async def close_keep(
    database: Database,
    outbox_id: int,
    now_s: int,
    *,
    applied: Applied | None = None,
    message: str | None = None,
) -> None:
    """It is done, or given up: whoever looks next finds out what is still to do.

    Args:
        database: where the outbox is.
        outbox_id: the row.
        now_s: village time (unix seconds).
        applied: where it was applied; None: it is given up.
        message: why, in words.
    """
    async with database.transaction() as connection:
        state: Literal["confirmed", "refused"] = "confirmed" if applied else "refused"
        await close_outgoing(connection, outbox_id, state, now_s, applied=applied, message=message)


async def find_streaming(database: Database, site: int) -> Sequence[int]:
    """The slots of the site's meter points that stream their payments, ascending."""
    rows = await database.fetch_all(
        """SELECT slot FROM meter_point
           WHERE site = :site AND kind = 'supply' AND settlement_mode = 'streaming'
           ORDER BY slot""",
        {"site": site},
    )
    return [row["slot"] for row in rows]
