"""Readings that land in a store as the intake lands them, for tests of what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.domain.readings import Reading
from gateway.store.database import Database
from gateway.store.points import MeterPoint, find_points
from gateway.store.readings import ReadingBook


def tier_at(_start_s: int) -> int:
    """One tier for all."""
    return 1


async def read(
    database: Database,
    meter_id: int,
    at_s: float,
    energy_wh: int,
    known: Sequence[MeterPoint] | None = None,
) -> None:
    """One reading of a meter, committed; ``known``: by an intake that knows of no newer meters."""
    known = await find_points(database) if known is None else known
    points = {point.meter_id: point for point in known}
    reading = Reading(meter_id, datetime.fromtimestamp(at_s, UTC), energy_wh)
    await ReadingBook(database, tier_at).append([reading], points)


async def number(database: Database, sql: str) -> int:
    """The one number that a query has for an answer."""
    row = await database.fetch_one(sql)
    assert row is not None
    return int(row[0] or 0)
