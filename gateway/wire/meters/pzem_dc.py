"""PZEM-003 and PZEM-017: DC, one direction, the current through a shunt.

The manual (2.1: 9600 baud, two stop bits; 2.3 and 2.4: the registers) is at the tables' address;
the same registers in https://esphome.io/api/pzemdc_8cpp_source, Tasmota's xnrg_06_pzem_dc.ino and
https://www.eevblog.com/forum/testgear/dc-v-a-logging/. Below 7 V it needs a supply of its own.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.wire.frames import Function
from gateway.wire.tables import Quantity, Range, Register, RegisterMap, UnitRegister

SHUNT_ADDRESS = 0x0003
"""Holding register; 0: 100 A, 1: 50 A, 2: 200 A, 3: 300 A. A wrong one scales every reading."""

_REGISTERS = (
    Register("voltage", 0x0000, 1, Quantity.VOLTAGE_MV, 10),
    Register("current", 0x0001, 1, Quantity.CURRENT_MA, 10),
    Register("power", 0x0002, 2, Quantity.POWER_MW, 100),
    Register("energy", 0x0004, 2, Quantity.ENERGY_WH, 1),
    Register("high voltage alarm", 0x0006, 1, Quantity.ALARM, 1),
    Register("low voltage alarm", 0x0007, 1, Quantity.ALARM, 1),
)

# Likely is what the manual calls the measuring range; possible is twice that, and for the
# voltage the highest alarm threshold that the meter takes.
_VOLTAGE = Range(Quantity.VOLTAGE_MV, 0, 350_000, 50, 300_000)
_ENERGY = Range(Quantity.ENERGY_WH, 0, 9_999_999, 0, 9_999_999)

PZEM_017 = RegisterMap(
    model="PZEM-017",
    datasheet_url="https://www.scribd.com/document/635136752/PZEM-003-Manual",
    function=Function.READ_INPUT,
    address=0x0000,
    count=8,
    registers=_REGISTERS,
    ranges=(
        _VOLTAGE,
        Range(Quantity.CURRENT_MA, 0, 600_000, 0, 300_000),
        Range(Quantity.POWER_MW, 0, 180_000_000, 0, 90_000_000),
        _ENERGY,
    ),
    unit=UnitRegister(0x0002),
    mark=SHUNT_ADDRESS,
    resets_energy=True,
    stop_bits=2,
)

PZEM_003 = replace(
    PZEM_017,
    model="PZEM-003",
    ranges=(
        _VOLTAGE,
        Range(Quantity.CURRENT_MA, 0, 20_000, 0, 10_000),
        Range(Quantity.POWER_MW, 0, 6_000_000, 0, 3_000_000),
        _ENERGY,
    ),
)
