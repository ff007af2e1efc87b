"""Readings taken while nobody knows the time: none is lost, each is dated once and in order."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from gateway.clock import Standing
from gateway.clock.trust import Source, begin
from gateway.domain.readings import Doubt, Quality, Reading, at_milliseconds
from gateway.errors import Transient
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Pzem
from gateway.sources.modbus import BusPoller, BusSettings, MeterOnBus
from gateway.sources.undated import AT_ONCE
from gateway.store.clock import save_standing
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.exchanges import exchange_meter
from gateway.store.retention import Retention, make_room
from gateway.store.undated import read_undated_usage
from gateway.store.verification import Finding, Silence, Wanted, verify
from gateway.wire.nodes import decode_ack, encode_reading
from gateway.wire.registers import PZEM_004T_V3
from gateway.wire.topics import Channel, topic
from tests.sources import world as nodes
from tests.sources.stage import Stage, running, until
from tests.sources.untimed import FIRST_WH, POWER_MW, TRUE_S, Untimed, untimed
from tests.village import kept_in

HOUR_S, DAY_S = 3_600, 86_400


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Untimed]:
    async with untimed(tmp_path) as gateway:
        yield gateway


def faults(gateway: Untimed) -> list[Finding]:
    """What is wrong with chains and counts, by `gateway verify`."""
    found: list[Finding] = []
    with closing(sqlite3.connect(gateway.database.path)) as connection:
        connection.row_factory = sqlite3.Row
        verify(connection, Wanted(None, 0, 1 << 62), found.append, lambda *_: None)
    return [one for one in found if not isinstance(one, Silence)]


def used_wh(duration_s: float) -> int:
    """What the first house draws, Wh."""
    return int(POWER_MW * duration_s / 3_600_000)


async def test_without_the_time_readings_wait_and_are_dated_exactly_when_ntp_comes(
    gateway: Untimed,
) -> None:
    await gateway.look()
    await gateway.run(600)
    assert (await gateway.waiting(), gateway.stored()) == (60, [])
    await gateway.know()
    assert await gateway.waiting() == 0
    assert gateway.stored() == gateway.taken
    assert {one.quality for one in kept_in(gateway.database)} == {Quality.VALID}
    assert await gateway.counted_wh() == used_wh(600)
    row = await gateway.database.fetch_one("SELECT detail FROM event WHERE kind = 'clock-dated'")
    assert row is not None
    assert row["detail"] == "the time is known again: 60 readings are dated"


async def test_what_comes_after_the_time_is_counted_after_what_waited(gateway: Untimed) -> None:
    await gateway.look()
    await gateway.run(60)
    gateway.world.run(10)
    gateway.world.synchronise()
    await gateway.look()
    await gateway.read()  # before anything was dated
    assert gateway.stored() == gateway.taken
    estimated_wh = await gateway.number("SELECT sum(estimated_wh) FROM usage")
    assert estimated_wh == used_wh(10)  # of the first reading ever


async def test_a_jump_sends_readings_to_wait_and_ntp_dates_them(gateway: Untimed) -> None:
    await gateway.know()
    await gateway.run(60)
    gateway.world.wall_s -= 26 * 31_557_600
    await gateway.run(60)
    assert await gateway.waiting() == 6
    await gateway.know()
    assert gateway.stored() == gateway.taken


async def test_a_boot_that_never_knew_the_time_is_dated_between_and_marked(
    gateway: Untimed,
) -> None:
    await gateway.know()
    await gateway.run(600)
    gateway.world.restart(off_s=2 * HOUR_S)
    gateway.start()
    await gateway.look()
    await gateway.run(1_800)
    gateway.world.restart(off_s=2 * HOUR_S)
    gateway.start()
    await gateway.look()
    await gateway.run(60)
    await gateway.know()
    kept = kept_in(gateway.database)
    assert len(kept) == len(gateway.taken)
    estimated = [one for one in kept if one.quality == Quality.ESTIMATED]
    assert len(estimated) == 180
    assert all(one.doubts & Doubt.CLOCK for one in estimated)
    true_ms = {register_wh: at_ms for _, at_ms, register_wh in reversed(gateway.taken)}
    wrong_s = max(abs(one.read_ms - true_ms[one.energy_wh]) for one in estimated) / 1000
    assert wrong_s < 600  # off for equally long before and after
    estimated_wh = await gateway.number("SELECT sum(estimated_wh) FROM usage")
    assert estimated_wh >= used_wh(1_800) - 1
    last_wh = gateway.taken[-1][2]
    assert await gateway.counted_wh() == last_wh - FIRST_WH


@pytest.mark.parametrize("minutes", [0, 5])
async def test_a_full_disk_keeps_undated_readings_in_memory(gateway: Untimed, minutes: int) -> None:
    await gateway.look()
    await gateway.run(60 * minutes)
    before = await gateway.waiting()
    async with gateway.database.transaction() as connection:
        async with connection.execute("PRAGMA page_count") as cursor:
            pages = await cursor.fetchone()
        assert pages is not None
        await connection.execute(f"PRAGMA max_page_count = {pages[0]}")
    done = [
        gateway.intake.offer(Reading(1, gateway.clock.now(), 2_000 + number))
        for number in range(1_000)
    ]
    with pytest.raises(Transient, match="disk is full"):
        await gateway.flush()
    assert await gateway.waiting() == before
    assert not any(one.done() for one in done)
    async with gateway.database.transaction() as connection:
        await connection.execute("PRAGMA max_page_count = 100000")
    await gateway.flush()
    assert await gateway.waiting() == before + 1_000
    assert all(one.done() for one in done)


async def test_what_waits_counts_as_used_and_one_wrong_value_does_not(gateway: Untimed) -> None:
    await gateway.know()
    await gateway.run(60)
    stored_wh = gateway.taken[-1][2]
    gateway.world.wall_s += DAY_S
    await gateway.run(HOUR_S)
    last_wh = gateway.taken[-1][2]
    assert 0 <= last_wh - stored_wh - (await gateway.database.read(read_undated_usage))[1] <= 5
    gateway.intake.offer(Reading(1, gateway.clock.now(), 9_000_000))
    await gateway.flush()
    assert (await gateway.database.read(read_undated_usage))[1] == last_wh - stored_wh
    await gateway.know()
    assert await gateway.database.read(read_undated_usage) == {}


async def test_a_full_card_thins_what_waits_and_keeps_its_energy(gateway: Untimed) -> None:
    await gateway.know()
    await gateway.run(60)
    gateway.world.wall_s += DAY_S
    await gateway.look()
    for _ in range(720):
        gateway.world.run(10)
        gateway.take()
    await gateway.flush()
    before = await gateway.database.read(read_undated_usage)
    await make_room(gateway.database, Retention(room_mb=1 << 40), int(gateway.clock.now_s()))
    assert await gateway.waiting() < 370
    assert await gateway.database.read(read_undated_usage) == before
    await gateway.know()
    assert await gateway.counted_wh() == gateway.taken[-1][2] - FIRST_WH
    assert faults(gateway) == []


async def test_the_latest_power_is_known_whatever_the_time(gateway: Untimed) -> None:
    await gateway.know()
    await gateway.run(60)
    gateway.world.wall_s += DAY_S
    await gateway.look()
    gateway.intake.offer(Reading(1, gateway.clock.now(), 1_100, power_mw=7_000_000))
    await gateway.flush()
    assert await gateway.number("SELECT power_mw FROM register") == 7_000_000


async def test_readings_of_a_meter_that_was_exchanged_meanwhile_are_let_go(
    gateway: Untimed,
) -> None:
    await gateway.know()
    await gateway.run(60)
    gateway.world.wall_s += DAY_S
    await gateway.run(60)
    now_s = int(gateway.clock.now_s())
    last_wh = gateway.taken[-1][2]
    exchange = Exchange("house-01", now_s, OldMeter(last_wh), NewMeter("NEW-1", 0))
    await exchange_meter(gateway.database, exchange, lambda _: 1)
    gateway.points = [replace(gateway.points[0], meter_id=2, serial="NEW-1")]
    gateway.start()
    await gateway.know()
    assert await gateway.waiting() == 0
    assert await gateway.number("SELECT sum(usage_wh) FROM usage") == last_wh - FIRST_WH


ACTS = st.lists(
    st.sampled_from(["run", "run", "process", "restart", "jump", "know", "rest"]), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(ACTS, st.integers(1, 9))
async def test_law_each_undated_reading_is_dated_once_in_order_and_energy_is_conserved(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], size: int
) -> None:
    async with untimed(tmp_path_factory.mktemp("law"), houses=2) as gateway:
        await gateway.look()
        for act in acts:
            match act:
                case "run":
                    await gateway.run(20 * size)
                case "process":
                    gateway.start()
                    await gateway.look()
                case "restart":
                    gateway.world.restart(off_s=size * HOUR_S)
                    gateway.start()
                    await gateway.look()
                case "jump":
                    gateway.world.wall_s += (-1) ** size * size * DAY_S * 300
                    await gateway.look()
                case "know":
                    await gateway.know()
                case _:
                    gateway.world.run(size * 600)
                    await gateway.look()
        gateway.world.run(1)
        await gateway.read()
        await gateway.know()
        assert await gateway.waiting() == 0
        stored = gateway.stored()
        assert Counter((one[0], one[2]) for one in stored) == Counter(
            (one[0], one[2]) for one in gateway.taken
        )
        for point in gateway.points:
            own = sorted(one[1:] for one in stored if one[0] == point.meter_id)
            assert all(earlier[1] <= later[1] for earlier, later in pairwise(own))
            assert own[-1][0] <= gateway.world.true_s * 1000
            last_wh = max(register_wh for _, register_wh in own)
            row = await gateway.database.fetch_one(
                "SELECT cumulative_wh + flagged_wh FROM register WHERE meter_id = ?",
                (point.meter_id,),
            )
            assert row is not None
            assert row[0] == last_wh - FIRST_WH
        cumulative_wh = await gateway.number("SELECT sum(cumulative_wh) FROM register")
        assert await gateway.number("SELECT sum(usage_wh) FROM usage") == cumulative_wh
        assert faults(gateway) == []


@pytest.mark.parametrize(
    ("number", "after"),
    [(1, True), (2, False), (2, True), (3, False), (3, True)],
    ids=["placed", "part-not-durable", "part-durable", "rest-not-durable", "rest-durable"],
)
async def test_killed_at_any_commit_while_dating_each_is_dated_once(
    gateway: Untimed,
    number: int,
    after: bool,  # noqa: FBT001 - parametrized
) -> None:
    await gateway.look()
    for _ in range(AT_ONCE + 100):
        gateway.world.run(10)
        gateway.take()
    await gateway.flush()
    gateway.world.synchronise()
    await gateway.look()
    script = "tests.sources.dying_dater"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", script, str(gateway.database.path)),
        *(str(number), str(int(after)), str(gateway.world.monotonic_s)),
    )
    status = await process.wait()
    assert status in {0, -9}
    assert status == -9 or number > 3
    gateway.start()
    await gateway.look()
    await gateway.flush()
    assert await gateway.waiting() == 0
    assert sorted(gateway.stored()) == gateway.taken
    assert await gateway.counted_wh() == gateway.taken[-1][2] - FIRST_WH


async def test_a_real_bus_is_read_before_the_time_is_known(gateway: Untimed) -> None:
    bus = Bus([Pzem(1, gateway.homes[0])], lambda: int(gateway.world.true_s * 1000))
    bus.start()
    try:
        await gateway.look()
        point = gateway.points[0]
        meter = MeterOnBus(1, PZEM_004T_V3, point.meter_id, point.meter_point_id, point.label)
        settings = BusSettings("main", bus.path, read_every_s=0)
        poller = BusPoller(settings, [meter], gateway.intake, gateway.database, gateway.clock)
        for _ in range(5):
            gateway.world.run(60)
            await poller.tick(gateway.clock.now())
        await gateway.flush()
        count = await gateway.waiting()
        assert count == 5
        await gateway.know()
    finally:
        bus.stop()
    dates = [at_ms for _, at_ms, _ in gateway.stored()]
    assert dates == [(TRUE_S + 60 * minute) * 1000 for minute in range(1, 6)]
    assert await gateway.counted_wh() == used_wh(300)


# Nodes


def doubt(stage: Stage) -> Standing:
    """The stage's clock runs on, and nobody is trusted."""
    now_ms, monotonic_ms = int(stage.clock.now_s() * 1000), stage.clock.monotonic_ms()
    standing = begin("this", monotonic_ms, now_ms, now_ms, 0, 0)
    # Months behind the truth: what a gateway that was off for so long can be certain of.
    standing = replace(standing, floor_ms=0, offset_ms=standing.offset_ms - 90 * DAY_S * 1000)
    stage.clock.standing = standing
    return standing


