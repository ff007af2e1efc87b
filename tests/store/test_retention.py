"""Forgetting: nothing that anybody still has to read, and the chains stay whole."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.retention import Retention, make_room, prune, room_bytes
from gateway.store.rollups import roll_up_next
from tests.store.chained import DAY_S, EVERY_S, ask, flushes, keep, live, reading
from tests.store.metering import number
from tests.store.test_groups import broken, settled
from tests.village import START_S, settle_in

DAYS = 5
END_S = START_S + DAYS * DAY_S
ALL = Retention(raw_days=1)
FULL = Retention(room_mb=1 << 40)
"""More room than any disk has: it is always short."""
DAY_GROUPS = DAY_S // EVERY_S


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lived") / "usage.db"
    asyncio.run(live(path, DAYS, 2))
    return path


@pytest.fixture
async def database(lived: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Five days of two houses; nothing is rolled up and nothing settled."""
    database = await Database.open(Path(shutil.copy(lived, tmp_path / "usage.db")))
    yield database
    await database.close()


async def drain(database: Database) -> None:
    while await roll_up_next(database):
        pass


async def oldest(database: Database) -> int:
    return await number(database, "SELECT MIN(sequence) FROM reading_group")


async def test_old_groups_go_back_to_a_day_head_and_the_rest_is_proved(
    database: Database,
) -> None:
    await drain(database)
    await settled(database, END_S)
    assert await prune(database, Retention(raw_days=2), END_S) == 3 * DAY_GROUPS - 2
    assert await oldest(database) == 3 * DAY_GROUPS - 1  # the last one of the third day
    anchors = "SELECT COUNT(*) FROM chain_head WHERE sequence = "
    assert await number(database, anchors + str(3 * DAY_GROUPS - 1)) == 2
    assert not broken(database.path)
    assert await prune(database, Retention(raw_days=2), END_S) == 0


async def test_what_is_not_rolled_up_stays(database: Database) -> None:
    await settled(database, END_S)
    assert await prune(database, ALL, END_S) == 0
    await roll_up_next(database)  # 100 groups: not yet a day
    assert await prune(database, ALL, END_S) == 0
    await roll_up_next(database)
    assert await prune(database, ALL, END_S) == DAY_GROUPS - 2
    assert await oldest(database) == DAY_GROUPS - 1
    assert not broken(database.path)


async def test_what_any_other_consumer_has_still_to_read_stays(database: Database) -> None:
    await drain(database)
    await settled(database, END_S)
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO reading_cursor VALUES ('slow', 1)")
    assert await prune(database, ALL, END_S) == 0
    assert await make_room(database, FULL, END_S) == 0


async def test_what_is_not_settled_stays(database: Database) -> None:
    await drain(database)
    assert await prune(database, ALL, END_S) == 0
    await settled(database, START_S + 2 * DAY_S + 3_600)
    await prune(database, ALL, END_S)
    assert await oldest(database) == 2 * DAY_GROUPS - 1
    assert not broken(database.path)


async def test_days_are_kept_as_long_as_they_are_asked_for(database: Database) -> None:
    await drain(database)
    await settled(database, END_S)
    assert await prune(database, Retention(raw_days=30), END_S + 25 * DAY_S) == 0
    assert await prune(database, Retention(raw_days=30), END_S + 27 * DAY_S)


async def test_an_anchor_that_will_move_is_never_pruned_to(database: Database) -> None:
    """The running day's head is written anew each hour; then nothing would rest on the old one."""
    await drain(database)
    await settled(database, END_S)
    later_s = END_S + 300 * DAY_S
    await prune(database, ALL, later_s)
    assert await oldest(database) == (DAYS - 1) * DAY_GROUPS - 1
    points = await settle_in(database, 2)
    await keep(database, flushes(points, END_S, END_S + 2 * 3_600))
    await keep(database, [[reading(1, later_s), reading(2, later_s)]])
    assert not broken(database.path)


async def test_a_late_reading_holds_nothing_back_and_breaks_nothing(database: Database) -> None:
    """It was stored yesterday, though it is of the first day."""
    await keep(database, [[reading(1, START_S + 30)]])
    points = await settle_in(database, 2)
    await keep(database, flushes(points, END_S, END_S + 2 * DAY_S))
    await drain(database)
    await settled(database, END_S + 2 * DAY_S)
    await prune(database, ALL, END_S + 2 * DAY_S)
    assert await oldest(database) > DAYS * DAY_GROUPS
    assert not broken(database.path)


async def test_quarter_hours_go_after_their_time_and_hours_stay(database: Database) -> None:
    await drain(database)
    hours = await number(database, "SELECT COUNT(*) FROM rollup WHERE span_s > 900")
    await prune(database, Retention(quarter_days=2), END_S)
    quarters = await number(database, "SELECT MIN(start_s) FROM rollup WHERE span_s = 900")
    assert quarters == END_S - 2 * DAY_S
    assert await number(database, "SELECT COUNT(*) FROM rollup WHERE span_s > 900") == hours


async def test_money_usage_and_heads_stay_whatever_goes(database: Database) -> None:
    await drain(database)
    await settled(database, END_S)
    tables = ("usage", "register", "chain_head", "chain_receipt", "event")
    before = [ask(database.path, f"SELECT * FROM {table}") for table in tables]
    await prune(database, ALL, END_S)
    assert [ask(database.path, f"SELECT * FROM {table}") for table in tables] == before


async def test_when_room_is_short_the_oldest_go_early_and_it_is_told(database: Database) -> None:
    """Though nothing was settled: usage is kept, and that is what is settled."""
    await drain(database)
    assert await make_room(database, FULL, END_S) == 0  # a tenth is less than a day head
    points = await settle_in(database, 2)
    await keep(database, flushes(points, END_S, END_S + 15 * DAY_S))
    await drain(database)
    room = await room_bytes(database)
    pruned = await make_room(database, FULL, END_S)
    assert pruned == 2 * DAY_GROUPS - 2
    assert await room_bytes(database) > room - 1_000_000  # the disk is others' too
    ((kind, detail, at_ms),) = ask(database.path, "SELECT kind, detail, at_ms FROM event")
    assert (kind, at_ms) == ("readings-forgotten", END_S * 1000)
    assert f"{pruned} of the oldest groups of readings were forgotten" in str(detail)
    assert not broken(database.path)


async def test_with_room_nothing_goes_early(database: Database) -> None:
    await drain(database)
    assert await make_room(database, Retention(room_mb=0), END_S) == 0
    assert await oldest(database) == 1


async def test_pages_of_what_went_are_room(database: Database) -> None:
    await drain(database)
    await settled(database, END_S)
    free = await number(database, "PRAGMA freelist_count")
    await prune(database, ALL, END_S)
    assert await number(database, "PRAGMA freelist_count") > free


async def test_an_empty_store_has_nothing_to_forget(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "empty.db")
    await settled(database, END_S)
    assert await prune(database, ALL, END_S) == 0
    assert await make_room(database, FULL, END_S) == 0
    await database.close()
