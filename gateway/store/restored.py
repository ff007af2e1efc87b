"""A backup in the place of the store's file, and what has to be told to it on its way there.

The present file is never lost: it gets a second name before its own goes to the copy, in one step.
That the chain is ahead of an older copy is noticed by settlement, which then waits for a take-over.
"""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError, Permanent, Transient
from gateway.store.copies import cannot_write, discard, sync_folder
from gateway.store.credits import begin_series
from gateway.store.database import Database, translated
from gateway.store.lock_outs import carry_over
from gateway.store.snapshot import Stop, never, snapshot
from gateway.store.status import append_event
from gateway.store.token_memory import freeze_tokens

COMMANDS_SINCE = 1_000_000
"""More commands than a node got since any backup: it refuses a counter that it has seen."""

PATIENCE_S = 1.0
"""With a command that is about to end."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a store's file goes.

    Args:
        read_ms: its newest reading (unix milliseconds); None: it has none.
        settled: its newest batch that is settled; 0: none.
        sites: of its meter points.
        contracts: whose events it has followed.
    """

    read_ms: int | None
    settled: int
    sites: frozenset[int]
    contracts: frozenset[str]


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
        sites = frozenset(one[0] for one in connection.execute("SELECT site FROM meter_point"))
        contracts = frozenset(one[0] for one in connection.execute("SELECT name FROM chain_cursor"))
    return Extent(row["read_ms"], row["settled"], sites, contracts)


def room_for(copy: Path) -> None:
    """An empty file that nobody else can read, for what is copied from a backup.

    Raises:
        GatewayError: the folder can't be written.
    """
    discard(copy)
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise cannot_write(copy, error) from error


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


async def succeed(before: Path, copy: Path, detail: str, now_ms: int) -> list[str] | None:
    """Make a copy ready, with what only the file before it knows. Repeat it freely.

    Args:
        before: the store's file, in nobody's use; it need not be there, or be readable.
        copy: as for :func:`make_ready`.
        detail: as for :func:`make_ready`.
        now_ms: as for :func:`make_ready`.

    Returns:
        As :func:`gateway.store.lock_outs.carry_over`.

    Raises:
        GatewayError: it can't be used.
    """
    await make_ready(copy, detail, now_ms)
    _pass_series(before, copy)
    return carry_over(before, copy)


def _pass_series(before: Path, copy: Path) -> None:
    """Let a backup's receipts begin a series that the file before it has not used.

    Else the same backup, restored twice, would give two papers one name. Repeat it freely.

    Args:
        before: the store's file, in nobody's use; one that can't be read passes nothing on.
        copy: the backup, made ready, in nobody's use.
    """
    query = "SELECT value FROM meta WHERE key = 'receipt_series'"
    try:
        with snapshot(before, never, oldest=1) as connection:
            row = connection.execute(query).fetchone()
    except (GatewayError, sqlite3.DatabaseError):
        return
    if row is None:
        return
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(
            """UPDATE meta SET value = CAST(:least AS TEXT)
               WHERE key = 'receipt_series' AND CAST(value AS INTEGER) < :least""",
            {"least": int(row["value"]) + 1},
        )


def put_in_place(copy: Path, database: Path, kept: Path, *, is_sound: bool) -> None:
    """Give the copy the name of the store's file, which keeps another one.

    Whenever it is interrupted there is a whole file under the store's name.

    Args:
        copy: beside the store's file, in nobody's use.
        database: the store's file, in nobody's use; it need not be there.
        kept: its other name.
        is_sound: whether the store's file can be read; a damaged one stays as it is to the byte.

    Raises:
        GatewayError: the folder can't be written, or somebody still uses the store's file.
    """
    _own(copy, database)
    try:
        _sync(copy)
        if database.exists():
            if is_sound:
                _fold_in(database)
            _drop_second_names(database)
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
    """The owner and the rights of the file before it, whoever restores; of a new one, no others."""
    before = database.stat() if database.exists() else None
    owner = before or database.parent.stat()
    now = copy.stat()
    try:
        if (owner.st_uid, owner.st_gid) != (now.st_uid, now.st_gid):
            os.chown(copy, owner.st_uid, owner.st_gid)
        copy.chmod(stat.S_IMODE(owner.st_mode) & (0o666 if before else 0o660))
    except OSError:
        raise Permanent(
            f"{database} belongs to another user: restore as that user, or with sudo"
        ) from None


def _fold_in(database: Path) -> None:
    """Take the log's pages into the file, so that it is one.

    Without its log the file may be no whole store, so nobody may need the log any more.

    Raises:
        Transient: somebody still reads it, or the disk is full.
    """
    try:
        with closing(sqlite3.connect(database, timeout=PATIENCE_S)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        match error.sqlite_errorname:
            case "SQLITE_CORRUPT" | "SQLITE_NOTADB":  # it is kept as it is, log and all
                return
            case "SQLITE_BUSY" | "SQLITE_LOCKED":
                raise Transient(
                    f"{database} is in use by another command: end it, then restore again"
                ) from error
            case _:
                raise translated(error, database) from error


def _drop_second_names(database: Path) -> None:
    """What a killed restore has left: the present file's other name, which is no copy of it."""
    for other in database.parent.glob(f"{glob.escape(database.name)}.before-restore-*"):
        if other.samefile(database):
            discard(other)


def _keep(path: Path, other: Path) -> None:
    """A second name, or a copy where the file system knows no second names."""
    try:
        os.link(path, other)
    except OSError:
        partial = _beside(other, ".partial")
        try:
            shutil.copy2(path, partial)
            _sync(partial)
            partial.replace(other)
        finally:
            partial.unlink(missing_ok=True)


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
