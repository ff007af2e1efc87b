"""Find the meters on a bus, guess what they are, and say what to write into the configuration."""

from __future__ import annotations

import argparse
import asyncio
import sys

from gateway.errors import Permanent
from gateway.sources.line import BAUDS, RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import FIRST_UNIT, LAST_UNIT, Function, ReadRequest
from gateway.wire.registers import (
    PZEM_004T_V3,
    PZEM_ALARM_THRESHOLD_W_ADDRESS,
    Measurement,
    decode,
)

TIMEOUT_S = 0.15
NONE_FOUND = 1
_ROW = "{:>4}  {:<26} {:>9} {:>10} {:>12}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the port and where to look on it."""
    parser.add_argument("port", help="the serial device, like /dev/ttyUSB0")
    parser.add_argument("--from", dest="first", type=_unit, default=FIRST_UNIT, metavar="UNIT")
    parser.add_argument("--to", dest="last", type=_unit, default=LAST_UNIT, metavar="UNIT")
    parser.add_argument(
        "--baud", type=int, choices=BAUDS, default=9600, help="bits per second (9600)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each meter as it is found; 1 when there is none."""
    if arguments.first > arguments.last:
        raise Permanent(f"--from {arguments.first} is above --to {arguments.last}: swap them")
    line = SerialLine(arguments.port, arguments.baud, TIMEOUT_S)
    units = range(arguments.first, arguments.last + 1)
    readable, troubled = asyncio.run(_scan(line, units))
    if readable:
        print(f"{readable} found. Add a [[meter_point]] with bus and unit_id for each one.")
        return 0
    if troubled:
        print("None can be read: put right what the rows above say.")
        return NONE_FOUND
    print(
        f"No meter answered on {arguments.port} between units {units[0]} and {units[-1]}.\n"
        "Check that the meters have mains (they are silent without), that A is on A and B on B,\n"
        "and try the other speeds with --baud.",
    )
    return NONE_FOUND


def _unit(text: str) -> int:
    if not text.isdecimal() or not FIRST_UNIT <= int(text) <= LAST_UNIT:
        raise argparse.ArgumentTypeError(f"{text!r} is no unit id: give 1 to 247")
    return int(text)


async def _scan(line: SerialLine, units: range) -> tuple[int, int]:
    """Ask every unit; returns how many can be read, and how many answer but can't."""
    await line.open()
    readable = troubled = 0
    try:
        print(_ROW.format("unit", "meter", "voltage", "power", "energy"))
        for unit in units:
            _progress(unit, units)
            try:
                measured = await _read(line, unit)
                model = await _model(line, unit)
            except SilenceError:
                continue
            except (FrameError, RefusedError) as error:
                troubled += 1
                print(f"{unit:>4}  {_trouble(error)}", flush=True)
            else:
                readable += 1
                print(_ROW.format(unit, model, *_values(measured)), flush=True)
    finally:
        _progress(None, units)
        line.close()
    return readable, troubled


async def _read(line: SerialLine, unit: int) -> Measurement:
    """Read one unit, twice if need be: one damaged frame is only noise."""
    table = PZEM_004T_V3
    request = ReadRequest(unit, table.function, table.address, table.count)
    try:
        words = await line.read(request)
    except FrameError:
        words = await line.read(request)
    return decode(table, words)


def _trouble(error: FrameError | RefusedError) -> str:
    if isinstance(error, RefusedError):
        return f"not supported: it has other registers (exception {error.code})"
    return f"garbled: two meters with this unit id, or bad wiring? ({error})"


async def _model(line: SerialLine, unit: int) -> str:
    """A PZEM for AC knows its own unit id beside its alarm threshold."""
    request = ReadRequest(unit, Function.READ_HOLDING, PZEM_ALARM_THRESHOLD_W_ADDRESS, 2)
    try:
        _, stored_unit = await line.read(request)
    except (SilenceError, FrameError, RefusedError):
        return "unknown, ten registers"
    return "PZEM-004T v3, -014 or -016" if stored_unit == unit else "unknown, ten registers"


def _values(measured: Measurement) -> tuple[str, str, str]:
    return (
        f"{(measured.voltage_mv or 0) / 1000:.1f} V",
        f"{(measured.power_mw or 0) / 1000:.1f} W",
        f"{measured.energy_wh / 1000:.3f} kWh",
    )


def _progress(unit: int | None, units: range) -> None:
    """A line for a person who waits; nothing when the output goes elsewhere."""
    if sys.stderr.isatty():
        text = "" if unit is None else f"asking unit {unit} of {units[-1]} ..."
        print(f"\r{text:<40}\r", end="", file=sys.stderr, flush=True)
