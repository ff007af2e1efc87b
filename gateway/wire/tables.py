"""What a meter's table is made of: registers, ranges, and how it keeps its unit id.

A table is data that can be checked against a datasheet line by line. Nothing in here decodes,
asks or remembers; the tables themselves are in :mod:`gateway.wire.meters`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from fractions import Fraction

from gateway.wire.frames import Function


class Quantity(StrEnum):
    """What a register holds, in the integer unit everything after this room uses."""

    VOLTAGE_MV = "voltage_mv"
    CURRENT_MA = "current_ma"
    POWER_MW = "power_mw"
    ENERGY_WH = "energy_wh"
    EXPORT_WH = "export_wh"
    FREQUENCY_MHZ = "frequency_mhz"
    POWER_FACTOR_MILLI = "power_factor_milli"
    ALARM = "alarm"


COUNTERS = frozenset({Quantity.ENERGY_WH, Quantity.EXPORT_WH})
"""Registers that only ever grow from 0."""


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
class Range:
    """What one quantity of a model can be, in the quantity's unit; bounds belong to the range.

    Args:
        quantity: which.
        low: below it, the words are garbage or the model is another one.
        high: above it, the same.
        likely_low: below it, the value is doubted, and the register beside it may still be right.
        likely_high: above it, the same.
    """

    quantity: Quantity
    low: int
    high: int
    likely_low: int
    likely_high: int


@dataclass(frozen=True, slots=True)
class UnitRegister:
    """The holding register in which a meter keeps its own unit id.

    Args:
        address: of its first word.
        words: 1, or 2 for a float with the high word first.
        by_hand: how a person changes it at the meter, where one write of one word can't;
            None: function code 06 can.
    """

    address: int
    words: int = 1
    by_hand: str | None = None


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
        ranges: what its values can be, from the same datasheet.
        unit: where it keeps its unit id.
        mark: a holding register that it has and its relatives have not; None: there is none.
        resets_energy: whether function code 0x42 sets its register to 0.
        stop_bits: how many it wants to hear after each character.
        baud: bits per second as it leaves the factory.
        energy_modulus_wh: at which the energy register starts again at 0, Wh; None when the
            maker does not say.
    """

    model: str
    datasheet_url: str
    function: Function
    address: int
    count: int
    registers: tuple[Register, ...]
    ranges: tuple[Range, ...]
    unit: UnitRegister
    mark: int | None = None
    resets_energy: bool = False
    stop_bits: int = 1
    baud: int = 9600
    energy_modulus_wh: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a meter said in one reply. ``None`` means that this model does not say.

    Args:
        energy_wh: cumulative active energy drawn, Wh, >= 0.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW; negative while it flows back, where the meter says so.
        frequency_mhz: mains frequency, mHz.
        power_factor_milli: power factor, thousandths; signed like the power.
        alarm: the power or a voltage alarm threshold is passed.
        export_wh: cumulative active energy that flowed back, Wh, >= 0.
    """

    energy_wh: int
    voltage_mv: int | None = None
    current_ma: int | None = None
    power_mw: int | None = None
    frequency_mhz: int | None = None
    power_factor_milli: int | None = None
    alarm: bool = False
    export_wh: int | None = None
