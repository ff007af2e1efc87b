"""Set a meter's energy register to 0: asked for by its label, and journaled before and after.

What the register counted since the gateway last read it is not settled by anybody afterwards, so
the last figure is in the journal before the register is touched.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path

from gateway.commands.asking import asked, record
from gateway.commands.configured import add_config
from gateway.commands.showing import show
from gateway.commands.target import Target, measure, target_of
from gateway.errors import Permanent
from gateway.sources.line import RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError
from gateway.wire.frames import ResetEnergyRequest

KIND = "energy-reset"
FAILED = "energy-reset-failed"
NEARLY_ZERO_WH = 10
"""What a household can draw between the reset and the reading that proves it, Wh."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the label and how it is confirmed."""
    parser.add_argument("label", help="the meter point whose meter it is")
    add_config(parser)
    parser.add_argument("--yes", metavar="LABEL", help="the label once more, in place of typing it")


def run(arguments: argparse.Namespace) -> int:
    """Reset one meter's register and show it before and after.

    Raises:
        GatewayError: it was not done, or can't be told; the sentence says what to do.
    """
    target = target_of(arguments.config, arguments.label)
    if not target.table.resets_energy:
        raise Permanent(f"the register of a {target.table.model} can't be set to 0 from outside")
    asyncio.run(_reset(target, arguments))
    return 0


async def _reset(target: Target, arguments: argparse.Namespace) -> None:
    line, label = target.line, arguments.label
    await line.open()
    try:
        before_wh = (await measure(line, target)).energy_wh
        show(
            f"the register of {label} shows {before_wh / 1000:.3f} kWh. What it counted since the "
            "gateway last read it is lost to settling: it stays in the journal only."
        )
        _guard(label, arguments.yes)
        await record(
            arguments.config,
            KIND,
            f"{label}: the register shows {before_wh} Wh and is about to be set to 0",
            label=label,
            wh=before_wh,
        )
        after_wh = await _obeyed(line, target)
    finally:
        line.close()
    await _tell(arguments.config, label, before_wh, after_wh)


def _guard(label: str, given: str | None) -> None:
    if given is None:
        given = asked(f"Type {label} to set it to 0: ")
    if given != label:
        raise Permanent(f"nothing was changed: that is not {label}")


async def _obeyed(line: SerialLine, target: Target) -> int:
    """Send the command; returns what the register shows then, whatever came back."""
    with suppress(FrameError, SilenceError, RefusedError):  # the reading decides
        await line.change(ResetEnergyRequest(target.unit))
    return (await measure(line, target)).energy_wh


async def _tell(path: Path, label: str, before_wh: int, after_wh: int) -> None:
    done = after_wh <= NEARLY_ZERO_WH and after_wh <= before_wh
    detail = f"{label}: the register showed {before_wh} Wh and shows {after_wh} Wh now"
    await record(path, KIND if done else FAILED, detail, label=label, wh=before_wh)
    if not done:
        raise Permanent(f"{detail}: it was not set to 0; check the meter and try again")
    show(f"{detail}; both are in the journal")
