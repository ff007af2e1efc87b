"""Register maps as data: check a table here against its datasheet, line by line.

A meter is supported by adding one table; nothing else changes as long as its values fit one
read request. Words in, integers out: this module opens no port and remembers nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from fractions import Fraction

from gateway.wire.errors import WireError
from gateway.wire.frames import Function

_ALARM_WORD = 0xFFFF


class Quantity(StrEnum):
    """What a register holds, in the integer unit everything after this module uses."""

    VOLTAGE_MV = "voltage_mv"
    CURRENT_MA = "current_ma"
    POWER_MW = "power_mw"
    ENERGY_WH = "energy_wh"
    FREQUENCY_MHZ = "frequency_mhz"
    POWER_FACTOR_MILLI = "power_factor_milli"
    ALARM = "alarm"


class Form(Enum):
    """How the joined words are to be understood."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"  # IEEE 754, two words


@dataclass(frozen=True, slots=True)
class Register:
    """One named value in a meter's address space.

    Args:
        name: as the datasheet calls it.
        address: of its first word.
        words: how many 16-bit words it has, 1 or 2.
        quantity: what it means and in which unit it leaves here.
        scale: how many of those units one count is (0.1 V -> 100 mV).
        low_word_first: the order of its words.
        form: how the joined words are to be understood.
    """

    name: str
    address: int
    words: int
    quantity: Quantity
    scale: int | Fraction
    low_word_first: bool = True
    form: Form = Form.UNSIGNED


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """Everything the gateway has to know of a model of meter.

    Args:
        model: the name used in the configuration.
        datasheet_url: where each line of the table can be checked.
        function: the function code that reads the measurements.
        address: of the first word to read.
        count: how many words one read takes, at most 125.
        registers: the table.
        energy_modulus_wh: at which the energy register starts again at 0, Wh; None when the
            maker does not say.
    """

    model: str
    datasheet_url: str
    function: Function
    address: int
    count: int
    registers: tuple[Register, ...]
    energy_modulus_wh: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a meter said in one reply. ``None`` means that this model does not say.

    Args:
        energy_wh: cumulative active energy, Wh.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW.
        frequency_mhz: mains frequency, mHz.
        power_factor_milli: power factor, thousandths.
        alarm: the power alarm threshold is exceeded.
    """

    energy_wh: int
    voltage_mv: int | None = None
    current_ma: int | None = None
    power_mw: int | None = None
    frequency_mhz: int | None = None
    power_factor_milli: int | None = None
    alarm: bool = False


_PZEM_AC = (
    Register("voltage", 0x0000, 1, Quantity.VOLTAGE_MV, 100),
    Register("current", 0x0001, 2, Quantity.CURRENT_MA, 1),
    Register("power", 0x0003, 2, Quantity.POWER_MW, 100),
    Register("energy", 0x0005, 2, Quantity.ENERGY_WH, 1),
    Register("frequency", 0x0007, 1, Quantity.FREQUENCY_MHZ, 100),
    Register("power factor", 0x0008, 1, Quantity.POWER_FACTOR_MILLI, 10),
    Register("alarm status", 0x0009, 1, Quantity.ALARM, 1),
)

PZEM_004T_V3 = RegisterMap(
    model="PZEM-004T v3",
    datasheet_url="https://innovatorsguru.com/wp-content/uploads/2019/06/PZEM-004T-V3.0-Datasheet-User-Manual.pdf",
    function=Function.READ_INPUT,
    address=0x0000,
    count=10,
    registers=_PZEM_AC,
)

PZEM_014 = RegisterMap(
    model="PZEM-014",
    datasheet_url="https://www.manualslib.com/manual/3810945/Morning-Pzem-014.html",
    function=Function.READ_INPUT,
    address=0x0000,
    count=10,
    registers=_PZEM_AC,
)

PZEM_016 = RegisterMap(
    model="PZEM-016",
    datasheet_url="https://www.manualslib.com/manual/3810945/Morning-Pzem-014.html",
    function=Function.READ_INPUT,
    address=0x0000,
    count=10,
    registers=_PZEM_AC,
)

REGISTER_MAPS = {table.model: table for table in (PZEM_004T_V3, PZEM_014, PZEM_016)}

# Holding registers of the PZEM AC models (function codes 03 and 06).
PZEM_ALARM_THRESHOLD_W_ADDRESS = 0x0001
PZEM_UNIT_ADDRESS = 0x0002


def find_map(model: str) -> RegisterMap:
    """The register map of a model.

    Raises:
        WireError: the model is unknown; the sentence lists the known ones.
    """
    if model not in REGISTER_MAPS:
        known = ", ".join(sorted(REGISTER_MAPS))
        raise WireError("model", f"{model!r} is not known: use one of {known}")
    return REGISTER_MAPS[model]


def decode(table: RegisterMap, words: Sequence[int]) -> Measurement:
    """Turn the words of one reply into integers with units; fractions are rounded down.

    Args:
        table: the meter's register map.
        words: ``table.count`` words, each 0-65535, from ``table.address`` on.

    Raises:
        WireError: the number of words is wrong, or a value is no number.
    """
    if len(words) != table.count:
        raise WireError("reply", f"has {len(words)} words, {table.model} sends {table.count}")
    values = {
        str(register.quantity): math.floor(_count(table, register, words) * register.scale)
        for register in table.registers
    }
    alarm = values.pop(Quantity.ALARM, 0) != 0
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


def _count(table: RegisterMap, register: Register, words: Sequence[int]) -> int | Fraction:
    first = register.address - table.address
    own = list(words[first : first + register.words])
    if register.low_word_first:
        own.reverse()
    raw = b"".join(word.to_bytes(2, "big") for word in own)
    if register.form is not Form.FLOAT:
        return int.from_bytes(raw, "big", signed=register.form is Form.SIGNED)
    (number,) = struct.unpack(">f", raw)
    if not math.isfinite(number):
        raise WireError(register.name, f"is {number}, not a number: check the meter")
    return Fraction(number)


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
