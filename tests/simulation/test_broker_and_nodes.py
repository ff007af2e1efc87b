"""Nodes against a real Mosquitto: nothing is forgotten early, no command is believed blindly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from gateway.errors import Permanent
from gateway.simulation.broker import GATEWAY_USER, Broker, BrokerAddress
from gateway.simulation.nodes import NodeSettings, SimulatedNode
from gateway.wire import nodes, relays
from gateway.wire.errors import WireError
from gateway.wire.nodes import Acknowledgement, NodeReading
from gateway.wire.relays import RelayCommand, RelayReport, Switch
from gateway.wire.topics import Channel, topic, topic_filter
from tests.simulation.world import START_S, household, passwords, until, village_clock

KEY = bytes(range(32))
PATIENT = NodeSettings("meter-001", "secret-meter-001", KEY)
NODE = NodeSettings(
    "meter-001", "secret-meter-001", KEY, resend_after_s=0.5, reconnect_after_s=0.05
)


def node_of(broker: Broker, settings: NodeSettings = NODE) -> SimulatedNode:
    return SimulatedNode(settings, household(), village_clock(), broker.address)


def command(
    relay: Switch,
    counter: int,
    *,
    node: str = "meter-001",
    expires_in_s: int = 86_400,
    key: bytes = KEY,
) -> bytes:
    expires_at = datetime.fromtimestamp(START_S + expires_in_s, UTC)
    return relays.encode_command(RelayCommand(node, relay, counter, expires_at), key)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    server = Broker(tmp_path / "broker", passwords("meter-001", "meter-002"))
    await server.start()
    yield server
    await server.stop()


def sequences_above(node: SimulatedNode, sequence: int) -> bool:
    return all((reading.sequence or 0) > sequence for reading in node.kept)


@asynccontextmanager
async def running(node: SimulatedNode) -> AsyncIterator[None]:
    task = asyncio.create_task(node.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def client(broker: Broker, user: str = GATEWAY_USER) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.address.host, broker.address.port, username=user, password=f"secret-{user}"
    )


async def take_readings(gateway: aiomqtt.Client, count: int) -> list[NodeReading]:
    """The next readings, in the order they come."""
    readings = []
    async with asyncio.timeout(20):
        async for message in gateway.messages:
            assert isinstance(message.payload, bytes)
            readings.append(nodes.decode_reading(message.payload))
            if len(readings) == count:
                break
    return readings


async def acknowledge(gateway: aiomqtt.Client, reading: NodeReading) -> None:
    ack = Acknowledgement(reading.read_at, reading.sequence)
    await gateway.publish(topic("meter-001", Channel.ACK), nodes.encode_ack(ack), qos=1)


async def test_readings_come_every_ten_village_seconds_in_the_published_form(
    broker: Broker,
) -> None:
    async with client(broker) as gateway, running(node_of(broker, PATIENT)):
        await gateway.subscribe(topic_filter(Channel.READING), qos=1)
        readings = await take_readings(gateway, 5)

    seconds = [int(reading.read_at.timestamp()) for reading in readings]
    assert all(second % 10 == 0 for second in seconds)
    assert seconds == sorted(set(seconds))
    house = household()
    for reading, second in zip(readings, seconds, strict=True):
        assert reading.device_id == "meter-001"
        assert reading.energy_wh == house.register_wh(second * 1000)
        assert reading.frequency_mhz in {49_900, 50_000, 50_100}


async def test_a_node_keeps_every_reading_until_it_is_acknowledged_through_a_broker_restart(
    broker: Broker,
) -> None:
    node = node_of(broker)
    async with running(node):
        async with client(broker) as gateway:
            await gateway.subscribe(topic_filter(Channel.READING), qos=1)
            await take_readings(gateway, 2)
        assert node.kept[0].sequence == 1

        await broker.kill()
        known = len(node.kept)
        await until(lambda: len(node.kept) >= known + 5, "readings pile up while it is down")
        await broker.start()

        heard: dict[int, NodeReading] = {}
        async with client(broker) as gateway:
            await gateway.subscribe(topic_filter(Channel.READING), qos=1)
            # The broker may deliver some of them twice, and may have had the first in vain.
            target = node.kept[-1].sequence or 0
            while not heard.keys() >= set(range(3, target + 1)):
                (reading,) = await take_readings(gateway, 1)
                assert reading.sequence is not None
                heard[reading.sequence] = reading
            assert node.kept[0].sequence == 1

            await acknowledge(gateway, heard[target])
            await until(lambda: sequences_above(node, target), "the node forgets")
    assert node.lost == 0


async def test_what_is_not_acknowledged_in_time_is_sent_again(broker: Broker) -> None:
    async with client(broker) as gateway, running(node_of(broker)):
        await gateway.subscribe(topic_filter(Channel.READING), qos=1)
        sequences = [1]
        while sequences.count(1) < 3:
            (reading,) = await take_readings(gateway, 1)
            sequences.append(reading.sequence or 0)

    assert max(sequences) > 1


async def test_a_full_buffer_loses_the_oldest_and_says_how_many(broker: Broker) -> None:
    node = node_of(broker, NodeSettings("meter-001", "x", KEY, buffer_size=3))
    for second in range(5):
        node.read(START_S + 10 * second)

    assert [reading.sequence for reading in node.kept] == [3, 4, 5]
    assert node.lost == 2


async def test_an_acknowledgement_without_sequence_counts_by_time(broker: Broker) -> None:
    node = node_of(broker)
    readings = [node.read(START_S + 10 * second) for second in range(3)]

    node.forget(Acknowledgement(readings[1].read_at))
    assert node.kept == (readings[2],)

    node.forget(Acknowledgement(readings[2].read_at, sequence=99, boot_id="another boot"))
    assert node.kept == (readings[2],)


async def test_a_node_keeps_what_lies_outside_the_acknowledged_range(broker: Broker) -> None:
    node = node_of(broker)
    readings = [node.read(START_S + 10 * number) for number in range(1, 6)]

    node.forget(Acknowledgement(readings[3].read_at, 4, "boot-1", first_sequence=3))
    assert node.kept == (readings[0], readings[1], readings[4])

    node.forget(Acknowledgement(readings[4].read_at, 5, "boot-1"))
    assert not node.kept


async def test_a_signed_command_switches_the_supply_and_is_reported(broker: Broker) -> None:
    node = node_of(broker)
    expires_at = datetime.fromtimestamp(START_S, UTC) + timedelta(days=1)
    order = RelayCommand("meter-001", Switch.OFF, 1, expires_at)

    async with client(broker) as gateway, running(node):
        await gateway.subscribe(topic_filter(Channel.RELAY_STATE), qos=1)
        before = relays.decode_relay_report(await next_message(gateway))
        await gateway.publish(
            topic("meter-001", Channel.RELAY_COMMAND), relays.encode_command(order, KEY), qos=1
        )
        after = relays.decode_relay_report(await next_message(gateway))

    assert (before, after) == (RelayReport(Switch.ON, 0), RelayReport(Switch.OFF, 1))
    assert not node.household.connected
    assert node.household.disconnects == 1


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (command(Switch.ON, 5), "counter 5 is not above 5: a replay"),
        (command(Switch.ON, 6, expires_in_s=-1), "the command expired at"),
        (command(Switch.ON, 6, node="meter-002"), "hmac was not made for meter-001"),
        (command(Switch.ON, 6, key=KEY[::-1]), "hmac was not made for meter-001"),
    ],
)
async def test_a_command_that_cannot_be_trusted_changes_nothing(payload: bytes, why: str) -> None:
    node = SimulatedNode(NODE, household(), village_clock(), BrokerAddress(1))
    assert node.obey(command(Switch.OFF, 5)).refused is None

    report = node.obey(payload)

    assert why in (report.refused or "")
    assert (report.state, report.counter) == (Switch.OFF, 5)
    assert not node.household.connected


async def test_a_node_that_dies_leaves_its_last_will(broker: Broker) -> None:
    node = node_of(broker)
    async with client(broker) as gateway:
        await gateway.subscribe(topic_filter(Channel.STATUS), qos=1)
        async with running(node):
            assert await next_status(gateway) is True
            # A second connection under the same id takes over, as after a crash.
            thief = aiomqtt.Client(
                broker.address.host,
                broker.address.port,
                username="meter-001",
                password="secret-meter-001",  # noqa: S106 - of a broker that lives for a second
                identifier="meter-001",
            )
            async with thief:
                assert await next_status(gateway) is False


async def next_status(gateway: aiomqtt.Client) -> bool:
    return nodes.decode_status(await next_message(gateway))


async def next_message(listener: aiomqtt.Client) -> bytes:
    async with asyncio.timeout(20):
        message = await anext(aiter(listener.messages))
    assert isinstance(message.payload, bytes)
    return message.payload


async def test_a_node_cannot_speak_for_another(broker: Broker) -> None:
    async with client(broker) as gateway:
        await gateway.subscribe(topic_filter(Channel.READING), qos=1)
        with suppress(aiomqtt.MqttError):  # Mosquitto 2.0.11 acknowledges, then hangs up
            async with client(broker, "meter-002") as forger:
                await forger.publish(topic("meter-001", Channel.READING), b"forged", qos=1)
        async with client(broker, "meter-002") as honest:
            await honest.publish(topic("meter-002", Channel.READING), b"true", qos=1)
        heard = await next_message(gateway)

    assert heard == b"true"


async def test_a_node_cannot_listen_to_another(broker: Broker) -> None:
    async with client(broker) as gateway, client(broker, "meter-002") as curious:
        await curious.subscribe("nodes/+/down/#", qos=1)
        await gateway.publish(topic("meter-001", Channel.ACK), b"private", qos=1)
        await gateway.publish(topic("meter-002", Channel.ACK), b"own", qos=1)
        heard = await next_message(curious)

    assert heard == b"own"


@pytest.mark.parametrize("user", [None, "meter-001"])
async def test_nobody_gets_in_without_the_right_password(broker: Broker, user: str | None) -> None:
    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        async with aiomqtt.Client(
            broker.address.host,
            broker.address.port,
            username=user,
            password=user and "wrong",
        ):
            pass


def test_the_files_of_the_broker_hold_no_plain_password(broker: Broker) -> None:
    users = broker.folder / "passwords"

    assert "secret" not in users.read_text()
    assert users.stat().st_mode & 0o777 == 0o600


async def test_a_broker_that_is_not_installed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("gateway.simulation.broker._SYSTEM_FOLDERS", str(tmp_path))

    with pytest.raises(Permanent, match="mosquitto is not installed: apt install mosquitto"):
        await Broker(tmp_path, passwords()).start()


async def test_a_taken_port_is_an_error_before_anything_starts(
    broker: Broker, tmp_path: Path
) -> None:
    second = Broker(tmp_path / "second", passwords(), broker.address.port)

    with pytest.raises(Permanent, match=r"port \d+ of 127.0.0.1 is taken: choose another"):
        await second.start()


async def test_a_user_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WireError, match="user must be 1 to 63 letters"):
        await Broker(tmp_path, {"gateway": "x", "a:b": "y"}).start()


def test_a_reading_is_the_missions_json(broker: Broker) -> None:
    reading = node_of(broker).read(START_S)

    message = json.loads(nodes.encode_reading(reading))
    assert set(message) == {
        "device_id", "timestamp", "voltage", "current", "power_w", "energy_kwh", "power_factor",
        "rssi", "sequence", "boot_id", "frequency",
    }  # fmt: skip
