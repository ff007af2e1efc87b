"""The real field process against a cut cable, a dead broker, a kill and a deleted store."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiomqtt
import pytest

from gateway import app
from gateway.app import parts
from gateway.config import load
from gateway.notices import SignWatch
from gateway.relays import SupplyControl
from gateway.wire.topics import Channel, topic
from tests.system.field import FIRST_WH, LINES, NODES, PASSWORDS, World, world_in

KILLS = 6
LONGEST_LIFE_S = 0.6
ON_BUS = ("house-1", "house-2")
ON_NODES = ("house-3", "house-4")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, World) as world:
        yield world


async def test_signs_that_hold_relays_are_found_by_the_process_that_switches_them(
    world: World,
) -> None:
    """A page that is down must neither end a brown-out nor keep one up."""
    config = load(world.config)
    async with app.opened(config, ("field",)) as (database, clock, points):
        services = parts.field(config, database, clock, points)
    assert {SupplyControl, SignWatch} <= {type(one) for one in services}


def assert_nothing_acknowledged_is_lost(world: World) -> None:
    for node, label in zip(world.nodes, ON_NODES, strict=True):
        assert node.lost == 0
        assert node.acknowledged <= world.stored(label)


def assert_registers_agree(world: World) -> None:
    """Every Wh between the installation and the newest reading is counted once."""
    rows = world.rows(
        """SELECT p.slot, r.energy_wh, r.cumulative_wh + r.flagged_wh,
                  (SELECT sum(usage_wh) FROM usage u WHERE u.meter_point_id = p.meter_point_id),
                  r.cumulative_wh
           FROM register r JOIN installation USING (meter_id)
           JOIN meter_point p USING (meter_point_id)"""
    )
    assert len(rows) == len(world.homes)
    for slot, energy_wh, counted_wh, usage_wh, cumulative_wh in rows:
        assert counted_wh == energy_wh - FIRST_WH * slot
        assert (usage_wh or 0) == cumulative_wh
        assert energy_wh <= world.homes[slot - 1].register_wh(world.now_ms())


async def test_a_process_killed_at_random_points_loses_no_acknowledged_reading(
    world: World,
) -> None:
    chance = random.Random(20260121)
    await world.start()
    await world.until_more(*ON_BUS, *ON_NODES)
    world.give_credit()
    for _ in range(KILLS):
        before = [len(node.acknowledged) for node in world.nodes]

        def all_go_on(before: list[int] = before) -> bool:
            counts = [len(node.acknowledged) for node in world.nodes]
            return all(now > then for now, then in zip(counts, before, strict=True))

        await world.until(all_go_on, "acknowledgements for every node")
        await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))  # the moment is the experiment
        await world.end(signal.SIGKILL)
        assert_nothing_acknowledged_is_lost(world)
        assert_registers_agree(world)
        await world.start()
    await world.until(lambda: all(len(node.kept) < 200 for node in world.nodes), "the backlog")
    await world.until_more(*ON_BUS, *ON_NODES)
    assert await world.end() == 0
    assert_nothing_acknowledged_is_lost(world)
    assert_registers_agree(world)
    assert all(len(node.acknowledged) > 100 for node in world.nodes)
    assert "Traceback" not in world.log
    assert [home.connected for home in world.homes] == [True] * 4
    assert sum(home.disconnects for home in world.homes[:2]) <= len(LINES)  # before any credit


async def test_an_adapter_and_a_broker_that_come_back_are_found_again(world: World) -> None:
    await world.start()
    await world.until_more(*ON_BUS, *ON_NODES)
    world.unplug()
    assert "plug" in await world.until_status("bus:main", "offline")
    await world.until_more(*ON_NODES)
    world.plug_in()
    await world.until_status("bus:main", "online")
    await world.until_more(*ON_BUS)

    await world.broker.kill()
    assert "Mosquitto" in await world.until_status("broker", "offline")
    node = f"node:{NODES[0]}"
    assert await world.until_status(node, "offline") == (
        "house-3 has not been heard since the broker was away"
    )
    await world.until_more(*ON_BUS)
    asserted = "SELECT 1 FROM switch_journal WHERE meter_point_id = 3 AND outcome = 'done'"
    commands = len(world.rows(asserted))
    await world.broker.start()
    await world.until_status(node, "online")
    await world.until_more(*ON_NODES)
    # A broker that was killed may have forgotten the last command: the node is told again.
    await world.until(lambda: len(world.rows(asserted)) > commands, "the relay is told again")
    assert await world.end() == 0
    assert_nothing_acknowledged_is_lost(world)
    assert "Traceback" not in world.log


async def test_noise_on_every_topic_stops_nothing(world: World) -> None:
    await world.start()
    await world.until_more(*ON_NODES)
    noise = (
        b"",
        b"\x00\xff",
        b"[" * 4_000,
        b"x" * 100_000,
        b'{"device_id":"meter-101","voltage":1e99999999999999999999}',
        b'{"state":"on","counter":1,"refused":"\\ud800 \\u001b[31m \\n"}',
    )
    address = world.broker.address
    async with aiomqtt.Client(
        address.host, address.port, username=NODES[0], password=PASSWORDS[NODES[0]]
    ) as client:
        for channel in (Channel.READING, Channel.RELAY_STATE, Channel.STATUS):
            for payload in noise:
                await client.publish(topic(NODES[0], channel), payload, qos=1)
        await client.publish(f"nodes/{NODES[0]}/up/nonsense", b"{}", qos=1)
    await world.until(
        lambda: len(world.rows("SELECT 1 FROM event WHERE kind LIKE 're%'")) == 3,
        "a refused message, an unknown topic and a refused command are told once each",
    )
    await world.until_more(*ON_BUS, *ON_NODES)
    assert await world.end() == 0
    assert_nothing_acknowledged_is_lost(world)
    assert "Traceback" not in world.log


async def test_a_store_that_was_deleted_ends_the_process_with_one_sentence(world: World) -> None:
    await world.start()
    await world.until_more(*ON_BUS, *ON_NODES)
    for name in ("", "-wal", "-shm"):
        Path(f"{world.database}{name}").unlink()
    assert await world.ended() == 1
    assert "Traceback" not in world.log
    assert world.log.splitlines()[-1].endswith(
        "usage.db or its -wal file was deleted or replaced while it was in use: put it back or "
        "restore it from a backup, then start the gateway again"
    )


async def test_a_store_that_another_program_locks_is_waited_for(world: World) -> None:
    await world.start()
    await world.until_more(*ON_BUS, *ON_NODES)
    with closing(sqlite3.connect(world.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await world.until(
            lambda: all(len(node.kept) > 100 for node in world.nodes), "the nodes keep theirs"
        )
        assert_nothing_acknowledged_is_lost(world)
        other.execute("ROLLBACK")
    await world.until_more(*ON_BUS, *ON_NODES)
    await world.until(lambda: all(len(node.kept) < 100 for node in world.nodes), "the backlog")
    assert await world.end() == 0
    assert "Traceback" not in world.log
    assert_nothing_acknowledged_is_lost(world)
    assert_registers_agree(world)


async def test_a_second_process_on_the_same_store_is_refused(world: World) -> None:
    await world.start()
    await world.until_more(*ON_BUS)
    first = world.process
    await world.start()
    assert await world.ended() == 1
    assert world.log.splitlines()[-1] == (
        f"the part field runs already on {world.database}: stop that first"
    )
    world.process = first
    await world.until_more(*ON_BUS)
    assert await world.end() == 0
