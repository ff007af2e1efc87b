"""Where a command may write its file: never over a store, and never over what is no file."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Permanent


def check_destination(path: Path, database: Path, *, is_replaced: bool) -> None:
    """Refuse a destination at which something would be lost.

    Args:
        path: the file that is to be written.
        database: the store's file; it need not be there.
        is_replaced: whether a file that is there already may go.

    Raises:
        Permanent: it is the store's own, or is there already, or its folder isn't.
    """
    if not path.parent.is_dir():
        raise Permanent(f"the folder {path.parent} isn't there: create it first")
    if path.exists() and database.exists() and path.samefile(database):
        raise Permanent(f"{path} is the database itself: name another file")
    if _is_beside(path.resolve(), database.resolve()):
        raise Permanent(f"{path} belongs to the database: name another file")
    if path.exists() and not path.is_file():
        raise Permanent(f"{path} is a folder or a device: name a file")
    if path.exists() and not is_replaced:
        raise Permanent(f"{path} is there already: name another file, or give --replace")


def _is_beside(path: Path, database: Path) -> bool:
    """Its log, its locks, what a restore makes of it and keeps of it."""
    if path.parent != database.parent or not path.name.startswith(database.name):
        return False
    rest = path.name.removeprefix(database.name)
    return rest.startswith(("-", ".restoring", ".before-restore-")) or rest.endswith(".lock")
