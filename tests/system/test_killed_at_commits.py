"""SIGKILL on either side of every commit: of a flush, and of every state of the outbox."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from stellar_sdk import Keypair

from gateway.ledger.keys import SigningKey
from gateway.store.database import Database
from tests.ledger.conftest import database, localnet, village  # noqa: F401 - fixtures
from tests.ledger.localnet import ROOT
from tests.ledger.verdict import assert_settled_once, batches, facts
from tests.ledger.village import HOUR_S, START_S, Village, use
from tests.village import START_S as INSTALLED_S
from tests.village import kept_in, settle_in

MOST_COMMITS = 20
GRACE_S = 200
GROUPS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]


class Mortals:
    """Processes that die when they are told to."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(
        self, job: str, told: dict[str, Any], commit: int = 0, *, after: bool = False
    ) -> bool:
        """Run a job; True when it was killed at that commit."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"job": job, "told": told, "commit": commit, "after": after}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        status = int(await self._process.stdout.readline())
        assert status in (0, signal.SIGKILL)
        return status == signal.SIGKILL


@pytest.fixture
async def mortals() -> AsyncIterator[Mortals]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.dying",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    yield Mortals(process)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return store.execute(sql).fetchall()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_reading_that_was_said_to_be_stored_survives_a_kill_at_any_commit(
    mortals: Mortals, tmp_path: Path, *, after: bool
) -> None:
    for commit in range(1, MOST_COMMITS):
        path = tmp_path / f"usage-{commit}.db"
        store = await Database.open(path)
        await settle_in(store)
        await store.close()
        acknowledged = tmp_path / f"acknowledged-{commit}"
        acknowledged.touch()
        told = {
            "database": str(path),
            "start_s": INSTALLED_S,
            "acknowledged": str(acknowledged),
            "groups": GROUPS,
        }
        killed = await mortals.run("flush", told, commit, after=after)
        said = {int(line) for line in acknowledged.read_text().split()}
        stored = {kept.energy_wh - 1000 for kept in kept_in(path)}
        assert said <= stored
        usage_wh = rows(path, "SELECT IFNULL(sum(usage_wh), 0) FROM usage")[0][0]
        assert usage_wh == max(stored, default=0)
        assert not await mortals.run("flush", told)
        assert sorted(kept.energy_wh for kept in kept_in(path)) == list(range(1_001, 1_011))
        assert rows(path, "SELECT sum(usage_wh) FROM usage") == [(10,)]
        if not killed:
            assert commit > len(GROUPS)
            return
    pytest.fail("it never got through")


@pytest.fixture
def settling(village: Village, tmp_path: Path) -> tuple[Village, Callable[[Database, int], Any]]:  # noqa: F811
    """A village whose key lies in a file, and what a settlement process is told of it."""
    secret = Keypair.random()
    key_file = tmp_path / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(secret.secret)

    def told(store: Database, hour: int) -> dict[str, Any]:
        return {
            "settings": asdict(village.settings) | {"rpc_urls": [village.localnet.url]},
            "database": str(store.path),
            "key_file": str(key_file),
            "now_s": START_S + (hour + 1) * HOUR_S + GRACE_S,
            "until_s": START_S + (hour + 1) * HOUR_S,
        }

    return village.with_key(SigningKey(secret)), told


async def test_nothing_is_settled_twice_or_never_whatever_commit_the_process_is_killed_at(
    mortals: Mortals,
    settling: tuple[Village, Callable[[Database, int], Any]],
    database: Database,  # noqa: F811
) -> None:
    """Each process first recovers what the one before it left behind, whatever that was."""
    village, told = settling  # noqa: F811
    village.localnet.fund(village.key.address)
    await village.allow(village.key)
    hour = kills = 0
    for after in (False, True):
        for commit in range(1, MOST_COMMITS):
            hour += 1
            use(database, hour % 3, START_S + hour * HOUR_S, 100 + hour)
            village.until(START_S + (hour + 1) * HOUR_S + GRACE_S)
            killed = await mortals.run("settle", told(database, hour), commit, after=after)
            kills += killed
            if not killed:
                break
    hour += 1
    use(database, 0, START_S + hour * HOUR_S, 1)
    village.until(START_S + (hour + 1) * HOUR_S + GRACE_S)
    assert not await mortals.run("settle", told(database, hour))
    assert kills >= 8
    assert_settled_once(facts(village, database))
    assert {row[4] for row in batches(database)} == {"confirmed"}
