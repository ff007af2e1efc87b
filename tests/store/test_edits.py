"""People decide on what looks wrong: every act stands beside what it changed, and counts once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Permanent
from gateway.store.accounts import move_in, move_out
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.deciding import find_set_aside, reject, release
from gateway.store.edits import Act, find_edits
from gateway.store.exchanges import exchange_meter
from gateway.store.missed import Span, estimate_missed
from gateway.store.overview import find_meter
from gateway.store.settlement import find_pending
from gateway.store.unsettled import UnsettledUsage
from tests.store.metering import number, read, tier_at
from tests.village import CHAIN_METER, HOUSE, START_S, settle_in

LABEL = HOUSE.label
HOUR_S = 3_600
NOW_S = START_S + 2 * HOUR_S
ACT = Act(LABEL, 300, "the jump was a pump", "Amina", NOW_S)
STUCK = Span(START_S, START_S + HOUR_S)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A house whose register jumped: 100 Wh are counted and 50 000 set aside."""
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database)
    await read(database, 1, START_S + 600, 1_100)
    await read(database, 1, START_S + 610, 51_100)
    await read(database, 1, START_S + 620, 51_101)
    yield database
    await database.close()


async def total_wh(database: Database) -> int:
    return await number(database, "SELECT sum(usage_wh) FROM usage")


