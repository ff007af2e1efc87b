"""The hourly check: it finds once, changes nothing that is settled, and goes on where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.billing import IntervalCheck
from gateway.clock import Clock
from gateway.domain.readings import Doubt, Reading
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.deciding import release
from gateway.store.edits import Act, find_edits
from gateway.store.exchanges import exchange_meter
from gateway.store.findings import find_findings
from gateway.store.points import apply_settings, find_points
from gateway.store.readings import ReadingBook
from gateway.store.rollups import roll_up_next
from gateway.store.status import find_status
from tests.store.metering import number, tier_at
from tests.village import FEEDER, HOUSE, START_S, settle_in

LABEL = HOUSE.label
QUARTER_S = 900
HOUR_S = 3_600
DAY_S = 86_400


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database)
    yield database
    await database.close()


async def live(
    database: Database,
    usage_wh: Sequence[int],
    from_s: int = START_S,
    *,
    register_wh: int = 1_000,
    power_mw: Mapping[int, int] | None = None,
    meter_id: int = 1,
    silent: range = range(0),
) -> int:
    """Read a meter at each quarter-hour and a second before the next; returns its register.

    Args:
        usage_wh: of each quarter-hour from ``from_s`` on, Wh.
        power_mw: by number of the quarter-hour.
        silent: numbers of quarter-hours in which nothing is read.
    """
    readings = []
    for place, wh in enumerate(usage_wh):
        for at_s, more_wh in ((0, 0), (QUARTER_S - 1, wh)):
            register_wh += more_wh
            if place not in silent:
                at = datetime.fromtimestamp(from_s + place * QUARTER_S + at_s, UTC)
                power = (power_mw or {}).get(place)
                readings.append(Reading(meter_id, at, register_wh, power_mw=power))
    points = {point.meter_id: point for point in await find_points(database)}
    await ReadingBook(database, tier_at).append(readings, points)
    return register_wh


async def look(
    database: Database, at_s: int, check: IntervalCheck | None = None, times: int = 1
) -> IntervalCheck:
    """Roll up and tick, as an hour later."""
    while await roll_up_next(database):
        pass
    check = check or IntervalCheck(database, Clock(), tier_at)
    for _ in range(times):
        await check.tick(datetime.fromtimestamp(at_s, UTC))
    return check


async def found(database: Database) -> list[tuple[Doubt, int, int]]:
    """What was found, in quarter-hours since the start."""
    return [
        (
            one.finding.kind,
            (one.finding.start_s - START_S) // QUARTER_S,
            (one.finding.end_s - START_S) // QUARTER_S,
        )
        for one in await find_findings(database)
    ]


def around(base_wh: int) -> Callable[[int], int]:
    """Usage that never repeats itself often."""
    return lambda place: base_wh + place * 7 % 11


async def test_a_spike_is_found_once_with_one_event_however_often_one_looks(
    database: Database,
) -> None:
    usage = [around(20)(place) for place in range(96)]
    usage[50] = 1_200
    await live(database, usage)
    await look(database, START_S + DAY_S, times=3)
    await look(database, START_S + DAY_S)
    assert await found(database) == [(Doubt.SPIKE, 50, 51)]
    event = await database.fetch_one("SELECT * FROM event WHERE kind = 'interval-spike'")
    assert event is not None
    assert event["detail"] == "house-01: 1200 Wh, the third highest of the day is 30 Wh."
    assert await number(database, "SELECT count(*) FROM event WHERE kind LIKE 'interval-%'") == 1


async def test_a_quiet_village_has_no_findings_and_is_looked_at_only_once(
    database: Database,
) -> None:
    await live(database, [around(20)(place) for place in range(96)])
    await look(database, START_S + DAY_S)
    assert await found(database) == []
    assert await number(database, "SELECT to_s FROM checked") == START_S + 23 * HOUR_S
    changes = await database.data_version()
    await look(database, START_S + DAY_S + 60)
    assert await database.data_version() == changes


async def test_an_hour_far_above_or_below_the_same_hour_of_earlier_weeks_is_found(
    database: Database,
) -> None:
    weeks = 4
    day = [around(100)(place) for place in range(8)]
    register_wh = 1_000
    for week in range(weeks):
        at_s = START_S + week * 7 * DAY_S
        register_wh = await live(database, day, at_s, register_wh=register_wh)
        await look(database, at_s + DAY_S)
    last_s = START_S + weeks * 7 * DAY_S
    other = [400, 410, 420, 430, 3, 4, 5, 6, 7, 8, 9, 10]
    await live(database, other, last_s, register_wh=register_wh)
    check = await look(database, last_s + DAY_S)
    for _ in range(40):  # a day at a time
        await look(database, last_s + DAY_S, check)
    kinds = {
        one.finding.kind: one.finding
        for one in await find_findings(database)
        if one.finding.start_s >= last_s
    }
    assert kinds[Doubt.HIGH].start_s == last_s
    assert kinds[Doubt.HIGH].end_s == last_s + HOUR_S
    assert kinds[Doubt.LOW].start_s == last_s + HOUR_S
    assert await number(database, "SELECT count(*) FROM event WHERE kind = 'interval-high'") == 1
    assert await number(database, "SELECT count(*) FROM event WHERE kind = 'interval-low'") == 0


async def test_a_register_that_stands_still_is_one_finding_that_grows_and_names_what_it_missed(
    database: Database,
) -> None:
    stuck = dict.fromkeys(range(8, 100), 400000)
    usage = [0 if place in stuck else around(20)(place) for place in range(110)]
    register_wh = await live(database, usage[:40], power_mw=stuck)
    check = await look(database, START_S + 10 * HOUR_S)
    assert await found(database) == [(Doubt.STUCK, 8, 36)]
    later = {place - 40: power for place, power in stuck.items()}
    from_s = START_S + 40 * QUARTER_S
    await live(database, usage[40:], from_s, register_wh=register_wh, power_mw=later)
    for _ in range(3):
        await look(database, START_S + 28 * HOUR_S, check)
    stretches = await found(database)
    assert (Doubt.STUCK, 8, 100) in stretches
    assert len([one for one in stretches if one[0] is Doubt.STUCK]) == 1
    assert await number(database, "SELECT count(*) FROM event WHERE kind = 'interval-stuck'") == 1
    missed_wh = await number(database, "SELECT against_wh FROM finding WHERE doubts = 1024")
    assert abs(missed_wh - 92 * 100) <= 100


async def test_a_gap_longer_than_a_day_is_one_finding(database: Database) -> None:
    usage = [around(20)(place) for place in range(4 * 96)]
    await live(database, usage, silent=range(50, 300))
    check = await look(database, START_S + 4 * DAY_S)
    for _ in range(5):
        await look(database, START_S + 4 * DAY_S, check)
    gaps = [one for one in await find_findings(database) if one.finding.kind is Doubt.GAP]
    assert len(gaps) == 1
    assert gaps[0].finding.end_s == START_S + 300 * QUARTER_S
    minutes = (gaps[0].finding.end_s - gaps[0].finding.start_s) // 60
    assert gaps[0].finding.reason == f"No reading for {minutes} min."


async def like_days(database: Database, silent: range) -> tuple[list[int], int]:
    """Ten days that are alike, with a gap on the last; returns a day and its beginning."""
    day = [5 if place < 40 else 200 if place < 60 else around(30)(place) for place in range(96)]
    days = 10
    places = range(silent.start + 9 * 96, silent.stop + 9 * 96)
    await live(database, day * days + day[:8], silent=places)
    return day, START_S + (days - 1) * DAY_S


async def test_a_long_gap_is_divided_like_the_days_before_and_its_sum_stays(
    database: Database,
) -> None:
    silent = range(30, 70)
    day, from_s = await like_days(database, silent)
    total = "SELECT sum(usage_wh) FROM usage"
    total_wh = await number(database, total)
    await look(database, from_s + DAY_S + 2 * HOUR_S)
    rows = await database.fetch_all(
        f"""SELECT (start_s - {from_s}) / 900 AS place, usage_wh, estimated_wh FROM usage
            WHERE start_s >= {from_s} AND place < 96"""
    )
    used = {row["place"]: row["usage_wh"] for row in rows}
    assert [used[place] for place in silent] == [day[place] for place in silent]
    assert all(row["estimated_wh"] == row["usage_wh"] for row in rows if row["place"] in silent)
    assert await number(database, total) == total_wh
    [edit] = await find_edits(database)
    assert (edit.kind, edit.author, edit.method) == ("reshape", "gateway", "like_days")
    assert edit.before_wh == edit.after_wh
    assert edit.reason == (
        "No reading for 600 min: divided by the same time on like days; the total is what the "
        "register moved."
    )
    differences = "SELECT sum(after_wh - before_wh) FROM edited_usage"
    assert await number(database, differences) == 0
    await look(database, from_s + DAY_S + 2 * HOUR_S)
    assert len(await find_edits(database)) == 1


async def test_a_gap_of_which_a_batch_carries_something_stays_as_it_was(
    database: Database,
) -> None:
    _, from_s = await like_days(database, range(30, 70))
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE usage SET claimed_wh = 1 WHERE start_s = :at_s", {"at_s": from_s + 50 * 900}
        )
    before = await database.fetch_all("SELECT * FROM usage")
    await look(database, from_s + DAY_S + 2 * HOUR_S)
    assert await database.fetch_all("SELECT * FROM usage") == before
    assert await find_edits(database) == []


async def test_what_was_released_during_a_gap_stays_where_it_was(database: Database) -> None:
    register_wh = await live(database, [around(20)(place) for place in range(96)])
    await live(database, [0, 1], START_S + DAY_S, register_wh=register_wh + 90_000)
    register_wh += 90_001
    at_s = START_S + DAY_S + HOUR_S
    await release(database, Act(LABEL, 500, "it was the mill", "Amina", at_s), tier_at)
    day = [around(20)(place) for place in range(60)]
    await live(database, day, START_S + DAY_S, register_wh=register_wh, silent=range(40))
    total_wh = await number(database, "SELECT sum(usage_wh) FROM usage")
    await look(database, START_S + 2 * DAY_S)
    assert [edit.kind for edit in await find_edits(database)] == ["release", "reshape"]
    assert await number(database, "SELECT sum(usage_wh) FROM usage") == total_wh
    usage = f"SELECT usage_wh FROM usage WHERE start_s = {at_s}"
    assert await number(database, usage) >= 500


async def test_books_that_do_not_add_up_are_found(database: Database) -> None:
    await live(database, [around(20)(place) for place in range(96)])
    async with database.transaction() as connection:
        await connection.execute(f"UPDATE usage SET usage_wh = 500 WHERE start_s = {START_S}")
    await look(database, START_S + DAY_S)
    kinds = [one.finding for one in await find_findings(database)]
    assert [one.kind for one in kinds if one.kind is not Doubt.SPIKE] == [Doubt.SUM]
    event = await database.fetch_one("SELECT detail FROM event WHERE kind = 'interval-sum'")
    assert event is not None
    assert "The intervals add up to" in event["detail"]


async def test_a_feeders_meter_is_no_households(tmp_path: Path) -> None:
    """What it delivers is counted apart, so that its books are other ones; losses look at it."""
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE, replace(FEEDER, first_register_wh=1_000)], START_S)
    for meter_id in (1, 2):
        usage = [around(20)(place) for place in range(96)]
        usage[50] = 20 if meter_id == 1 else 1_200
        await live(database, usage, meter_id=meter_id)
    await look(database, START_S + DAY_S, times=3)
    assert await found(database) == []
    async with database.transaction() as connection:
        await connection.execute("UPDATE feeder_usage SET usage_wh = usage_wh + 9")
    await look(database, START_S + 2 * DAY_S)
    assert [one.finding.kind for one in await find_findings(database, "north")] == [Doubt.SUM]
    await database.close()


async def test_a_meter_point_that_fails_is_parked_and_the_others_are_checked(
    database: Database,
) -> None:
    await settle_in(database, 2)
    usage = [around(20)(place) for place in range(96)]
    usage[50] = 1_200
    await live(database, usage)
    await live(database, usage, meter_id=2)
    async with database.transaction() as connection:
        await connection.execute(
            """CREATE TRIGGER broken BEFORE INSERT ON finding WHEN NEW.meter_point_id = 1
               BEGIN SELECT RAISE(ABORT, 'no room for it'); END"""
        )
    check = await look(database, START_S + DAY_S)
    await look(database, START_S + DAY_S, check)
    assert [one.label for one in await find_findings(database)] == ["house-02"]
    [status] = await find_status(database)
    assert (status.name, status.state) == ("check:house-01", "alarm")
    assert status.message == (
        "the quarter-hours of house-01 are not checked: what was found can't be written "
        "(no room for it)"
    )


async def test_hours_that_are_not_rolled_up_yet_are_left_for_later(database: Database) -> None:
    await look(database, START_S)
    register_wh = await live(database, [around(20)(place) for place in range(40)])
    check = await look(database, START_S + 10 * HOUR_S)
    await live(
        database,
        [around(20)(place) for place in range(40)],
        START_S + 40 * QUARTER_S,
        register_wh=register_wh,
    )
    await check.tick(datetime.fromtimestamp(START_S + 20 * HOUR_S, UTC))
    assert await found(database) == []
    await look(database, START_S + 20 * HOUR_S, check)
    assert await found(database) == []
    assert await number(database, "SELECT to_s FROM checked") == START_S + 19 * HOUR_S


async def test_an_exchange_in_the_day_is_no_gap(database: Database) -> None:
    usage = [around(20)(place) for place in range(40)]
    register_wh = await live(database, usage)
    at_s = START_S + 40 * QUARTER_S
    exchange = Exchange(LABEL, at_s, OldMeter(register_wh), NewMeter("NEW-1", 0))
    await exchange_meter(database, exchange, tier_at)
    await live(database, usage, at_s, register_wh=0, meter_id=2)
    await look(database, START_S + DAY_S)
    assert await found(database) == []


DAYS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 40), st.booleans(), st.booleans()),
    min_size=2,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stretches=DAYS)
async def test_law_no_wh_is_made_or_lost_and_none_that_is_claimed_moves(
    tmp_path_factory: pytest.TempPathFactory, stretches: list[tuple[int, int, bool, bool]]
) -> None:
    """Stretches of usage, some unread, some claimed by a batch, looked at in between."""
    database = await Database.open(tmp_path_factory.mktemp("law") / "usage.db")
    await settle_in(database)
    at_s, register_wh = START_S, 1_000
    try:
        for wh, quarters, is_silent, is_claimed in stretches:
            silent = range(quarters if is_silent else 0)
            register_wh = await live(
                database, [wh] * quarters, at_s, register_wh=register_wh, silent=silent
            )
            at_s += quarters * QUARTER_S
            if is_claimed:
                async with database.transaction() as connection:
                    await connection.execute("UPDATE usage SET claimed_wh = usage_wh")
            claimed = await database.fetch_all("SELECT * FROM usage WHERE claimed_wh > 0")
            await look(database, at_s)
            after = await database.fetch_all("SELECT * FROM usage WHERE claimed_wh > 0")
            assert after == claimed
            counted_wh = await number(database, "SELECT sum(cumulative_wh) FROM register")
            assert await number(database, "SELECT sum(usage_wh) FROM usage") == counted_wh
            wrong = """SELECT count(*) FROM usage WHERE open <> (usage_wh > claimed_wh)
                       OR estimated_wh NOT BETWEEN 0 AND usage_wh"""
            assert await number(database, wrong) == 0
    finally:
        await database.close()
