"""What a meter can have measured at all: anything else is noise, a fault, or the wrong model.

Pure. Judges one reading by itself; what a register may do between two readings is for
:mod:`gateway.domain.usage` to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.readings import Reading
from gateway.errors import Permanent


@dataclass(frozen=True, slots=True)
class _Range:
    field: str
    low: int
    high: int
    name: str
    unit: str
    scale: int


# Measuring ranges of the PZEM-004T v3, PZEM-014 and PZEM-016, whose datasheets
# gateway.wire.registers names. 100 A is the larger of the two current sensors.
_RANGES = (
    _Range("voltage_mv", 80_000, 260_000, "voltage", "V", 1000),
    _Range("current_ma", 0, 100_000, "current", "A", 1000),
    _Range("power_mw", 0, 26_000_000, "power", "W", 1000),
    _Range("frequency_mhz", 45_000, 65_000, "frequency", "Hz", 1000),
    _Range("power_factor_milli", 0, 1_000, "power factor", "", 1000),
    _Range("energy_wh", 0, 9_999_990, "energy register", "kWh", 1000),
)


def check_ranges(reading: Reading) -> None:
    """Refuse a reading that no meter of these models can have measured.

    Raises:
        Permanent: a value is out of its range; the sentence names it.
    """
    for limits in _RANGES:
        value: int | None = getattr(reading, limits.field)
        if value is not None and not limits.low <= value <= limits.high:
            unit = f" {limits.unit}" if limits.unit else ""
            raise Permanent(
                f"{limits.name} of {value / limits.scale:g}{unit} is outside "
                f"{limits.low / limits.scale:g} to {limits.high / limits.scale:g}{unit}"
            )