async def stand_still(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT INTO event (at_ms, kind, meter_point_id, detail)
               VALUES (:at_ms, 'stuck', 1, 'it stands still')""",
            {"at_ms": (START_S + 900) * 1000},
        )


async def test_what_is_released_is_estimated_usage_of_the_quarter_hour_of_the_act(
    database: Database,
) -> None:
    edit = await release(database, replace(ACT, at_s=NOW_S + 61), tier_at)
    assert (edit.kind, edit.before_wh, edit.after_wh) == ("release", 50_000, 49_700)
    row = await database.fetch_one(f"SELECT * FROM usage WHERE start_s = {NOW_S}")
    assert row is not None
    assert (row["usage_wh"], row["estimated_wh"], row["claimed_wh"]) == (300, 300, 0)
    event = await database.fetch_one("SELECT * FROM event WHERE kind = 'edit-release'")
    assert event is not None
    assert (event["energy_wh"], event["detail"]) == (
        300,
        "house-01: 300 Wh of meter PZEM-0001 that were set aside are billed after all, by Amina: "
        "the jump was a pump",
    )


async def test_the_register_and_the_readings_stay_what_they_were(database: Database) -> None:
    before = await database.fetch_one("SELECT * FROM register")
    groups = await database.fetch_all("SELECT * FROM reading_group")
    await release(database, ACT, tier_at)
    await reject(database, replace(ACT, energy_wh=49_700))
    assert await database.fetch_one("SELECT * FROM register") == before
    assert await database.fetch_all("SELECT * FROM reading_group") == groups


async def test_what_is_pending_and_what_the_page_shows_grow_by_what_was_released(
    database: Database,
) -> None:
    await release(database, ACT, tier_at)
    assert await find_pending(database, 1) == {0: 401}
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.pending_wh == 401


async def test_no_more_is_released_or_rejected_than_is_set_aside(database: Database) -> None:
    await reject(database, replace(ACT, energy_wh=49_900))
    [aside] = await find_set_aside(database)
    assert (aside.waiting_wh, aside.released_wh, aside.rejected_wh) == (100, 0, 49_900)
    with pytest.raises(Permanent, match="only 100 Wh are set aside, not 101: give at most that"):
        await release(database, replace(ACT, energy_wh=101), tier_at)
    await release(database, replace(ACT, energy_wh=100), tier_at)
    with pytest.raises(Permanent, match="house-01: nothing is set aside"):
        await release(database, replace(ACT, energy_wh=1), tier_at)


async def test_an_act_that_is_repeated_counts_once_and_says_so(database: Database) -> None:
    first = await release(database, ACT, tier_at)
    again = await release(database, replace(ACT, at_s=NOW_S + 5_000), tier_at)
    assert (again.edit_id, again.is_repeated) == (first.edit_id, True)
    assert await total_wh(database) == 401
    other = await release(database, replace(ACT, key="second visit"), tier_at)
    assert not other.is_repeated
    assert await total_wh(database) == 701


async def test_two_who_release_the_same_at_once_release_it_once(database: Database) -> None:
    second = await Database.open(database.path)
    try:
        done = await asyncio.gather(release(database, ACT, tier_at), release(second, ACT, tier_at))
    finally:
        await second.close()
    assert sorted(one.is_repeated for one in done) == [False, True]
    assert await total_wh(database) == 401


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (replace(ACT, energy_wh=0), "0 Wh is nothing to decide"),
        (replace(ACT, energy_wh=-5), "-5 Wh is nothing to decide"),
        (replace(ACT, reason=" "), "--reason: give one line"),
        (replace(ACT, reason="a\nb"), "--reason: give one line"),
        (replace(ACT, author=""), "--by: give one line"),
        (replace(ACT, author="gateway"), "give a name"),
        (replace(ACT, label="house-77"), "house-77: nothing is set aside"),
        (replace(ACT, serial="OTHER"), "nothing of meter OTHER is set aside"),
    ],
)
async def test_an_act_that_says_too_little_changes_nothing(
    database: Database, act: Act, sentence: str
) -> None:
    with pytest.raises(Permanent, match=sentence):
        await release(database, act, tier_at)
    with pytest.raises(Permanent, match=sentence):
        await reject(database, act)
    assert await find_edits(database) == []
    assert await total_wh(database) == 101


async def test_an_edit_can_neither_be_changed_nor_deleted(database: Database) -> None:
    await release(database, ACT, tier_at)
    for sql in (
        "UPDATE edit SET energy_wh = 1",
        "DELETE FROM edit",
        "UPDATE edited_usage SET after_wh = 1",
        "DELETE FROM edited_usage",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="an edit is never"):
            async with database.transaction() as connection:
                await connection.execute(sql)


async def test_what_a_replaced_meter_had_set_aside_can_still_be_decided(
    database: Database,
) -> None:
    exchange = Exchange(LABEL, NOW_S - HOUR_S, OldMeter(51_101), NewMeter("NEW-1", 0))
    await exchange_meter(database, exchange, tier_at)
    await release(database, ACT, tier_at)
    [aside] = await find_set_aside(database, LABEL)
    assert (aside.serial, aside.waiting_wh, aside.is_installed) == ("PZEM-0001", 49_700, False)
    await read(database, 2, NOW_S, 40)
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.pending_wh == await total_wh(database) == 101 + 300 + 40


async def test_where_two_meters_have_something_set_aside_one_is_named(database: Database) -> None:
    exchange = Exchange(LABEL, START_S + 900, OldMeter(51_101), NewMeter("NEW-1", 0))
    await exchange_meter(database, exchange, tier_at)
    for second, energy_wh in enumerate((0, 70_000, 70_001)):
        await read(database, 2, START_S + 1_000 + second * 10, energy_wh)
    with pytest.raises(Permanent, match=r"PZEM-0001 \(50000 Wh\), NEW-1 \(70000 Wh\): --serial"):
        await release(database, ACT, tier_at)
    edit = await release(database, replace(ACT, serial="NEW-1"), tier_at)
    assert (edit.serial, edit.after_wh) == ("NEW-1", 69_700)


async def test_what_a_stuck_register_missed_is_added_where_something_says_that_it_stood(
    database: Database,
) -> None:
    later_s = START_S + 3 * 86_400
    with pytest.raises(Permanent, match="nothing says that its register missed anything"):
        await estimate_missed(
            database, replace(ACT, at_s=later_s), Span(later_s - 900, later_s), tier_at
        )
    await stand_still(database)
    edit = await estimate_missed(database, ACT, STUCK, tier_at)
    assert (edit.energy_wh, edit.before_wh, edit.after_wh) == (300, 101, 401)
    assert await total_wh(database) == 401
    assert await number(database, "SELECT sum(estimated_wh) FROM usage") == 300
    assert await number(database, "SELECT sum(after_wh - before_wh) FROM edited_usage") == 300
    assert (await estimate_missed(database, ACT, STUCK, tier_at)).is_repeated
    assert await total_wh(database) == 401


@pytest.mark.parametrize(
    ("act", "span", "sentence"),
    [
        (ACT, Span(START_S, START_S), "give --from before --to"),
        (ACT, Span(START_S, START_S + 100 * 86_400), "at most 92 days apart"),
        (ACT, Span(START_S, NOW_S + 1), "--to is still to come"),
        (ACT, Span(START_S - 900, START_S), "no one meter hung there"),
        (replace(ACT, serial="OTHER"), STUCK, "no one meter hung there"),
        (replace(ACT, energy_wh=5_950), STUCK, "101 Wh that were counted then, 5950 Wh are more"),
        (replace(ACT, label="house-77"), STUCK, "house-77 is no meter point"),
        (replace(ACT, author=""), STUCK, "--by: give one line"),
    ],
)
async def test_an_estimate_that_cannot_be_right_changes_nothing(
    database: Database, act: Act, span: Span, sentence: str
) -> None:
    await stand_still(database)
    with pytest.raises(Permanent, match=sentence):
        await estimate_missed(database, act, span, tier_at)
    assert await total_wh(database) == 101


async def test_one_stretch_is_not_estimated_twice(database: Database) -> None:
    await stand_still(database)
    await estimate_missed(database, ACT, STUCK, tier_at)
    other = replace(ACT, reason="I forgot that I had done it")
    with pytest.raises(Permanent, match="edit 1 has estimated 300 Wh for 2026-01-01 00:00"):
        await estimate_missed(database, other, Span(START_S + 900, NOW_S), tier_at)


async def test_who_moved_out_is_not_charged_afterwards_and_who_came_not_for_them(
    database: Database,
) -> None:
    await stand_still(database)
    await read(database, 1, NOW_S - 60, 51_201)
    out = await move_out(database, LABEL, NOW_S, NOW_S)
    assert out.usage_wh == 201
    with pytest.raises(Permanent, match="who lived there was settled at 2026-01-01 02:00 UTC"):
        await estimate_missed(database, ACT, STUCK, tier_at)
    await release(database, replace(ACT, at_s=NOW_S + 60), tier_at)
    await move_in(database, LABEL, None, NOW_S, NOW_S + 120)
    await read(database, 1, NOW_S + HOUR_S, 51_211)
    later = await move_out(database, LABEL, NOW_S + HOUR_S, NOW_S + HOUR_S)
    assert later.usage_wh == 10 + 300, "what was released is who's lives there then"
    assert await total_wh(database) == 201 + 310


async def test_an_estimate_belongs_to_who_lived_there_then(database: Database) -> None:
    await stand_still(database)
    await estimate_missed(database, ACT, STUCK, tier_at)
    await read(database, 1, NOW_S - 60, 51_201)
    out = await move_out(database, LABEL, NOW_S, NOW_S)
    assert out.usage_wh == 501
    await move_in(database, LABEL, None, NOW_S, NOW_S)
    await read(database, 1, NOW_S + HOUR_S, 51_211)
    assert (await move_out(database, LABEL, NOW_S + HOUR_S, NOW_S + HOUR_S)).usage_wh == 10


async def test_what_is_added_to_old_usage_counts_against_credit_at_once(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO chain_price VALUES (1, 0, 10, 10, 10, 0, 0)")
        await connection.execute(
            f"INSERT INTO {CHAIN_METER} VALUES (1, 0, 0, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100, 0)"
        )
    unsettled = UnsettledUsage(database)
    [before] = (await unsettled.find(NOW_S + 86_400))[1]
    await stand_still(database)
    await estimate_missed(database, ACT, STUCK, tier_at)
    [after] = (await unsettled.find(NOW_S + 86_400))[1]
    assert sum(after.tiers_wh) - sum(before.tiers_wh) == 300
