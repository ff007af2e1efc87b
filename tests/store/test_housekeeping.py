"""The housekeeper: damage and want of room call a person; metering goes on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.store.database import Database
from gateway.store.housekeeping import BALLAST_BYTES, STATUS, Housekeeper, find_damage
from gateway.store.retention import Retention
from gateway.store.status import Status, find_status
from tests.commands.stored import unshared
from tests.store.chained import DAY_S, EVERY_S, ask, flushes, keep, live, reading
from tests.store.test_groups import settled
from tests.village import START_S, settle_in

CLOCK = Clock(START_S + DAY_S, 0, 1e-12)
NOW = CLOCK.now()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def shown(database: Database) -> Status | None:
    return next((one for one in await find_status(database) if one.name == STATUS), None)


async def watch(keeper: Housekeeper, database: Database) -> Status:
    """What the operator is told by a housekeeper that runs."""
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(20):
        while (status := await shown(database)) is None:
            assert not running.done()
            await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return status


def spoil_table(path: Path, name: str) -> None:
    """The table's first page is overwritten, as a dying card does it."""
    root = ask(path, "SELECT rootpage FROM sqlite_schema WHERE name = ?", name)[0][0]
    page = ask(path, "PRAGMA page_size")[0][0]
    assert isinstance(root, int)
    assert isinstance(page, int)
    with path.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff" * page)


async def test_a_sound_file_is_said_to_be_sound(database: Database) -> None:
    status = await watch(Housekeeper(database, CLOCK, Retention(room_mb=0)), database)
    assert (status.state, status.message) == ("online", "the file is sound and has room")
    assert find_damage(database.path) == ""


@pytest.mark.parametrize("table", ["rollup", "usage", "event"])
async def test_damage_found_at_the_start_is_an_alarm_and_ends_nothing(
    tmp_path: Path, table: str
) -> None:
    """Whatever table it is in: of rollups nobody learns, of usage everybody does."""
    path = tmp_path / "usage.db"
    await live(path, 0.1)
    spoil_table(path, table)
    database = await Database.open(path)
    status = await watch(Housekeeper(database, CLOCK, Retention(room_mb=0)), database)
    assert status.state == "alarm"
    assert status.message.startswith("the file is damaged (")
    assert status.message.endswith("): `gateway restore` a backup")
    await database.close()


async def test_damage_that_is_met_later_is_an_alarm_too(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    await live(path, 0.1)
    database = await Database.open(path)
    keeper = Housekeeper(database, CLOCK, Retention(room_mb=0))
    await keeper._attempt("")
    await database.close()
    spoil_table(path, "rollup")
    database = await Database.open(path)
    keeper = Housekeeper(database, CLOCK, Retention(room_mb=0))
    await keep(database, [[reading(1, START_S + DAY_S)]])
    assert await keeper._attempt("")
    status = await shown(database)
    assert status is not None
    assert status.state == "alarm"
    await keep(database, [[reading(1, START_S + DAY_S + 600)]])
    await database.close()


async def test_a_row_that_refers_to_nothing_is_damage(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("PRAGMA defer_foreign_keys = ON")
        await connection.execute("INSERT INTO meter VALUES (1, 's', 'm')")
    await database._writer.execute("PRAGMA foreign_keys = OFF")
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO chain_head VALUES (0, 9, 1, zeroblob(32))")
    assert find_damage(database.path) == "a row of chain_head refers to nothing"


async def test_it_rolls_up_and_forgets_once_an_hour(database: Database) -> None:
    points = await settle_in(database, 1)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 4 * DAY_S))
    await settled(database, START_S + 4 * DAY_S)
    keeper = Housekeeper(database, CLOCK, Retention(raw_days=1, room_mb=0))
    now = datetime.fromtimestamp(START_S + 4 * DAY_S, UTC)
    await keeper.tick(now)
    assert ask(database.path, "SELECT MIN(sequence) FROM reading_group") > [(300,)]
    assert ask(database.path, "SELECT COUNT(*) FROM rollup WHERE span_s = 86400") == [(4,)]
    await keep(database, flushes(points, START_S + 4 * DAY_S, START_S + 5 * DAY_S))
    rolled_up = ask(database.path, "SELECT sequence FROM reading_cursor")
    await keeper.tick(now + timedelta(minutes=59))
    assert ask(database.path, "SELECT sequence FROM reading_cursor") == rolled_up
    await keeper.tick(now + timedelta(minutes=60))
    assert ask(database.path, "SELECT sequence FROM reading_cursor") > rolled_up


def test_on_a_full_disk_room_is_made_and_readings_are_stored_again(tmp_path: Path) -> None:
    """A real file system of 24 MB, filled to the last byte by somebody else's file."""
    command = [sys.executable, "-m", "tests.store.full_disk", str(tmp_path)]
    done = subprocess.run(
        unshared("24m", tmp_path, command), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ballast"] >= BALLAST_BYTES
    assert seen["before"] == "online"
    assert "the disk is full" in seen["refused"]
    assert seen["given_back"]
    assert seen["full"] == "online"  # for now: the ballast is more than the room that is wanted
    assert seen["after"] == "online"
    assert seen["reserved_again"]
    assert seen["little"] == ["online", False]
    assert seen["room"] >= 4_000_000
