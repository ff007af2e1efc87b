"""A store file as it stood at one instant, for reading only, while others go on writing to it.

SQLite's write-ahead log keeps what was committed at the first read; nobody waits for it. What is
held up meanwhile is only that the log is emptied, so whoever takes hours makes it grow.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from gateway.errors import Permanent, Transient
from gateway.store.database import (
    BUSY_TIMEOUT_S,
    newest_schema,
    no_access,
    too_new,
    translated,
)

_STEPS = 10_000
"""Of SQLite's machine between two looks at whether to stop: some milliseconds."""

Stop = Callable[[], bool]
"""Whether somebody asked to stop."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


@contextmanager
def snapshot(
    path: Path, stop: Stop = never, *, oldest: int | None = None
) -> Iterator[sqlite3.Connection]:
    """Open a file and hold on to what is committed now.

    Args:
        path: the file.
        stop: asked while SQLite works; True ends it.
        oldest: the oldest schema to accept; None: only the newest.

    Raises:
        Permanent: it isn't there, is no usable store, or was written by another version.
        Transient: it is busy, the disk is full, or somebody asked to stop.
    """
    _check_there(path)
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    with in_words(path, stop), closing(sqlite3.connect(uri, uri=True)) as connection:
        _prepare(connection, stop)
        connection.execute("BEGIN")
        _check_schema(connection, path, newest_schema() if oldest is None else oldest)
        yield connection


def _check_there(path: Path) -> None:
    try:
        is_there = path.is_file()
    except OSError as error:
        raise no_access(path) from error
    if not is_there:
        raise Permanent(f"{path} isn't there: name the database's file")


def _prepare(connection: sqlite3.Connection, stop: Stop) -> None:
    """Rows by name, patience with others, and a way to stop it."""
    connection.isolation_level = None
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    connection.set_progress_handler(stop, _STEPS)


@contextmanager
def in_words(path: Path, stop: Stop = never) -> Iterator[None]:
    """What SQLite finds, in a sentence; like :func:`gateway.store.database.translated`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if stop():
            raise interrupted() from None
        raise translated(error, path) from error


def interrupted() -> Transient:
    """What to say when somebody asked to stop."""
    return Transient("stopped before it was done: nothing was changed, so begin again")


def _check_schema(connection: sqlite3.Connection, path: Path, oldest: int) -> None:
    schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    if not {"meta", "meter_point"} <= names:
        raise Permanent(f"{path} is no gateway's database: name another file")
    if schema > newest_schema():
        raise too_new(path, schema)
    if schema < oldest:
        raise Permanent(
            f"{path} was written by an older version (schema {schema}, this one knows "
            f"{newest_schema()}): start this version of the gateway on it once"
        )
