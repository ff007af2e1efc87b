"""Ctrl-C and SIGTERM as a question that long work asks, so that it can clean up and say so."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether a signal has asked to stop, inside the block; the signals do nothing else there.

    Nothing raises in the middle of anything: whoever works asks now and then.
    """
    told = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal told
        told = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
