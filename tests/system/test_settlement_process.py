"""The real settlement process, killed again and again while a village uses energy.

Usage is written by another process, this one, as the field process would. The verdict is read
from raw ledger bytes, the store's file and what was written; never from the code under test.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from stellar_sdk import Keypair

from gateway.clock import Clock
from gateway.ledger.keys import SigningKey
from gateway.store.database import Database
from gateway.store.outbox import find_open
from tests.ledger.conftest import database, localnet, village  # noqa: F401 - fixtures
from tests.ledger.localnet import PASSPHRASE, ROOT
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import SITE, START_S, Village, settlement_status, use

FACTOR = 900.0
"""A quarter-hour, and a batch, for each second on the wall."""
MOMENT_S = 0.05
KILLS = 7
LONGEST_LIFE = 20
"""Moments that a process lives at most once it has begun to speak."""
DEADLINE_S = 30.0
INTERVAL_S = 900
CONFIG = """
[gateway]
name = "test"
site = {site}
database = "{database}"
[chain]
network = "local"
passphrase = "{passphrase}"
rpc = ["{url}"]
contract_id = "{contract}"
key_file = "{key_file}"
settle_every_s = 900
settle_after_s = 0
valid_for_s = 1800
[clock]
origin_s = {origin_s}
wall_s = {wall_s}
factor = {factor}
[[bus]]
name = "bus"
port = "/dev/null"
"""
POINT = """
[[meter_point]]
label = "house-{slot}"
slot = {slot}
bus = "bus"
unit_id = {unit_id}
serial = "meter-{slot}"
"""


@dataclass(slots=True)
class World:
    """Households that use energy, and a ledger that closes, moment by moment.

    Args:
        village: contracts and meters.
        store: what the settlement process works on.
        clock: village time; the process is given the same.
        chance: seeded.
        used_wh: what was written so far, by slot.
    """

    village: Village
    store: Database
    clock: Clock
    chance: random.Random
    used_wh: Counter[int] = field(default_factory=Counter)

    def move(self) -> None:
        """Close a ledger; every meter uses a little, now or in a reading that comes late."""
        now_s = int(self.clock.now_s())
        self.close_ledger()
        for slot in range(self.village.meters):
            age = self.chance.choice((0, 0, 0, 1, 2, 5))
            wh, tier = self.chance.randint(1, 5), self.chance.randint(0, 2)
            start_s = max(START_S, now_s - now_s % INTERVAL_S - age * INTERVAL_S)
            use(self.store, slot, start_s, wh, tier)
            self.used_wh[slot] += wh

    def close_ledger(self) -> None:
        """Let ledger time come up to village time."""
        ledger = self.village.localnet
        ledger.advance(max(1, int(self.clock.now_s()) - ledger.time_s()))


@pytest.fixture
async def config(village: Village, database: Database, tmp_path: Path) -> tuple[Path, Clock]:  # noqa: F811
    """The file that a settlement process is started with, and the clock it names."""
    secret = Keypair.random()
    key_file = tmp_path / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(secret.secret)
    village.localnet.fund(secret.public_key)
    await village.allow(SigningKey(secret))
    clock = Clock(START_S, time.time(), FACTOR)
    text = CONFIG.format(
        site=SITE,
        database=database.path,
        passphrase=PASSPHRASE,
        url=village.localnet.url,
        contract=village.settings.contract,
        key_file=key_file,
        origin_s=clock.origin_s,
        wall_s=clock.wall_s,
        factor=clock.factor,
    )
    text += "".join(POINT.format(slot=slot, unit_id=slot + 1) for slot in range(village.meters))
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return path, clock


@asynccontextmanager
async def settlement_process(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``gateway run --only settlement``, killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "run", "--only", "settlement", "--config", str(config)),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def has_begun(process: asyncio.subprocess.Process, world: World) -> None:
    """Wait for its first words; the world goes on meanwhile."""
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.readline())
    async with asyncio.timeout(DEADLINE_S):
        while not (await asyncio.wait([said], timeout=MOMENT_S))[0]:
            world.move()
    assert b"gateway started" in said.result()


async def a_moment_passes(process: asyncio.subprocess.Process) -> None:
    """It does not end by itself."""
    end = asyncio.create_task(process.wait())
    done, _ = await asyncio.wait([end], timeout=MOMENT_S)
    end.cancel()
    assert not done, "it ended by itself"


async def everything_is_settled(world: World) -> bool:
    """Whether the chain has all that was written, by the ledger's own bytes."""
    found = facts(world.village, world.store)
    settled = all(found[slot].chain_wh == used for slot, used in world.used_wh.items())
    return settled and await find_open(world.store) is None


async def test_a_process_killed_at_any_moment_settles_each_wh_once(
    village: Village,  # noqa: F811
    database: Database,  # noqa: F811
    config: tuple[Path, Clock],
) -> None:
    path, clock = config
    world = World(village, database, clock, random.Random(3))
    for _ in range(KILLS):
        async with settlement_process(path) as process:
            await has_begun(process, world)
            for _ in range(world.chance.randint(0, LONGEST_LIFE)):
                world.move()
                await a_moment_passes(process)
    assert len(batches(database)) > 1

    async with settlement_process(path) as process, asyncio.timeout(DEADLINE_S):
        while not await everything_is_settled(world):
            world.close_ledger()
            await a_moment_passes(process)
    found = facts(village, database)
    assert {slot: one.usage_wh for slot, one in found.items()} == world.used_wh
    assert sum(one.residue_wh for one in found.values()) == 0
    assert_settled_once(found)
    rows = batches(database)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert {row[4] for row in rows} == {"confirmed"}
    assert all(one[2] == after[1] for one, after in pairwise(rows))
    assert (await settlement_status(database)).state == "online"
