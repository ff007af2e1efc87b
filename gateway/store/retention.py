"""What is forgotten, and when: the oldest raw readings first, money never.

Groups go in the order in which they were stored, so that chains stay whole from the oldest group
that is kept. None goes that a consumer has still to read. Usage, rollups of hours and days, chain
heads and everything about money stay for good.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gateway.store.database import Database, Value
from gateway.store.status import append_event
from gateway.store.undated import thin_undated

DAY_S = 86_400
GROUPS_AT_ONCE = 500
"""In one transaction: other processes wait for the file meanwhile."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept.

    Args:
        raw_days: raw readings, after they were received, days.
        quarter_days: rollups of quarter-hours, days.
        room_mb: below this much room for the file, raw readings go early, MB.
    """

    raw_days: int = 30
    quarter_days: int = 400
    room_mb: int = 256


async def prune(database: Database, retention: Retention, now_s: int) -> int:
    """Forget what is old enough and was read by everyone; returns how many groups went.

    Args:
        database: the store.
        retention: how long what is kept.
        now_s: the time (unix seconds).

    Raises:
        Transient: the disk did not take it.
    """
    settled_s = await _number(database, "SELECT MIN(to_s) FROM chain_receipt")
    await _delete(
        database,
        """DELETE FROM rollup WHERE span_s = 900 AND start_s < :before_s""",
        {"before_s": now_s - retention.quarter_days * DAY_S},
    )
    if not settled_s:
        return 0  # nothing is settled yet: all of it may be asked for
    before_s = min(now_s - retention.raw_days * DAY_S, settled_s)
    young = await _number(
        database,
        """SELECT sequence FROM reading_group WHERE to_ms >= :before_s * 1000
           ORDER BY sequence LIMIT 1""",
        {"before_s": before_s},
    )
    return await _prune_below(database, young)


async def make_room(database: Database, retention: Retention, now_s: int) -> int:
    """When room gets short, forget a tenth of the raw readings; returns how many groups went.

    Raw readings go even before their usage is settled: usage is kept, and is what is settled.

    Args:
        database: the store.
        retention: how much room there should be.
        now_s: dates the event (unix seconds).

    Raises:
        Transient: the disk did not take it.
    """
    if await room_bytes(database) >= retention.room_mb * 1_000_000:
        return 0
    oldest = await _number(database, "SELECT MIN(sequence) FROM reading_group")
    newest = await _number(database, "SELECT MAX(sequence) FROM reading_group")
    pruned = 0
    if oldest and newest:
        pruned = await _prune_below(database, oldest + (newest - oldest) // 10 + 1)
    if not pruned and (thinned := await thin_undated(database)):
        async with database.transaction() as connection:
            await append_event(
                connection,
                "readings-thinned",
                f"the card is nearly full: of readings that wait for their date, {thinned} were "
                "forgotten, the last of each quarter-hour is kept. Set the clock, or free some "
                "space",
                now_s * 1000,
            )
    if pruned:
        async with database.transaction() as connection:
            await append_event(
                connection,
                "readings-forgotten",
                f"the card is nearly full: {pruned} of the oldest groups of readings were "
                "forgotten; usage and money are kept. Free some space or use a larger card",
                now_s * 1000,
            )
    return pruned


async def room_bytes(database: Database) -> int:
    """How much more the file can hold: free space on its disk, and free pages inside it."""
    free_pages = await _number(database, "PRAGMA freelist_count") or 0
    page_bytes = await _number(database, "PRAGMA page_size") or 0
    disk = os.statvfs(database.path.parent)
    return disk.f_bavail * disk.f_frsize + free_pages * page_bytes


async def _prune_below(database: Database, sequence: int | None) -> int:
    """Delete groups older than ``sequence``, as far as everyone has read them.

    The last one before a written chain head stays, because the next one's hash rests on its hash.
    The newest day's head is none to rest on: it moves on with each hour.
    """
    keep = await _number(
        database,
        """SELECT MAX(sequence) FROM chain_head
           WHERE sequence < :sequence AND day_s < (SELECT MAX(day_s) FROM chain_head)
             AND sequence <= (SELECT MIN(sequence) FROM reading_cursor)""",
        {"sequence": sequence if sequence is not None else 1 << 62},
    )
    pruned = 0
    while keep and (
        gone := await _delete(
            database,
            """DELETE FROM reading_group WHERE sequence IN (
                   SELECT sequence FROM reading_group WHERE sequence < :keep
                   ORDER BY sequence LIMIT :most)""",
            {"keep": keep, "most": GROUPS_AT_ONCE},
        )
    ):
        pruned += gone
    return pruned


async def _number(
    database: Database, sql: str, parameters: dict[str, Value] | None = None
) -> int | None:
    row = await database.fetch_one(sql, parameters or {})
    return None if row is None or row[0] is None else int(row[0])


async def _delete(database: Database, sql: str, parameters: dict[str, Value]) -> int:
    async with database.transaction() as connection:
        cursor = await connection.execute(sql, parameters)
        return int(cursor.rowcount)
