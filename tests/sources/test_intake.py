"""The one door: what it said is stored is stored, what cannot be true is refused in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.errors import Permanent, Transient
from gateway.sources.intake import MOST_AT_ONCE, MOST_WAITING, Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.trips import Trip, find_trips
from gateway.store.unsettled import UnsettledUsage
from tests.village import START_S, kept_in, settle_in

START = datetime.fromtimestamp(START_S, UTC)
FROZEN = Clock(origin_s=START_S + 7_200, wall_s=0, factor=1e-12)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def intake_of(database: Database, flush_s: float = 0.01) -> Intake:
    points = await settle_in(database, 2)
    return Intake(IntakeSettings(flush_s), points, lambda _: 1, database, FROZEN)


def reading(minute: float, energy_wh: int, meter_id: int = 1) -> Reading:
    return Reading(meter_id, START + timedelta(minutes=minute), energy_wh, power_mw=60_000)


async def test_put_returns_after_the_commit(database: Database) -> None:
    intake = await intake_of(database)
    running = asyncio.create_task(intake.run())
    await intake.put(reading(1, 1_001))
    assert len(kept_in(database)) == 1
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_usage_lands_in_its_quarter_hours(database: Database) -> None:
    intake = await intake_of(database)
    intake.offer(reading(10, 1_100))
    intake.offer(reading(20, 1_160))
    await intake.tick(FROZEN.now())
    rows = await database.fetch_all("SELECT start_s, usage_wh FROM usage ORDER BY start_s")
    assert [tuple(row) for row in rows] == [(START_S, 130), (START_S + 900, 30)]


async def test_a_repeated_reading_counts_once(database: Database) -> None:
    intake = await intake_of(database)
    for _ in range(3):
        intake.offer(reading(10, 1_100))
        await intake.tick(FROZEN.now())
    row = await database.fetch_one("SELECT sum(usage_wh) FROM usage")
    assert row is not None
    assert row[0] == 100
    assert len(kept_in(database)) == 1


async def test_a_group_is_one_transaction_whatever_its_order(database: Database) -> None:
    intake = await intake_of(database)
    intake.offer(reading(20, 1_160))
    intake.offer(reading(10, 1_100))
    intake.offer(reading(10, 2_000, meter_id=2))
    await intake.tick(FROZEN.now())
    rows = await database.fetch_all("SELECT meter_id, cumulative_wh FROM register")
    assert (1, 160) in [tuple(row) for row in rows]


async def test_a_jump_is_an_event_and_not_a_bill(database: Database) -> None:
    intake = await intake_of(database)
    for minute, energy_wh in ((10, 1_010), (11, 900_000), (12, 900_001)):
        intake.offer(reading(minute, energy_wh))
    await intake.tick(FROZEN.now())
    event = await database.fetch_one("SELECT kind, energy_wh, detail FROM event")
    assert event is not None
    assert (event["kind"], event["energy_wh"]) == ("jump", 898_990)
    assert "not billed" in event["detail"]
    register = await database.fetch_one("SELECT cumulative_wh, flagged_wh FROM register")
    assert register is not None
    assert tuple(register) == (11, 898_990)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (reading(1, -1), "cannot be"),
        (replace(reading(1, 1), meter_id=99), "add it to the file"),
        (reading(60 * 24 * 365, 1), "ahead"),
        (replace(reading(1, 1), read_at=datetime(2000, 1, 1, tzinfo=UTC)), "before the meter was"),
    ],
)
async def test_what_cannot_be_true_is_refused_in_words(
    database: Database, wrong: Reading, sentence: str
) -> None:
    intake = await intake_of(database)
    with pytest.raises(Permanent, match=sentence):
        intake.offer(wrong)
    await intake.tick(FROZEN.now())
    assert len(kept_in(database)) == 0


async def test_a_full_disk_keeps_readings_waiting_and_then_stores_them(
    database: Database,
) -> None:
    intake = await intake_of(database)
    async with database.transaction() as connection:
        async with connection.execute("PRAGMA page_count") as cursor:
            pages = await cursor.fetchone()
        assert pages is not None
        await connection.execute(f"PRAGMA max_page_count = {pages[0]}")
    waiting = [intake.offer(reading(minute / 100, 1_001)) for minute in range(1, 4_000)]
    with pytest.raises(Transient, match="disk is full"):
        await intake.tick(FROZEN.now())
    assert not any(done.done() for done in waiting)
    assert len(kept_in(database)) == 0
    async with database.transaction() as connection:
        await connection.execute("PRAGMA max_page_count = 100000")
    await intake.tick(FROZEN.now())
    assert all(done.done() for done in waiting)
    assert len(kept_in(database)) == 3_999


async def test_waiting_readings_are_bounded(database: Database) -> None:
    intake = await intake_of(database)
    for number in range(MOST_WAITING):
        intake.offer(reading(number / 1_000, 1_000))
    with pytest.raises(Transient, match="free some space"):
        intake.offer(reading(1, 1_000))


async def test_stopping_stores_what_still_waits(database: Database) -> None:
    intake = await intake_of(database, flush_s=60)
    running = asyncio.create_task(intake.run())
    done = intake.offer(reading(1, 1_001))
    await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert done.done()
    assert len(kept_in(database)) == 1


async def test_a_long_backlog_is_committed_in_parts(database: Database) -> None:
    intake = await intake_of(database)
    waiting = [intake.offer(reading(n / 1_000, 1_000)) for n in range(MOST_AT_ONCE + 1)]
    seen: list[int] = []
    waiting[0].add_done_callback(lambda _: seen.append(sum(one.done() for one in waiting)))
    await intake.tick(FROZEN.now())
    assert seen == [MOST_AT_ONCE]
    assert len(kept_in(database)) == MOST_AT_ONCE + 1


async def test_no_hurry_shortens_the_wait_for_a_disk_that_takes_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="gateway.sources.intake")
    intake = await intake_of(database)
    async with database.transaction() as connection:
        async with connection.execute("PRAGMA page_count") as cursor:
            pages = await cursor.fetchone()
        assert pages is not None
        await connection.execute(f"PRAGMA max_page_count = {pages[0]}")
    running = asyncio.create_task(intake.run())
    waiting = [intake.offer(reading(n / 100, 1_001)) for n in range(1, 1_000)]
    async with asyncio.timeout(20):
        while not caplog.messages:  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0.01)
        for _ in range(200):
            intake.hurry()
            await asyncio.sleep(0)
        async with database.transaction() as connection:
            await connection.execute("PRAGMA max_page_count = 100000")
        await waiting[-1]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [message.partition(" waiting=")[0] for message in caplog.messages] == [
        "readings wait in memory",
        "readings are stored again",
    ]


async def until_kept(database: Database, count: int) -> None:
    async with asyncio.timeout(10):
        while len(kept_in(database)) < count:  # noqa: ASYNC110 - what is waited for is on disk
            await asyncio.sleep(0.01)


async def trip_at(database: Database, *, left_stroops: int, limit_w: int | None) -> None:
    """House 1 is connected with so much left at 1 stroop per Wh, and may draw so much."""
    async with database.transaction() as connection:
        for statement, values in (
            ("INSERT INTO chain_price VALUES (1, 0, 1000, 1000, 1000, 0, 0)", ()),
            (
                """INSERT INTO chain_meter
                   VALUES (1, 0, ?, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100, 1)""",
                (left_stroops,),
            ),
            ("UPDATE meter_point SET relay = 'gpio:1', load_limit_w = ?", (limit_w,)),
            (
                """INSERT INTO supply (meter_point_id, state, reason, decided_ms, output, output_ms)
                   VALUES (1, 'connected', 'credit', 0, 'unconfirmed', 0)""",
                (),
            ),
        ):
            await connection.execute(statement, values)


@pytest.mark.parametrize(
    ("energy_wh", "power_w"), [(1_600, 60), (1_100, 501)], ids=["credit used up", "overload"]
)
async def test_a_reading_that_disconnects_its_supply_is_committed_at_once(
    database: Database, energy_wh: int, power_w: int
) -> None:
    patient = await intake_of(database, flush_s=3600)
    await trip_at(database, left_stroops=500, limit_w=500)
    patient.offer(reading(1, 1_100))
    await patient.tick(FROZEN.now())
    await patient.learn_trips()
    running = asyncio.create_task(patient.run())
    try:
        patient.offer(reading(2, 1_101))
        patient.offer(replace(reading(20, energy_wh), power_mw=power_w * 1000))
        await until_kept(database, 3)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_readings_short_of_it_wait_with_the_others(database: Database) -> None:
    patient = await intake_of(database, flush_s=3600)
    await trip_at(database, left_stroops=500, limit_w=500)
    patient.offer(reading(1, 1_100))
    await patient.tick(FROZEN.now())
    trips = await find_trips(database, UnsettledUsage(database), 0, START_S + 7_200)
    assert trips == {1: Trip(1_500, 500_000)}
    trips = await find_trips(database, UnsettledUsage(database), 70, START_S + 7_200)
    assert trips == {1: Trip(1_570, 500_000)}
