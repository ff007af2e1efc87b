"""An instant as a person types it: local time of the village unless it says otherwise."""

from __future__ import annotations

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.errors import Permanent


def add_at(parser: argparse.ArgumentParser) -> None:
    """Declare ``--at``."""
    parser.add_argument("--at", help="when, like 2026-03-01T10:00, village time (default: now)")


def take_instant(text: str | None, zone: ZoneInfo, now_s: int, option: str = "--at") -> int:
    """Unix seconds of what was typed; nothing is now.

    Args:
        text: ISO 8601, with or without an offset.
        zone: the village's.
        now_s: the time (unix seconds).
        option: with which it was typed.

    Raises:
        Permanent: it is none, or still to come.
    """
    if text is None:
        return now_s
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Permanent(
            f"{option} {text!r} is no instant: write it like 2026-03-01T10:00"
        ) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    at_s = int(instant.timestamp())
    if at_s > now_s:
        raise Permanent(f"{option} {text} is still to come: do it when it is over")
    return at_s


def say_instant(at_s: int, zone: ZoneInfo) -> str:
    """Unix seconds as village time, to the minute."""
    return f"{datetime.fromtimestamp(at_s, zone):%Y-%m-%d %H:%M}"
