"""A backup in the place of the store's file, and what has to be told to it on its way there.

The present file is never lost: it gets a second name before its own goes to the copy, in one step.
That the chain is ahead of an older copy is noticed by settlement, which then waits for a take-over.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError
from gateway.store.copies import cannot_write, sync_folder
from gateway.store.credits import begin_series
from gateway.store.database import Database
from gateway.store.snapshot import Stop, never, snapshot
from gateway.store.status import append_event
from gateway.store.token_memory import freeze_tokens

COMMANDS_SINCE = 1_000_000
"""More commands than a node got since any backup: it refuses a counter that it has seen."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a store's file goes.

    Args:
        read_ms: its newest reading (unix milliseconds); None: it has none.
        settled: its newest batch that is settled; 0: none.
    """

    read_ms: int | None
    settled: int


def find_extent(path: Path, stop: Stop = never) -> Extent:
    """How far a store's file goes, of any version.

    Raises:
        GatewayError: it can't be read.
    """
    with snapshot(path, stop, oldest=1) as connection:
        row = connection.execute(
            """SELECT (SELECT MAX(read_ms) FROM register) AS read_ms,
                      IFNULL((SELECT MAX(sequence) FROM chain_receipt), 0) AS settled"""
        ).fetchone()
    return Extent(row["read_ms"], row["settled"])


async def make_ready(copy: Path, detail: str, now_ms: int) -> None:
    """Bring a copy up to this version, journal what becomes of it, and skip used counters.

    Receipts go on in another series, and tokens wait for a person: the copy may have forgotten
    some.

    Args:
        copy: the file, in nobody's use.
        detail: one sentence for the journal.
        now_ms: the time (unix milliseconds).

    Raises:
        GatewayError: it can't be used.
    """
    database = await Database.open(copy)
    try:
        async with database.transaction() as connection:
            await append_event(connection, "restore", detail, now_ms)
            await connection.execute(
                "UPDATE node_command SET counter = counter + :skipped",
                {"skipped": COMMANDS_SINCE},
            )
            await begin_series(connection)
            await freeze_tokens(connection)
    finally:
        await database.close()
    with closing(sqlite3.connect(copy)) as closed:
        closed.execute("PRAGMA journal_mode = DELETE")  # no file beside it


def put_in_place(copy: Path, database: Path, kept: Path, *, is_sound: bool) -> None:
    """Give the copy the name of the store's file, which keeps another one.

    Whenever it is interrupted there is a whole file under the store's name.

    Args:
        copy: beside the store's file, in nobody's use.
        database: the store's file, in nobody's use; it need not be there.
        kept: its other name.
        is_sound: whether the store's file can be read; a damaged one stays as it is to the byte.

    Raises:
        GatewayError: the folder can't be written.
    """
    try:
        _own(copy, database)
        _sync(copy)
        if database.exists():
            if is_sound:
                _fold_in(database)
            for side in ("", "-wal"):
                if (one := _beside(database, side)).exists():
                    _keep(one, _beside(kept, side))
            sync_folder(database.parent)
        for side in ("-wal", "-shm"):  # another file's log would be taken for the copy's own
            _beside(database, side).unlink(missing_ok=True)
        copy.replace(database)
        sync_folder(database.parent)
    except OSError as error:
        raise cannot_write(database, error) from error


def _own(copy: Path, database: Path) -> None:
    """The owner and the rights of the file before it, for whoever restores as root."""
    before = (database if database.exists() else database.parent).stat()
    if os.geteuid() == 0:
        os.chown(copy, before.st_uid, before.st_gid)
    copy.chmod(stat.S_IMODE(before.st_mode) & 0o666)


def _fold_in(database: Path) -> None:
    """Take the log's pages into the file, so that it is one, unless somebody still reads it."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _keep(path: Path, other: Path) -> None:
    """A second name, or a copy where the file system knows no second names."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copy2(path, other)
        _sync(other)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _beside(path: Path, side: str) -> Path:
    return path.with_name(f"{path.name}{side}")


def guess_extent(path: Path) -> Extent | None:
    """How far a file goes that may be damaged or none at all; None: nobody can tell."""
    try:
        return find_extent(path)
    except GatewayError:
        return None
