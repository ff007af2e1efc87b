"""The real field process while an operator accepts a node and exchanges a meter beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system.field import FIRST_WH, NODES, World, world_in


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, World) as world:
        yield world


async def gateway(world: World, *words: str) -> str:
    """Run a command beside the field process; returns what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", words[0], "--config", str(world.config), *words[1:]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_a_node_is_accepted_while_field_runs_and_brings_what_it_kept(world: World) -> None:
    text = world.config.read_text()
    world.config.write_text(text[: text.index('[[meter_point]]\nlabel = "house-4"')])
    await world.start()
    await world.until(
        lambda: bool(world.rows("SELECT 1 FROM node_candidate WHERE messages > 0")), "a stranger"
    )
    stranger = world.nodes[1]
    assert stranger.acknowledged == set()
    assert NODES[1] in await gateway(world, "node", "list")
    words = ("accept", NODES[1], "--label", "house-4", "--slot", "4", "--relay", "node")
    assert "house-4 (slot 4, prepaid)" in await gateway(world, "node", *words)
    await world.until(lambda: len(stranger.acknowledged) > 5, "it is acknowledged")
    await world.until_more("house-4")
    assert await world.end() == 0
    assert stranger.acknowledged <= world.stored("house-4")
    await world.start()  # the file does not name it, and it is still there
    await world.until_more("house-4")
    assert await world.end() == 0
    assert "Traceback" not in world.log


async def test_a_meter_is_exchanged_while_field_runs_and_every_wh_is_counted_once(
    world: World,
) -> None:
    await world.start()
    await world.until_more("house-1", "house-2")
    world.unplug()
    await world.until_status("bus:main", "offline")
    await world.until(
        lambda: world.rows("SELECT max(read_ms) FROM register")[0][0] < world.now_ms() - 2_000,
        "a second of village time",
    )
    at_wh = world.homes[0].register_wh(world.now_ms())
    said = await gateway(
        world,
        *("meter", "exchange", "house-1", "--serial", "NEW-1"),
        *("--last-register-wh", str(at_wh), "--first-register-wh", str(at_wh)),
    )
    assert "house-1: main/1 was replaced by NEW-1" in said
    world.plug_in()
    await world.until(
        lambda: bool(
            world.rows(
                """SELECT 1 FROM register r JOIN meter m USING (meter_id)
                   WHERE m.serial = 'NEW-1' AND r.power_mw IS NOT NULL"""
            )
        ),
        "the new meter is read",
    )
    assert await world.end() == 0
    [(counted_wh, usage_wh, register_wh)] = world.rows(
        """SELECT i.carried_wh + r.cumulative_wh, (SELECT sum(usage_wh) FROM usage u
                  WHERE u.meter_point_id = i.meter_point_id), r.energy_wh
           FROM installation i JOIN register r USING (meter_id) JOIN meter m USING (meter_id)
           WHERE m.serial = 'NEW-1'"""
    )
    assert counted_wh == usage_wh == register_wh - FIRST_WH
    assert world.rows("SELECT kind FROM event WHERE kind IN ('reset', 'jump', 'reverse')") == []
    assert "Traceback" not in world.log
