"""How far long work is, on a line of its own, and only where somebody looks on."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from gateway.store.snapshot import Stop, interrupted


class Progress:
    """A line on standard error that is written over; nothing at all where that is no terminal.

    Args:
        doing: what is being done, like 'copying'.
        stop: asked at each step.
        then: what follows that, and takes a while too.
    """

    def __init__(self, doing: str, stop: Stop, then: str = "") -> None:
        self._doing = doing
        self._stop = stop
        self._then = then
        self._is_seen = sys.stderr.isatty()
        self._said = ""

    def __enter__(self) -> Self:
        """Nothing is written until there is something to say."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the line, so that what comes next begins at its start."""
        if self._said:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def at(self, done: int, total: int) -> None:
        """So much of so much is done; of a total of 0 only so much.

        Raises:
            Transient: somebody asked to stop.
        """
        if self._stop():
            raise interrupted()
        if not self._is_seen:
            return
        if self._then and done >= total > 0:
            self._say(f"{self._then} ...")
        else:
            self._say(
                f"{self._doing}: {done * 100 // total} %" if total else f"{self._doing}: {done}"
            )

    def _say(self, text: str) -> None:
        line = f"\r{text}\x1b[K"
        if line != self._said:
            sys.stderr.write(line)
            sys.stderr.flush()
            self._said = line
