"""What is left of readings after years: counts, extremes and registers of each period.

Pure. Two rollups of the same meter and period merge in any order, so late readings find their
place, and a process may die between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.domain.readings import Quality, Reading

SPANS_S = (900, 3_600, 86_400)
"""Quarter-hour, hour and day (UTC), s."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """All readings of one meter in one period. ``None``: no reading had that figure.

    Args:
        readings: how many.
        valid: how many of them are valid.
        doubts: all doubts of all of them (bits of a Doubt).
        first_ms: the oldest (unix milliseconds).
        first_wh: its register, Wh.
        last_ms: the newest (unix milliseconds).
        last_wh: its register, Wh.
        min_voltage_mv: lowest voltage, mV.
        max_voltage_mv: highest voltage, mV.
        max_power_mw: highest power, mW.
        powers: how many readings have a power.
        power_mw_sum: their sum, mW.
    """

    readings: int
    valid: int
    doubts: int
    first_ms: int
    first_wh: int
    last_ms: int
    last_wh: int
    min_voltage_mv: int | None
    max_voltage_mv: int | None
    max_power_mw: int | None
    powers: int
    power_mw_sum: int

    @property
    def mean_power_mw(self) -> int | None:
        """Mean of the readings' power, mW, rounded down."""
        return self.power_mw_sum // self.powers if self.powers else None


def of(reading: Reading) -> Rollup:
    """The rollup of a single reading."""
    at_ms = reading.at_ms
    return Rollup(
        readings=1,
        valid=int(reading.quality is Quality.VALID),
        doubts=int(reading.doubts),
        first_ms=at_ms,
        first_wh=reading.energy_wh,
        last_ms=at_ms,
        last_wh=reading.energy_wh,
        min_voltage_mv=reading.voltage_mv,
        max_voltage_mv=reading.voltage_mv,
        max_power_mw=reading.power_mw,
        powers=int(reading.power_mw is not None),
        power_mw_sum=reading.power_mw or 0,
    )


def merge(one: Rollup, other: Rollup) -> Rollup:
    """Both together; the order doesn't matter."""
    first, last = (
        min(one, other, key=lambda part: part.first_ms),
        max(one, other, key=lambda part: part.last_ms),
    )
    return replace(
        one,
        readings=one.readings + other.readings,
        valid=one.valid + other.valid,
        doubts=one.doubts | other.doubts,
        first_ms=first.first_ms,
        first_wh=first.first_wh,
        last_ms=last.last_ms,
        last_wh=last.last_wh,
        min_voltage_mv=_extreme(min, one.min_voltage_mv, other.min_voltage_mv),
        max_voltage_mv=_extreme(max, one.max_voltage_mv, other.max_voltage_mv),
        max_power_mw=_extreme(max, one.max_power_mw, other.max_power_mw),
        powers=one.powers + other.powers,
        power_mw_sum=one.power_mw_sum + other.power_mw_sum,
    )


def roll_up(readings: Iterable[Reading]) -> dict[tuple[int, int, int], Rollup]:
    """Rollups of readings by (span in s, start in unix seconds, meter)."""
    quarters: dict[tuple[int, int, int], Rollup] = {}
    for reading in readings:
        start_s = reading.at_ms // 1000 // SPANS_S[0] * SPANS_S[0]
        _put(quarters, (SPANS_S[0], start_s, reading.meter_id), of(reading))
    found = dict(quarters)
    for (_, start_s, meter_id), quarter in quarters.items():
        for span_s in SPANS_S[1:]:
            _put(found, (span_s, start_s // span_s * span_s, meter_id), quarter)
    return found


def _put(
    rollups: dict[tuple[int, int, int], Rollup], key: tuple[int, int, int], new: Rollup
) -> None:
    old = rollups.get(key)
    rollups[key] = merge(old, new) if old else new


def _extreme(choose: Callable[[list[int]], int], one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None