async def trust(stage: Stage, standing: Standing, now_ms: int) -> None:
    """The time is known."""
    found = replace(
        standing,
        offset_ms=now_ms - stage.clock.monotonic_ms(),
        anchored_by=Source.NTP,
        trusted_by=Source.NTP,
    )
    await save_standing(stage.database, found, stage.clock.monotonic_ms())
    stage.clock.standing = found


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[nodes.World]:
    async with nodes.set_up_world(tmp_path, flush_s=0.05) as world:
        yield world


async def test_a_good_node_keeps_its_own_dates_and_is_acknowledged_without_the_time(
    village: nodes.World,
) -> None:
    stage = village.stage
    now_ms = int(stage.clock.now_s() * 1000)
    sent = [village.reading(number) for number in range(1, 41)]
    standing = doubt(stage)
    await save_standing(stage.database, standing, stage.clock.monotonic_ms())
    async with village.listening() as source, village.node() as node:
        await node.subscribe(topic(nodes.NODE, Channel.ACK), qos=1)
        for one in sent:
            await nodes.publish(node, Channel.READING, encode_reading(one))
        last = 0
        async for message in node.messages:
            assert isinstance(message.payload, bytes)
            last = max(last, decode_ack(message.payload).sequence or 0)
            if last == 40:
                break
        assert source.refused == {}
        assert await stage.events("node-clock") == []
        assert await stage.readings() == []
        await trust(stage, standing, now_ms)
        stage.intake.hurry()
        await village.until_stored(40)
    kept = await stage.readings()
    assert [row["read_ms"] for row in kept] == [int(one.read_at.timestamp() * 1000) for one in sent]
    assert {row["quality"] for row in kept} == {Quality.VALID}


