"""A recorded household, one row per minute, played back exactly.

The file is checked in whole before anything starts; a village never meets a bad row halfway.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gateway.errors import Permanent

_COLUMNS = ("time", "voltage_v", "current_a", "power_w")
_NUMBERS = _COLUMNS[1:]
_MINUTE = timedelta(minutes=1)
_MAX_POWER_W = 1_000_000
_Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Recording:
    """The power of consecutive minutes.

    Args:
        source: where it comes from, for messages.
        powers_mw: one per minute, at least one, each >= 0.
        gaps: a sentence for each place where minutes are missing and were joined.
    """

    source: str
    powers_mw: tuple[int, ...]
    gaps: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path, *, joins_gaps: bool = False) -> Recording:
        """Read a CSV file with the columns time, voltage_v, current_a and power_w.

        Args:
            path: one row per minute; times in ISO 8601, all with or all without an offset.
            joins_gaps: play the row after missing minutes right after the one before them, and
                name the place in ``gaps``; otherwise a gap is refused. No power is made up.

        Raises:
            Permanent: the file is missing or has a fault; the sentence names the line.
        """
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file)
                gaps: list[str] | None = [] if joins_gaps else None
                return cls(str(path), _powers_mw(path, rows, gaps), tuple(gaps or ()))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Permanent(f"{path} cannot be read as CSV: {error}") from error


@dataclass(frozen=True, slots=True)
class RecordedLoad:
    """One household played from a recording that several may share.

    Args:
        recording: the minutes.
        offset: the row that is played in minute 0, so that neighbours differ.
        scale_permille: how much of the recorded power is drawn, thousandths.
        wraps: start again at row 0 after the last row; otherwise nothing is drawn from then on.
    """

    recording: Recording
    offset: int = 0
    scale_permille: int = 1000
    wraps: bool = True

    def __post_init__(self) -> None:
        rows = len(self.recording.powers_mw)
        if not 0 <= self.offset < rows:
            raise Permanent(
                f"offset {self.offset} is outside {self.recording.source}: use 0 to {rows - 1}"
            )
        if self.scale_permille < 0:
            raise Permanent(f"scale_permille is {self.scale_permille}: use 0 or more")

    def power_mw(self, minute: int) -> int:
        """Active power in this minute, mW, rounded down."""
        powers_mw = self.recording.powers_mw
        row = self.offset + minute
        if row >= len(powers_mw) and not self.wraps:
            return 0
        return powers_mw[row % len(powers_mw)] * self.scale_permille // 1000

    @property
    def ends_at_minute(self) -> int | None:
        """The first minute in which nothing is left to play; None when it wraps."""
        return None if self.wraps else len(self.recording.powers_mw) - self.offset


def _powers_mw(path: Path, rows: csv.DictReader[str], gaps: list[str] | None) -> tuple[int, ...]:
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise Permanent(
            f"{path} line 1: the column {missing[0]} is missing: "
            f"the first line must be {','.join(_COLUMNS)}"
        )
    powers_mw = tuple(_checked(path, rows, gaps))
    if not powers_mw:
        raise Permanent(f"{path} holds no row: add one per minute")
    return powers_mw


def _checked(path: Path, rows: csv.DictReader[str], gaps: list[str] | None) -> Iterator[int]:
    expected: datetime | None = None
    for row in rows:
        where = f"{path} line {rows.line_num}"
        at = _time(where, row["time"])
        _check_follows(where, at, expected, gaps)
        expected = at + _MINUTE
        numbers = {column: _number(where, row, column) for column in _NUMBERS}
        yield int(numbers["power_w"] * 1000)


def _time(where: str, text: str | None) -> datetime:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError as error:
        raise Permanent(f"{where}: time is {text!r}: write it like 2026-01-29T09:45") from error


def _check_follows(
    where: str, at: datetime, expected: datetime | None, gaps: list[str] | None
) -> None:
    if expected is None:
        return
    if (at.tzinfo is None) != (expected.tzinfo is None):
        raise Permanent(f"{where}: write every time with an offset, or none")
    missing, rest = divmod(at - expected, _MINUTE)
    if gaps is not None and missing > 0 and not rest:
        gaps.append(f"{where}: {missing} minutes are missing before {at.isoformat()}")
    elif at != expected:
        raise Permanent(
            f"{where}: {at.isoformat()} does not follow, {expected.isoformat()} was expected: "
            "fill the gap, one row per minute"
        )


def _number(where: str, row: _Row, column: str) -> Decimal:
    text = row[column]
    try:
        number = Decimal(text or "")
    except InvalidOperation as error:
        raise Permanent(f"{where}: {column} is {text!r}: write a number, like 230.4") from error
    if not number.is_finite() or not 0 <= number <= _MAX_POWER_W:
        raise Permanent(f"{where}: {column} is {text}: use 0 to {_MAX_POWER_W}")
    return number
