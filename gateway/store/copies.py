"""Whole copies of the store's file: made while it is in use, checked, and put in its place.

Copied with SQLite's online backup, in steps, inside one read transaction. ``VACUUM INTO`` would
leave out free pages, but it rebuilds every tree: far more work for a Pi, no word of how far it is,
and a copy that differs from the file byte by byte, so that damage could no longer be told from
tidying. Steps without the transaction begin anew whenever somebody commits, which a gateway does
every ten seconds. This way each page is read once and written once, some 64 KB are held in memory,
nobody waits, and all that grows meanwhile is the write-ahead log, by what is stored in that time.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError, Permanent, Transient
from gateway.store.snapshot import Stop, in_words, interrupted, snapshot
from gateway.store.verification import DAY_MS, Finding, Silence, Wanted, verify

STEP_BYTES = 65_536
_CHUNK_BYTES = 1 << 20
_SIDES = ("-wal", "-shm", "-journal")

Progress = Callable[[int, int], None]
Totals = dict[str, tuple[int, ...]]
"""Of each table: how many rows, and the sum of each column of energy (Wh)."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made and checked.

    Args:
        path: where it is.
        size_bytes: how large.
        sha256: of the file, hex.
        findings: what does not hold in it, as it does not in the file that was copied.
    """

    path: Path
    size_bytes: int
    sha256: str
    findings: tuple[Finding, ...]


def back_up(source: Path, target: Path, stop: Stop, progress: Progress) -> Copied:
    """Copy a store that may be in use; there is a whole, checked copy at the end, or none.

    Args:
        source: the store's file.
        target: what the copy is called; it is replaced.
        stop: asked now and then.
        progress: told how much is copied.

    Raises:
        Permanent: the store is damaged or the target can't be written.
        Transient: the disk is full, or somebody asked to stop.
    """
    partial = target.with_name(f"{target.name}.partial")
    with being_made(partial) as file:
        copy_store(source, partial, stop, progress)
        findings = _findings(partial, stop)
        if findings and not _findings(source, stop):
            raise Permanent(f"{target} would differ from {source}: check the disk it goes to")
        copied = Copied(target, partial.stat().st_size, _sha256(partial, stop), findings)
        if stop():
            raise interrupted()
        os.fsync(file)
        partial.replace(target)
        sync_folder(target.parent)
    return copied


def copy_store(
    source: Path, target: Path, stop: Stop, progress: Progress, *, oldest: int | None = None
) -> None:
    """Copy a store and compare the two.

    Args:
        source: the store's file.
        target: an empty file, or none.
        stop: asked now and then.
        progress: told how much is copied.
        oldest: the oldest schema to accept; None: only the newest.

    Raises:
        Permanent: either can't be used.
        Transient: the disk is full, or somebody asked to stop.
    """
    with snapshot(source, stop, oldest=oldest) as origin:
        totals = _totals(origin)
        with in_words(target, stop), closing(sqlite3.connect(target)) as copy:
            _copy(origin, copy, progress)
    with snapshot(target, stop, oldest=oldest) as copy:
        problem = _problem(copy)
        if problem:
            raise Permanent(f"{source} is damaged ({problem}): restore it from an earlier backup")
        if _totals(copy) != totals:
            raise Permanent(f"the copy of {source} differs from it: check the disk it goes to")


def _copy(origin: sqlite3.Connection, copy: sqlite3.Connection, progress: Progress) -> None:
    page_bytes = int(origin.execute("PRAGMA page_size").fetchone()[0])
    origin.backup(
        copy,
        pages=max(1, STEP_BYTES // page_bytes),
        progress=lambda _, left, total: progress(total - left, total),
    )
    # One plain file, which can be read from a medium that can't be written to.
    copy.execute("PRAGMA journal_mode = DELETE")


def _problem(connection: sqlite3.Connection) -> str:
    """What SQLite finds wrong, or nothing."""
    finding = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if finding != "ok":
        return finding
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    return "" if orphan is None else f"a row of {orphan[0]} refers to nothing"


def _totals(connection: sqlite3.Connection) -> Totals:
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    totals: Totals = {}
    for (table,) in tables:
        columns = [row["name"] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        sums = [f'IFNULL(SUM("{name}"), 0)' for name in columns if name.endswith("_wh")]
        row = connection.execute(f'SELECT {", ".join(["COUNT(*)", *sums])} FROM "{table}"')
        totals[table] = tuple(row.fetchone())
    return totals


def _findings(path: Path, stop: Stop) -> tuple[Finding, ...]:
    """What does not hold of the newest day's readings and of all that was counted."""
    with snapshot(path, stop) as connection:
        row = connection.execute("SELECT IFNULL(MAX(to_ms), 0) FROM reading_group").fetchone()
        found: list[Finding] = []

        def note(finding: Finding) -> None:
            if not isinstance(finding, Silence):
                found.append(finding)

        verify(connection, Wanted(from_ms=max(0, row[0] - DAY_MS)), note)
    return tuple(found)


