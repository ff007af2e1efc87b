"""What a reading's values say about it: refused, doubted or simply valid, by its meter's table.

Pure. A value that its register can never hold means the wrong model or garbage, and the whole
reading is refused. One that is only unlikely is kept with a doubt, because the energy register
beside it may be right. Judges one reading by itself; what a register may do between two readings
is for :mod:`gateway.domain.usage` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.domain.readings import Doubt, Quality, Reading
from gateway.errors import Permanent
from gateway.wire.tables import Quantity, Range

_DOUBTS = {
    Quantity.VOLTAGE_MV: Doubt.VOLTAGE,
    Quantity.CURRENT_MA: Doubt.CURRENT,
    Quantity.POWER_MW: Doubt.POWER,
    Quantity.FREQUENCY_MHZ: Doubt.FREQUENCY,
    Quantity.POWER_FACTOR_MILLI: Doubt.POWER_FACTOR,
    Quantity.ENERGY_WH: Doubt.REGISTER,
    Quantity.EXPORT_WH: Doubt.REGISTER,
}
_WORDS = {
    Quantity.VOLTAGE_MV: ("voltage", "V"),
    Quantity.CURRENT_MA: ("current", "A"),
    Quantity.POWER_MW: ("power", "W"),
    Quantity.FREQUENCY_MHZ: ("frequency", "Hz"),
    Quantity.POWER_FACTOR_MILLI: ("power factor", ""),
    Quantity.ENERGY_WH: ("energy register", "kWh"),
    Quantity.EXPORT_WH: ("export register", "kWh"),
}


def judge(reading: Reading, ranges: Sequence[Range], max_power_w: int | None = None) -> Reading:
    """The reading with what is doubtful about it.

    Args:
        reading: as the meter said it.
        ranges: of its meter's table.
        max_power_w: the most that its meter point can draw, W; None: not known.

    Raises:
        Permanent: a value that no meter of this model can show; the sentence names it.
    """
    doubts = reading.doubts
    for limits in ranges:
        value: int | None = getattr(reading, limits.quantity)
        if value is None:
            continue
        if not limits.low <= value <= limits.high:
            raise Permanent(_sentence(limits, value))
        if not limits.likely_low <= value <= limits.likely_high:
            doubts |= _DOUBTS[limits.quantity]
    if max_power_w is not None and abs(reading.power_mw or 0) > max_power_w * 1000:
        doubts |= Doubt.POWER
    if doubts == reading.doubts:
        return reading
    return replace(reading, doubts=doubts, quality=Quality.SUSPECT)


def _sentence(limits: Range, value: int) -> str:
    name, unit = _WORDS[limits.quantity]
    unit = f" {unit}" if unit else ""
    return (
        f"{name} of {value / 1000:g}{unit} is outside "
        f"{limits.low / 1000:g} to {limits.high / 1000:g}{unit}"
    )
