"""Nodes that nobody knows are held, accepted without a restart, and then bring what they kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.sources.strangers import SAVE_EVERY_S, Strangers
from gateway.store.candidates import (
    MOST_CANDIDATES,
    accept_candidate,
    find_candidates,
    forget_candidate,
)
from gateway.wire.nodes import encode_reading, encode_status
from gateway.wire.topics import Channel, topic
from tests.sources.stage import until
from tests.sources.world import NODE, STRANGER, World, only_event, publish, set_up_world
from tests.village import HOUSE

SETTING = changed(
    HOUSE,
    label="house-09",
    slot=9,
    serial=f"node/{STRANGER}",
    model="node",
    address=f"node/{STRANGER}",
    first_register_wh=None,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with set_up_world(tmp_path, flush_s=0.05) as world:
        yield world


async def hear_of(world: World, count: int) -> None:
    """Wait until so many messages of strangers are written down."""

    async def heard() -> bool:
        await world.strangers[-1].save()
        return sum(one.messages for one in await find_candidates(world.stage.database)) == count

    await until(heard, f"{count} messages of strangers")


async def test_a_stranger_is_held_and_named_with_what_to_do(world: World) -> None:
    async with world.listening() as source:
        await world.send([world.reading(n, STRANGER) for n in (1, 2)], STRANGER)
        async with world.node(STRANGER) as node:  # says more than it reads, which nobody needs
            await publish(node, Channel.STATUS, encode_status(online=True), STRANGER)
        await hear_of(world, 2)
        told = await only_event(world.stage, "unknown-node")
        assert source.refused == {}
    (candidate,) = await find_candidates(world.stage.database)
    assert (candidate.name, candidate.energy_wh) == (STRANGER, 1_002)
    assert f"called {STRANGER} reports" in told
    assert f"gateway node accept {STRANGER} --label LABEL --slot SLOT" in told
    assert await world.stage.readings() == []


async def test_an_accepted_node_is_taken_up_without_a_restart(world: World) -> None:
    stage = world.stage
    async with world.listening() as source, world.node(STRANGER) as node:
        await node.subscribe(topic(STRANGER, Channel.ACK), qos=1)
        first = encode_reading(world.reading(1, STRANGER))
        await publish(node, Channel.READING, first, STRANGER)
        await hear_of(world, 1)
        await accept_candidate(stage.database, STRANGER, SETTING, int(stage.clock.now_s()))
        await world.roster(source).tick(stage.clock.now())
        now = stage.clock.now()
        kept = [
            replace(world.reading(n, STRANGER), read_at=now + timedelta(seconds=n)) for n in (1, 2)
        ]
        for reading in kept:
            await publish(node, Channel.READING, encode_reading(reading), STRANGER)
        await world.until_stored(2)
        await anext(aiter(node.messages))  # and it is told so
        await world.until_status(f"node:{STRANGER}", "online")
    assert {row["energy_wh"] for row in await stage.readings()} == {1_001, 1_002}


async def test_noise_of_a_stranger_makes_no_candidate(world: World) -> None:
    async with world.listening() as source:
        async with world.node(STRANGER) as node:
            await publish(node, Channel.READING, b"not json", STRANGER)
            await publish(node, Channel.READING, encode_reading(world.reading(1)), STRANGER)

        async def counted() -> bool:
            return source.refused == {"an unknown node": 2}

        await until(counted, "two refusals")
    assert await find_candidates(world.stage.database) == []


async def test_known_nodes_are_no_strangers(world: World) -> None:
    async with world.listening():
        await world.send([world.reading(1)])
        await world.until_stored(1)
        await world.strangers[-1].save()
    assert await find_candidates(world.stage.database) == []


async def test_a_noisy_stranger_is_written_down_seldom(world: World) -> None:
    database, clock = world.stage.database, world.stage.clock
    strangers = Strangers(database, clock)
    strangers.hear(world.reading(1, STRANGER))
    await strangers.save()
    for number in range(2, 100):
        strangers.hear(world.reading(number, STRANGER))
        await strangers.save()
    (candidate,) = await find_candidates(database)
    assert candidate.messages == 1
    later = Strangers(database, changed(clock, origin_s=clock.origin_s + 2 * SAVE_EVERY_S))
    later.hear(world.reading(100, STRANGER))
    await later.save()
    (candidate,) = await find_candidates(database)
    assert candidate.messages == 2
    assert await forget_candidate(database, STRANGER)


async def test_invented_names_take_a_bounded_place(world: World) -> None:
    strangers = Strangers(world.stage.database, world.stage.clock)
    for number in range(3 * MOST_CANDIDATES):
        strangers.hear(world.reading(1, f"invented-{number}"))
    await strangers.save()
    assert len(await find_candidates(world.stage.database)) == MOST_CANDIDATES
    assert len(await world.stage.events("unknown-node")) == 1
    assert NODE not in {one.name for one in await find_candidates(world.stage.database)}
