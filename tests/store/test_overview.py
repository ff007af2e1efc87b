"""What the page reads: every meter point once, with all that is known and nothing made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.supply import SupplyState
from gateway.store.database import Database
from gateway.store.overview import MeterOverview, find_meter, find_village
from gateway.store.points import apply_settings
from tests.village import HOUSE, START_S, settle_in
from tests.web.stage import NOW_S, counted, on_chain, put, supplied, used

DEACTIVATED, STREAMING, POSTPAID = 1 | 1 << 1, 1 | 1 << 3, 1 | 2 << 3


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def meter(database: Database, identifier: str = "house-01") -> MeterOverview:
    found = await find_meter(database, identifier)
    assert found is not None
    return found


async def test_a_new_meter_point_is_shown_with_nothing_known(database: Database) -> None:
    await settle_in(database)
    found = await meter(database)
    assert (found.counted, found.on_chain, found.supply) == (None, None, None)
    assert found.pending_wh == 0
    assert found.address == "main/1"


async def test_a_meter_point_is_found_by_label_and_by_its_id_on_chain(database: Database) -> None:
    await settle_in(database, 3)
    assert (await meter(database, "house-02")).chain_id == 1 << 32 | 1
    assert (await meter(database, str(1 << 32 | 1))).label == "house-02"


async def test_a_label_made_of_digits_wins_over_an_id(database: Database) -> None:
    digits = str(1 << 32 | 1)
    named = replace(HOUSE, label=digits, slot=7, serial="X", address="main/9")
    await settle_in(database, 2)
    await apply_settings(database, [named], START_S)
    assert (await meter(database, digits)).chain_id == 1 << 32 | 7


async def test_the_highest_id_on_chain_does_not_overflow(database: Database) -> None:
    last = (1 << 32) - 1
    [point] = await apply_settings(database, [replace(HOUSE, site=last, slot=last)], START_S)
    await used(database, point, NOW_S - NOW_S % 900, 40)
    assert (await meter(database, str((1 << 64) - 1))).label == "house-01"
    assert (await find_village(database, 0)).today_wh == {(1 << 64) - 1: 40}


@pytest.mark.parametrize(
    "identifier",
    ["", "nobody", "-1", "0x1", "1e9", str(1 << 64), "9" * 10_000, "' OR 1=1 --", "\x00", "٣", "%"],
)
async def test_anything_else_finds_nobody(database: Database, identifier: str) -> None:
    await settle_in(database)
    assert await find_meter(database, identifier) is None


async def test_pending_is_what_was_counted_less_what_the_chain_has_or_refused(
    database: Database,
) -> None:
    [point] = await settle_in(database)
    await counted(database, point, 5_000)
    await on_chain(database, point, total_wh=3_800)
    await put(database, "settlement", meter_point_id=point.meter_point_id, residue_wh=200)
    assert (await meter(database)).pending_wh == 1_000


async def test_nothing_is_pending_while_a_restored_database_catches_up_with_the_chain(
    database: Database,
) -> None:
    [point] = await settle_in(database)
    await counted(database, point, 5_000)
    await on_chain(database, point, total_wh=5_300)
    assert (await meter(database)).pending_wh == 0


@pytest.mark.parametrize(
    ("flags", "balance", "paid_until_s", "active"),
    [
        (1, 1, 0, True),
        (1, 0, 0, False),
        (1, -1, 0, False),
        (1, 0, NOW_S + 1, True),
        (1, 0, NOW_S, False),
        (STREAMING, -1, 0, True),
        (POSTPAID, 0, 0, True),
        (DEACTIVATED, 1, NOW_S + 1, False),
        (DEACTIVATED | POSTPAID, 1, NOW_S + 1, False),
    ],
)
async def test_active_is_what_check_access_would_say(
    database: Database, flags: int, balance: int, paid_until_s: int, *, active: bool
) -> None:
    [point] = await settle_in(database)
    await on_chain(database, point, balance=balance, flags=flags, paid_until_s=paid_until_s)
    seen = (await meter(database)).on_chain
    assert seen is not None
    assert seen.is_active_at(NOW_S) is active


async def test_a_reading_out_of_line_counts_as_heard_though_not_as_believed(
    database: Database,
) -> None:
    [point] = await settle_in(database)
    await put(
        database,
        "register",
        meter_id=point.meter_id,
        read_ms=NOW_S * 1000,
        energy_wh=10,
        cumulative_wh=5,
        flagged_wh=0,
        candidate_ms=(NOW_S + 10) * 1000,
        candidate_wh=900_000,
    )
    found = (await meter(database)).counted
    assert found is not None
    assert (found.read_s, found.heard_s, found.usage_wh) == (NOW_S, NOW_S + 10, 5)


async def test_the_village_has_every_meter_point_once_by_slot(database: Database) -> None:
    points = await settle_in(database, 3)
    await counted(database, points[1], 700)
    await supplied(database, points[2], "disconnected", "no_credit")
    village = await find_village(database, START_S)
    assert [found.label for found in village.meters] == ["house-01", "house-02", "house-03"]
    assert [found.counted is None for found in village.meters] == [True, False, True]
    assert village.meters[2].supply is not None
    assert village.meters[2].supply.state is SupplyState.DISCONNECTED


async def test_today_begins_at_the_midnight_it_is_given(database: Database) -> None:
    [point] = await settle_in(database)
    await used(database, point, START_S - 900, 50)
    await used(database, point, START_S, 70)
    await used(database, point, START_S + 900, 30)
    village = await find_village(database, START_S)
    assert village.today_wh == {point.chain_id: 100}
    assert village.unclaimed_from_s == START_S - 900


async def test_an_empty_store_is_an_empty_village(database: Database) -> None:
    village = await find_village(database, START_S)
    assert (village.meters, village.statuses, village.receipts, village.open_batches) == (
        (),
        (),
        (),
        (),
    )
    assert (village.unclaimed_from_s, village.chain_seen_s) == (None, None)
