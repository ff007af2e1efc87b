"""Slots for the meters of feeders, which have none on chain: from the top of the range downward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import aiosqlite

if TYPE_CHECKING:
    from gateway.store.points import PointSetting

SUPPLY, FEEDER = "supply", "feeder"
"""Kinds of meter points; the values are stored."""
LAST_SLOT = (1 << 32) - 1


async def with_slots(
    connection: aiosqlite.Connection, settings: Sequence[PointSetting]
) -> list[PointSetting]:
    """The same settings, each feeder's with the slot that it has, or with the next free one.

    Args:
        connection: of an open transaction.
        settings: in any order; the slot of a feeder's is not looked at.
    """
    rows = await connection.execute_fetchall("SELECT label, site, slot, kind FROM meter_point")
    known = {row["label"]: row["slot"] for row in rows if row["kind"] == FEEDER}
    taken = {(row["site"], row["slot"]) for row in rows}
    taken.update((one.site, one.slot) for one in settings if one.kind != FEEDER)
    placed = []
    for setting in settings:
        slot = setting.slot
        if setting.kind == FEEDER:
            slot = known.get(setting.label) or _free_slot(setting.site, taken)
        taken.add((setting.site, slot))
        placed.append(replace(setting, slot=slot))
    return placed


def _free_slot(site: int, taken: set[tuple[int, int]]) -> int:
    slot = LAST_SLOT
    while (site, slot) in taken:
        slot -= 1
    return slot
