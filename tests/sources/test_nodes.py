"""Readings over a real broker: what survives a kill, what is refused, what nodes are told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from msgspec.structs import replace

from gateway.simulation import broker as mosquitto
from gateway.simulation import nodes as simulation
from gateway.sources.nodes import HURRY_AT
from gateway.wire.nodes import Acknowledgement, decode_ack, encode_reading, encode_status
from gateway.wire.relays import RelayReport, Switch, encode_relay_report
from gateway.wire.topics import Channel, topic
from tests.sources.stage import house, running, until
from tests.sources.world import NODE, OTHER, PASSWORDS, World, only_event, publish, set_up_world


async def next_ack(node: aiomqtt.Client) -> Acknowledgement:
    async with asyncio.timeout(20):
        message = await anext(aiter(node.messages))
    assert isinstance(message.payload, bytes)
    return decode_ack(message.payload)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with set_up_world(tmp_path, flush_s=0.05) as world:
        yield world


@pytest.fixture
async def slow_world(tmp_path: Path) -> AsyncIterator[World]:
    """A world that commits after a minute, unless somebody is in a hurry."""
    async with set_up_world(tmp_path, flush_s=60) as world:
        yield world


async def test_a_reading_is_stored_as_the_node_sent_it(world: World) -> None:
    sent = world.reading(7)
    async with world.listening():
        await world.send([sent])
        await world.until_stored(1)
    (row,) = await world.stage.readings()
    assert row["read_ms"] == sent.read_at.timestamp() * 1000
    assert (row["energy_wh"], row["voltage_mv"], row["power_mw"]) == (1_007, 230_100, 230_100)
    assert row["meter_id"] == world.stage.points[0].meter_id


async def test_a_gateway_that_is_killed_before_its_commit_loses_nothing(
    slow_world: World,
) -> None:
    world, count = slow_world, 200
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sources.stalled_gateway",
        str(world.stage.database.path),
        str(world.mosquitto.address.port),
        PASSWORDS[mosquitto.GATEWAY_USER],
        stdout=asyncio.subprocess.PIPE,
    )
    assert victim.stdout is not None
    await world.until_status("broker", "online")
    await world.send([world.reading(number) for number in range(1, count + 1)])
    async with asyncio.timeout(30):
        for _ in range(count):
            assert await victim.stdout.readline() == b"taken\n"
    victim.kill()
    await victim.wait()
    assert await world.stage.readings() == []

    connection = world.connection()
    async with running(world.source(connection).run(), connection.run()):

        async def all_stored() -> bool:
            world.stage.intake.hurry()
            return len(await world.stage.readings()) == count

        await until(all_stored, "everything delivered again")


async def test_what_was_committed_does_not_come_again(world: World) -> None:
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        await publish(node, Channel.READING, encode_reading(world.reading(1)))
        await next_ack(node)
    await world.stage.forget_readings()
    async with world.listening():
        await world.send([world.reading(2)])
        await world.until_stored(1)
    assert [row["energy_wh"] for row in await world.stage.readings()] == [1_002]


async def test_a_connection_lost_before_the_commit_is_not_an_acknowledgement(
    slow_world: World,
) -> None:
    world = slow_world
    await world.send([])
    async with world.listening():
        await world.send([world.reading(number) for number in (1, 2, 3)])

        async def taken() -> bool:
            return world.stage.intake._waiting == 3

        await until(taken, "three readings wait for their commit")
    world.stage.intake.hurry()
    await world.until_stored(3)
    await world.stage.forget_readings()
    async with world.listening():

        async def again() -> bool:
            world.stage.intake.hurry()
            return len(await world.stage.readings()) == 3

        await until(again, "three readings delivered again")


async def test_a_duplicate_is_stored_once_and_acknowledged_twice(world: World) -> None:
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        for _ in range(2):
            await publish(node, Channel.READING, encode_reading(world.reading(5)))
            assert (await next_ack(node)).sequence == 5
    assert len(await world.stage.readings()) == 1


async def test_one_acknowledgement_covers_all_of_a_commit(slow_world: World) -> None:
    world = slow_world
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        for number in range(1, 51):
            await publish(node, Channel.READING, encode_reading(world.reading(number)))

        async def taken() -> bool:
            return world.stage.intake._waiting == 50

        await until(taken, "fifty readings wait for their commit")
        world.stage.intake.hurry()
        ack = await next_ack(node)
        assert ack == Acknowledgement(world.reading(50).read_at, 50, "boot-1", 1)
        assert len(await world.stage.readings()) == 50
        await publish(node, Channel.READING, encode_reading(world.reading(51)))

        async def next_taken() -> bool:
            return world.stage.intake._waiting == 1

        await until(next_taken, "one more reading waits")
        world.stage.intake.hurry()
        assert (await next_ack(node)).sequence == 51


async def test_what_never_arrived_is_not_acknowledged(slow_world: World) -> None:
    """A broker that lost its queue leaves a hole, which the node has to fill."""
    world = slow_world
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        for number in (3, 4, 7, 8, 8, 9):
            await publish(node, Channel.READING, encode_reading(world.reading(number)))

        async def taken() -> bool:
            return world.stage.intake._waiting == 6

        await until(taken, "six readings wait for their commit")
        world.stage.intake.hurry()
        covered: set[int] = set()
        while 9 not in covered:
            ack = await next_ack(node)
            assert ack.first_sequence is not None
            assert ack.sequence is not None
            covered.update(range(ack.first_sequence, ack.sequence + 1))
    assert covered == {3, 4, 7, 8, 9}


async def test_a_refused_reading_says_nothing_of_those_before_it(slow_world: World) -> None:
    world = slow_world
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        await publish(node, Channel.READING, encode_reading(world.reading(8)))
        impossible = replace(world.reading(9), voltage_mv=900_000)
        await publish(node, Channel.READING, encode_reading(impossible))
        ack = await next_ack(node)
        assert (ack.first_sequence, ack.sequence) == (9, 9)
        assert await world.stage.readings() == []


async def test_a_burst_does_not_wait_for_the_slow_commit(slow_world: World) -> None:
    world, count = slow_world, HURRY_AT + 100
    async with world.listening():
        await world.send([world.reading(number) for number in range(1, count + 1)])
        await world.until_stored(HURRY_AT)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"voltage": 900}, "voltage of 900 V is outside 0 to 440 V"),
        ({"voltage": "230"}, "voltage must be a number without quotes"),
        ({"energy_kwh": None}, "energy_kwh must be a number"),
        ({"timestamp": "yesterday"}, "timestamp must look like"),
        ({"device_id": OTHER}, "device_id is 'meter-002', sent as meter-001"),
        ({"device_id": "\ud800"}, "device_id must be 1 to 63 letters"),
    ],
)
async def test_what_cannot_be_true_is_refused_in_words_and_does_not_come_back(
    world: World, change: dict[str, object], sentence: str
) -> None:
    message = json.loads(encode_reading(world.reading(1))) | change
    async with world.listening() as source:
        async with world.node() as node:
            await publish(node, Channel.READING, json.dumps(message).encode())
        await world.send([world.reading(2)])
        await world.until_stored(1)
        assert source.refused == {f"node {NODE} (house-01)": 1}
        detail = await only_event(world.stage, "refused-reading")
    assert detail.startswith(f"node {NODE} (house-01) sent a message that was refused: ")
    assert sentence in detail
    async with world.listening() as source:
        await world.send([world.reading(3)])
        await world.until_stored(2)
        assert source.refused == {}


async def test_a_refused_reading_with_a_number_is_acknowledged_to_its_node(world: World) -> None:
    async with world.listening(), world.node() as node:
        await node.subscribe(topic(NODE, Channel.ACK), qos=1)
        impossible = replace(world.reading(9), voltage_mv=900_000)
        await publish(node, Channel.READING, encode_reading(impossible))
        assert (await next_ack(node)).sequence == 9
    assert await world.stage.readings() == []


async def test_noise_is_counted_and_written_once(world: World) -> None:
    async with world.listening() as source:
        async with world.node() as node:
            for _ in range(200):
                await publish(node, Channel.READING, b"\xff\x00 not json")

        async def counted() -> bool:
            return source.refused == {f"node {NODE} (house-01)": 200}

        await until(counted, "two hundred refusals")
        detail = await only_event(world.stage, "refused-reading")
    assert "is not JSON: send one JSON object" in detail


async def test_a_number_too_large_for_anything_is_refused_like_other_noise(world: World) -> None:
    async with world.listening() as source:
        async with world.node() as node:
            await publish(node, Channel.READING, b'{"voltage": 1e99999999999999999999}')

        async def counted() -> bool:
            return source.refused == {f"node {NODE} (house-01)": 1}

        await until(counted, "the refusal")


async def test_a_broker_that_restarts_is_found_again(world: World) -> None:
    async with world.listening():
        await world.send([world.reading(1)])
        await world.until_stored(1)
        await world.mosquitto.stop()
        assert "127.0.0.1" in await world.until_status("broker", "offline")
        await world.mosquitto.start()
        await world.until_status("broker", "online")
        await world.send([world.reading(2)])
        await world.until_stored(2)


async def test_acknowledgements_wait_for_the_broker(slow_world: World) -> None:
    world = slow_world
    async with world.listening():
        async with world.node(clean_session=False) as node:
            await node.subscribe(topic(NODE, Channel.ACK), qos=1)
            await publish(node, Channel.READING, encode_reading(world.reading(4)))

            async def taken() -> bool:
                return world.stage.intake._waiting == 1

            await until(taken, "a reading waits for its commit")
        await world.mosquitto.stop()
        await world.until_status("broker", "offline")
        await world.mosquitto.start()
        world.stage.intake.hurry()
        async with world.node(clean_session=False) as node:
            await node.subscribe(topic(NODE, Channel.ACK), qos=1)

            async def delivered_again() -> bool:
                world.stage.intake.hurry()
                return len(await world.stage.readings()) == 1

            await until(delivered_again, "the reading is stored")
            assert (await next_ack(node)).sequence == 4


async def test_a_node_s_relay_and_its_last_will_are_its_status(world: World) -> None:
    async with world.listening():
        will = aiomqtt.Will(
            topic(NODE, Channel.STATUS), encode_status(online=False), qos=1, retain=True
        )
        async with world.node(will=will) as node:
            await publish(node, Channel.STATUS, encode_status(online=True))
            await publish(node, Channel.RELAY_STATE, encode_relay_report(RelayReport(Switch.ON, 3)))
            message = await world.until_status(f"node:{NODE}", "online")

            async def relay_known() -> bool:
                status = await world.stage.status(f"node:{NODE}")
                return status is not None and status.message == "house-01 reports; its relay is on"

            await until(relay_known, f"more than {message}")
            node._client._sock_close()  # the cable breaks: no DISCONNECT is sent
            message = await world.until_status(f"node:{NODE}", "offline")
            assert message == (
                "house-01 lost its connection: check its node's Wi-Fi and mains supply"
            )


async def test_a_reading_brings_a_lost_node_back(world: World) -> None:
    async with world.listening():
        async with world.node() as node:
            await publish(node, Channel.STATUS, encode_status(online=False))
        await world.until_status(f"node:{NODE}", "offline")
        await world.send([world.reading(1)])  # taken before it was lost: proves nothing
        await world.until_stored(1)
        status = await world.stage.status(f"node:{NODE}")
        assert status is not None
        assert status.state == "offline"
        await world.send([replace(world.reading(2), read_at=world.stage.clock.now())])
        await world.until_status(f"node:{NODE}", "online")


async def test_no_node_is_called_online_while_the_broker_is_away(world: World) -> None:
    async with world.listening():
        async with world.node() as node:
            await publish(node, Channel.STATUS, encode_status(online=True))
            await world.until_status(f"node:{NODE}", "online")
        await world.mosquitto.stop()
        said = await world.until_status(f"node:{NODE}", "offline")
        assert said == "house-01 has not been heard since the broker was away"
        await world.mosquitto.start()
        await world.until_status(f"node:{NODE}", "online")  # its retained status


async def test_words_that_would_break_a_line_or_a_page_are_written_harmlessly(
    world: World,
) -> None:
    async with world.listening():
        async with world.node() as node:
            report = b'{"state":"on","counter":1,"refused":"\\ud800 \\u001b[31m\\nno"}'
            await publish(node, Channel.RELAY_STATE, report)
        detail = await only_event(world.stage, "relay-refused")
    assert detail.endswith("did not obey a relay command: ? ?[31m?no")


async def test_a_command_that_a_node_refused_is_an_event(world: World) -> None:
    async with world.listening():
        async with world.node() as node:
            report = RelayReport(Switch.OFF, 3, "counter 3 is not above 3: a replay")
            await publish(node, Channel.RELAY_STATE, encode_relay_report(report))
        detail = await only_event(world.stage, "relay-refused")
    assert detail == (
        f"node {NODE} (house-01) did not obey a relay command: counter 3 is not above 3: a replay"
    )


async def test_a_node_forgets_its_readings_only_when_they_are_stored(slow_world: World) -> None:
    world = slow_world
    settings = simulation.NodeSettings(NODE, PASSWORDS[NODE], b"k" * 16, read_every_s=1)
    node = simulation.SimulatedNode(settings, house(1), world.stage.clock, world.mosquitto.address)
    async with world.listening(), running(node.run()):

        async def taken() -> bool:
            return world.stage.intake._waiting >= 2

        await until(taken, "two readings wait for their commit")
        kept = node.kept
        assert len(kept) >= 2
        world.stage.intake.hurry()

        async def forgotten() -> bool:
            return not node.kept or node.kept[0].read_at > kept[1].read_at

        await until(forgotten, "the node forgot")
        stored = {row["read_ms"] for row in await world.stage.readings()}
        assert {reading.read_at.timestamp() * 1000 for reading in kept[:2]} <= stored


async def test_a_backlog_of_thousands_that_is_sent_twice_counts_once(world: World) -> None:
    backlog = [world.reading(number) for number in range(1, 1_501)]
    async with world.listening() as source:
        await world.send(backlog)
        await world.send(backlog)
        last = replace(world.reading(1_501), read_at=world.stage.clock.now())
        await world.send([last])

        async def last_stored() -> bool:
            rows = await world.stage.readings()
            return bool(rows) and rows[-1]["energy_wh"] == last.energy_wh

        await until(last_stored, "the reading after both")
        assert source.refused == {}
    assert len(await world.stage.readings()) == 1_501
    row = await world.stage.database.fetch_one("SELECT sum(usage_wh) FROM usage")
    assert row is not None
    assert row[0] == 1_501


async def test_readings_out_of_order_never_take_the_register_back(world: World) -> None:
    async with world.listening():
        for number in (5, 3, 9, 1, 8):
            await world.send([world.reading(number)])
        await world.until_stored(5)
    row = await world.stage.database.fetch_one("SELECT energy_wh, cumulative_wh FROM register")
    assert row is not None
    assert tuple(row) == (1_009, 9)
    assert await world.stage.events("reset") == []
