"""What a run of a peer tells, the same for every peer."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

Key = tuple[str, int]
"""Which reading: node and sequence, or node and cumulative Wh."""


@dataclass(frozen=True, slots=True)
class Polled:
    """Whole readings of meters on a line.

    Args:
        readings_s: when each reached the server, s of the monotonic clock, in order. They come in
            packs, so their rate tells more than their gaps.
        requests_per_reading: how often the line is asked for one reading.
        cpu_s: processor time from the first reading on, s.
        rss_bytes: the most memory it held, bytes.
    """

    readings_s: tuple[float, ...]
    requests_per_reading: int
    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """Readings from the broker to the disk.

    Args:
        messages: how many were published.
        durable: how many different ones of them are stored, or have reached the server.
        per_s: durable messages per second, from the first on offer to the last durable.
        written_bytes: what its processes wrote for them, bytes, until it had ended.
        cpu_s: processor time for them, s.
        rss_bytes: the most memory it held, bytes.
    """

    messages: int
    durable: int
    per_s: float
    written_bytes: int
    cpu_s: float
    rss_bytes: int

    @property
    def bytes_per_reading(self) -> float:
        """Bytes written per durable reading."""
        return self.written_bytes / max(1, self.durable)


@dataclass(frozen=True, slots=True)
class Survived:
    """What was left after kill -9.

    Args:
        published: how many messages the broker took before the kill.
        acknowledged: how many of them the receiver had acknowledged; the broker forgot those.
        durable: how many different ones are in its storage.
        lost: how many were acknowledged but are not stored: nobody has them any more.
    """

    published: int
    acknowledged: int
    durable: int
    lost: int


def survived(
    published: AbstractSet[Key], redelivered: AbstractSet[Key], stored: AbstractSet[Key]
) -> Survived:
    """Count what the broker no longer has and the receiver does not have either."""
    acknowledged = published - redelivered
    return Survived(
        len(published), len(acknowledged), len(stored & published), len(acknowledged - stored)
    )
