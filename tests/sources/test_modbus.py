"""The bus poller against a paced line: what it stores, what it refuses, how it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from gateway.domain.readings import Quality
from gateway.errors import Transient
from gateway.simulation.bus import Bus
from gateway.simulation.household import Household
from gateway.simulation.pzem import Fault, Pzem
from gateway.sources import schedule
from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
from gateway.wire.meters import REGISTER_MAPS
from gateway.wire.tables import Measurement, RegisterMap
from tests.simulation.world import SteadyLoad
from tests.sources.stage import NOW_MS, Stage, house, line_with, register_wh, running, set_up, until
from tests.village import START_S

HOUSES = 3


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = line_with([house(unit) for unit in range(1, HOUSES + 1)])
    line.start()
    yield line
    line.stop()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with set_up(tmp_path, HOUSES) as stage:
        yield stage


async def stored(stage: Stage, unit: int) -> list[int]:
    """The registers stored for the meter with this unit id, Wh."""
    meter_id = stage.points[unit - 1].meter_id
    return [row["energy_wh"] for row in await stage.readings(meter_id)]


async def until_each_was_stored(stage: Stage, times: int, houses: int = HOUSES) -> None:
    async def enough() -> bool:
        counts = [len(await stored(stage, unit)) for unit in range(1, houses + 1)]
        return min(counts) >= times

    await until(enough, f"{times} readings of each meter")


async def until_status(stage: Stage, state: str) -> str:
    async def reached() -> bool:
        status = await stage.status("bus:main")
        return status is not None and status.state == state

    await until(reached, f"the bus is {state}")
    status = await stage.status("bus:main")
    assert status is not None
    return status.message


async def until_event(stage: Stage, kind: str) -> str:
    async def told() -> bool:
        return bool(await stage.events(kind))

    await until(told, f"an event {kind}")
    (detail,) = await stage.events(kind)
    return detail


async def test_every_meter_s_own_values_are_stored_with_the_instant_of_the_reply(
    stage: Stage, bus: Bus
) -> None:
    poller = stage.poller(bus.path)
    before = stage.clock.now()
    async with running(poller.run()):
        await until_each_was_stored(stage, 2)
    for unit in range(1, HOUSES + 1):
        assert set(await stored(stage, unit)) == {register_wh(unit)}
    (first, *_) = await stage.readings(stage.points[0].meter_id)
    truth = bus.meter(1).household.measurement(0)
    assert first["voltage_mv"] == truth.voltage_mv
    assert first["frequency_mhz"] == truth.frequency_mhz
    assert (first["current_ma"], first["power_mw"], first["power_factor_milli"]) == (0, 0, 0)
    assert before.timestamp() * 1000 - 1 <= first["read_ms"] <= stage.clock.now_s() * 1000
    assert await until_status(stage, "online") == f"reading 3 meters on {bus.path}"


async def test_every_request_keeps_the_silence_that_rtu_asks_for(stage: Stage, bus: Bus) -> None:
    bus.meter(2).set_fault(Fault.CORRUPT_CRC, replies=1)
    async with running(stage.poller(bus.path).run()):
        await until_each_was_stored(stage, 20)
    assert bus.counters.requests >= 20 * HOUSES
    assert bus.counters.gap_violations == 0
    assert bus.counters.damaged == 0


async def test_meters_are_read_no_faster_than_their_period(stage: Stage, bus: Bus) -> None:
    async with running(stage.poller(bus.path, read_every_s=0.5).run()):
        await until_each_was_stored(stage, 4)
    read_ms = [row["read_ms"] for row in await stage.readings(stage.points[0].meter_id)]
    span_s = (read_ms[-1] - read_ms[0]) / 1000
    assert span_s > 0.5 * (len(read_ms) - 1) - 0.25


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_spoiled_reply_is_never_stored_and_the_next_good_one_is(
    stage: Stage, bus: Bus, fault: Fault
) -> None:
    bus.meter(2).set_fault(fault, replies=1)
    async with running(stage.poller(bus.path).run()):
        await until_each_was_stored(stage, 2)
    for unit in range(1, HOUSES + 1):
        assert set(await stored(stage, unit)) == {register_wh(unit)}
    assert await stage.events("meter-silent") == []


async def test_a_late_reply_is_not_taken_for_another_meter_s_answer(stage: Stage, bus: Bus) -> None:
    bus.meter(1).set_fault(Fault.LATE)
    async with running(stage.poller(bus.path).run()):

        async def heard_late_twice() -> bool:
            return bus.meter(1).polls >= 2 and len(await stored(stage, 3)) > 20

        await until(heard_late_twice, "late replies while others are asked")
    assert set(await stored(stage, 2)) == {register_wh(2)}
    assert set(await stored(stage, 3)) == {register_wh(3)}
    assert await stored(stage, 1) == []


async def test_an_absent_meter_costs_little_and_is_named_once(stage: Stage, bus: Bus) -> None:
    bus.meter(2).set_fault(Fault.ABSENT)
    async with running(stage.poller(bus.path).run()):
        detail = await until_event(stage, "meter-silent")
        polls = bus.meter(2).polls
        assert polls <= 4
        assert bus.meter(1).polls > 5 * polls
    assert detail == (
        "meter main/2 (house-02) doesn't answer: check its mains supply and its A/B wires"
    )
    assert (await until_status(stage, "online")).startswith("reading")


async def test_a_meter_that_comes_back_is_read_again_and_said_so(
    stage: Stage, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "FIRST_BACK_OFF_S", 0.1)
    bus.meter(2).set_fault(Fault.ABSENT)
    async with running(stage.poller(bus.path).run()):
        await until_event(stage, "meter-silent")
        bus.meter(2).set_fault(None)
        assert await until_event(stage, "meter-answers") == "meter main/2 (house-02) answers again"
        await until_each_was_stored(stage, 1)


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (Fault.CORRUPT_CRC, "meter-garbled", "check for two meters with this unit id"),
        (Fault.WRONG_UNIT, "meter-garbled", "unit 3 answered, unit 2 was asked"),
        (Fault.EXCEPTION, "meter-refuses", "exception 4"),
    ],
)
async def test_a_meter_that_keeps_failing_is_named_with_what_to_do(
    stage: Stage, bus: Bus, fault: Fault, kind: str, sentence: str
) -> None:
    bus.meter(2).set_fault(fault)
    async with running(stage.poller(bus.path).run()):
        detail = await until_event(stage, kind)
    assert detail.startswith("meter main/2 (house-02) ")
    assert sentence in detail
    assert await stored(stage, 2) == []


async def test_a_dead_feeder_is_one_sentence_and_is_noticed_at_its_first_reply(
    stage: Stage, bus: Bus
) -> None:
    async with running(stage.poller(bus.path).run()):
        await until_each_was_stored(stage, 1)
        for meter in bus.meters:
            meter.set_fault(Fault.ABSENT)
        message = await until_status(stage, "offline")
        assert message.startswith("no meter on bus main answers: is the feeder dead?")
        polls = bus.counters.requests

        async def probed() -> bool:
            return bus.counters.requests >= polls + 2

        await until(probed, "two probes")
        for meter in bus.meters:
            meter.set_fault(None)
        before = {unit: len(await stored(stage, unit)) for unit in range(1, HOUSES + 1)}
        await until_status(stage, "online")
        await until_each_was_stored(stage, max(before.values()) + 1)
    assert await stage.events("meter-silent") == []
    assert bus.counters.gap_violations == 0


async def test_a_missing_port_is_named(stage: Stage, tmp_path: Path) -> None:
    port = str(tmp_path / "ttyUSB0")
    sentence = f"serial port {port} isn't there: plug in the adapter or correct bus.port"
    with pytest.raises(Transient) as raised:
        await stage.poller(port).tick(stage.clock.now())
    assert str(raised.value) == sentence
    assert await until_status(stage, "offline") == sentence


async def test_a_file_that_is_no_port_is_named(stage: Stage, tmp_path: Path) -> None:
    port = tmp_path / "notes.txt"
    port.touch()
    with pytest.raises(Transient, match=r"is no serial port: correct bus\.port"):
        await stage.poller(str(port)).tick(stage.clock.now())


async def test_a_port_that_another_program_holds_is_left_alone(stage: Stage, bus: Bus) -> None:
    with (
        serial.Serial(bus.path, exclusive=True),
        pytest.raises(Transient, match="is in use by another program"),
    ):
        await stage.poller(bus.path).tick(stage.clock.now())
    assert bus.counters.requests == 0


async def test_an_open_port_is_ours_alone(stage: Stage, bus: Bus) -> None:
    async with running(stage.poller(bus.path).run()):
        await until_each_was_stored(stage, 1)
        with pytest.raises(serial.SerialException, match="exclusively lock"):
            serial.Serial(bus.path, exclusive=True)


async def test_an_adapter_that_is_unplugged_is_read_again_once_it_is_back(
    stage: Stage, tmp_path: Path
) -> None:
    port = tmp_path / "ttyUSB0"
    first = line_with([house(unit) for unit in range(1, HOUSES + 1)])
    port.symlink_to(first.start())
    async with running(stage.poller(str(port)).run()):
        await until_each_was_stored(stage, 2)
        port.unlink()
        first.stop()
        assert str(port) in await until_status(stage, "offline")
        second = line_with([house(unit) for unit in range(1, HOUSES + 1)])
        port.symlink_to(second.start())
        await until_status(stage, "online")
        before = len(await stored(stage, 1))
        await until_each_was_stored(stage, before + 1)
    second.stop()
    assert await stage.events("refused-reading") == []


class StrangeHousehold(Household):
    """A house whose meter shows another voltage."""

    voltage_mv = 0

    def measurement(self, now_ms: int) -> Measurement:
        """The same as ever, but for the voltage."""
        return replace(super().measurement(now_ms), voltage_mv=self.voltage_mv)


def strange_line(voltage_mv: int) -> Bus:
    strange = StrangeHousehold("house-2", SteadyLoad(0), START_S * 1_000, first_register_wh=1_002)
    strange.voltage_mv = voltage_mv
    return line_with([house(1), strange, house(3)])


async def test_what_no_meter_can_show_is_refused_with_one_event(stage: Stage) -> None:
    bus = strange_line(900_000)
    bus.start()
    async with running(stage.poller(bus.path).run()):

        async def asked_often() -> bool:
            return bus.meter(2).polls >= 5

        await until(asked_often, "five polls")
        detail = await until_event(stage, "refused-reading")
    bus.stop()
    assert detail == (
        "meter main/2 (house-02) sent a message that was refused: "
        "voltage of 900 V is outside 0 to 440 V"
    )
    assert await stored(stage, 2) == []
    assert await stored(stage, 1)


async def test_what_is_only_unlikely_is_stored_as_suspect(stage: Stage) -> None:
    bus = strange_line(12_000)
    bus.start()
    async with running(stage.poller(bus.path).run()):
        await until_each_was_stored(stage, 2)
    bus.stop()
    qualities = {
        unit: {row["quality"] for row in await stage.readings(stage.points[unit - 1].meter_id)}
        for unit in (1, 2)
    }
    assert qualities == {1: {Quality.VALID}, 2: {Quality.SUSPECT}}
    assert set(await stored(stage, 2)) == {register_wh(2)}
    assert await stage.events("refused-reading") == []


async def test_a_meter_whose_relay_was_just_switched_is_read_more_often(
    stage: Stage, bus: Bus
) -> None:
    now_ms = int(stage.clock.now_s() * 1000)
    async with stage.database.transaction() as connection:
        await connection.execute("UPDATE meter_point SET relay = 'gpio:5' WHERE slot = 1")
        await connection.execute(
            """INSERT INTO supply (meter_point_id, state, reason, decided_ms, switched_ms, output,
                   output_ms)
               VALUES (:point, 'connected', 'credit', 0, :now, 'confirmed', 0)""",
            {"point": stage.points[1].meter_point_id, "now": now_ms},
        )
    async with running(stage.poller(bus.path, read_every_s=60).run()):

        async def read_thrice() -> bool:
            return bus.meter(2).polls >= 3

        await until(read_thrice, "three polls of the urgent meter")
    assert bus.meter(1).polls == bus.meter(3).polls == 1
    assert bus.counters.gap_violations == 0


async def test_two_buses_are_read_at_once(stage: Stage, bus: Bus) -> None:
    other = line_with([house(1), house(2), house(3)])
    other.start()
    async with running(stage.poller(bus.path).run(), stage.poller(other.path).run()):

        async def both_often() -> bool:
            return min(bus.counters.replies, other.counters.replies) >= 30

        await until(both_often, "30 replies on each bus")
    other.stop()
    assert bus.counters.gap_violations == other.counters.gap_violations == 0


@pytest.mark.parametrize("table", REGISTER_MAPS.values(), ids=REGISTER_MAPS)
async def test_every_model_is_read_by_its_own_table(tmp_path: Path, table: RegisterMap) -> None:
    home = Household("house-1", SteadyLoad(1_000_000), START_S * 1_000, first_register_wh=5_000)
    bus = Bus([Pzem(1, home, table)], lambda: NOW_MS)
    bus.start()
    async with set_up(tmp_path, 1) as stage:
        (point,) = stage.points
        meter = MeterOnBus(1, table, point.meter_id, point.meter_point_id, point.label)
        settings = BusSettings("main", bus.path, read_every_s=0)
        poller = BusPoller(settings, [meter], stage.intake, stage.database, stage.clock)
        async with running(poller.run()):
            await until_each_was_stored(stage, 2, houses=1)
        (first, *_) = await stage.readings(point.meter_id)
    bus.stop()
    assert first["energy_wh"] == home.register_wh(NOW_MS) == 6_000
    assert first["power_mw"] == 1_000_000
