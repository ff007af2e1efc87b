"""Selling tokens on the vendor's own machine: each meter point's count is kept beside the keys.

The count is on the disk before the token is told, so that none is ever told twice.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import Permanent
from gateway.wire.tokens import TokenKey, encode_token


def issue(
    keys: Mapping[str, TokenKey], counts: Path, label: str, units: int, *, restricted: bool
) -> tuple[int, str]:
    """Make the next token of a meter point.

    Args:
        keys: by label.
        counts: the count file; made when it is not there.
        label: the meter point's.
        units: 1 to 995.
        restricted: True: 15 digits from 1 to 4.

    Returns:
        Its count and its digits.

    Raises:
        Permanent: there is no key, the units do not fit, or the count file can't be used.
    """
    if label not in keys:
        raise Permanent(f"{label} has no key in the keys file: add a line for it")
    try:
        with open(counts.with_name(f"{counts.name}.lock"), "ab", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = _read(counts)
            after = known.get(label, 0)
            count, digits = encode_token(keys[label], units, after, restricted=restricted)
            _write(counts, known | {label: count})
    except ValueError as error:
        raise Permanent(str(error)) from None
    except OSError as error:
        raise Permanent(f"{counts} can't be used: {error.strerror}") from None
    return count, digits


def _read(path: Path) -> dict[str, int]:
    wrong = Permanent(f"{path} is no count file: restore it, or the same tokens are given again")
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("ascii"))
    except ValueError:
        raise wrong from None
    if not isinstance(found, dict) or not all(
        isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in found.values()
    ):
        raise wrong
    return found


def _write(path: Path, counts: Mapping[str, int]) -> None:
    """Whole or not at all, and on the disk when it returns."""
    draft = path.with_name(f"{path.name}.new")
    with open(draft, "w", encoding="ascii", opener=_private) as file:
        json.dump(counts, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(name: str, flags: int) -> int:
    """For the owner alone, and through no link that somebody has laid there."""
    return os.open(name, flags | os.O_NOFOLLOW, 0o600)
