"""A meter is replaced: every Wh of both is counted once, and nobody's total starts anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError, Permanent
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.exchanges import Exchanged, exchange_meter
from gateway.store.overview import find_meter
from gateway.store.points import apply_settings, find_point
from gateway.store.settlement import find_pending
from tests.store.metering import number, read, tier_at
from tests.village import HOUSE, START_S, settle_in

LABEL = HOUSE.label
HOUR_S = 3_600


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database)
    yield database
    await database.close()


async def exchange(
    database: Database, old: OldMeter, at_s: int, *, serial: str = "NEW-1", first_wh: int = 50
) -> Exchanged:
    new = NewMeter(serial, first_wh)
    return await exchange_meter(database, Exchange(LABEL, at_s, old, new), tier_at)


async def usage(database: Database) -> tuple[int, int]:
    row = await database.fetch_one("SELECT sum(usage_wh), sum(estimated_wh) FROM usage")
    assert row is not None
    return row[0] or 0, row[1] or 0


async def test_what_flowed_until_the_exchange_and_after_it_is_one_total(database: Database) -> None:
    await read(database, 1, START_S + 600, 1_200)
    done = await exchange(database, OldMeter(1_230), START_S + 900)
    assert (done.old_serial, done.usage_wh, done.estimated_wh) == ("PZEM-0001", 30, 0)
    point = await find_point(database, LABEL)
    assert point is not None
    assert (point.serial, point.address, point.first_register_wh) == ("NEW-1", "main/1", 50)
    await read(database, point.meter_id, START_S + 1_500, 75)
    assert await usage(database) == (230 + 25, 0)
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.counted is not None
    assert meter.counted.usage_wh == 255
    assert meter.pending_wh == 255
    assert await find_pending(database, 1) == {0: 255}


async def test_right_after_the_exchange_nothing_is_missing(database: Database) -> None:
    await read(database, 1, START_S + 600, 1_200)
    await exchange(database, OldMeter(1_230), START_S + 900)
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.pending_wh == 230


async def test_a_reading_of_the_old_meter_that_comes_late_counts_nothing(
    database: Database,
) -> None:
    await read(database, 1, START_S + 600, 1_200)
    points = await settle_in(database)
    await exchange(database, OldMeter(1_230), START_S + 900)
    await read(database, 1, START_S + 700, 1_215, points)
    assert await usage(database) == (230, 0)


async def test_a_dead_meter_ends_at_its_last_reading_and_an_approved_estimate(
    database: Database,
) -> None:
    await read(database, 1, START_S + 600, 1_200)
    old = OldMeter(None, 700, "Amina")
    done = await exchange(database, old, START_S + 2 * HOUR_S)
    assert (done.last_register_wh, done.usage_wh, done.estimated_wh) == (1_200, 700, 700)
    assert await usage(database) == (900, 700)
    row = await database.fetch_one("SELECT kind, energy_wh, detail FROM event")
    assert row is not None
    assert (row["kind"], row["energy_wh"]) == ("exchange-estimated", 700)
    assert row["detail"] == (
        "house-01: meter PZEM-0001 (dead, last read at 1200 Wh, 700 Wh estimated) was replaced by "
        "NEW-1 (at 50 Wh); approved by Amina"
    )
    assert await number(database, "SELECT approved_by = 'Amina' FROM exchange") == 1


async def test_a_dead_meter_of_which_nothing_is_known_is_estimated_at_nothing(
    database: Database,
) -> None:
    done = await exchange(database, OldMeter(None, 0, "Amina"), START_S + HOUR_S)
    assert (done.last_register_wh, done.usage_wh) == (1_000, 0)
    assert await usage(database) == (0, 0)


async def test_a_register_that_restarted_and_was_seen_by_a_person_is_closed_where_it_stands(
    database: Database,
) -> None:
    await read(database, 1, START_S + 600, 1_200)
    await read(database, 1, START_S + 700, 5)  # out of line, and nothing after it
    done = await exchange(database, OldMeter(9), START_S + 720)
    assert (done.last_register_wh, done.usage_wh + done.flagged_wh) == (9, 9)
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.pending_wh == 200 + done.usage_wh
    assert await find_pending(database, 1) == {0: 200 + done.usage_wh}


@pytest.mark.parametrize(
    ("old", "at_s", "serial", "sentence"),
    [
        (OldMeter(1_199), START_S + 900, "NEW-1", "showed 1200 Wh at .*, and 1199 Wh is less"),
        (OldMeter(99_999), START_S + 900, "NEW-1", "more than 6000 W can make: look again"),
        (OldMeter(1_200), START_S + 500, "NEW-1", "was read after that, at 2026-01-01 00:10:00"),
        (OldMeter(1_200), START_S + 900, "PZEM-0001", "is the meter that hangs there"),
        (OldMeter(1_200), START_S + 900, "PZEM-0002", "is the meter of house-02"),
        (OldMeter(None), START_S + 900, "NEW-1", r"say who answers .* \(--by\)"),
        (OldMeter(1_200, 5), START_S + 900, "NEW-1", "or an estimate, not both"),
        (OldMeter(None, -5, "A"), START_S + 900, "NEW-1", "0 Wh or more"),
        (OldMeter(None, 50_000, "A"), START_S + 900, "NEW-1", "more than 6000 W can make"),
    ],
)
async def test_an_exchange_that_cannot_be_right_changes_nothing(
    database: Database, old: OldMeter, at_s: int, serial: str, sentence: str
) -> None:
    await settle_in(database, 2)
    await read(database, 1, START_S + 600, 1_200)
    with pytest.raises(Permanent, match=sentence):
        await exchange(database, old, at_s, serial=serial)
    assert await number(database, "SELECT count(*) FROM installation") == 2
    assert await usage(database) == (200, 0)


async def test_nobody_and_nowhere_are_named(database: Database) -> None:
    await settle_in(database, 2)
    new = NewMeter("NEW-1", 0, address="main/2")
    with pytest.raises(Permanent, match="house-77 is no meter point"):
        await exchange_meter(database, Exchange("house-77", START_S, OldMeter(1_000), new), tier_at)
    with pytest.raises(Permanent, match="main/2 is where the meter of house-02 is read"):
        await exchange_meter(database, Exchange(LABEL, START_S, OldMeter(1_000), new), tier_at)


async def test_a_meter_that_was_repaired_may_hang_elsewhere(database: Database) -> None:
    await settle_in(database, 2)
    await read(database, 1, START_S + 600, 1_200)
    await exchange(database, OldMeter(1_230), START_S + 900)
    new = NewMeter("PZEM-0001", 1_240)
    await exchange_meter(
        database, Exchange("house-02", START_S + HOUR_S, OldMeter(1_000), new), tier_at
    )
    await read(database, 1, START_S + 2 * HOUR_S, 1_300)
    second = await find_meter(database, "house-02")
    first = await find_meter(database, LABEL)
    assert second is not None
    assert first is not None
    assert (first.pending_wh, second.pending_wh) == (230, 60)


async def test_the_file_has_to_name_the_new_meter(database: Database) -> None:
    await read(database, 1, START_S + 600, 1_200)
    await exchange(database, OldMeter(1_230), START_S + 900)
    with pytest.raises(ConfigError, match="PZEM-0001 was replaced on 2026-01-01: write serial = "):
        await settle_in(database)
    point = await find_point(database, LABEL)
    assert point is not None
    assert point.address == "main/1"
    [named] = await apply_settings(database, [replace(HOUSE, serial="NEW-1")], START_S)
    assert (named.serial, named.first_register_wh) == ("NEW-1", 50)


async def test_a_file_that_names_no_serial_means_the_meter_that_hangs_there(
    tmp_path: Path,
) -> None:
    database = await Database.open(tmp_path / "other.db")
    unnamed = replace(HOUSE, serial=HOUSE.address)
    await apply_settings(database, [unnamed], START_S)
    await exchange(database, OldMeter(1_000), START_S + 900)
    [point] = await apply_settings(database, [unnamed], START_S)
    assert point.serial == "NEW-1"
    await database.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "exchange", "dead"]),
        st.integers(0, 900),  # Wh that flow before it
        st.integers(0, 900),  # Wh of them that nobody sees when the meter is dead
        st.integers(0, 100_000),  # what the new meter shows
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_law_every_register_s_movement_is_counted_once_whatever_is_exchanged(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int, int]],
) -> None:
    """Usage = the sum of last less first registers, plus estimates, plus the register now."""
    database = await Database.open(tmp_path_factory.mktemp("law") / "usage.db")
    await settle_in(database)
    at_s, register_wh, moved_wh, estimated_wh = START_S, 1_000, 0, 0
    for place, (what, flowed_wh, missed_wh, new_wh) in enumerate(steps):
        at_s += HOUR_S
        point = await find_point(database, LABEL)
        assert point is not None
        if what != "dead":
            register_wh += flowed_wh
            moved_wh += flowed_wh
        if what == "read":
            await read(database, point.meter_id, at_s, register_wh)
            continue
        old = OldMeter(register_wh) if what == "exchange" else OldMeter(None, missed_wh, "Amina")
        estimated_wh += missed_wh if what == "dead" else 0
        await exchange(database, old, at_s, serial=f"NEW-{place}", first_wh=new_wh)
        register_wh = new_wh
    assert (await usage(database))[0] == moved_wh + estimated_wh
    assert await find_pending(database, 1) == {0: moved_wh + estimated_wh}
    meter = await find_meter(database, LABEL)
    assert meter is not None
    assert meter.pending_wh == moved_wh + estimated_wh
    closed = await number(
        database,
        """SELECT sum(last_register_wh - first_register_wh - counted_wh - flagged_wh)
                  + (SELECT ifnull(sum(estimated_wh), 0) FROM exchange)
           FROM installation WHERE to_s IS NOT NULL""",
    )
    assert closed == 0
    await database.close()
