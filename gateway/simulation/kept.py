"""The readings that a store's file holds, read by a reader of its own.

A verdict on what was kept must not rest on the code that kept it: this takes the file apart with
SQLite and zlib alone. The form is described in :mod:`gateway.domain.groups`.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_WIDTHS = "<IqqqIIiIhHBB"
_RECORD_BYTES = struct.calcsize(_WIDTHS)
_READING = 0


class Kept(NamedTuple):
    """One record as the file has it; the largest or smallest number of a field says "none".

    Args:
        meter_id: the meter's row.
        read_ms: when it was read (unix milliseconds).
        energy_wh: its register, Wh.
        export_wh: its register of what flowed back, Wh.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW.
        frequency_mhz: mains frequency, mHz.
        power_factor_milli: power factor, thousandths.
        doubts: bits.
        quality: 0 valid, 1 estimated, 2 suspect, 3 missing.
        kind: 0 a reading, 1 a gap.
    """

    meter_id: int
    read_ms: int
    energy_wh: int
    export_wh: int
    voltage_mv: int
    current_ma: int
    power_mw: int
    frequency_mhz: int
    power_factor_milli: int
    doubts: int
    quality: int
    kind: int


def kept_readings(connection: sqlite3.Connection) -> Iterator[Kept]:
    """Every reading in the file, in the order in which they were stored."""
    for (blob,) in connection.execute("SELECT readings FROM reading_group ORDER BY sequence"):
        columns = zlib.decompress(blob[1:])
        count = len(columns) // _RECORD_BYTES
        for number in range(count):
            kept = Kept(*struct.unpack(_WIDTHS, columns[number::count]))
            if kept.kind == _READING:
                yield kept
