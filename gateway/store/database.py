"""One SQLite file: opening, migrating, transactions. Holds no query of its own.

Every commit is ``synchronous=FULL`` in WAL mode: what was committed survives a power cut. Cheap
on a card because readings come in groups (see ``facts`` in docs/adr/0002).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import TypeVar

import aiosqlite

from gateway.errors import Permanent, Transient

BUSY_TIMEOUT_S = 10.0
BUSY_RETRY_S = 0.01
PAGE_BYTES = 512
"""A commit writes whole pages: the smallest halve what a flush of readings writes to the card."""
CHECKPOINT_PAGES = 8000
"""In the log before it is copied into the file: 4 MB, so that busy pages are copied seldom."""
Value = int | float | str | bytes | None
Row = aiosqlite.Row
T = TypeVar("T")


class Database:
    """One file, one writing connection, one reading connection.

    The reader sees only what was committed, so a slow page never holds up a flush.
    """

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection
    ) -> None:
        self.path = path
        self._files = _identities(path)
        self._writer = writer
        self._reader = reader
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open the file, create or migrate it, and check that it can be used.

        Args:
            path: the database file; its folder must exist.

        Raises:
            Permanent: the folder is missing, the file is no database, or it is newer than us.
            Transient: another process holds it for too long.
        """
        if not path.parent.is_dir():
            raise Permanent(f"the folder {path.parent} does not exist: create it, or set database")
        _check_access(path)
        opened: list[aiosqlite.Connection] = []
        try:
            for _ in ("writer", "reader"):
                # isolation_level None: we say BEGIN ourselves
                opened.append(
                    await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
                )
                await _prepare(opened[-1])
            await _migrate(opened[0], path)
        except BaseException as error:
            for connection in opened:
                await connection.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise translated(error, path) from error
            raise
        return cls(path, *opened)

    async def close(self) -> None:
        """Close both connections; an open transaction is rolled back."""
        await self._reader.close()
        await self._writer.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """A write transaction: committed at the end of the block, rolled back on any error.

        Never await anything but this connection inside it.

        Raises:
            Transient: the disk is full or the file stays locked; nothing was written.
            Permanent: the file is damaged, or no longer the one that was opened.
        """
        async with self._lock:
            try:
                try:
                    # Inside, because a BEGIN whose caller was cancelled is still executed.
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    self._check_files()
                except BaseException:
                    await self._writer.rollback()
                    raise
                await self._commit()
            except sqlite3.DatabaseError as error:
                raise translated(error, self.path) from error

    def _check_files(self) -> None:
        """SQLite goes on writing to a file that was deleted, and nobody would ever see it."""
        if _identities(self.path) != self._files:
            raise Permanent(
                f"{self.path} or its -wal file was deleted or replaced while it was in use: put "
                "it back or restore it from a backup, then start the gateway again"
            )

    async def _commit(self) -> None:
        try:
            await self._writer.commit()
        except BaseException:  # also when cancelled: if the commit fails, nobody else rolls back
            await self._writer.rollback()
            raise

    async def fetch_all(
        self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()
    ) -> list[Row]:
        """All rows of a query on committed data.

        Raises:
            Transient: the file is busy.
            Permanent: it is damaged or gone.
        """
        try:
            return list(await self._reader.execute_fetchall(sql, parameters))
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error

    async def fetch_one(
        self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()
    ) -> Row | None:
        """The first row of a query on committed data, or None; raises like :meth:`fetch_all`."""

        def first(connection: sqlite3.Connection) -> Row | None:
            row: Row | None = connection.execute(sql, parameters).fetchone()
            return row

        return await self.read(first)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What several queries find, all on one and the same commit.

        One trip to the reader's thread: for a short query that is most of what it costs.

        Args:
            work: asks the queries, and writes nothing. It runs in that thread, never two at once.

        Raises:
            Transient: the file is busy.
            Permanent: it is damaged or gone.
        """
        reader = self._reader
        try:
            # aiosqlite has no public way to run several statements in one trip.
            found: T = await reader._execute(_at_one_commit, reader._conn, work)  # type: ignore[no-untyped-call]  # noqa: SLF001
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error
        return found

    async def data_version(self) -> int:
        """A number that changes when anyone has committed; cheap enough to ask every 200 ms."""
        row = await self.fetch_one("PRAGMA data_version")
        return int(row[0]) if row else 0

    async def writer_id(self) -> str:
        """This database's id, 32 hex digits: what the contract's receipt calls the writer."""
        row = await self.fetch_one("SELECT value FROM meta WHERE key = 'writer'")
        if row is None:
            raise Permanent(f"{self.path} has no writer id: restore it from a backup")
        return str(row["value"])


def _at_one_commit(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.rollback()


def create_file(path: Path) -> None:
    """An empty file with the owner and the rights of its folder, where there is none yet.

    Who happens to be first may be root, and the gateway another user.

    Raises:
        OSError: the folder can't be written.
    """
    try:
        file = os.open(path.resolve(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    try:
        folder = path.resolve().parent.stat()
        if os.geteuid() == 0:
            os.fchown(file, folder.st_uid, folder.st_gid)
        os.fchmod(file, stat.S_IMODE(folder.st_mode) & 0o660)
    finally:
        os.close(file)


def _check_access(path: Path) -> None:
    """Before SQLite tries, which does not say what is missing."""
    try:
        create_file(path)
    except OSError as error:
        raise no_access(path) from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise no_access(path)


def no_access(path: Path) -> Permanent:
    """What to say of a file that isn't ours to use."""
    return Permanent(
        f"{path} can't be opened to read and write: use sudo, or check its owner and the card"
    )


