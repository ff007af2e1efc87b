"""Any history at all through the real store: nothing breaks, and nothing is counted that is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.billing import IntervalCheck
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.store.database import Database
from gateway.store.findings import check_books
from gateway.store.points import find_points
from gateway.store.readings import ReadingBook
from gateway.store.rollups import roll_up_next
from gateway.store.status import find_status
from tests.store.metering import number, tier_at
from tests.village import START_S, settle_in

METERS = 3
WEEK_S = 7 * 86_400
REGISTERS = st.one_of(
    st.integers(0, 3_000), st.integers(0, 10_000_000), st.sampled_from([0, 1_000, 9_999_990])
)
FIGURES = st.one_of(st.none(), st.integers(0, (1 << 31) - 1), st.integers(200_000, 250_000))
READINGS = st.builds(
    lambda meter, at_s, energy, voltage, current, power: Reading(
        meter,
        datetime.fromtimestamp(START_S + at_s, UTC),
        energy,
        voltage_mv=voltage,
        current_ma=current,
        power_mw=power,
    ),
    st.integers(1, METERS),
    st.one_of(st.integers(0, 20_000), st.integers(0, WEEK_S)),
    REGISTERS,
    FIGURES,
    FIGURES,
    FIGURES,
)
FLUSHES = st.lists(
    st.tuples(st.lists(READINGS, max_size=30), st.booleans()), min_size=1, max_size=10
)


async def check_laws(database: Database, flushed: Sequence[Reading]) -> None:
    """What holds after every flush."""
    assert await check_books(database, START_S + WEEK_S) == {}
    wrong = """SELECT count(*) FROM usage WHERE usage_wh < 0 OR claimed_wh > usage_wh
               OR estimated_wh NOT BETWEEN 0 AND usage_wh OR open <> (usage_wh > claimed_wh)"""
    assert await number(database, wrong) == 0
    most_wh = 6_000 * (WEEK_S + 3_600) // 3_600
    most = "SELECT max(cumulative_wh) FROM register"
    assert await number(database, most) <= most_wh, "no house draws more than it can"
    assert await number(database, "SELECT min(flagged_wh) FROM register") >= 0
    before = await number(database, "SELECT sum(usage_wh) FROM usage")
    points = {point.meter_id: point for point in await find_points(database)}
    done = await ReadingBook(database, tier_at).append(flushed, points)
    assert done.stored == 0, "the same readings again are no new ones"
    assert await number(database, "SELECT sum(usage_wh) FROM usage") == before


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flushes=FLUSHES)
async def test_law_no_history_breaks_anything_or_makes_negative_usage(
    tmp_path_factory: pytest.TempPathFactory, flushes: list[tuple[list[Reading], bool]]
) -> None:
    database = await Database.open(tmp_path_factory.mktemp("law") / "usage.db")
    await settle_in(database, METERS)
    points = {point.meter_id: point for point in await find_points(database)}
    book = ReadingBook(database, tier_at)
    check = IntervalCheck(database, Clock(), tier_at)
    try:
        for readings, is_hour_over in flushes:
            await book.append(readings, points)
            if is_hour_over:
                while await roll_up_next(database):
                    pass
                await check.tick(datetime.fromtimestamp(START_S + WEEK_S, UTC))
            await check_laws(database, readings)
        assert await find_status(database) == [], "nobody was parked"
    finally:
        await database.close()
