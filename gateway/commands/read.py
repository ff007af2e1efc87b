"""Read one meter once: by port and unit id, or by the label it has in the configuration."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path

from gateway.config import DEFAULT_PATH, load
from gateway.errors import GatewayError, Permanent
from gateway.sources.line import BAUDS, RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import FIRST_UNIT, LAST_UNIT, ReadRequest
from gateway.wire.registers import PZEM_004T_V3, Measurement, RegisterMap, decode, find_map

TRIES = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Which meter to read.

    Args:
        port: the serial device.
        baud: bits per second.
        unit: the meter's address on it.
        table: its register map.
    """

    port: str
    baud: int
    unit: int
    table: RegisterMap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``PORT UNIT`` or ``LABEL``."""
    parser.add_argument(
        "meter", nargs="+", help="PORT UNIT, like /dev/ttyUSB0 5; or the LABEL of a meter point"
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="where labels are found")
    parser.add_argument(
        "--baud", type=int, choices=BAUDS, default=9600, help="with PORT UNIT (9600)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one reading with its units.

    Raises:
        GatewayError: there is none, and the sentence says why.
    """
    match arguments.meter:
        case [label]:
            target = _by_label(arguments.config, label)
        case [port, unit] if unit.isdecimal() and FIRST_UNIT <= int(unit) <= LAST_UNIT:
            target = Target(port, arguments.baud, int(unit), PZEM_004T_V3)
        case [_, unit]:
            raise Permanent(f"{unit!r} is no unit id: give 1 to 247")
        case _:
            raise Permanent("give PORT and UNIT, or the LABEL of one meter point")
    print(f"unit {target.unit} on {target.port}")
    print(_table(asyncio.run(_read(target))))
    return 0


def _by_label(path: Path, label: str) -> Target:
    config = load(path)
    labels = {point.label: point for point in config.meter_point}
    if label not in labels:
        raise Permanent(f"{label} is no meter point in {path}; known: {', '.join(labels)}")
    point = labels[label]
    if point.node is not None or point.unit_id is None:
        raise Permanent(f"{label} reports by itself, through node {point.node}: see the page")
    bus = next(bus for bus in config.bus if bus.name == point.bus)
    return Target(bus.port, bus.baud, point.unit_id, find_map(point.model))


async def _read(target: Target) -> Measurement:
    """Ask the meter, twice if need be: one damaged frame is only noise."""
    table = target.table
    request = ReadRequest(target.unit, table.function, table.address, table.count)
    line = SerialLine(target.port, target.baud)
    await line.open()
    failure: GatewayError | None = None
    try:
        for _ in range(TRIES):
            try:
                return decode(table, await line.read(request))
            except (SilenceError, FrameError, RefusedError) as error:
                failure = error
    finally:
        line.close()
    raise Permanent(f"unit {target.unit} on {target.port} {_why(failure)}") from failure


def _why(failure: GatewayError | None) -> str:
    match failure:
        case SilenceError():
            return (
                "doesn't answer: check its mains supply, its A/B wires and its unit id "
                "(gateway scan finds it)"
            )
        case RefusedError():
            return f"refuses to be read (exception {failure.code}): is it another model?"
        case _:
            return (
                f"can't be understood: {failure}; check for two meters with this unit id, "
                "and the wiring"
            )


def _table(measured: Measurement) -> str:
    rows = (
        ("voltage", measured.voltage_mv, 1, "V"),
        ("current", measured.current_ma, 3, "A"),
        ("power", measured.power_mw, 1, "W"),
        ("energy", measured.energy_wh, 3, "kWh"),
        ("frequency", measured.frequency_mhz, 1, "Hz"),
        ("power factor", measured.power_factor_milli, 2, ""),
    )
    lines = [
        f"  {name:<12} {value / 1000:>12.{digits}f} {unit}".rstrip()
        for name, value, digits, unit in rows
        if value is not None
    ]
    if measured.alarm:
        lines.append("  its power alarm is on")
    return "\n".join(lines)
