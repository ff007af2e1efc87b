"""Which meter a command means, what model it may be, and how to ask it.

Everything here is said to a person who stands in front of the meter.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.config import load
from gateway.errors import GatewayError, Permanent
from gateway.sources.line import RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import FIRST_UNIT, GENERAL_UNIT, LAST_UNIT, Function, ReadRequest
from gateway.wire.meters import FAMILIES
from gateway.wire.registers import decode, decode_unit, find_map, read_request, unit_request
from gateway.wire.tables import Measurement, RegisterMap

MOST_STOP_BITS = 2
"""For a meter whose model is not known yet: one that wants less takes the rest for silence."""
TRIES = 2
NO_REPLY = (
    "doesn't answer: check its mains supply, its A/B wires and its unit id (gateway scan finds it)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A meter on a line.

    Args:
        port: the serial device.
        baud: bits per second.
        unit: its address.
        table: its register map.
    """

    port: str
    baud: int
    unit: int
    table: RegisterMap

    @property
    def line(self) -> SerialLine:
        """The line it is on; not open."""
        return SerialLine(self.port, self.baud, stop_bits=self.table.stop_bits)


def unit_id(text: str) -> int:
    """A unit id from the command line."""
    if not text.isdecimal() or not FIRST_UNIT <= int(text) <= LAST_UNIT:
        raise argparse.ArgumentTypeError(f"{text!r} is no unit id: give 1 to 247")
    return int(text)


def target_of(path: Path, label: str) -> Target:
    """The meter of a meter point.

    Raises:
        GatewayError: the file is wrong, or names no such meter on a bus.
    """
    config = load(path)
    labels = {point.label: point for point in config.meter_point}
    if label not in labels:
        raise Permanent(f"{label} is no meter point in {path}; known: {', '.join(labels)}")
    point = labels[label]
    if point.node is not None or point.unit_id is None:
        raise Permanent(f"{label} reports by itself, through node {point.node}: see the page")
    bus = next(bus for bus in config.bus if bus.name == point.bus)
    return Target(bus.port, bus.baud, point.unit_id, find_map(point.model))


async def ask(line: SerialLine, request: ReadRequest) -> tuple[int, ...]:
    """Ask, twice if need be: one damaged frame is only noise. Raises what the line does."""
    try:
        return await line.read(request)
    except FrameError:
        return await line.read(request)


async def measure(line: SerialLine, target: Target) -> Measurement:
    """Read a meter, twice if need be.

    Raises:
        Permanent: it can't be read; the sentence says what to check.
    """
    failure: GatewayError | None = None
    for _ in range(TRIES):
        try:
            words = await line.read(read_request(target.table, target.unit))
            return decode(target.table, words)
        except (SilenceError, FrameError, RefusedError) as error:
            failure = error
    raise Permanent(f"unit {target.unit} on {target.port} {why(failure)}") from failure


def why(failure: GatewayError | None) -> str:
    """Why a meter could not be read, and what to do about it; the rest of a sentence."""
    match failure:
        case SilenceError():
            return NO_REPLY
        case RefusedError():
            return f"refuses to be read (exception {failure.code}): is it another model?"
        case _:
            return (
                f"can't be understood: {failure}; check for two meters with this unit id, "
                "and the wiring"
            )


async def identify(line: SerialLine, unit: int) -> tuple[Sequence[RegisterMap], int]:
    """The models that a meter may be, none if no table fits; and the unit id that it has stored.

    Args:
        line: open.
        unit: its address, or the general address when it is alone.

    Raises:
        FrameError: its replies are damaged.
    """
    for family in FAMILIES:
        stored = await _stored_unit(line, unit, family[0])
        if stored is not None and unit in (stored, GENERAL_UNIT):
            return family, stored
    return (), unit


async def _stored_unit(line: SerialLine, unit: int, table: RegisterMap) -> int | None:
    """The unit id that the meter has stored, if it keeps it where this table says."""
    try:
        stored = decode_unit(await ask(line, unit_request(table, unit)))
        if table.mark is not None:
            await ask(line, ReadRequest(unit, Function.READ_HOLDING, table.mark, 1))
    except (RefusedError, SilenceError):
        return None
    return stored


def named(family: Sequence[RegisterMap]) -> str:
    """'A, B or C'."""
    *others, last = [table.model for table in family]
    return f"{', '.join(others)} or {last}" if others else last
