"""A whole village on this machine: meters, nodes, broker, ledger, and the gateway on top.

Everything is real but the world's edge: meters answer on a paced pty, relays are GPIO lines of
a fake chip, nodes are MQTT clients. All in a temporary folder and on loopback; nothing is left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import signal
import sys
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from gateway.commands.demo.screen import Screen
from gateway.commands.demo.village import DemoVillage, Plan
from gateway.errors import ConfigError
from gateway.simulation.recording import Recording
from gateway.simulation.verdict import Verdict

FACTOR = 60.0
DRAIN_S = 90.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how long, with which outage, on which load, and how to report."""
    parser.add_argument(
        "--for",
        dest="for_s",
        type=int,
        metavar="SECONDS",
        help="end the load after so many wall seconds, settle, and report (default: at Ctrl-C)",
    )
    parser.add_argument(
        "--outage",
        type=_outage,
        metavar="A:B",
        help="the chain can't be reached from second A to second B",
    )
    parser.add_argument(
        "--load",
        type=Path,
        metavar="FILE",
        help="replay a recorded household: CSV with time, voltage_v, current_a, power_w per minute",
    )
    parser.add_argument("--json", action="store_true", help="print one object at the end")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another village")


def _outage(text: str) -> tuple[float, float]:
    first, _, last = text.partition(":")
    try:
        outage = (float(first), float(last))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as A:B, like 40:80") from None
    if not 0 <= outage[0] < outage[1] < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: A must come before B, both in seconds")
    return outage


def run(arguments: argparse.Namespace) -> int:
    """Bring the village up; 0 when it ended with every Wh accounted for."""
    plan = _plan(arguments)
    # The gateway's processes log to files of their own; the simulated world stays silent.
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        verdict = asyncio.run(_run(plan, quiet=arguments.json))
    except asyncio.CancelledError:  # ended before it stood
        return 0
    if verdict is None:
        return 0
    if arguments.json:
        print(json.dumps(verdict.as_json()))
    else:
        _tell(verdict)
    return 0 if verdict.ok else 1


def _plan(arguments: argparse.Namespace) -> Plan:
    problems = []
    if arguments.for_s is not None and arguments.for_s < 1:
        problems.append("--for: give at least 1 second")
    if arguments.outage and arguments.for_s and arguments.outage[1] > arguments.for_s:
        problems.append("--outage: it must end before --for does, so that the backlog can drain")
    if problems:
        raise ConfigError(problems)
    recording = Recording.load(arguments.load, joins_gaps=True) if arguments.load else None
    return Plan(arguments.for_s, arguments.outage, recording, arguments.seed, FACTOR)


async def _run(plan: Plan, *, quiet: bool) -> Verdict | None:
    """The run from first to last; None when a person ended it before it was due."""
    out = sys.stderr if quiet else sys.stdout
    _end_like_ctrl_c()
    with tempfile.TemporaryDirectory(prefix="village-") as folder:
        async with AsyncExitStack() as stack:
            village = DemoVillage(plan, Path(folder))
            screen = Screen(village, out)
            screen.say(f"building a village; 1 s here is {plan.factor:g} s there")
            for gap in plan.recording.gaps if plan.recording else ():
                screen.say(f"{gap}; its rows are played one per minute all the same")
            await village.build(stack)
            screen.say(f"the page: {village.page_url}   (Ctrl-C ends it)")
            try:
                await _while(screen.run(), village.live())
                screen.say("the load has ended; settling what is left")
                await village.drain(DRAIN_S)
            except asyncio.CancelledError:
                screen.say("ending the village")
                return None
            return await village.close()


def _end_like_ctrl_c() -> None:
    """A closed terminal, or a kill, would leave the village's processes behind."""
    task = asyncio.current_task()
    if task is None:  # a coroutine always runs in one
        raise AssertionError
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _while(beside: Awaitable[None], main: Awaitable[None]) -> None:
    """Run ``beside`` for as long as ``main`` takes."""
    task = asyncio.ensure_future(beside)
    try:
        await main
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tell(verdict: Verdict) -> None:
    print(
        f"{verdict.meters} meters, {verdict.readings_stored} readings stored, "
        f"{verdict.readings_refused} refused\n"
        f"{verdict.wh_metered} Wh metered = {verdict.wh_on_chain} Wh on chain "
        f"+ {verdict.wh_pending} Wh pending + {verdict.wh_residue} Wh refused by the contract\n"
        f"{verdict.batches_confirmed} batches, {verdict.disconnects} disconnections, "
        f"{verdict.reconnects} reconnections"
    )
    for problem in verdict.problems:
        print(f"problem: {problem}")
    print("everything accounted for" if verdict.ok else "NOT everything accounted for")
