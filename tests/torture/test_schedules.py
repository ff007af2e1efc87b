"""The short form of the torture of the way to the chain; ``make torture`` has the full one."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.torture.ground import METERS, first_wh, prepare
from tests.torture.judge import judge
from tests.torture.outcome import Tally
from tests.torture.runs import run_here

FIXED = range(30)
FRESH = 10
SEVEN_WH = """
INSERT INTO usage (start_s, meter_point_id, tier, usage_wh) VALUES (0, 1, 0, 7);
INSERT INTO register (meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh)
SELECT meter_id, 0, first_register_wh + 7, 7, 0 FROM installation WHERE meter_point_id = 1;
"""


async def test_whatever_the_way_to_the_chain_does_each_wh_is_settled_once() -> None:
    tally = Tally()
    tally.add(await run_here("rpc", FIXED))
    assert not tally.failed
    assert tally.sums["wh_wrong"] == 0
    assert tally.sums["batches"] > len(FIXED)
    assert len(tally.thrown) > 30


async def test_schedules_that_nobody_has_tried_yet() -> None:
    first = random.SystemRandom().randrange(1 << 40)
    tally = Tally()
    tally.add(await run_here("rpc", range(first, first + FRESH)))
    assert not tally.failed, f"python -m tests.torture rpc --seed {tally.failed[0].seed}"


async def test_a_seed_has_the_same_run_again() -> None:
    once, again = [(await run_here("rpc", [seed]))[0] for seed in (11, 11)]
    assert (once.thrown, once.sums) == (again.thrown, again.sums)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE usage SET usage_wh = usage_wh + 1", "8 pending"),
        ("UPDATE usage SET claimed_wh = usage_wh", "moved by 7 Wh: 0 on chain, 0 pending"),
        ("INSERT INTO settlement (meter_point_id, residue_wh) VALUES (1, 1)", "1 residue"),
        ("UPDATE register SET energy_wh = energy_wh + 1", "were counted"),
    ],
)
async def test_the_judge_sees_a_wh_that_was_lost_or_doubled(
    tmp_path: Path, change: str, sentence: str
) -> None:
    (tmp_path / "stage").mkdir()
    ground = await prepare(tmp_path)
    shown_wh = {slot: first_wh(slot) for slot in range(METERS)} | {0: first_wh(0) + 7}
    with ground.stage(tmp_path / "stage") as stage:
        with closing(sqlite3.connect(stage.path)) as file, file:
            file.executescript(SEVEN_WH)
        assert judge(stage, shown_wh, paid={}).wrong_wh == 0
        with closing(sqlite3.connect(stage.path)) as file, file:
            file.execute(change)
        verdict = judge(stage, shown_wh, paid={})
    assert any(sentence in problem for problem in verdict.problems), verdict.problems
