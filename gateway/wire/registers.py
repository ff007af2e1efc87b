"""Words in, integers with units out, by a meter's table; and back.

A meter is supported by adding one table to :mod:`gateway.wire.meters`; nothing here changes as
long as its values fit one read request. Opens no port and remembers nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction

from gateway.wire.errors import WireError
from gateway.wire.frames import Function, ReadRequest
from gateway.wire.meters import PZEM_004T_V3, PZEM_014, PZEM_016, REGISTER_MAPS
from gateway.wire.tables import (
    COUNTERS,
    Form,
    Measurement,
    Quantity,
    Register,
    RegisterMap,
)

__all__ = [
    "PZEM_004T_V3",
    "PZEM_014",
    "PZEM_016",
    "REGISTER_MAPS",
    "Form",
    "Measurement",
    "Quantity",
    "Register",
    "RegisterMap",
    "decode",
    "decode_unit",
    "encode",
    "encode_unit",
    "find_map",
    "read_request",
    "unit_request",
]

_ALARM_WORD = 0xFFFF
_HALF = Fraction(1, 2)


def find_map(model: str) -> RegisterMap:
    """The register map of a model.

    Raises:
        WireError: the model is unknown; the sentence lists the known ones.
    """
    if model not in REGISTER_MAPS:
        known = ", ".join(sorted(REGISTER_MAPS))
        raise WireError("model", f"{model!r} is not known: use one of {known}")
    return REGISTER_MAPS[model]


def read_request(table: RegisterMap, unit: int) -> ReadRequest:
    """The one request that reads all of a meter, so that its values belong together."""
    return ReadRequest(unit, table.function, table.address, table.count)


def unit_request(table: RegisterMap, unit: int) -> ReadRequest:
    """The request for the unit id that a meter has stored."""
    return ReadRequest(unit, Function.READ_HOLDING, table.unit.address, table.unit.words)


def decode(table: RegisterMap, words: Sequence[int]) -> Measurement:
    """Turn the words of one reply into integers with units.

    Counts are rounded down. A float is itself a rounded decimal, so it goes to the nearest
    integer, which is the very count that the meter has: of Wh, up to 16 384 kWh.

    Args:
        table: the meter's register map.
        words: ``table.count`` words, each 0-65535, from ``table.address`` on.

    Raises:
        WireError: the number of words is wrong, a value is no number, or a counter is negative.
    """
    if len(words) != table.count:
        raise WireError("reply", f"has {len(words)} words, {table.model} sends {table.count}")
    values: dict[str, int] = {}
    alarm = False
    for register in table.registers:
        value = _value(register, _own(table, register, words))
        if register.quantity is Quantity.ALARM:
            alarm = alarm or value != 0
        else:
            values[str(register.quantity)] = value
    return Measurement(**values, alarm=alarm)


def encode(table: RegisterMap, measurement: Measurement) -> tuple[int, ...]:
    """The words a meter with this map would send; what is finer than a count is cut off.

    Raises:
        WireError: a value does not fit its register.
    """
    words = [0] * table.count
    for register in table.registers:
        value: int | None = getattr(measurement, register.quantity)
        if register.quantity is Quantity.ALARM:
            value = _ALARM_WORD if value else 0
        first = register.address - table.address
        words[first : first + register.words] = _words(register, value or 0)
    return tuple(words)


def decode_unit(words: Sequence[int]) -> int | None:
    """The unit id in the reply to :func:`unit_request`; None when it can't be one."""
    if len(words) == 1:
        return words[0]
    (number,) = struct.unpack(">f", _bytes(words))
    return int(number) if math.isfinite(number) and number == int(number) else None


def encode_unit(table: RegisterMap, unit: int) -> tuple[int, ...]:
    """The words of the holding register that keeps ``unit``."""
    if table.unit.words == 1:
        return (unit,)
    high, low = struct.unpack(">HH", struct.pack(">f", unit))
    return high, low


def _own(table: RegisterMap, register: Register, words: Sequence[int]) -> Sequence[int]:
    """The words of one register, high word first."""
    first = register.address - table.address
    own = words[first : first + register.words]
    return own[::-1] if register.low_word_first else own


def _value(register: Register, words: Sequence[int]) -> int:
    raw = _bytes(words)
    if register.form is Form.FLOAT:
        (number,) = struct.unpack(">f", raw)
        if not math.isfinite(number):
            raise WireError(register.name, f"is {number}, not a number: check the meter")
        value = math.floor(Fraction(number) * register.scale + _HALF)
    else:
        count = int.from_bytes(raw, "big", signed=register.form is Form.SIGNED)
        value = math.floor(count * register.scale)
    if value < 0 and register.quantity in COUNTERS:
        raise WireError(register.name, f"is {value} Wh, below 0: check the meter's model")
    return value


def _bytes(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


def _words(register: Register, value: int) -> list[int]:
    try:
        raw = _raw(register, value)
    except (OverflowError, struct.error) as error:
        raise WireError(register.name, f"cannot hold {value} in {register.words} words") from error
    words = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]
    return words[::-1] if register.low_word_first else words


def _raw(register: Register, value: int) -> bytes:
    count = Fraction(value) / register.scale
    if register.form is Form.FLOAT:
        return struct.pack(">f", float(count))
    signed = register.form is Form.SIGNED
    return math.floor(count).to_bytes(2 * register.words, "big", signed=signed)
