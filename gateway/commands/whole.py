"""Whole numbers as a person types them."""

from __future__ import annotations

import argparse

MOST = 10**15
"""More Wh than a meter ever counts, and less than the store can hold."""


def whole(text: str) -> int:
    """A whole number from the command line, whatever its unit."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if abs(number) > MOST:
        raise argparse.ArgumentTypeError(f"{text[:20]}... is too much: look again")
    return number
