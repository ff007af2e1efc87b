"""A CSV file of meters to register: checked whole, so that nothing is sent of a bad one."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.commands.admin import words
from gateway.errors import Permanent
from gateway.ledger.contracts.meter import MODES, MeterState

_NEEDED = {"slot", "max_power_w"}
_KNOWN = _NEEDED | {"mode", "owner"}
_POWER_STEP_W = 10
"""The contract keeps power in steps of 10 W, rounded up."""


@dataclass(frozen=True, slots=True)
class Row:
    """One meter of the file.

    Args:
        line: where it stands, for messages.
        slot: its number within the site.
        max_power_w: the most that it can draw.
        mode: 'prepaid', 'streaming' or 'postpaid'.
        owner: whose it is; None: the site's operator.
    """

    line: int
    slot: int
    max_power_w: int
    mode: str
    owner: str | None


def read_roll(path: Path) -> list[Row]:
    """Read the file.

    Args:
        path: CSV with a head line.

    Raises:
        Permanent: with a sentence for each line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            heads = set(reader.fieldnames or ())
            if not heads >= _NEEDED or not heads <= _KNOWN:
                raise Permanent(
                    f"{path}: the head line must be slot,max_power_w and, if you like, mode,owner"
                )
            raw = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Permanent(f"{path} can't be read as CSV: {error}") from None
    rows: list[Row] = []
    problems: list[str] = []
    for line, fields in raw:
        try:
            rows.append(_row(line, fields))
        except argparse.ArgumentTypeError as error:
            problems.append(f"line {line}: {error}")
    problems += _doubles(rows)
    if not raw:
        problems.append("it names no meter")
    if problems:
        raise Permanent(f"{path}: nothing was sent:\n" + "\n".join(problems))
    return sorted(rows, key=lambda row: row.slot)


def _row(line: int, fields: Mapping[str | None, str | list[str] | None]) -> Row:
    if None in fields or None in fields.values():
        raise argparse.ArgumentTypeError("it has another number of fields than the head line")
    texts = {name: str(value).strip() for name, value in fields.items()}
    mode = texts.get("mode") or MODES[0]
    if mode not in MODES:
        raise argparse.ArgumentTypeError(f"{mode!r} is no mode: {', '.join(MODES)}")
    owner = texts.get("owner")
    return Row(
        line=line,
        slot=words.site(texts["slot"]),
        max_power_w=words.watts(texts["max_power_w"]),
        mode=mode,
        owner=words.address(owner) if owner else None,
    )


def _doubles(rows: Sequence[Row]) -> list[str]:
    first: dict[int, int] = {}
    problems = []
    for row in rows:
        if row.slot in first:
            problems.append(
                f"line {row.line}: slot {row.slot} is on line {first[row.slot]} already"
            )
        first.setdefault(row.slot, row.line)
    return problems


def still_to_register(
    roll: Sequence[Row], there: Mapping[int, MeterState], next_slot: int
) -> list[Row]:
    """What is left of a file of which some may be registered already.

    Args:
        roll: the file, ascending by slot.
        there: what the contract has of it, by slot.
        next_slot: the slot that the site gives out next.

    Raises:
        Permanent: a line differs from what is registered, or slots are missing.
    """
    problems = [
        f"line {row.line}: slot {row.slot} is registered as {there[row.slot].mode} with "
        f"{there[row.slot].max_power_w} W"
        for row in roll
        if row.slot in there
        and (there[row.slot].mode, there[row.slot].max_power_w) != (row.mode, _kept_w(row))
    ]
    rows = [row for row in roll if row.slot not in there]
    for expected, row in enumerate(rows, start=next_slot):
        if row.slot != expected:
            problems.append(f"line {row.line}: slot {expected} has to come before slot {row.slot}")
            break
    if problems:
        raise Permanent("nothing was sent:\n" + "\n".join(problems))
    return rows


def _kept_w(row: Row) -> int:
    return math.ceil(row.max_power_w / _POWER_STEP_W) * _POWER_STEP_W