async def test_a_node_that_was_ahead_is_dated_at_its_arrival_and_marked(
    village: nodes.World,
) -> None:
    stage = village.stage
    now_ms = int(stage.clock.now_s() * 1000)
    wrong = [
        changed(
            village.reading(number),
            read_at=at_milliseconds(now_ms) + timedelta(days=9, seconds=10 * number),
        )
        for number in range(1, 21)
    ]
    standing = doubt(stage)
    await save_standing(stage.database, standing, stage.clock.monotonic_ms())
    async with village.listening() as source:
        await village.send(wrong)

        async def waits() -> bool:
            row = await stage.database.fetch_one("SELECT count(*) FROM undated_reading")
            return row is not None and row[0] == 20

        await until(waits, "20 readings without a date")
        await trust(stage, standing, now_ms)
        stage.intake.hurry()
        await village.until_stored(20)
        assert source.refused == {}
    kept = await stage.readings()
    assert [row["energy_wh"] for row in kept] == [one.energy_wh for one in wrong]
    assert {row["quality"] for row in kept} == {Quality.SUSPECT}
    dates = [row["read_ms"] for row in kept]
    assert [later - earlier for earlier, later in pairwise(dates)] == [10_000] * 19
    assert dates[-1] <= stage.clock.now_s() * 1000


async def test_nobody_has_to_report_for_what_waits_to_be_dated(
    gateway: Untimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sources.intake.DATE_AGAIN_S", 0.01)
    await gateway.look()
    await gateway.run(60)
    gateway.start()
    async with running(gateway.intake.run()):
        gateway.world.synchronise()
        await gateway.look()

        async def dated() -> bool:
            return await gateway.waiting() == 0

        await until(dated, "readings are dated")
    assert gateway.stored() == gateway.taken
