"""PZEM-004T v3, PZEM-014 and PZEM-016: one phase of AC, one direction.

Manuals: PZEM-004T v3 and PZEM-014/016 at the tables' addresses; the same registers in
https://esphome.io/components/sensor/pzemac and Tasmota's xnrg_05_pzem_ac.ino.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.wire.frames import Function
from gateway.wire.tables import Quantity, Range, Register, RegisterMap, UnitRegister

ALARM_THRESHOLD_W_ADDRESS = 0x0001
"""Holding register, 1 W a count."""

_REGISTERS = (
    Register("voltage", 0x0000, 1, Quantity.VOLTAGE_MV, 100),
    Register("current", 0x0001, 2, Quantity.CURRENT_MA, 1),
    Register("power", 0x0003, 2, Quantity.POWER_MW, 100),
    Register("energy", 0x0005, 2, Quantity.ENERGY_WH, 1),
    Register("frequency", 0x0007, 1, Quantity.FREQUENCY_MHZ, 100),
    Register("power factor", 0x0008, 1, Quantity.POWER_FACTOR_MILLI, 10),
    Register("alarm status", 0x0009, 1, Quantity.ALARM, 1),
)

# Likely is what the manual calls the measuring range, with the larger current sensor (100 A).
# Possible: a lost neutral puts the voltage between two phases on the meter; a current of twice
# the sensor's.
_RANGES = (
    Range(Quantity.VOLTAGE_MV, 0, 440_000, 80_000, 260_000),
    Range(Quantity.CURRENT_MA, 0, 200_000, 0, 100_000),
    Range(Quantity.POWER_MW, 0, 52_000_000, 0, 26_000_000),
    Range(Quantity.FREQUENCY_MHZ, 0, 100_000, 45_000, 65_000),
    Range(Quantity.POWER_FACTOR_MILLI, 0, 1_000, 0, 1_000),
    Range(Quantity.ENERGY_WH, 0, 9_999_990, 0, 9_999_990),
)

PZEM_004T_V3 = RegisterMap(
    model="PZEM-004T v3",
    datasheet_url="https://innovatorsguru.com/wp-content/uploads/2019/06/PZEM-004T-V3.0-Datasheet-User-Manual.pdf",
    function=Function.READ_INPUT,
    address=0x0000,
    count=10,
    registers=_REGISTERS,
    ranges=_RANGES,
    unit=UnitRegister(0x0002),
    resets_energy=True,
)

PZEM_014 = replace(
    PZEM_004T_V3,
    model="PZEM-014",
    datasheet_url="https://www.manualslib.com/manual/3810945/Morning-Pzem-014.html",
)

PZEM_016 = replace(PZEM_014, model="PZEM-016")
