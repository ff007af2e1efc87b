"""The short form of deaths, torn disks and failing ones; ``make torture`` has the full one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.torture.deaths import KINDS, Deaths, mortals
from tests.torture.disk import Disk, Record
from tests.torture.ground import prepare
from tests.torture.outcome import Tally
from tests.torture.runs import run_here

FIXED = {"kill": 12, "disk": 6, "fault": 4}
FRESH = {"kill": 4, "disk": 3, "fault": 2}


@pytest.mark.parametrize("part", FIXED)
async def test_a_gateway_may_die_in_any_way_and_at_any_instant(part: str) -> None:
    tally = Tally()
    tally.add(await run_here(part, range(FIXED[part])))
    assert not tally.failed
    assert tally.sums["wh_settled"] > 0
    assert tally.sums["rows_acked"] > 0
    assert tally.sums["rows_lost"] == tally.sums["wh_wrong"] == 0
    assert tally.sums[{"kill": "kills", "disk": "disks", "fault": "faults"}[part]] > FIXED[part] / 2


@pytest.mark.parametrize("part", FRESH)
async def test_deaths_that_nobody_has_died_yet(part: str) -> None:
    first = random.SystemRandom().randrange(1 << 40)
    tally = Tally()
    tally.add(await run_here(part, range(first, first + FRESH[part])))
    assert not tally.failed, f"python -m tests.torture {part} --seed {tally.failed[0].seed}"


class LyingDisk(Disk):
    """It says that it has synced, and has not."""

    def follow(self, record: Record) -> None:
        """Take in one record, unless it is a sync."""
        if record.op != "S":
            super().follow(record)


async def test_the_rig_sees_what_a_disk_loses_that_only_says_it_has_synced(tmp_path: Path) -> None:
    """So it would see a store that does not sync, or acknowledges what is not synced."""
    lost = unsent = 0
    ground = await prepare(tmp_path)
    async with mortals(tmp_path) as beings:
        for seed in range(4):
            folder = tmp_path / str(seed)
            folder.mkdir()
            with ground.stage(folder) as stage:
                deaths = Deaths(KINDS[1], stage, beings, random.Random(seed))
                deaths.disk = LyingDisk(folder)
                await deaths.run()
            lost += deaths.sums["rows_lost"]
            unsent += any("envelopes were sent" in problem for problem in deaths.problems)
    assert lost
    assert unsent
