"""A store with days of readings in it, as a village brings them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.readings import Reading
from gateway.store.database import Database
from gateway.store.points import MeterPoint, find_points
from gateway.store.readings import ReadingBook
from tests.store.metering import tier_at
from tests.village import HOUSE, START_S, settle_in

DAY_S = 86_400
EVERY_S = 600
START_WH = HOUSE.first_register_wh or 0
WATTS = (300, 600, 1_200)


def reading(meter_id: int, at_s: float, energy_wh: int | None = None) -> Reading:
    """A reading of a house that draws steadily since it was installed."""
    moved_wh = int(WATTS[(meter_id - 1) % len(WATTS)] * (at_s - START_S) // 3_600)
    power_mw = WATTS[(meter_id - 1) % len(WATTS)] * 1_000
    return Reading(
        meter_id,
        datetime.fromtimestamp(at_s, UTC),
        START_WH + moved_wh if energy_wh is None else energy_wh,
        voltage_mv=230_000,
        power_mw=power_mw,
    )


async def keep(
    database: Database, readings: Iterable[Sequence[Reading]], book: ReadingBook | None = None
) -> ReadingBook:
    """Commit flush after flush."""
    points = {point.meter_id: point for point in await find_points(database)}
    book = book or ReadingBook(database, tier_at)
    for flush in readings:
        await book.append(flush, points)
    return book


def flushes(
    points: Sequence[MeterPoint], from_s: int, to_s: int, every_s: int = EVERY_S
) -> Iterable[list[Reading]]:
    """Every meter once in each period."""
    for at_s in range(from_s, to_s, every_s):
        yield [reading(point.meter_id, at_s) for point in points]


async def live(path: Path, days: float, houses: int = 3) -> None:
    """A village that was read for some days, in a file of its own."""
    database = await Database.open(path)
    points = await settle_in(database, houses)
    end_s = START_S + int(days * DAY_S)
    await keep(database, flushes(points, START_S + EVERY_S, end_s))
    await database.close()


def change(path: Path, sql: str, *parameters: object) -> None:
    """What somebody does with a tool of SQLite's."""
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(sql, parameters).rowcount


def ask(path: Path, sql: str, *parameters: object) -> list[tuple[int | bytes | str, ...]]:
    """What a tool of SQLite's shows."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, parameters).fetchall()
