"""Runs of one part, many seeds, side by side: each worker has its own ground and servers."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from tests.torture import away, deaths, field, schedule
from tests.torture.outcome import Outcome, Run, Tally

Opened = Callable[[Path], AbstractAsyncContextManager[Run]]
PARTS: dict[str, Opened] = {
    "rpc": schedule.opened,
    **{kind.name: deaths.opened(kind) for kind in deaths.KINDS},
    "field": field.opened,
    "away": away.opened,
}
"""Each part's name, and what runs it."""
AT_ONCE = 20
"""Seeds that a worker takes at a time; its ground costs as much as one of them."""
PROGRESS_S = 20.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory; each run has a folder of its own


async def run_here(part: str, seeds: Iterable[int]) -> list[Outcome]:
    """Run some seeds, one after the other, in this process.

    Args:
        part: one of :data:`PARTS`.
        seeds: each makes one run.
    """
    found = []
    home = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=home) as name:
        ground, stage = Path(name, "ground"), Path(name, "stage")
        ground.mkdir()
        async with PARTS[part](ground) as run:
            for seed in seeds:
                stage.mkdir()
                begun_s = time.perf_counter()
                try:
                    outcome = await run(stage, seed)
                except Exception:  # noqa: BLE001 - what breaks the rig is a finding, too
                    outcome = Outcome(seed, (traceback.format_exc(),), Counter(), Counter())
                found.append(replace(outcome, seconds=time.perf_counter() - begun_s))
                shutil.rmtree(stage)
    return found


def _work(part: str, seeds: Sequence[int]) -> list[Outcome]:
    logging.disable(logging.CRITICAL)  # what breaks on purpose is in the report
    return asyncio.run(run_here(part, seeds))


def run_many(part: str, seeds: Sequence[int], workers: int, say: Callable[[str], None]) -> Tally:
    """Run many seeds, spread over processes.

    Args:
        part: one of :data:`PARTS`.
        seeds: each makes one run.
        workers: how many processes.
        say: is told now and then how far it is.
    """
    tally = Tally()
    begun_s = said_s = time.monotonic()
    chunks = [seeds[start : start + AT_ONCE] for start in range(0, len(seeds), AT_ONCE)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for outcomes in pool.map(_work, [part] * len(chunks), chunks):
            tally.add(outcomes)
            for outcome in outcomes:
                for problem in outcome.problems:
                    say(f"{part} seed {outcome.seed}: {problem}")
            if time.monotonic() - said_s >= PROGRESS_S or tally.runs == len(seeds):
                said_s = time.monotonic()
                say(
                    f"{part}: {tally.runs} of {len(seeds)} runs, {tally.ms_a_run} ms each, "
                    f"{said_s - begun_s:.0f} s, {len(tally.failed)} failed"
                )
    return tally
