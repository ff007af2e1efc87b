"""What a command answers, so that it can be read where it is read: on a terminal, or in a file."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO

_HANGING = 2
"""Blanks before what did not fit on a line."""


def show(answer: str, stream: TextIO | None = None) -> None:
    """Print it; on a terminal its lines end between words, elsewhere they are left as they are.

    Args:
        answer: one or more lines.
        stream: where to; None: standard output.
    """
    out = sys.stdout if stream is None else stream
    print(fitted(answer, out), file=out, flush=True)


def fitted(text: str, stream: TextIO) -> str:
    """What a stream is told: on a terminal in lines that fit."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(fit(line, width) for line in text.split("\n"))


def fit(line: str, width: int) -> str:
    """One line as several, none broken within a word.

    Args:
        line: the line; what it begins with in blanks, the others begin with, and two more.
        width: the longest that there may be, characters.
    """
    indent = len(line) - len(line.lstrip()) + _HANGING
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their heads, each column as wide as it must be.

    Args:
        heads: one word or two per column; one that begins with '>' stands at the right.
        rows: cells, as many as heads.
    """
    lines = [[head.removeprefix(">") for head in heads], *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if head.startswith(">") else cell.ljust(width)
            for head, width, cell in zip(heads, widths, line, strict=True)
        ).rstrip()
        for line in lines
    )
