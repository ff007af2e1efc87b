"""Nodes with a wrong clock: their energy counts, their dates do not; replays are no resets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.readings import Quality
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.exchanges import exchange_meter
from gateway.store.points import find_points
from gateway.wire.nodes import NodeReading, decode_ack, encode_reading
from gateway.wire.topics import Channel, topic
from tests.sources.stage import until
from tests.sources.world import NODE, World, only_event, publish, set_up_world

Y2K = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with set_up_world(tmp_path, flush_s=0.05) as world:
        yield world


def misdated(world: World, number: int, step_s: int = 10) -> NodeReading:
    """A reading of a node that booted without time; 1 Wh more with each."""
    return replace(world.reading(number), read_at=Y2K + timedelta(seconds=step_s * number))


async def usage_wh(world: World) -> int:
    row = await world.stage.database.fetch_one("SELECT sum(usage_wh) FROM usage")
    return (row[0] or 0) if row else 0


@pytest.mark.parametrize(
    ("stamp", "error"),
    [("2000-01-01T00:00:05Z", "26 years behind"), ("2099-01-01T00:00:00Z", "72 years ahead")],
)
async def test_a_live_reading_with_an_impossible_date_is_dated_at_its_arrival(
    world: World, stamp: str, error: str
) -> None:
    message = json.loads(encode_reading(world.reading(1))) | {"timestamp": stamp}
    before = world.stage.clock.now()
    async with world.listening() as source, world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        await publish(node, Channel.READING, json.dumps(message).encode())
        await world.until_stored(1)
        payload = (await anext(aiter(node.messages))).payload
        assert isinstance(payload, bytes)
        assert decode_ack(payload).sequence == 1
        assert source.refused == {}
        told = await only_event(world.stage, "node-clock")
    (row,) = await world.stage.readings()
    assert before.timestamp() * 1000 <= row["read_ms"] <= world.stage.clock.now_s() * 1000
    assert (row["energy_wh"], row["quality"]) == (1_001, Quality.SUSPECT)
    assert told == (
        f"node {NODE} (house-01) sends dates that can't be right: its clock is {error}; "
        "let it fetch the time"
    )
    assert await usage_wh(world) == 1


async def test_a_burst_without_time_is_billed_in_full_at_its_own_pace(world: World) -> None:
    """More than could flow in the moment of its arrival: the node's own distances are kept."""
    readings = [
        replace(misdated(world, number), energy_wh=1_000 + 10 * number) for number in range(1, 201)
    ]
    async with world.listening() as source:
        await world.send(readings)
        await world.until_stored(200)
        assert source.refused == {}
    rows = await world.stage.readings()
    dates = [row["read_ms"] for row in rows]
    assert [later - earlier for earlier, later in pairwise(dates)] == [10_000] * 199
    assert await usage_wh(world) == 2_000
    register = await world.stage.database.fetch_one("SELECT flagged_wh FROM register")
    assert register is not None
    assert register["flagged_wh"] == 0


async def test_old_registers_sent_again_are_refused_and_never_a_reset(world: World) -> None:
    async with world.listening() as source:
        await world.send([world.reading(1_900)])
        await world.until_stored(1)
        async with world.node() as node:
            await node.subscribe(topic(NODE, Channel.ACK), qos=1)
            for number in (5, 6, 7):
                await publish(node, Channel.READING, encode_reading(misdated(world, number)))

            async def refused() -> bool:
                return source.refused == {f"node {NODE} (house-01)": 3}

            await until(refused, "three refusals")
            payload = (await anext(aiter(node.messages))).payload
            assert isinstance(payload, bytes)
            ack = decode_ack(payload)
            assert ack.first_sequence == 5
        detail = await only_event(world.stage, "refused-reading")
    assert "its register of 1005 Wh is below the 2900 Wh read before" in detail
    assert len(await world.stage.readings()) == 1
    assert await world.stage.events("reset") == []


async def test_a_right_clock_after_a_wrong_one_goes_on_counting(world: World) -> None:
    async with world.listening():
        await world.send([misdated(world, 1), misdated(world, 2)])
        await world.until_stored(2)
        live = replace(world.reading(3), read_at=world.stage.clock.now() + timedelta(seconds=10))
        await world.send([live])
        await world.until_stored(3)
    assert await usage_wh(world) == 3
    assert len(await world.stage.events("node-clock")) == 1


async def test_what_is_held_without_a_date_comes_again_when_the_broker_was_away(
    world: World,
) -> None:
    async with world.listening():
        await world.send([misdated(world, 1)])
        await world.mosquitto.stop()
        await world.until_status("broker", "offline")
        await world.mosquitto.start()
        await world.until_status("broker", "online")
        await world.until_stored(1)
    assert await usage_wh(world) == 1


async def test_readings_from_before_an_exchange_are_not_the_new_meter_s(world: World) -> None:
    stage = world.stage
    async with world.listening() as source:
        await world.send([world.reading(1)])
        await world.until_stored(1)
        at_s = int(stage.clock.now_s())
        exchange = Exchange("house-01", at_s, OldMeter(1_050), NewMeter("NEW-1", 0))
        await exchange_meter(stage.database, exchange, lambda _: 1)
        points = await find_points(stage.database)
        await world.roster(source, node_names=True).tick(stage.clock.now())
        assert points[0].serial == "NEW-1"
        await world.send([world.reading(2)])  # kept by the node since before the exchange

        async def refused() -> bool:
            return source.refused == {f"node {NODE} (house-01)": 1}

        await until(refused, "the refusal")
        detail = await only_event(stage, "refused-reading")
        new = replace(
            world.reading(3), read_at=stage.clock.now() + timedelta(seconds=60), energy_wh=1
        )
        await world.send([new])
        await world.until_stored(2)
    assert "when another meter was installed there" in detail
    assert await usage_wh(world) == 51
