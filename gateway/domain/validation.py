"""Each reading by itself: can a meter on this line have measured it, and do its values agree?

Runs for every reading: a good one costs no allocation but the pair that is returned. Nothing is
refused or corrected here. Intervals are checked in :mod:`gateway.domain.intervals`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.domain.readings import Doubt, Quality, Reading
from gateway.domain.usage import Movement

MILLI = 1_000
UW_PER_MW = 1_000

# Plain integers: combining the members of an IntFlag costs more than all the checks.
_VOLTAGE = int(Doubt.VOLTAGE)
_FREQUENCY = int(Doubt.FREQUENCY)
_POWER_FACTOR = int(Doubt.POWER_FACTOR)
_CURRENT = int(Doubt.CURRENT)
_POWER = int(Doubt.POWER)
_MOVEMENTS = {
    Movement.SUSPECT: int(Doubt.REGISTER),
    Movement.RESET: int(Doubt.REGISTER),
    Movement.JUMP: int(Doubt.REGISTER),
    Movement.REVERSE: int(Doubt.REGISTER),
    Movement.STUCK: int(Doubt.STUCK),
    Movement.GAP: int(Doubt.GAP),
}
_HARMLESS = ~int(Doubt.GAP)
"""A reading after a gap is as good as any; what is in doubt is when its usage was drawn."""


@dataclass(frozen=True, slots=True)
class Plausible:
    """What a meter on its line can measure.

    The defaults are the measuring ranges and errors of the PZEM-004T v3, PZEM-014 and PZEM-016:
    80-260 V, 0-100 A, 45-65 Hz; 0.5 % for voltage, current and power, 1 % for the power factor;
    digits of 0.1 V, 1 mA, 0.1 W and 0.01; power is measured from 0.4 W on
    (https://innovatorsguru.com/wp-content/uploads/2019/06/PZEM-004T-V3.0-Datasheet-User-Manual.pdf).
    In the worst case voltage x current x power factor then differs from power by 0.5 + 0.5 + 0.5
    + 1 % and the power factor's digit (1 %) of the apparent power, the voltage's digit (0.1 %),
    and, for a small load, by 0.26 W (one digit of the current) + 0.1 W + 0.4 W.

    Args:
        voltage_low_mv: the least voltage, mV.
        voltage_high_mv: the most, mV.
        current_high_ma: the most current, mA.
        power_high_mw: the most power, mW, either way.
        frequency_low_mhz: the least mains frequency, mHz.
        frequency_high_mhz: the most, mHz.
        error_milli: how far power may be off, thousandths of the apparent power.
        error_mw: and how far at least, mW.
        direct: direct current: no frequency, and all current is active.
    """

    voltage_low_mv: int = 80_000
    voltage_high_mv: int = 260_000
    current_high_ma: int = 100_000
    power_high_mw: int = 26_000_000
    frequency_low_mhz: int = 45_000
    frequency_high_mhz: int = 65_000
    error_milli: int = 36
    error_mw: int = 1_000
    direct: bool = False

    def up_to(self, max_power_w: int) -> Plausible:
        """The same at a meter point that can draw at most this, W.

        What exceeds it by no more than the meter's own error passes.
        """
        most_mw = max_power_w * (MILLI + self.error_milli) + self.error_mw
        return replace(self, power_high_mw=min(self.power_high_mw, most_mw))


AC_MAINS = Plausible()
"""Single phase, 120 or 230 V, 50 or 60 Hz; an island's inverter moves its frequency on purpose."""
DC_MAINS = Plausible(
    voltage_low_mv=1_000,
    voltage_high_mv=300_000,
    current_high_ma=300_000,
    power_high_mw=90_000_000,
    error_milli=30,
    error_mw=3_000,
    direct=True,
)
"""The PZEM-003 and PZEM-017: 0.05-300 V, up to 300 A and 90 kW, each to 1 %, digits of 10 mV, 10 mA
and 0.1 W (https://www.scribd.com/document/635136752/PZEM-003-Manual); below 1 V nothing works.
"""


def validate(
    reading: Reading, limits: Plausible, movement: Movement = Movement.NORMAL
) -> tuple[Quality, Doubt]:
    """Judge a reading by itself, and by how its register moved.

    Args:
        reading: as it came in; what it doubts already stays.
        limits: what its meter can measure.
        movement: how its register moved since the last one, by :mod:`gateway.domain.usage`.

    Returns:
        The verdict, and why it is not simply valid.
    """
    doubts = 0 if movement is Movement.NORMAL else _MOVEMENTS.get(movement, 0)
    voltage_mv = reading.voltage_mv
    current_ma = reading.current_ma
    if voltage_mv is not None and not (
        limits.voltage_low_mv <= voltage_mv <= limits.voltage_high_mv
    ):
        doubts |= _VOLTAGE
    if current_ma is not None and not -limits.current_high_ma <= current_ma <= (
        limits.current_high_ma
    ):
        doubts |= _CURRENT
    doubts |= _alternating(reading, limits)
    if reading.power_mw is not None:
        doubts |= _power(reading, reading.power_mw, limits)
    if not doubts:
        return reading.quality, reading.doubts
    quality = Quality.SUSPECT if doubts & _HARMLESS else reading.quality
    return quality, Doubt(doubts | reading.doubts)


def _alternating(reading: Reading, limits: Plausible) -> int:
    """Frequency and power factor."""
    doubts = 0
    frequency_mhz = reading.frequency_mhz
    if (
        frequency_mhz is not None
        and not limits.frequency_low_mhz <= frequency_mhz <= limits.frequency_high_mhz
        and not limits.direct
    ):
        doubts = _FREQUENCY
    factor_milli = reading.power_factor_milli
    if factor_milli is not None and not -MILLI <= factor_milli <= MILLI:
        doubts |= _POWER_FACTOR
    return doubts


def _power(reading: Reading, power_mw: int, limits: Plausible) -> int:
    """Power against its limit, and against voltage x current x power factor."""
    if power_mw < 0:
        power_mw = -power_mw
    if power_mw > limits.power_high_mw:
        return _POWER
    if reading.voltage_mv is None or reading.current_ma is None:
        return 0
    apparent_uw = abs(reading.voltage_mv * reading.current_ma)
    over_uw = power_mw * UW_PER_MW - apparent_uw * _factor_milli(reading, limits) // MILLI
    if over_uw < 0:
        # Without a power factor, less than voltage x current is as it should be.
        over_uw = -over_uw if limits.direct or reading.power_factor_milli is not None else 0
    most_uw = apparent_uw * limits.error_milli // MILLI + limits.error_mw * UW_PER_MW
    return _POWER if over_uw > most_uw else 0


def _factor_milli(reading: Reading, limits: Plausible) -> int:
    factor_milli = reading.power_factor_milli
    return MILLI if limits.direct or factor_milli is None else abs(factor_milli)
