"""Read one meter once: by port and unit id, or by the label it has in the configuration."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from gateway.commands.target import MOST_STOP_BITS, Target, identify, measure, target_of
from gateway.config import DEFAULT_PATH
from gateway.errors import Permanent
from gateway.sources.line import BAUDS, SerialLine
from gateway.wire.errors import FrameError
from gateway.wire.frames import FIRST_UNIT, LAST_UNIT
from gateway.wire.meters import PZEM_004T_V3, REGISTER_MAPS
from gateway.wire.registers import find_map
from gateway.wire.tables import Measurement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``PORT UNIT`` or ``LABEL``."""
    parser.add_argument(
        "meter", nargs="+", help="PORT UNIT, like /dev/ttyUSB0 5; or the LABEL of a meter point"
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="where labels are found")
    parser.add_argument(
        "--baud",
        type=int,
        choices=BAUDS,
        default=9600,
        metavar="BAUD",
        help="with PORT UNIT (9600)",
    )
    parser.add_argument(
        "--model",
        choices=sorted(REGISTER_MAPS),
        metavar="MODEL",
        help="with PORT UNIT, like 'PZEM-016'; default: what it looks like",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one reading with its units.

    Raises:
        GatewayError: there is none, and the sentence says why.
    """
    match arguments.meter:
        case [label]:
            target = target_of(arguments.config, label)
        case [port, unit] if unit.isdecimal() and FIRST_UNIT <= int(unit) <= LAST_UNIT:
            target = asyncio.run(_guessed(port, arguments.baud, int(unit), arguments.model))
        case [_, unit]:
            raise Permanent(f"{unit!r} is no unit id: give 1 to 247")
        case _:
            raise Permanent("give PORT and UNIT, or the LABEL of one meter point")
    measured = asyncio.run(_read(target))
    print(f"unit {target.unit} on {target.port}")
    print(_table(measured))
    return 0


async def _guessed(port: str, baud: int, unit: int, model: str | None) -> Target:
    """A target by what it answers; what answers nothing useful is taken for a PZEM for AC."""
    if model is not None:
        return Target(port, baud, unit, find_map(model))
    line = SerialLine(port, baud, stop_bits=MOST_STOP_BITS)
    await line.open()
    try:
        family, _ = await identify(line, unit)
    except FrameError:
        family = ()
    finally:
        line.close()
    return Target(port, baud, unit, family[0] if family else PZEM_004T_V3)


async def _read(target: Target) -> Measurement:
    line = target.line
    await line.open()
    try:
        return await measure(line, target)
    finally:
        line.close()


def _table(measured: Measurement) -> str:
    rows = (
        ("voltage", measured.voltage_mv, 1, "V"),
        ("current", measured.current_ma, 3, "A"),
        ("power", measured.power_mw, 1, "W"),
        ("energy", measured.energy_wh, 3, "kWh"),
        ("flowed back", measured.export_wh, 3, "kWh"),
        ("frequency", measured.frequency_mhz, 1, "Hz"),
        ("power factor", measured.power_factor_milli, 2, ""),
    )
    lines = [
        f"  {name:<12} {value / 1000:>12.{digits}f} {unit}".rstrip()
        for name, value, digits, unit in rows
        if value is not None
    ]
    if measured.alarm:
        lines.append("  its alarm is on")
    return "\n".join(lines)
