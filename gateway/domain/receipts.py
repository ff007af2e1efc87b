"""A receipt in plain text: 32 columns of ASCII, which the cheapest thermal printers have. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 32


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is printed.

    Args:
        village: its name.
        number: 'SERIES-NUMBER'.
        when: local time, in words.
        lines: name and value of each line.
        total: the amount, in words.
        note: what follows below, one paragraph each.
        title: of the whole.
    """

    village: str
    number: str
    when: str
    lines: Sequence[tuple[str, str]]
    total: str
    note: Sequence[str] = ()
    title: str = "RECEIPT"

    def text(self) -> str:
        """Its lines, each at most 32 columns."""
        rule = "-" * COLUMNS
        rows = [*_centred(self.village), *_centred(self.title), rule]
        for name, value in (("No", self.number), ("Date", self.when), *self.lines):
            rows += _pair(name, value)
        rows += [rule, *_pair("TOTAL", self.total), rule]
        for paragraph in self.note:
            rows += textwrap.wrap(_ascii(paragraph), COLUMNS)
        return "\n".join(rows)


def _pair(name: str, value: str) -> list[str]:
    """Name to the left and value to the right; below each other where both don't fit."""
    name, value = _ascii(name), _ascii(value)
    if len(name) + 1 + len(value) <= COLUMNS:
        return [f"{name}{value:>{COLUMNS - len(name)}}"]
    return [name, *(f"{part:>{COLUMNS}}" for part in textwrap.wrap(value, COLUMNS))]


def _centred(text: str) -> list[str]:
    return [part.center(COLUMNS).rstrip() for part in textwrap.wrap(_ascii(text), COLUMNS)]


def _ascii(text: str) -> str:
    """What such a printer knows; anything else is a question mark."""
    return text.encode("ascii", "replace").decode("ascii")
