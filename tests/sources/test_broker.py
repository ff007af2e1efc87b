"""The one MQTT connection: what it says when it fails, and what publishing promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.broker import Broker, BrokerSettings, Reach
from gateway.errors import Permanent, Transient
from gateway.simulation import broker as mosquitto
from tests.simulation.world import passwords
from tests.sources.stage import running, until

NODE = "meter-001"
COMMAND = f"nodes/{NODE}/down/relay"
PASSWORDS = passwords(NODE)


class Ear:
    """Keeps what a connection hands on."""

    def __init__(self) -> None:
        self.said: list[tuple[Reach, str]] = []
        self.heard: list[tuple[str, bytes]] = []

    async def report(self, reach: Reach, message: str) -> None:
        """Keep a change."""
        self.said.append((reach, message))

    async def receive(self, topic: str, payload: bytes) -> None:
        """Keep a message."""
        self.heard.append((topic, payload))

    async def until_said(self, reach: Reach) -> str:
        """Wait until the newest change is this one; returns its sentence."""

        async def said() -> bool:
            return bool(self.said) and self.said[-1][0] == reach

        await until(said, f"the broker is {reach}")
        return self.said[-1][1]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[mosquitto.Broker]:
    server = mosquitto.Broker(tmp_path / "mosquitto", PASSWORDS)
    await server.start()
    yield server
    await server.stop()


def settings_for(server: mosquitto.Broker) -> BrokerSettings:
    user = mosquitto.GATEWAY_USER
    return BrokerSettings(server.address.host, server.address.port, user, PASSWORDS[user])


def connection(settings: BrokerSettings) -> tuple[Broker, Ear]:
    broker, ear = Broker(settings), Ear()
    broker.listen(("nodes/+/up/#",), ear.receive, ear.report)
    return broker, ear


def node(server: mosquitto.Broker) -> aiomqtt.Client:
    return aiomqtt.Client(
        server.address.host,
        server.address.port,
        username=NODE,
        password=PASSWORDS[NODE],
        identifier=NODE,
    )


async def test_a_published_message_reaches_its_node(server: mosquitto.Broker) -> None:
    broker, ear = connection(settings_for(server))
    async with running(broker.run()), node(server) as listener:
        await listener.subscribe(COMMAND, qos=1)
        await ear.until_said("online")
        await broker.publish(COMMAND, b"on")
        async with asyncio.timeout(20):
            message = await anext(aiter(listener.messages))
        assert message.payload == b"on"


async def test_publishing_returns_when_the_broker_has_the_message(
    server: mosquitto.Broker,
) -> None:
    broker, ear = connection(settings_for(server))
    async with running(broker.run()):
        await ear.until_said("online")
        await asyncio.gather(*(broker.publish(COMMAND, b"%d" % n) for n in range(500)))


async def test_publishing_while_offline_says_so(server: mosquitto.Broker) -> None:
    broker, ear = connection(settings_for(server))
    with pytest.raises(Transient, match="is away"):
        await broker.publish(COMMAND, b"on")
    async with running(broker.run()):
        await ear.until_said("online")
        await server.kill()
        await ear.until_said("offline")
        with pytest.raises(Transient, match="is away"):
            await broker.publish(COMMAND, b"on")


async def test_a_broker_that_dies_while_it_owes_a_confirmation_is_a_failure_to_publish(
    server: mosquitto.Broker,
) -> None:
    broker, ear = connection(settings_for(server))
    async with running(broker.run()):
        await ear.until_said("online")
        assert server._process is not None
        server._process.send_signal(19)  # SIGSTOP: it takes the bytes and confirms nothing
        publishing = asyncio.create_task(broker.publish(COMMAND, b"on"))
        await asyncio.sleep(0)
        await server.kill()
        with pytest.raises(Transient, match="did not confirm"):
            await publishing


async def test_a_wrong_password_is_named(server: mosquitto.Broker) -> None:
    broker, ear = connection(replace(settings_for(server), password="wrong"))  # noqa: S106 - wrong
    async with running(broker.run()):
        message = await ear.until_said("offline")
    assert "check mqtt.username and its password file" in message


async def test_a_broker_that_is_not_there_is_named() -> None:
    broker, ear = connection(BrokerSettings(port=1))
    async with running(broker.run()):
        message = await ear.until_said("offline")
    assert message == "the broker at 127.0.0.1:1 can't be reached: start Mosquitto"


async def test_a_second_gateway_of_the_same_name_is_noticed(server: mosquitto.Broker) -> None:
    first, first_ear = connection(settings_for(server))
    second, second_ear = connection(settings_for(server))
    async with running(first.run()):
        await first_ear.until_said("online")
        async with running(second.run()):
            await second_ear.until_said("online")
            message = await first_ear.until_said("offline")
    assert "is this the only gateway that calls itself gateway?" in message


async def test_a_password_is_never_printed(server: mosquitto.Broker) -> None:
    settings = settings_for(server)
    assert PASSWORDS[mosquitto.GATEWAY_USER] not in repr(settings)


async def test_a_handler_that_cannot_go_on_acknowledges_nothing_and_ends_the_connection(
    server: mosquitto.Broker,
) -> None:
    settings = settings_for(server)
    broker, ear = Broker(settings), Ear()

    async def fail(_topic: str, _payload: bytes) -> None:
        raise Permanent("the card is read-only")

    broker.listen(("nodes/+/up/#",), fail, ear.report)
    running_broker = asyncio.create_task(broker.run())
    await ear.until_said("online")
    async with node(server) as sender:
        await sender.publish(f"nodes/{NODE}/up/reading", b"1", qos=1)
    with pytest.raises(Permanent, match="the card is read-only"):
        await running_broker
    again, listening = connection(settings)
    async with running(again.run()):

        async def delivered() -> bool:
            return bool(listening.heard)

        await until(delivered, "the message is delivered again")
    assert listening.heard == [(f"nodes/{NODE}/up/reading", b"1")]


async def test_a_broker_that_takes_no_more_bytes_is_left_behind() -> None:
    stuck = asyncio.Event()

    async def answer_and_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)  # CONNECT
        writer.write(b"\x20\x03\x00\x00\x00")
        subscribe = await reader.read(1_000)
        writer.write(b"\x90\x04" + subscribe[2:4] + b"\x00\x01")
        await stuck.wait()
        writer.close()

    server = await asyncio.start_server(answer_and_hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    broker, ear = connection(BrokerSettings(port=port))
    running_broker = asyncio.create_task(broker.run())
    await ear.until_said("online")
    for _ in range(300):
        await broker.publish(COMMAND, b"x" * 100_000, qos=0)
    running_broker.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait([running_broker])
    assert running_broker.cancelled()
    stuck.set()
    server.close()
    await server.wait_closed()


async def test_messages_that_wait_for_one_commit_are_acknowledged_by_it(
    server: mosquitto.Broker,
) -> None:
    settings, count = settings_for(server), 300
    broker, ear = Broker(settings), Ear()
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(topic: str, payload: bytes) -> asyncio.Future[None]:
        ear.heard.append((topic, payload))
        return commit

    async def all_heard() -> bool:
        return len(ear.heard) == count

    broker.listen(("nodes/+/up/#",), take, ear.report)
    async with running(broker.run()):
        await ear.until_said("online")
        async with node(server) as sender:
            for number in range(count):
                await sender.publish(f"nodes/{NODE}/up/reading", b"%d" % number, qos=1)
        await until(all_heard, "every message is heard")
    ear.heard.clear()
    broker = Broker(settings)  # nothing was committed: everything comes again
    broker.listen(("nodes/+/up/#",), take, ear.report)
    async with running(broker.run()):
        await until(all_heard, "every message is heard again")
        commit.set_result(None)
        async with node(server) as sender:
            await sender.publish(f"nodes/{NODE}/up/reading", b"last", qos=1)

        async def last_heard() -> bool:
            return len(ear.heard) == count + 1

        await until(last_heard, "one more")
        await asyncio.sleep(0)
        await broker.publish(COMMAND, b"on")  # confirmed after the acknowledgements before it
    again, listening = connection(settings)
    async with running(again.run()), node(server) as sender:
        await listening.until_said("online")
        await sender.publish(f"nodes/{NODE}/up/reading", b"new", qos=1)

        async def new_heard() -> bool:
            return bool(listening.heard)

        await until(new_heard, "what is new")
    assert [payload for _, payload in listening.heard] == [b"new"]


async def test_a_message_that_a_handler_stumbles_over_is_not_acknowledged_and_stops_nothing(
    server: mosquitto.Broker, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(server)
    broker, ear = Broker(settings), Ear()

    def stumble(topic: str, payload: bytes) -> None:
        ear.heard.append((topic, payload))
        if payload == b"odd":
            raise LookupError(payload)

    async def both_heard() -> bool:
        return len(ear.heard) == 2

    broker.listen(("nodes/+/up/#",), stumble, ear.report)
    async with running(broker.run()):
        await ear.until_said("online")
        async with node(server) as sender:
            for payload in (b"odd", b"even"):
                await sender.publish(f"nodes/{NODE}/up/reading", payload, qos=1)
        await until(both_heard, "both messages")
    assert "a message could not be handled" in caplog.text
    again, listening = connection(settings)
    async with running(again.run()):

        async def delivered() -> bool:
            return bool(listening.heard)

        await until(delivered, "the odd one is delivered again")
    assert (f"nodes/{NODE}/up/reading", b"odd") in listening.heard


async def test_what_a_sender_adds_to_a_message_is_skipped(server: mosquitto.Broker) -> None:
    broker, ear = connection(settings_for(server))
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = ("note", "x" * 300)
    address = server.address
    async with running(broker.run()):
        await ear.until_said("online")
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=NODE,
            password=PASSWORDS[NODE],
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as sender:
            for qos in (0, 1):
                await sender.publish(
                    f"nodes/{NODE}/up/reading", b"{}", qos=qos, properties=properties
                )

        async def heard() -> bool:
            return len(ear.heard) == 2

        await until(heard, "both messages")
    assert {payload for _, payload in ear.heard} == {b"{}"}
