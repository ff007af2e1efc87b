"""How village time stands to the machine's count since boot: one row per boot, the newest counts.

Written by the field process alone, read by all; operators only add what they set.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from gateway.clock import Source, Standing
from gateway.clock.trust import Setting
from gateway.domain.placing import Run, place
from gateway.store.database import Database, Row
from gateway.store.status import append_event

_CLOSED_FAR_MS = 86_400_000
"""A close time alone moves the floor by no more: one endpoint may lie."""


async def find_standing(database: Database, boot: str) -> Standing | None:
    """How village time stands in a boot; None: the field process has not run in it yet."""
    row = await database.fetch_one("SELECT * FROM clock WHERE boot = :boot", {"boot": boot})
    return None if row is None else _standing(row)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of the time when a boot begins.

    Args:
        newest_ms: the latest instant that is certain: of a reading, of a look at the clock, of a
            ledger (unix milliseconds); 0: none.
        untrusted_ms: for how long nobody had been trusted.
        setting_id: the newest of the operators' settings so far.
    """

    newest_ms: int
    untrusted_ms: int
    setting_id: int


async def find_remembered(database: Database) -> Remembered:
    """What earlier boots left behind."""
    row = await database.fetch_one(
        """SELECT IFNULL((SELECT MAX(MAX(read_ms, IFNULL(candidate_ms, 0))) FROM register), 0)
                      AS read_ms,
                  IFNULL((SELECT MAX(as_of_s) FROM chain_cursor), 0) * 1000 AS closed_ms,
                  IFNULL((SELECT MAX(setting_id) FROM clock_setting), 0) AS setting_id"""
    )
    last = await database.fetch_one("SELECT * FROM clock ORDER BY clock_id DESC LIMIT 1")
    if row is None:  # it has no FROM: there is always one
        raise AssertionError
    newest_ms, untrusted_ms = int(row["read_ms"]), 0
    if last is not None:
        standing = _standing(last)
        newest_ms = max(newest_ms, standing.at_ms(last["heard_ms"]))
        untrusted_ms = standing.untrusted_for_ms(last["heard_ms"])
    if newest_ms:
        newest_ms = max(newest_ms, min(int(row["closed_ms"]), newest_ms + _CLOSED_FAR_MS))
    return Remembered(newest_ms, untrusted_ms, int(row["setting_id"]))


async def save_standing(database: Database, standing: Standing, monotonic_ms: int) -> None:
    """Write a standing as it is at a count since boot.

    Raises:
        Transient: the disk does not take it.
    """
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT INTO clock (boot, began_ms, heard_ms, floor_ms, offset_ms, anchored,
                                  trusted_by, since_ms, untrusted_ms, wall_offset_ms, setting_id)
               VALUES (:boot, :now_ms, :now_ms, :floor_ms, :offset_ms, :anchored, :trusted_by,
                       :since_ms, :untrusted_ms, :wall_offset_ms, :setting_id)
               ON CONFLICT (boot) DO UPDATE SET heard_ms = excluded.heard_ms,
                   floor_ms = excluded.floor_ms, offset_ms = excluded.offset_ms,
                   anchored = excluded.anchored, trusted_by = excluded.trusted_by,
                   since_ms = excluded.since_ms, untrusted_ms = excluded.untrusted_ms,
                   wall_offset_ms = excluded.wall_offset_ms, setting_id = excluded.setting_id""",
            {
                "boot": standing.boot,
                "now_ms": monotonic_ms,
                "floor_ms": standing.floor_ms,
                "offset_ms": standing.offset_ms,
                "anchored": standing.anchored,
                "trusted_by": standing.trusted_by,
                "since_ms": standing.since_ms,
                "untrusted_ms": standing.untrusted_ms,
                "wall_offset_ms": standing.wall_offset_ms,
                "setting_id": standing.setting_id,
            },
        )


async def newest_close_ms(database: Database) -> int:
    """Close time of the newest ledger that was looked at (unix milliseconds); 0: none."""
    row = await database.fetch_one("SELECT MAX(as_of_s) FROM chain_cursor")
    return 0 if row is None or row[0] is None else int(row[0]) * 1000


async def find_setting(database: Database, standing: Standing) -> Setting | None:
    """What an operator has set in this boot and nobody has looked at yet."""
    row = await database.fetch_one(
        """SELECT setting_id, offset_ms, far FROM clock_setting
           WHERE boot = :boot AND setting_id > :seen ORDER BY setting_id DESC LIMIT 1""",
        {"boot": standing.boot, "seen": standing.setting_id},
    )
    return None if row is None else Setting(row["setting_id"], row["offset_ms"], bool(row["far"]))


async def append_setting(
    database: Database, boot: str, at_ms: int, monotonic_ms: int, author: str, *, far: bool
) -> None:
    """Journal a time that an operator sets; whoever keeps the clock takes it up.

    Args:
        database: the store.
        boot: of this machine, now.
        at_ms: the time (unix milliseconds).
        monotonic_ms: the count since boot to which it belongs.
        author: who sets it.
        far: it is meant, however far it is ahead.
    """
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT INTO clock_setting (boot, offset_ms, far, author)
               VALUES (:boot, :offset_ms, :far, :author)""",
            {"boot": boot, "offset_ms": at_ms - monotonic_ms, "far": far, "author": author},
        )
        await append_event(connection, "clock-set", f"{author} set the clock", at_ms)


async def place_boots(connection: aiosqlite.Connection) -> None:
    """Say when the boots were that nobody's time was trusted in, inside the caller's transaction.

    Only those between two whose time is known; what was said once stays.
    """
    async with connection.execute(
        "SELECT 1 FROM clock WHERE NOT anchored AND placed_ms IS NULL LIMIT 1"
    ) as cursor:
        if await cursor.fetchone() is None:
            return
    rows = await connection.execute_fetchall(
        """SELECT c.*, MAX(c.heard_ms, IFNULL(u.last_ms, 0)) AS ended_ms
           FROM clock c
           LEFT JOIN (SELECT clock_id, MAX(monotonic_ms) AS last_ms FROM undated_reading
                      GROUP BY clock_id) u USING (clock_id)
           WHERE c.clock_id > IFNULL((SELECT MAX(clock_id) FROM clock
                                      WHERE placed_ms IS NOT NULL), 0)
           ORDER BY c.clock_id"""
    )
    waiting: list[Row] = []
    for row in rows:
        if not row["anchored"]:
            waiting.append(row)
            continue
        runs = [Run(one["began_ms"], max(one["began_ms"], one["ended_ms"])) for one in waiting]
        from_ms = waiting[0]["floor_ms"] if waiting else 0
        offsets = place(runs, from_ms, row["offset_ms"] + row["began_ms"])
        await connection.executemany(
            "UPDATE clock SET placed_ms = ? WHERE clock_id = ?",
            [(offset_ms, one["clock_id"]) for offset_ms, one in zip(offsets, waiting, strict=True)],
        )
        waiting = []


def _standing(row: Row) -> Standing:
    return Standing(
        boot=row["boot"],
        offset_ms=row["offset_ms"],
        floor_ms=row["floor_ms"],
        anchored=bool(row["anchored"]),
        trusted_by=None if row["trusted_by"] is None else Source(row["trusted_by"]),
        since_ms=row["since_ms"],
        untrusted_ms=row["untrusted_ms"],
        wall_offset_ms=row["wall_offset_ms"],
        setting_id=row["setting_id"],
    )
