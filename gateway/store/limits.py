"""What each meter can do where it is installed: by its model's table and its meter point."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.usage import RegisterLimits
from gateway.domain.validation import AC_MAINS, DC_MAINS, Plausible
from gateway.store.points import MeterPoint
from gateway.wire.meters import PZEM_004T_V3, REGISTER_MAPS
from gateway.wire.tables import Quantity, RegisterMap


@dataclass(frozen=True, slots=True)
class MeterLimits:
    """Limits of one meter at its meter point.

    Args:
        register: of what its register counts.
        plausible: of what it measures.
    """

    register: RegisterLimits
    plausible: Plausible


def limits_of(point: MeterPoint) -> MeterLimits:
    """The limits of the meter that is installed at a meter point; a node measures with a PZEM."""
    table = REGISTER_MAPS.get(point.model, PZEM_004T_V3)
    return MeterLimits(
        register_limits(point.model, point.max_power_w),
        plausible_of(table).up_to(point.max_power_w),
    )


def register_limits(model: str, max_power_w: int) -> RegisterLimits:
    """What the register of a model can count at a meter point that draws at most this, W."""
    table = REGISTER_MAPS.get(model, PZEM_004T_V3)
    return RegisterLimits(max_power_w, table.energy_modulus_wh)


def plausible_of(table: RegisterMap) -> Plausible:
    """What a model can be expected to measure; one without a frequency is for direct current."""
    ranges = {one.quantity: one for one in table.ranges}
    voltage, current = ranges[Quantity.VOLTAGE_MV], ranges[Quantity.CURRENT_MA]
    power, frequency = ranges[Quantity.POWER_MW], ranges.get(Quantity.FREQUENCY_MHZ)
    accuracy = AC_MAINS if frequency else DC_MAINS
    return Plausible(
        voltage_low_mv=voltage.likely_low,
        voltage_high_mv=voltage.likely_high,
        current_high_ma=current.likely_high,
        power_high_mw=power.likely_high,
        frequency_low_mhz=frequency.likely_low if frequency else 0,
        frequency_high_mhz=frequency.likely_high if frequency else 0,
        error_milli=accuracy.error_milli,
        error_mw=accuracy.error_mw,
        direct=frequency is None,
    )
