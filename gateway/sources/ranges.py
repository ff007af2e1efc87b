"""What a meter's registers can hold at all: anything else is garbage, or the wrong model.

Pure. Such a reading is refused whole. What is only unlikely is kept, and doubted where it is stored
(:mod:`gateway.domain.validation`), because the energy register beside it may be right.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.wire.tables import Quantity, Range

_WORDS = {
    Quantity.VOLTAGE_MV: ("voltage", "V"),
    Quantity.CURRENT_MA: ("current", "A"),
    Quantity.POWER_MW: ("power", "W"),
    Quantity.FREQUENCY_MHZ: ("frequency", "Hz"),
    Quantity.POWER_FACTOR_MILLI: ("power factor", ""),
    Quantity.ENERGY_WH: ("energy register", "kWh"),
    Quantity.EXPORT_WH: ("export register", "kWh"),
}


def check_ranges(reading: Reading, ranges: Sequence[Range]) -> None:
    """Refuse a reading that no meter of its model can have said.

    Args:
        reading: as the meter said it.
        ranges: of its meter's table.

    Raises:
        Permanent: a value that its register can't hold; the sentence names it.
    """
    for limits in ranges:
        value: int | None = getattr(reading, limits.quantity)
        if value is not None and not limits.low <= value <= limits.high:
            raise Permanent(_sentence(limits, value))


def _sentence(limits: Range, value: int) -> str:
    name, unit = _WORDS[limits.quantity]
    unit = f" {unit}" if unit else ""
    return (
        f"{name} of {value / 1000:g}{unit} is outside "
        f"{limits.low / 1000:g} to {limits.high / 1000:g}{unit}"
    )
