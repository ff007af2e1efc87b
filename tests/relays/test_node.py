"""Node relays: commands that the node can trust, counted before they are sent."""

from __future__ import annotations

import resource
from datetime import timedelta

import pytest

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.relays import NodeDriver
from gateway.relays.drivers.node import SPARE, NodeSettings
from gateway.store.acts import Act
from gateway.store.lock_outs import lock_out
from gateway.wire.errors import WireError
from gateway.wire.relays import Switch, decode_command
from tests.relays.conftest import OpenVillage
from tests.relays.village import NOW_S, Village, at

KEY = bytes(range(32))
CLOCK = Clock()


class Broker:
    """Keeps what was published, with the counter that was on disk at that moment."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self.published: list[tuple[str, bytes, int]] = []
        self.stored_counters: list[int] = []
        self.away = False

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Take a message, unless the broker is away."""
        if self.away:
            raise Transient("the broker is away")
        row = await self.village.database.fetch_one("SELECT counter FROM node_command")
        assert row is not None
        self.stored_counters.append(row["counter"])
        self.published.append((topic, payload, qos))

    def driver(self, keys: dict[str, bytes]) -> NodeDriver:
        """A driver that sends to this broker."""
        return NodeDriver(NodeSettings(120), self.publish, self.village.database, CLOCK, keys)


@pytest.fixture
async def broker(open_village: OpenVillage) -> Broker:
    return Broker(await open_village("node:meter-001"))


async def test_a_command_is_signed_for_its_node_counted_and_short_lived(broker: Broker) -> None:
    driver = broker.driver({"meter-001": KEY})
    before = CLOCK.now()
    await driver.switch("meter-001", connected=True)
    await driver.switch("meter-001", connected=False)
    assert [(topic, qos) for topic, _, qos in broker.published] == [
        ("nodes/meter-001/down/relay", 1)
    ] * 2
    first, second = (decode_command(one, "meter-001", KEY) for _, one, _ in broker.published)
    assert (first.relay, first.counter) == (Switch.ON, 1)
    assert (second.relay, second.counter) == (Switch.OFF, 2 + SPARE)
    assert timedelta(0) <= first.expires_at - before - timedelta(seconds=120) < timedelta(minutes=1)


async def test_a_command_is_refused_by_every_other_node_and_key(broker: Broker) -> None:
    await broker.driver({"meter-001": KEY}).switch("meter-001", connected=True)
    ((_, payload, _),) = broker.published
    with pytest.raises(WireError):
        decode_command(payload, "meter-002", KEY)
    with pytest.raises(WireError):
        decode_command(payload, "meter-001", KEY[::-1])


async def test_the_counter_is_on_disk_before_the_command_is_sent(broker: Broker) -> None:
    driver = broker.driver({"meter-001": KEY})
    for _ in range(3):
        await driver.switch("meter-001", connected=True)
    sent = [decode_command(one, "meter-001", KEY).counter for _, one, _ in broker.published]
    assert sent == [1, 2 + SPARE, 3 + 2 * SPARE]
    assert broker.stored_counters == [counter + SPARE for counter in sent]


async def test_a_counter_is_never_used_again_though_the_broker_was_away(broker: Broker) -> None:
    driver = broker.driver({"meter-001": KEY})
    broker.away = True
    with pytest.raises(Transient, match="the broker is away"):
        await driver.switch("meter-001", connected=True)
    broker.away = False
    await driver.switch("meter-001", connected=True)
    assert decode_command(broker.published[0][1], "meter-001", KEY).counter == 2 + SPARE


async def test_a_node_without_a_key_is_said(broker: Broker) -> None:
    with pytest.raises(Permanent, match="node meter-009 has no key: add a line 'meter-009 HEX'"):
        await broker.driver({"meter-001": KEY}).switch("meter-009", connected=True)
    assert broker.published == []


async def test_control_sends_a_village_decision_to_the_node(broker: Broker) -> None:
    control = broker.village.control({"node": broker.driver({"meter-001": KEY})})
    await control.tick(at(0))
    await broker.village.set_balance(100)
    await control.tick(at(100))
    commands = [decode_command(one, "meter-001", KEY) for _, one, _ in broker.published]
    assert [(one.relay, one.counter) for one in commands] == [
        (Switch.OFF, 1),
        (Switch.ON, 2 + SPARE),
    ]


async def test_a_lock_opens_a_nodes_relay_though_the_disk_counts_no_command(broker: Broker) -> None:
    village = broker.village
    await village.set_balance(100)
    control = village.control({"node": broker.driver({"meter-001": KEY})})
    await control.tick(at(0))
    await lock_out(village.database, Act("house-0", "Amina", "the cable is open", NOW_S))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(Transient, match="could not be read or written"):
            await control.tick(at(100))
        sent = [decode_command(one, "meter-001", KEY) for _, one, _ in broker.published]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(one.relay, one.counter) for one in sent] == [(Switch.ON, 1), (Switch.OFF, 2)]
    await control.tick(at(200))
    assert len(broker.published) == len(sent)
    assert (await village.journal())[-1] == (1, "disconnect", "locked_out", "done")


async def test_a_spare_counter_is_never_used_again(broker: Broker) -> None:
    driver = broker.driver({"meter-001": KEY})
    await driver.switch("meter-001", connected=True)
    await broker.driver({"meter-001": KEY}).switch("meter-001", connected=False)
    await driver.switch("meter-001", connected=True)
    sent = [decode_command(one, "meter-001", KEY).counter for _, one, _ in broker.published]
    assert sent == sorted(set(sent))
