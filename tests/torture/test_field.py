"""The short form of the torture of the field; ``make torture`` has the full one."""

from __future__ import annotations

import random

import pytest

from tests.torture.outcome import Tally
from tests.torture.runs import run_here


async def test_bus_broker_disk_clock_and_process_may_fail_one_after_the_other() -> None:
    seed = random.SystemRandom().randrange(1 << 40)
    tally = Tally()
    tally.add(await run_here("field", [seed]))
    assert not tally.failed, f"python -m tests.torture field --seed {seed}"
    assert tally.sums["rows_acked"] > 0
    skipped = [name for name in tally.thrown if "skipped" in name]
    if skipped:
        pytest.skip(f"full and read-only disks {skipped[0]}")