def _identities(path: Path) -> list[tuple[int, int] | None]:
    """Device and inode of the file and of its write-ahead log; None for one that isn't there."""
    found: list[tuple[int, int] | None] = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = one.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found


async def _prepare(connection: aiosqlite.Connection) -> None:
    connection.row_factory = aiosqlite.Row
    # Counts only before a new file has its first table.
    await connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    await _write_ahead(connection)
    await connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        await connection.execute(f"PRAGMA {pragma}")


async def _write_ahead(connection: aiosqlite.Connection) -> None:
    """Turn the write-ahead log on, also while another process does the same to a new file.

    SQLite then answers "locked" at once instead of waiting: two that both hold the read lock
    and want the write lock would wait for each other for ever.
    """
    deadline = asyncio.get_running_loop().time() + BUSY_TIMEOUT_S
    while True:
        try:
            await connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            late = asyncio.get_running_loop().time() > deadline
            if late or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await asyncio.sleep(BUSY_RETRY_S)
        else:
            return


def _scripts() -> list[str]:
    """Every migration, in order."""
    found = [
        (entry.name, entry.read_text("utf-8"))
        for entry in resources.files("gateway.store.migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    return [script for _, script in sorted(found)]


def newest_schema() -> int:
    """The number of the newest migration: what a file that we can use has for its version."""
    return len(_scripts())


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Apply what is missing; a migration and its record share one transaction."""
    scripts = _scripts()
    await connection.execute("BEGIN IMMEDIATE")
    try:
        async with connection.execute("PRAGMA user_version") as cursor:
            row = await cursor.fetchone()
        done = int(row[0]) if row else 0
        if done > len(scripts):
            raise too_new(path, done)
        for number, script in enumerate(scripts[done:], start=done + 1):
            for statement in _statements(script):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {number}")
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise


def too_new(path: Path, schema: int) -> Permanent:
    """What to say of a file with a schema that we do not know yet."""
    return Permanent(
        f"{path} was written by a newer version (schema {schema}, this one knows "
        f"{newest_schema()}): install that version again"
    )


def _statements(script: str) -> Iterable[str]:
    """Split a script at its statements' ends, so that it can run inside a transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def translated(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """Say in words what SQLite found, sorted by remedy; a mistake of ours stays what it is."""
    match str(getattr(error, "sqlite_errorname", "")):
        case "SQLITE_FULL":
            return Transient(f"the disk is full: {path} could not be written; free some space")
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return Transient(f"{path} is busy: another program keeps it locked")
        case "SQLITE_READONLY" | "SQLITE_READONLY_DIRECTORY" | "SQLITE_CANTOPEN":
            return no_access(path)
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return Permanent(f"{path} is not a usable database: restore it from a backup")
        case name if name.startswith("SQLITE_IOERR"):
            return Transient(f"{path} could not be read or written ({error}): check the card")
        case _:
            return error
