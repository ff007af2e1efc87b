"""The village as a whole: what switches reaches the meter, by whichever way it is wired."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from gateway.errors import Permanent
from gateway.simulation.broker import GATEWAY_USER, Broker
from gateway.simulation.nodes import NodeSettings
from gateway.simulation.village import BusMeter, GpioRelay, Home, Village
from gateway.wire import frames, registers, relays
from gateway.wire.frames import ReadReply
from gateway.wire.registers import PZEM_016
from gateway.wire.relays import RelayCommand, Switch
from gateway.wire.topics import Channel, topic
from tests.simulation.world import (
    START_S,
    Asker,
    SteadyLoad,
    passwords,
    read_all,
    until,
    village_clock,
)

KEY = bytes(32)
NODE = NodeSettings("meter-003", "secret-meter-003", KEY)
HOMES = (
    Home("Asha", SteadyLoad(2_000_000), BusMeter(1), GpioRelay(17), first_register_wh=1_000),
    Home("Binta", SteadyLoad(2_000_000), BusMeter(2, PZEM_016), GpioRelay(27, active_low=True)),
    Home("Chandra", SteadyLoad(2_000_000), NODE),
    Home("Clinic", SteadyLoad(2_000_000), BusMeter(4)),
)
DRIVE = """
import sys
from RPi import GPIO
GPIO.setmode(GPIO.BCM)
for setting in sys.argv[1:]:
    line, level = map(int, setting.split("="))
    GPIO.setup(line, GPIO.OUT, initial=level)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:  # short: the pins' socket lies in it
        yield Path(path)


@pytest.fixture
async def broker(folder: Path) -> AsyncIterator[Broker]:
    server = Broker(folder / "broker", passwords("meter-003"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def village(folder: Path, broker: Broker) -> AsyncIterator[Village]:
    async with Village(folder, village_clock(), START_S, HOMES, broker.address) as alive:
        yield alive


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def drive(village: Village, *settings: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DRIVE, *settings, env=os.environ | village.pins.environment
    )
    assert await process.wait() == 0


async def test_a_gpio_line_disconnects_its_household_and_no_other(village: Village) -> None:
    await drive(village, "17=0", "27=0")
    await until(lambda: not village.households["Asha"].connected, "Asha is disconnected")
    await until(lambda: len(village.pins.history) == 2, "both lines are driven")
    before = village.registers()

    await until(lambda: village.registers()["Clinic"] > before["Clinic"] + 5, "the clinic draws on")

    after = village.registers()
    assert after["Asha"] == before["Asha"]
    assert after["Binta"] > before["Binta"]  # active low: level 0 connects
    assert (village.households["Asha"].disconnects, village.households["Asha"].reconnects) == (1, 0)

    await drive(village, "17=1", "27=1")
    await until(lambda: village.households["Asha"].connected, "Asha is back")
    await until(lambda: not village.households["Binta"].connected, "Binta is disconnected")


async def test_a_nodes_relay_disconnects_its_household(village: Village, broker: Broker) -> None:
    expires_at = datetime.fromtimestamp(START_S, UTC) + timedelta(days=1)
    command = RelayCommand("meter-003", Switch.OFF, 1, expires_at)
    payload = relays.encode_command(command, KEY)
    async with aiomqtt.Client(
        broker.address.host,
        broker.address.port,
        username=GATEWAY_USER,
        password="secret-gateway",  # noqa: S106 - of a test's broker
    ) as gateway:
        while village.households["Chandra"].connected:  # until the node has subscribed
            await gateway.publish(topic("meter-003", Channel.RELAY_COMMAND), payload, qos=1)
            await asyncio.sleep(0.05)
    before = village.registers()

    await until(lambda: village.registers()["Clinic"] > before["Clinic"] + 5, "the clinic draws on")

    assert village.registers()["Chandra"] == before["Chandra"]
    assert village.households["Chandra"].disconnects == 1


async def test_after_freezing_the_line_says_what_the_verdict_says(village: Village) -> None:
    village.freeze()
    final = village.registers()

    with Asker(village.bus_path) as asker:
        for unit, label in ((1, "Asha"), (2, "Binta"), (4, "Clinic")):
            reply = await asyncio.to_thread(asker.ask, read_all(unit))
            decoded = frames.decode_reply(reply, read_all(unit))
            assert isinstance(decoded, ReadReply)
            measured = registers.decode(PZEM_016, decoded.words)
            assert (measured.energy_wh, measured.power_mw) == (final[label], 0)
    assert village.registers() == final
    assert final["Asha"] >= 1_000


async def test_stopping_ends_everything_and_leaves_no_file(folder: Path) -> None:
    village = Village(folder, village_clock(), START_S, HOMES[:2])
    village.start()
    path = village.bus_path
    assert names_in(folder) == ["pins.sock"]

    await village.stop()

    assert names_in(folder) == []
    with pytest.raises(OSError, match="No such file"):
        os.open(path, os.O_RDWR)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (Home("Asha", SteadyLoad(1), BusMeter(9)), "two homes have the label Asha"),
        (Home("Other", SteadyLoad(1), BusMeter(1)), "two homes have the unit id 1"),
        (Home("Other", SteadyLoad(1), BusMeter(9), GpioRelay(17)), "have the GPIO line 17"),
        (Home("Other", SteadyLoad(1), NODE), "node meter-003 needs a broker: start one"),
    ],
)
async def test_a_village_that_is_wired_wrong_is_refused(
    folder: Path, other: Home, sentence: str
) -> None:
    with pytest.raises(Permanent, match=sentence):
        Village(folder, village_clock(), START_S, [HOMES[0], other])