@contextmanager
def being_made(partial: Path) -> Iterator[int]:
    """An empty file, ours alone, that is gone afterwards unless it was renamed.

    Raises:
        Permanent: it can't be written, or its name leads to a file that isn't ours.
        Transient: somebody else is writing it, or the disk is full.
    """
    file = _take(partial)
    try:
        yield file
    except OSError as error:
        discard(partial)
        raise cannot_write(partial, error) from error
    except BaseException:
        discard(partial)
        raise
    finally:
        os.close(file)


def _take(partial: Path) -> int:
    """Open, lock and empty it. A link could lead to the store itself, so none is followed."""
    try:
        file = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _no_place(partial, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _check_ours(partial, os.fstat(file))
        os.fchmod(file, 0o600)
        os.ftruncate(file, 0)
        discard_sides(partial)
    except BaseException as error:
        os.close(file)
        if isinstance(error, BlockingIOError):
            raise _busy(partial) from None
        if isinstance(error, OSError):
            raise _no_place(partial, error) from error
        raise
    return file


def _check_ours(partial: Path, opened: os.stat_result) -> None:
    try:
        named = partial.stat(follow_symlinks=False)
    except FileNotFoundError:  # whoever held the lock has just finished: what we hold is theirs
        raise _busy(partial) from None
    if (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino):
        raise _busy(partial)
    if not stat.S_ISREG(opened.st_mode) or opened.st_nlink != 1:
        raise _strange(partial)


def _busy(partial: Path) -> Transient:
    return Transient(f"{partial} is being written by another command: wait for it")


def _strange(partial: Path) -> Permanent:
    return Permanent(f"{partial} is a link or no file at all: look what it is, and remove it")


def _no_place(partial: Path, error: OSError) -> GatewayError:
    is_strange = error.errno in {errno.ELOOP, errno.EISDIR, errno.EINVAL}
    return _strange(partial) if is_strange else cannot_write(partial, error)


def discard(path: Path) -> None:
    """Remove a file of SQLite's with all that it leaves beside it."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    discard_sides(path)


def discard_sides(path: Path) -> None:
    """Remove what SQLite leaves beside a file: it would be taken for that of the next one."""
    for side in _SIDES:
        with suppress(OSError):
            path.with_name(f"{path.name}{side}").unlink(missing_ok=True)


def sweep(folder: Path, pattern: str) -> None:
    """Remove what earlier backups that were killed have left.

    Args:
        folder: where.
        pattern: of their names.
    """
    for partial in folder.glob(f"{pattern}.partial"):
        with suppress(GatewayError), being_made(partial):
            discard(partial)


def cannot_write(path: Path, error: OSError) -> GatewayError:
    """What to say when a file can't be written."""
    if error.errno == errno.ENOSPC:
        return Transient(f"the disk is full: {path} could not be written; free some space")
    return Permanent(f"{path} can't be written ({error.strerror or error}): choose another place")


def sync_folder(folder: Path) -> None:
    """Make a rename durable; some file systems can't, and do it by themselves."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _sha256(path: Path, stop: Stop) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while not stop() and (chunk := file.read(_CHUNK_BYTES)):
            digest.update(chunk)
    return digest.hexdigest()
