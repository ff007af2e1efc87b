"""A period as a person types it: village time unless it says otherwise, [from, to)."""

from __future__ import annotations

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.domain.readings import milliseconds
from gateway.errors import Permanent


def add_period(parser: argparse.ArgumentParser) -> None:
    """Declare ``--from`` and ``--to``."""
    parser.add_argument(
        "--from", dest="start", help="since when, like 2026-03-01 or 2026-03-01T10:00, village time"
    )
    parser.add_argument("--to", dest="end", help="until when, that instant not included")


def take_period(
    start: str | None, end: str | None, zone: ZoneInfo
) -> tuple[int | None, int | None]:
    """Unix milliseconds of both ends; None where nothing was typed.

    Args:
        start: ISO 8601, a day or an instant, with or without an offset.
        end: likewise.
        zone: the village's.

    Raises:
        Permanent: it is none, or it ends before it begins.
    """
    from_ms, to_ms = _instant("--from", start, zone), _instant("--to", end, zone)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise Permanent(f"--to {end} is not after --from {start}: give a later --to")
    return from_ms, to_ms


def _instant(option: str, text: str | None, zone: ZoneInfo) -> int | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=zone)
        return milliseconds(instant)
    except (ValueError, OverflowError):
        raise Permanent(
            f"{option} {text!r} is no instant: write it like 2026-03-01 or 2026-03-01T10:00"
        ) from None
