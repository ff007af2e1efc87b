"""Rollups in the file: every group exactly once, however often one dies, whatever comes late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.domain.readings import Reading
from gateway.domain.rollups import roll_up
from gateway.store.database import Database
from gateway.store.groups import stream_entries
from gateway.store.rollups import CONSUMER, GROUPS_AT_ONCE, find_rollups, roll_up_next
from tests.store.chained import DAY_S, EVERY_S, ask, flushes, keep, reading
from tests.store.test_groups import spoil
from tests.village import START_S, settle_in

ALWAYS = (0, 1 << 40)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database, 2)
    yield database
    await database.close()


async def drain(database: Database) -> None:
    while await roll_up_next(database):
        pass


async def assert_whole(database: Database) -> None:
    """What is rolled up is what the readings make, none of them twice and none left out."""
    readings = [
        one async for one in stream_entries(database, 0, 1 << 62) if isinstance(one, Reading)
    ]
    found = {
        (span_s, start_s, meter): rollup
        for span_s in (900, 3_600, 86_400)
        for start_s, meter, rollup in await find_rollups(database, (1, 2), span_s, *ALWAYS)
    }
    assert found == roll_up(readings)


async def test_every_group_is_rolled_up_once(database: Database) -> None:
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 2 * DAY_S))
    assert await roll_up_next(database)
    assert ask(database.path, "SELECT sequence FROM reading_cursor") == [(GROUPS_AT_ONCE,)]
    await drain(database)
    await assert_whole(database)
    await drain(database)
    await assert_whole(database)


async def test_two_at_once_roll_up_each_group_once(database: Database) -> None:
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 2 * DAY_S))
    other = await Database.open(database.path)
    for _ in range(4):
        await asyncio.gather(roll_up_next(database), roll_up_next(other))
    await drain(database)
    await other.close()
    await assert_whole(database)


async def test_late_readings_find_their_place(database: Database) -> None:
    points = await settle_in(database, 2)
    every = list(flushes(points, START_S + EVERY_S, START_S + DAY_S))
    await keep(database, every[::2])
    await drain(database)
    await keep(database, every[1::2][::-1])
    await drain(database)
    await assert_whole(database)


async def test_figures_that_a_meter_does_not_say_stay_unknown(database: Database) -> None:
    plain = Reading(1, reading(1, START_S + 60).read_at, 1_000)
    await keep(database, [[plain]])
    await drain(database)
    await keep(database, [[reading(1, START_S + 120)]])
    ((_, _, before),) = await find_rollups(database, (1,), 900, *ALWAYS)
    assert (before.min_voltage_mv, before.max_power_mw, before.powers) == (None, None, 0)
    await drain(database)
    await assert_whole(database)


async def test_a_rollup_whose_transaction_fails_is_done_again(database: Database) -> None:
    """The trigger stands for a disk that takes nothing: the cursor moves with the rollups."""
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    async with database.transaction() as connection:
        await connection.execute(
            """CREATE TRIGGER full BEFORE INSERT ON rollup WHEN NEW.span_s = 86400
               BEGIN SELECT RAISE(ABORT, 'full'); END"""
        )
    with pytest.raises(Exception, match="full"):
        await roll_up_next(database)
    assert ask(database.path, "SELECT sequence FROM reading_cursor") == [(0,)]
    assert ask(database.path, "SELECT COUNT(*) FROM rollup") == [(0,)]
    async with database.transaction() as connection:
        await connection.execute("DROP TRIGGER full")
    await drain(database)
    await assert_whole(database)


async def test_a_damaged_group_is_told_and_parked_and_the_others_go_on(
    database: Database,
) -> None:
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    await spoil(database, 5)
    await drain(database)
    events = ask(database.path, "SELECT kind, detail, at_ms FROM event")
    ((kind, detail, at_ms),) = events
    assert kind == "group-damaged"
    assert str(detail).startswith("group 5: a group of readings is damaged")
    assert at_ms == (START_S + 5 * EVERY_S) * 1000
    last = ask(database.path, "SELECT MAX(sequence) FROM reading_group")
    cursor = ask(database.path, "SELECT sequence FROM reading_cursor WHERE consumer = ?", CONSUMER)
    assert cursor == last
    hours = await find_rollups(database, (1,), 3_600, *ALWAYS)
    assert [rollup.readings for _, _, rollup in hours] == [4, 6]
    await drain(database)
    assert ask(database.path, "SELECT COUNT(*) FROM event") == [(1,)]


async def test_a_period_is_half_open(database: Database) -> None:
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    await drain(database)
    found = await find_rollups(database, (2,), 900, START_S + 900, START_S + 2_700)
    assert [start_s for start_s, _, _ in found] == [START_S + 900, START_S + 1_800]
