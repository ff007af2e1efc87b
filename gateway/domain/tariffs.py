"""Time bands: which tier a quarter-hour belongs to. Prices live on the chain, not here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from enum import IntEnum

INTERVAL_S = 900
"""The settlement interval, s: every usage row, batch edge, price and plan window sits on it."""


class Tier(IntEnum):
    """The rank of a time band (CIM TimeTariffInterval); the numbers are stored and batched."""

    OFF_PEAK = 0
    STANDARD = 1
    PEAK = 2


@dataclass(frozen=True, slots=True)
class TimeBand:
    """A daily period [start, end) in local clock time; it may pass midnight.

    Args:
        start: first minute, on a quarter-hour.
        end: first minute after it, on a quarter-hour.
        tier: what usage in it counts as.
    """

    start: time
    end: time
    tier: Tier

    def __contains__(self, local: time) -> bool:
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True)
class TimeBands:
    """The village's day; what no band covers is standard.

    Args:
        zone: the village's time zone.
        bands: peak and off-peak periods; the first that contains a time wins.
    """

    zone: tzinfo
    bands: tuple[TimeBand, ...]

    def tier_at(self, start_s: int) -> Tier:
        """The tier of the quarter-hour that starts at ``start_s`` (unix seconds)."""
        local = datetime.fromtimestamp(start_s, UTC).astimezone(self.zone).time()
        return next((band.tier for band in self.bands if local in band), Tier.STANDARD)


DEFAULT_BANDS = (
    TimeBand(time(17), time(21), Tier.PEAK),
    TimeBand(time(21), time(6), Tier.OFF_PEAK),
)
"""Peak 17-21, off-peak 21-6, standard by day."""
