"""Give a new meter its unit id: every new PZEM answers at 1 and shows no serial.

So one at a time: the command refuses unless exactly one meter is on the line, and records what
the sticker on it says.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.commands.asking import confirm, record
from gateway.commands.showing import show
from gateway.commands.target import MOST_STOP_BITS, ask, identify, named, unit_id
from gateway.errors import Permanent
from gateway.sources.line import BAUDS, RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import GENERAL_UNIT, Function, ReadRequest, WriteRequest
from gateway.wire.registers import decode, read_request
from gateway.wire.tables import Measurement, RegisterMap

LISTENS = 5
"""Meters that talk at once garble each other, unless all say the same: so they are asked often."""
KIND = "address-set"


@dataclass(frozen=True, slots=True)
class Found:
    """The only meter on the line.

    Args:
        unit: the unit id that it has now.
        family: the models that it may be.
        measured: what it shows.
    """

    unit: int
    family: Sequence[RegisterMap]
    measured: Measurement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the port, the new unit id and what to record."""
    parser.add_argument("port", help="the serial device, like /dev/ttyUSB0")
    parser.add_argument("unit", type=unit_id, help="the new unit id, 1 to 247")
    parser.add_argument("--sticker", help="what you stick on the meter (default: its unit id)")
    parser.add_argument("--config", type=Path, help="the village in whose journal it is recorded")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument(
        "--baud",
        type=int,
        choices=BAUDS,
        default=9600,
        metavar="BAUD",
        help="bits per second (9600)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Change the one meter's unit id, prove it, record it, and say what to write where.

    Raises:
        GatewayError: it was not done, or can't be told; the sentence says what to do.
    """
    port, unit = arguments.port, arguments.unit
    line = SerialLine(port, arguments.baud, stop_bits=MOST_STOP_BITS)
    found = asyncio.run(_set_address(line, port, unit, asks=not arguments.yes))
    sticker = arguments.sticker or f"unit {unit}"
    detail = (
        f"meter '{sticker}' ({named(found.family)}) on {port} was unit {found.unit} and is "
        f"unit {unit} now; its register shows {found.measured.energy_wh} Wh"
    )
    show(detail)
    if arguments.config is not None:
        asyncio.run(record(arguments.config, KIND, detail, wh=found.measured.energy_wh))
        show("recorded in the journal")
    show(
        f"Stick '{sticker}' on it, then write into its [[meter_point]]:\n"
        f"    unit_id = {unit}\n"
        f'    model = "{found.family[-1].model}"   # as printed on it: {named(found.family)}\n'
        f'    serial = "{sticker}"\n'
        f"    first_register_wh = {found.measured.energy_wh}"
    )
    return 0


async def _set_address(line: SerialLine, port: str, unit: int, *, asks: bool) -> Found:
    await line.open()
    try:
        found = await _only_meter(line, port)
        if found.unit == unit:
            return found
        await _check_free(line, unit)
        if asks:
            confirm(f"Change the {named(found.family)} from unit {found.unit} to unit {unit}?")
        await _change(line, found, unit)
        return found
    finally:
        line.close()


async def _only_meter(line: SerialLine, port: str) -> Found:
    """Whoever answers the general address, if it is one and the same each time.

    Raises:
        Permanent: nobody does, or several.
    """
    try:
        family, unit = await identify(line, GENERAL_UNIT)
        shown = [await _shown(line, family) for _ in range(LISTENS) if family]
    except (FrameError, RefusedError) as error:
        raise Permanent(
            f"more than one meter answers on {port} ({error}): leave only the one to be changed "
            "on the line"
        ) from error
    if not shown:
        raise Permanent(
            f"no PZEM answers on {port}: check its mains supply and its A/B wires "
            "(an Eastron is given its address with its own button)"
        )
    return Found(unit, family, shown[-1])


async def _shown(line: SerialLine, family: Sequence[RegisterMap]) -> Measurement:
    return decode(family[0], await line.read(read_request(family[0], GENERAL_UNIT)))


async def _check_free(line: SerialLine, unit: int) -> None:
    """Refuse a unit id at which anything at all answers."""
    try:
        await line.read(ReadRequest(unit, Function.READ_INPUT, 0, 2))
    except SilenceError:
        return
    except (FrameError, RefusedError):
        pass
    raise Permanent(f"unit {unit} is taken: another meter answers there; choose another unit id")


async def _change(line: SerialLine, found: Found, unit: int) -> None:
    """Write, and believe only what is read back at the new unit id."""
    register = found.family[0].unit
    if register.by_hand is not None:
        raise Permanent(f"a {named(found.family)} can't be changed from here: {register.by_hand}")
    with suppress(FrameError, SilenceError):  # a lost echo: the reading back decides
        await line.change(WriteRequest(found.unit, register.address, unit))
    try:
        await ask(line, read_request(found.family[0], unit))
        _, stored = await identify(line, unit)
    except (FrameError, RefusedError, SilenceError) as error:
        raise Permanent(
            f"the meter does not answer at unit {unit} ({error}): find it with gateway scan, "
            "then try again"
        ) from error
    if stored != unit:
        raise Permanent(f"the meter answers at unit {unit} and calls itself {stored}: try again")
