"""A reading: what a meter said, when, and how far it can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Quality(IntEnum):
    """The verdict of validation (CIM ReadingQuality); the numbers are stored."""

    VALID = 0
    ESTIMATED = 1
    SUSPECT = 2
    MISSING = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one meter. ``None`` means that the meter does not say.

    Args:
        meter_id: the meter's row in the store.
        read_at: when the register was read, aware UTC.
        energy_wh: the cumulative register, Wh, >= 0.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW.
        frequency_mhz: mains frequency, mHz.
        power_factor_milli: power factor, thousandths.
        quality: the verdict so far.
    """

    meter_id: int
    read_at: datetime
    energy_wh: int
    voltage_mv: int | None = None
    current_ma: int | None = None
    power_mw: int | None = None
    frequency_mhz: int | None = None
    power_factor_milli: int | None = None
    quality: Quality = Quality.VALID
