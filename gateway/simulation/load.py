"""What a household draws: a seeded daily profile, or a recording played back.

Power is constant within each minute of village time and an integer, so energy is an exact sum.
Never reads a clock: minute 0 begins at the village's start, which is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Protocol

MINUTE_S = 60
_HOUR_S = 3600
_MINUTES_PER_HOUR = 60
_MORNING = range(6, 9)
_EVENING = range(17, 21)
_NIGHT = (22, 6)
_SPIKE_CHANCE = 0.1
_NOISE_MW = 60_000.0
_HOURS_CACHED = 4096


class Load(Protocol):
    """What a household would draw while it is connected."""

    def power_mw(self, minute: int) -> int:
        """Active power during ``[start + 60 minute, start + 60 (minute + 1))`` seconds, mW."""
        ...


@dataclass(frozen=True, slots=True)
class ProfileLoad:
    """A daily rhythm with chance in it; the same seed always gives the same household.

    Per hour: a base of 0.5-1.5 kWh, +1 from 6 to 9, +2 to 3 from 17 to 21, -0.5 from 22 to 6;
    now and then a spike of 0.5-2 kWh within the hour; Gaussian noise; never below 0.

    Args:
        seed: names the household.
        start_s: the village's start (unix seconds).
        utc_offset_s: local time minus UTC, s; fixed, villages know no daylight saving.
    """

    seed: str
    start_s: int
    utc_offset_s: int = 0

    def power_mw(self, minute: int) -> int:
        """Active power in this minute, mW."""
        local_s = self.start_s + minute * MINUTE_S + self.utc_offset_s
        hour, second = divmod(local_s, _HOUR_S)
        return _hour_of_power(self.seed, hour)[second // MINUTE_S]


@lru_cache(maxsize=_HOURS_CACHED)
def _hour_of_power(seed: str, hour: int) -> tuple[int, ...]:
    """The 60 powers of one local hour, counted from 1970, mW; 1 kWh in an hour is 10^6 mW."""
    chance = Random(f"{seed}/{hour}")  # noqa: S311 - repeatable on purpose, protects nothing
    steady_mw = _steady_mw(chance, hour % 24)
    spike = _spike(chance)
    return tuple(
        max(0, round(steady_mw + spike[minute] + chance.gauss(0, _NOISE_MW)))
        for minute in range(_MINUTES_PER_HOUR)
    )


def _steady_mw(chance: Random, hour_of_day: int) -> float:
    power_mw = chance.uniform(500_000, 1_500_000)
    if hour_of_day in _MORNING:
        power_mw += 1_000_000
    if hour_of_day in _EVENING:
        power_mw += chance.uniform(2_000_000, 3_000_000)
    if hour_of_day >= _NIGHT[0] or hour_of_day < _NIGHT[1]:
        power_mw -= 500_000
    return power_mw


def _spike(chance: Random) -> list[float]:
    """Extra power of each minute, mW: mostly none, else 0.5-2 kWh spread over 20-60 minutes."""
    extra = [0.0] * _MINUTES_PER_HOUR
    if chance.random() < _SPIKE_CHANCE:
        minutes = chance.randint(20, _MINUTES_PER_HOUR)
        first = chance.randint(0, _MINUTES_PER_HOUR - minutes)
        power_mw = chance.uniform(500_000, 2_000_000) * _MINUTES_PER_HOUR / minutes
        extra[first : first + minutes] = [power_mw] * minutes
    return extra
