"""Each meter's register as it was last believed, from which the next usage is counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

import aiosqlite

from gateway.domain.readings import Reading
from gateway.domain.usage import Checkpoint


async def read_checkpoints(
    connection: aiosqlite.Connection, meter_ids: Collection[int]
) -> dict[int, Checkpoint]:
    """The checkpoint of each of these meters that has one."""
    rows = await connection.execute_fetchall(
        """SELECT meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh, candidate_ms,
                  candidate_wh
           FROM register WHERE meter_id IN (SELECT value FROM json_each(:meters))""",
        {"meters": json.dumps(sorted(meter_ids))},
    )
    return {row[0]: Checkpoint(*row[1:]) for row in map(tuple, rows)}


async def save_checkpoints(
    connection: aiosqlite.Connection, moved: Iterable[tuple[Checkpoint, Reading]]
) -> None:
    """Write checkpoints, each with the newest reading's figures, inside the caller's transaction.

    Args:
        connection: of an open transaction.
        moved: one per meter.
    """
    await connection.executemany(
        """INSERT OR REPLACE INTO register
               (meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh, power_mw, voltage_mv,
                candidate_ms, candidate_wh, export_wh)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                reading.meter_id,
                checkpoint.read_ms,
                checkpoint.energy_wh,
                checkpoint.cumulative_wh,
                checkpoint.flagged_wh,
                reading.power_mw,
                reading.voltage_mv,
                checkpoint.candidate_ms,
                checkpoint.candidate_wh,
                reading.export_wh,
            )
            for checkpoint, reading in moved
        ],
    )
