"""A reading: what a meter said, when, and how far it can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, IntFlag

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(instant: datetime) -> int:
    """An aware datetime as unix milliseconds, rounded down."""
    return (instant - _EPOCH) // _MILLISECOND


def at_milliseconds(unix_ms: int) -> datetime:
    """Unix milliseconds as an aware datetime."""
    return _EPOCH + timedelta(milliseconds=unix_ms)


class Quality(IntEnum):
    """The verdict of validation (CIM ReadingQuality); the numbers are stored."""

    VALID = 0
    ESTIMATED = 1
    SUSPECT = 2
    MISSING = 3


class Doubt(IntFlag):
    """Why a reading or an interval is not simply valid; the bits are stored."""

    VOLTAGE = 1 << 0
    """Outside what mains can be, or what this model can measure."""
    FREQUENCY = 1 << 1
    POWER_FACTOR = 1 << 2
    CURRENT = 1 << 3
    POWER = 1 << 4
    """More than the meter point can draw, or not what voltage, current and power factor make."""
    REGISTER = 1 << 5
    """The register is out of line with the one before: see :mod:`gateway.domain.usage`."""
    CLOCK = 1 << 6
    """Dated by the gateway, because the sender's own clock can't be right."""
    SPIKE = 1 << 7
    HIGH = 1 << 8
    LOW = 1 << 9
    STUCK = 1 << 10
    """Power flows and the register stands still."""
    GAP = 1 << 11
    SUM = 1 << 12
    """Intervals do not add up to the register."""
    DUPLICATE = 1 << 13
    """One interval stands twice."""
    EQUAL = 1 << 14
    """Interval after interval the same usage: more likely a fault than a household."""


NO_DOUBT = Doubt(0)


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
        export_wh: the cumulative register of energy that flowed back, Wh, >= 0.
        quality: the verdict so far.
        doubts: why it is not simply valid.
    """

    meter_id: int
    read_at: datetime
    energy_wh: int
    voltage_mv: int | None = None
    current_ma: int | None = None
    power_mw: int | None = None
    frequency_mhz: int | None = None
    power_factor_milli: int | None = None
    export_wh: int | None = None
    quality: Quality = Quality.VALID
    doubts: Doubt = NO_DOUBT

    @property
    def at_ms(self) -> int:
        """When the register was read (unix milliseconds, rounded down)."""
        return milliseconds(self.read_at)


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was read of a meter between two readings.

    Args:
        meter_id: the meter's row in the store.
        from_ms: the last reading before it (unix milliseconds).
        at_ms: the first reading after it.
    """

    meter_id: int
    from_ms: int
    at_ms: int
