"""The file opens, migrates once, and keeps nothing half-written."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import Permanent, Transient
from gateway.store.database import PAGE_BYTES, Database


async def test_three_processes_may_create_the_file_at_once(tmp_path: Path) -> None:
    """Many times, because it takes luck to meet where SQLite refuses to wait."""
    for attempt in range(40):
        path = tmp_path / f"usage{attempt}.db"
        opened = await asyncio.gather(*(Database.open(path) for _ in range(3)))
        writers = {await database.writer_id() for database in opened}
        assert len(writers) == 1
        for database in opened:
            await database.close()


async def test_a_failed_block_leaves_nothing_behind(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO meta VALUES ('half', 'done')")
            _ = 1 // 0
    assert await database.fetch_one("SELECT 1 FROM meta WHERE key = 'half'") is None
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('half', 'whole')")
    row = await database.fetch_one("SELECT value FROM meta WHERE key = 'half'")
    assert row is not None
    assert row["value"] == "whole"
    await database.close()


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_transaction_leaves_the_connection_free(
    tmp_path: Path, steps: int
) -> None:
    """What was queued for the database's thread is executed even when its caller is gone."""
    database = await Database.open(tmp_path / "usage.db")

    async def write() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO meta VALUES ('half', 'done')")

    writing = asyncio.create_task(write())
    for _ in range(steps):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    async with database.transaction() as connection:
        await connection.execute("INSERT OR REPLACE INTO meta VALUES ('half', 'whole')")
    row = await database.fetch_one("SELECT value FROM meta WHERE key = 'half'")
    assert row is not None
    assert row["value"] == "whole"
    await database.close()


async def test_every_commit_changes_the_data_version(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    other = await Database.open(tmp_path / "usage.db")
    before = await database.data_version()
    async with other.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    assert await database.data_version() != before
    await database.close()
    await other.close()


async def test_all_queries_of_one_read_see_the_same_commit(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")

    def count(connection: sqlite3.Connection) -> int:
        found: int = connection.execute("SELECT COUNT(*) FROM meta").fetchone()[0]
        return found

    def count_twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = count(connection)
        with closing(sqlite3.connect(database.path)) as other:
            other.execute("INSERT INTO meta VALUES ('a', 'b')")
            other.commit()
        return first, count(connection)

    first, second = await database.read(count_twice)
    assert first == second
    assert await database.read(count) == first + 1
    await database.close()


async def test_a_read_that_fails_leaves_the_connection_free(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.read(lambda connection: connection.execute("SELECT 1 FROM no_table"))
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    assert await database.fetch_one("SELECT 1 FROM meta WHERE key = 'a'") is not None
    await database.close()


async def test_commits_are_full_and_in_wal_mode(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    async with database.transaction() as connection:
        async with connection.execute("PRAGMA synchronous") as cursor:
            synchronous = await cursor.fetchone()
        async with connection.execute("PRAGMA journal_mode") as cursor:
            journal = await cursor.fetchone()
    assert synchronous is not None
    assert journal is not None
    assert (synchronous[0], journal[0]) == (2, "wal")
    await database.close()


async def test_a_file_from_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(Permanent, match="newer version"):
        await Database.open(path)


async def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    path.write_bytes(b"this is a shopping list, not a database" * 100)
    with pytest.raises(Permanent, match="restore it from a backup"):
        await Database.open(path)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"nowhere does not exist: create it"):
        await Database.open(tmp_path / "nowhere" / "usage.db")


async def test_a_full_disk_is_transient_and_loses_nothing_committed(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('kept', 'yes')")
        async with connection.execute("PRAGMA page_count") as cursor:
            pages = await cursor.fetchone()
    assert pages is not None
    with pytest.raises(Transient, match="disk is full"):
        async with database.transaction() as connection:
            await connection.execute(f"PRAGMA max_page_count = {pages[0]}")
            for number in range(2_000):
                await connection.execute(
                    "INSERT INTO meta VALUES (?, ?)", (f"fill-{number}", "x" * 500)
                )
    row = await database.fetch_one("SELECT count(*) FROM meta WHERE key LIKE 'fill-%'")
    assert row is not None
    assert row[0] == 0
    assert await database.fetch_one("SELECT 1 FROM meta WHERE key = 'kept'") is not None
    await database.close()


async def test_the_page_may_read_while_a_flush_is_open(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('half', 'done')")
        assert await database.fetch_one("SELECT 1 FROM meta WHERE key = 'half'") is None
    assert await database.fetch_one("SELECT 1 FROM meta WHERE key = 'half'") is not None
    await database.close()


@pytest.mark.parametrize("_", range(3))
async def test_the_files_survive_a_process_that_dies_in_a_transaction(
    tmp_path: Path, _: int
) -> None:
    path = tmp_path / "usage.db"
    first = await Database.open(path)
    async with first.transaction() as connection:
        await connection.execute("INSERT INTO meta VALUES ('kept', 'yes')")
    await first.close()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - the child dies on purpose
        dying = sqlite3.connect(path, isolation_level=None)
        dying.execute("BEGIN IMMEDIATE")
        dying.execute("INSERT INTO meta VALUES ('lost', 'yes')")
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    again = await Database.open(path)
    assert await again.fetch_one("SELECT 1 FROM meta WHERE key = 'kept'") is not None
    assert await again.fetch_one("SELECT 1 FROM meta WHERE key = 'lost'") is None
    await again.close()


@pytest.mark.parametrize("ending", ["", "-wal"])
async def test_a_file_that_was_deleted_is_not_written_to_in_vain(
    tmp_path: Path, ending: str
) -> None:
    database = await Database.open(tmp_path / "usage.db")
    Path(f"{database.path}{ending}").unlink()
    with pytest.raises(Permanent, match="was deleted or replaced while it was in use"):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO meta VALUES ('in', 'vain')")
    await database.close()


async def test_a_damaged_file_is_named_by_whoever_writes_to_it(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    row = await database.fetch_one("SELECT rootpage FROM sqlite_schema WHERE name = 'meta'")
    await database.close()
    assert row is not None
    with (tmp_path / "usage.db").open("r+b") as file:
        file.seek((row["rootpage"] - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    damaged = await Database.open(tmp_path / "usage.db")
    with pytest.raises(Permanent, match="restore it from a backup"):
        async with damaged.transaction() as connection:
            await connection.execute("INSERT INTO meta VALUES ('more', 'damage')")
    await damaged.close()
