"""Eastron SDM120 and SDM230: one phase of AC, both directions, every value a float.

Protocol documents at the tables' addresses; the same registers in volkszaehler/mbmd
meters/rs485/sdm120.go and sdm230.go, and https://lamaplc.com/doku.php?id=meas:eastron_sdm_modbus,
which also has the limit of 80 words to a request. All values from 0x0000 to 0x004B come in one.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.wire.frames import Function
from gateway.wire.tables import Form, Quantity, Range, Register, RegisterMap, UnitRegister


def _float(name: str, address: int, quantity: Quantity, scale: int) -> Register:
    return Register(name, address, 2, quantity, scale, low_word_first=False, form=Form.FLOAT)


_REGISTERS = (
    _float("line to neutral volts", 0x0000, Quantity.VOLTAGE_MV, 1_000),
    _float("current", 0x0006, Quantity.CURRENT_MA, 1_000),
    _float("active power", 0x000C, Quantity.POWER_MW, 1_000),
    _float("power factor", 0x001E, Quantity.POWER_FACTOR_MILLI, 1_000),
    _float("frequency", 0x0046, Quantity.FREQUENCY_MHZ, 1_000),
    _float("import active energy", 0x0048, Quantity.ENERGY_WH, 1_000),
    _float("export active energy", 0x004A, Quantity.EXPORT_WH, 1_000),
)

# Likely: the voltage that the maker states and the meter's highest current; possible: a lost
# neutral, twice that current, and what the display's seven digits show (999 999.9 kWh).
# https://domoticx.com/modbus-kwh-meter-eastron-sdm120/ (161-300 V, 45 A) and
# https://manuals.plus/m/61b496ecc701a326af3d6a9d9e22713548aa6ac0b99c9780abe134ae9d2a8774 (SDM230).
_FREQUENCY = Range(Quantity.FREQUENCY_MHZ, 0, 100_000, 45_000, 65_000)
_FACTOR = Range(Quantity.POWER_FACTOR_MILLI, -1_000, 1_000, -1_000, 1_000)
_COUNTED = tuple(
    Range(counter, 0, 999_999_999, 0, 999_999_999)
    for counter in (Quantity.ENERGY_WH, Quantity.EXPORT_WH)
)

SDM120 = RegisterMap(
    model="SDM120",
    datasheet_url="https://stromzähler.eu/media/7e/64/b6/1696582669/sdm120modbus_manual.pdf",
    function=Function.READ_INPUT,
    address=0x0000,
    count=0x004C,
    registers=_REGISTERS,
    ranges=(
        Range(Quantity.VOLTAGE_MV, 0, 440_000, 161_000, 300_000),
        Range(Quantity.CURRENT_MA, 0, 90_000, 0, 45_000),
        Range(Quantity.POWER_MW, -27_000_000, 27_000_000, -13_500_000, 13_500_000),
        _FREQUENCY,
        _FACTOR,
        *_COUNTED,
    ),
    unit=UnitRegister(
        0x0014, 2, by_hand="hold its button for 3 s until SET shows, then set the address there"
    ),
    baud=2400,
)

SDM230 = replace(
    SDM120,
    model="SDM230",
    datasheet_url="https://bg-etech.de/download/manual/SDM230-register.pdf",
    ranges=(
        Range(Quantity.VOLTAGE_MV, 0, 440_000, 184_000, 276_000),
        Range(Quantity.CURRENT_MA, 0, 200_000, 0, 100_000),
        Range(Quantity.POWER_MW, -55_200_000, 55_200_000, -27_600_000, 27_600_000),
        _FREQUENCY,
        _FACTOR,
        *_COUNTED,
    ),
)
