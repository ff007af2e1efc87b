"""Find the meters on a bus, guess what they are, and say what to write into the configuration."""

from __future__ import annotations

import argparse
import asyncio
import sys

from gateway.commands.target import MOST_STOP_BITS, ask, identify, named, unit_id
from gateway.errors import Permanent
from gateway.sources.line import BAUDS, RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import FIRST_UNIT, LAST_UNIT, Function, ReadRequest
from gateway.wire.registers import decode, read_request
from gateway.wire.tables import Measurement

TIMEOUT_S = 0.15
NONE_FOUND = 1
_ROW = "{:>4}  {:<34} {:>9} {:>10} {:>12}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the port and where to look on it."""
    parser.add_argument("port", help="the serial device, like /dev/ttyUSB0")
    parser.add_argument(
        "--from",
        dest="first",
        type=unit_id,
        default=FIRST_UNIT,
        metavar="UNIT",
        help="the first unit id to ask (1)",
    )
    parser.add_argument(
        "--to",
        dest="last",
        type=unit_id,
        default=LAST_UNIT,
        metavar="UNIT",
        help="the last one (247)",
    )
    parser.add_argument(
        "--baud",
        type=int,
        choices=BAUDS,
        default=9600,
        metavar="BAUD",
        help="bits per second (9600)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each meter as it is found; 1 when there is none."""
    if arguments.first > arguments.last:
        raise Permanent(f"--from {arguments.first} is above --to {arguments.last}: swap them")
    line = SerialLine(arguments.port, arguments.baud, TIMEOUT_S, MOST_STOP_BITS)
    units = range(arguments.first, arguments.last + 1)
    readable, troubled = asyncio.run(_scan(line, units))
    if readable:
        print(
            f"{readable} found. Add a [[meter_point]] for each one, with its bus, its unit_id and "
            "the model that its label says."
        )
        return 0
    if troubled:
        print("None can be read: put right what the rows above say.")
        return NONE_FOUND
    print(
        f"No meter answered on {arguments.port} between units {units[0]} and {units[-1]}.\n"
        "Check that the meters have mains (they are silent without), that A is on A and B on B,\n"
        "and try the other speeds with --baud (an Eastron leaves the factory at 2400).",
    )
    return NONE_FOUND


async def _scan(line: SerialLine, units: range) -> tuple[int, int]:
    """Ask every unit; returns how many can be read, and how many answer but can't."""
    await line.open()
    readable = troubled = 0
    try:
        print(_ROW.format("unit", "meter", "voltage", "power", "energy"))
        for unit in units:
            _progress(unit, units)
            try:
                row = await _row(line, unit)
            except SilenceError:
                continue
            except (FrameError, RefusedError) as error:
                troubled += 1
                print(f"{unit:>4}  {_trouble(error)}", flush=True)
            else:
                readable += row is not None
                troubled += row is None
                print(row or f"{unit:>4}  {_UNKNOWN}", flush=True)
    finally:
        _progress(None, units)
        line.close()
    return readable, troubled


_UNKNOWN = "not supported: it fits no known model (a new one is one table: see CONTRIBUTING)"


async def _row(line: SerialLine, unit: int) -> str | None:
    """What one unit is and shows; None: nothing that we know.

    The first request is one that every known model answers, so that absent ones cost one timeout.
    """
    await ask(line, ReadRequest(unit, Function.READ_INPUT, 0, 2))
    family, _ = await identify(line, unit)
    if not family:
        return None
    words = await ask(line, read_request(family[0], unit))
    return _ROW.format(unit, named(family), *_values(decode(family[0], words)))


def _trouble(error: FrameError | RefusedError) -> str:
    if isinstance(error, RefusedError):
        return f"not supported: it has other registers (exception {error.code})"
    return f"garbled: two meters with this unit id, or bad wiring? ({error})"


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
