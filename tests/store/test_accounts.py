"""Moving out settles, moving in starts clean, and nobody's time overlaps another's."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Permanent
from gateway.store.accounts import find_accounts, move_in, move_out
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.exchanges import exchange_meter
from tests.store.metering import number, read, tier_at
from tests.village import HOUSE, START_S, settle_in

LABEL = HOUSE.label
HOUR_S = 3_600
NOW_S = START_S + 100 * HOUR_S


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database)
    for hour in range(1, 11):
        await read(database, 1, START_S + hour * HOUR_S, 1_000 + 100 * hour)
    yield database
    await database.close()


async def test_who_moves_out_is_settled_at_the_last_reading(database: Database) -> None:
    await move_in(database, LABEL, "yellow door", START_S + 2 * HOUR_S, NOW_S)
    account = await move_out(database, LABEL, START_S + 10 * HOUR_S + 60, NOW_S)
    assert (account.label, account.from_s, account.to_s) == (
        "yellow door",
        START_S + 2 * HOUR_S,
        START_S + 10 * HOUR_S + 60,
    )
    assert (account.register_from_wh, account.register_to_wh) == (1_200, 2_000)
    assert account.usage_wh == 800
    assert not account.is_from_estimated
    assert not account.is_to_estimated


async def test_a_past_instant_is_settled_at_the_reading_before_it(database: Database) -> None:
    account = await move_out(database, LABEL, START_S + 4 * HOUR_S + 1_800, NOW_S)
    assert (account.register_to_wh, account.usage_wh) == (1_400, 400)
    assert not account.is_to_estimated


async def test_a_closing_register_without_a_fresh_reading_is_flagged(database: Database) -> None:
    account = await move_out(database, LABEL, START_S + 12 * HOUR_S, NOW_S)
    assert (account.register_to_wh, account.is_to_estimated) == (2_000, True)
    row = await database.fetch_one("SELECT detail FROM event WHERE kind = 'moved-out'")
    assert row is not None
    assert row["detail"].endswith("estimated: no reading within the hour before")


async def test_who_never_had_an_account_was_there_since_the_first_meter(
    database: Database,
) -> None:
    account = await move_out(database, LABEL, START_S + 10 * HOUR_S, NOW_S)
    assert (account.from_s, account.register_from_wh, account.usage_wh) == (START_S, 1_000, 1_000)


async def test_accounts_that_follow_each_other_share_every_wh_out_once(
    database: Database,
) -> None:
    first = await move_out(database, LABEL, START_S + 3 * HOUR_S, NOW_S)
    await move_in(database, LABEL, None, START_S + 3 * HOUR_S, NOW_S)
    second = await move_out(database, LABEL, START_S + 5 * HOUR_S, NOW_S)
    await move_in(database, LABEL, None, START_S + 7 * HOUR_S, NOW_S)  # empty for two hours
    third = await move_out(database, LABEL, START_S + 10 * HOUR_S, NOW_S)
    assert [one.usage_wh for one in (first, second, third)] == [300, 200, 300]
    assert await number(database, "SELECT sum(usage_wh) FROM usage") == 300 + 200 + 200 + 300
    assert await find_accounts(database, LABEL) == [first, second, third]
    assert await find_accounts(database) == [first, second, third]
    assert await find_accounts(database, "house-02") == []


async def test_an_exchange_in_between_changes_nothing(database: Database) -> None:
    await move_in(database, LABEL, None, START_S + 9 * HOUR_S, NOW_S)
    exchange = Exchange(LABEL, START_S + 11 * HOUR_S, OldMeter(2_040), NewMeter("NEW-1", 7))
    await exchange_meter(database, exchange, tier_at)
    await read(database, 2, START_S + 12 * HOUR_S, 67)
    account = await move_out(database, LABEL, START_S + 12 * HOUR_S, NOW_S)
    assert (account.register_from_wh, account.register_to_wh) == (1_900, 67)
    assert account.usage_wh == 100 + 40 + 60


async def test_a_noisy_reading_is_no_closing_register(database: Database) -> None:
    await read(database, 1, START_S + 10 * HOUR_S + 600, 0)
    await read(database, 1, START_S + 10 * HOUR_S + 1_200, 5_000)
    await read(database, 1, START_S + 10 * HOUR_S + 1_800, 2_010)
    account = await move_out(database, LABEL, START_S + 10 * HOUR_S + 1_500, NOW_S)
    assert (account.register_to_wh, account.usage_wh) == (2_000, 1_000)


@pytest.mark.parametrize(
    ("act", "at_s", "sentence"),
    [
        ("in", START_S + HOUR_S, "is occupied since 2026-01-01 05:00"),
        ("out", START_S + 5 * HOUR_S, "give an instant after that"),
        ("out", START_S - HOUR_S, "hangs there only since|give an instant after that"),
        ("out", NOW_S + 1, "is still to come"),
    ],
)
async def test_an_instant_that_cannot_be_is_refused(
    database: Database, act: str, at_s: int, sentence: str
) -> None:
    await move_in(database, LABEL, None, START_S + 5 * HOUR_S, NOW_S)
    with pytest.raises(Permanent, match=sentence):
        if act == "in":
            await move_in(database, LABEL, None, at_s, NOW_S)
        else:
            await move_out(database, LABEL, at_s, NOW_S)


async def test_nobody_moves_out_twice_or_into_the_time_of_another(database: Database) -> None:
    await move_out(database, LABEL, START_S + 5 * HOUR_S, NOW_S)
    with pytest.raises(Permanent, match="stands empty since 2026-01-01 05:00"):
        await move_out(database, LABEL, START_S + 6 * HOUR_S, NOW_S)
    with pytest.raises(Permanent, match="was occupied until 2026-01-01 05:00"):
        await move_in(database, LABEL, None, START_S + 4 * HOUR_S, NOW_S)
    with pytest.raises(Permanent, match="house-77 is no meter point"):
        await move_in(database, "house-77", None, START_S, NOW_S)


async def test_a_register_that_restarted_since_can_not_tell(database: Database) -> None:
    await read(database, 1, START_S + 11 * HOUR_S, 0)
    await read(database, 1, START_S + 12 * HOUR_S, 40)
    with pytest.raises(Permanent, match="did not simply rise at 2026-01-01 12:00"):
        await move_out(database, LABEL, START_S + 5 * HOUR_S, NOW_S)
    account = await move_out(database, LABEL, START_S + 12 * HOUR_S, NOW_S)
    assert (account.register_to_wh, account.usage_wh) == (40, 1_040)


async def test_the_store_itself_refuses_two_occupants_at_a_time(database: Database) -> None:
    await move_out(database, LABEL, START_S + 5 * HOUR_S, NOW_S)
    columns = "(meter_point_id, from_s, to_s, register_from_wh, register_to_wh, counted_from_wh,"
    sql = f"INSERT INTO account {columns} counted_to_wh, estimated_from, estimated_to)"
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        async with database.transaction() as connection:
            await connection.execute(
                f"{sql} VALUES (1, {START_S + HOUR_S}, {START_S + 2 * HOUR_S}, 0, 0, 0, 0, 0, 0)"
            )
    await move_in(database, LABEL, None, START_S + 6 * HOUR_S, NOW_S)
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        async with database.transaction() as connection:
            await connection.execute(
                f"UPDATE account SET from_s = {START_S + HOUR_S} WHERE to_s IS NULL"
            )
