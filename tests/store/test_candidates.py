"""Nodes that nobody knows: a bounded list, and one act that makes a meter point of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Permanent
from gateway.store.candidates import (
    MOST_CANDIDATES,
    Candidate,
    accept_candidate,
    find_candidates,
    forget_candidate,
    save_candidates,
)
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.village import HOUSE, START_S, settle_in

STRANGER = Candidate(
    name="meter-999",
    first_s=START_S + 100,
    last_s=START_S + 100,
    messages=1,
    read_ms=START_S * 1_000,
    energy_wh=12_345,
    voltage_mv=230_400,
    current_ma=2_730,
    power_mw=628_990,
    power_factor_milli=980,
    rssi_dbm=-60,
)
SETTING = replace(
    HOUSE,
    label="house-09",
    slot=9,
    serial="node/meter-999",
    model="node",
    address="node/meter-999",
    first_register_wh=None,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database)
    yield database
    await database.close()


async def test_the_last_message_counts_and_the_first_time_stays(database: Database) -> None:
    await save_candidates(database, [STRANGER])
    later = replace(
        STRANGER, first_s=START_S + 160, last_s=START_S + 200, messages=4, energy_wh=12_350
    )
    await save_candidates(database, [later])
    assert await find_candidates(database) == [
        replace(STRANGER, last_s=START_S + 200, messages=5, energy_wh=12_350)
    ]


async def test_a_hundred_names_are_kept_those_heard_last(database: Database) -> None:
    many = [
        replace(STRANGER, name=f"meter-{number:03d}", last_s=START_S + number)
        for number in range(MOST_CANDIDATES + 30)
    ]
    await save_candidates(database, many)
    kept = {one.name for one in await find_candidates(database)}
    assert kept == {one.name for one in many[30:]}


async def test_accepting_makes_a_meter_point_since_it_was_first_heard(database: Database) -> None:
    await save_candidates(database, [STRANGER])
    point = await accept_candidate(database, "meter-999", SETTING, START_S + 5_000)
    assert (point.label, point.slot, point.address) == ("house-09", 9, "node/meter-999")
    assert point.installed_s == STRANGER.first_s
    assert await find_candidates(database) == []
    row = await database.fetch_one("SELECT kind, detail FROM event")
    assert row is not None
    assert tuple(row) == (
        "node-accepted",
        "node meter-999 was accepted as the meter of house-09, slot 9",
    )


async def test_nobody_is_accepted_whom_nobody_heard(database: Database) -> None:
    with pytest.raises(Permanent, match="no unknown node meter-999 has been heard"):
        await accept_candidate(database, "meter-999", SETTING, START_S)


async def test_a_refused_acceptance_keeps_the_candidate(database: Database) -> None:
    await save_candidates(database, [STRANGER])
    with pytest.raises(Permanent, match="slot 0 belongs to house-01"):
        await accept_candidate(database, "meter-999", replace(SETTING, slot=0), START_S)
    assert await find_candidates(database) == [STRANGER]
    assert len(await find_points(database)) == 1


async def test_who_is_forgotten_is_gone_until_heard_again(database: Database) -> None:
    await save_candidates(database, [STRANGER])
    assert await forget_candidate(database, "meter-999")
    assert not await forget_candidate(database, "meter-999")
    await save_candidates(database, [STRANGER])
    assert await find_candidates(database) == [STRANGER]
