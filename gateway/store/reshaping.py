"""Usage over a long gap, divided anew like similar days, as long as no batch carries any of it.

How much flowed is known exactly, because the register went on; when it flowed is an estimate, and
stays one. The first is a straight line, made when the gap ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace

import aiosqlite

from gateway.domain.estimation import Method, Stretch, consulted, estimate
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.edits import (
    GATEWAY,
    Change,
    Edit,
    NewEdit,
    fetch_one,
    find_done,
    usage_of,
    write_edit,
)
from gateway.store.points import MeterPoint
from gateway.store.quarters import find_known


async def reshape(
    database: Database,
    point: MeterPoint,
    gap: Stretch,
    now_s: int,
    tier_at: Callable[[int], int],
) -> Edit | None:
    """Divide the estimated usage of a gap anew, in one transaction; once for each gap.

    Its sum stays what it was, to the Wh, and so does what was read at the gap's edges.

    Args:
        database: the store.
        point: the meter point.
        gap: from the last reading before it to the first one after it; its total is not asked.
        now_s: the time (unix seconds).
        tier_at: the tier of the quarter-hour that starts at a unix second.

    Returns:
        None where nothing was to do: a batch carries some of it, nothing is known to go by, or
        nothing flowed.

    Raises:
        Transient: the disk did not take it; nothing was changed.
        Permanent: the store refuses it.
    """
    known_wh = await find_known(database, point.meter_point_id, consulted(gap))
    try:
        async with database.transaction() as connection:
            return await _reshape(connection, point, gap, known_wh, now_s=now_s, tier_at=tier_at)
    except sqlite3.IntegrityError as error:
        raise Permanent(f"a gap can't be divided anew ({error})") from None


async def _reshape(
    connection: aiosqlite.Connection,
    point: MeterPoint,
    gap: Stretch,
    known_wh: Mapping[int, int],
    *,
    now_s: int,
    tier_at: Callable[[int], int],
) -> Edit | None:
    key = f"reshape {point.meter_id} {gap.from_ms} {gap.to_ms}"
    starts = [start_s for start_s, _ in gap.parts_ms]
    usage = await usage_of(connection, point.meter_point_id, starts)
    total_wh = sum(row["estimated_wh"] - row["added_wh"] for row in usage.values())
    settled = any(row["claimed_wh"] for row in usage.values())
    if settled or total_wh <= 0 or await find_done(connection, key):
        return None
    parts = estimate(replace(gap, total_wh=total_wh), known_wh)
    if parts[0].method is Method.EVEN:
        return None
    changes = [
        change
        for part in parts
        if (change := _change(part.start_s, part.usage_wh, usage.get(part.start_s)))
    ]
    installed = await fetch_one(
        connection,
        """SELECT installation_id FROM installation
           WHERE meter_point_id = :point AND meter_id = :meter AND to_s IS NULL""",
        point=point.meter_point_id,
        meter=point.meter_id,
    )
    if installed is None or not changes:
        return None
    sum_wh = sum(row["usage_wh"] for row in usage.values())
    new = NewEdit(
        key=key,
        kind="reshape",
        meter_point_id=point.meter_point_id,
        installation_id=installed["installation_id"],
        meter_id=point.meter_id,
        start_s=gap.from_ms // 1000,
        end_s=-(-gap.to_ms // 1000),
        energy_wh=total_wh,
        before_wh=sum_wh,
        after_wh=sum_wh,
        method=parts[0].method.value,
        reason=parts[0].reason,
        author=GATEWAY,
        at_s=now_s,
    )
    return await write_edit(connection, new, changes, tier_at)


def _change(start_s: int, part_wh: int, row: Row | None) -> Change | None:
    """What becomes of one quarter-hour; None: nothing."""
    if row is None:
        return Change(start_s, 0, part_wh, part_wh) if part_wh else None
    estimated_wh = row["added_wh"] + part_wh
    after_wh = row["usage_wh"] - row["estimated_wh"] + estimated_wh
    if after_wh == row["usage_wh"]:
        return None
    return Change(start_s, row["usage_wh"], after_wh, estimated_wh)
