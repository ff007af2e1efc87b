"""A label keeps its slot and its meter; the file cannot quietly swap them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import ConfigError, Permanent
from gateway.store.database import Database
from gateway.store.points import (
    PointSetting,
    add_point,
    apply_settings,
    find_point,
    find_points,
    installations_version,
)
from tests.village import HOUSE, START_S, houses


async def test_applying_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    first = await apply_settings(database, houses(3), START_S)
    again = await apply_settings(database, houses(3), START_S + 1_000)
    assert first == again
    assert [point.chain_id for point in again] == [(1 << 32) + slot for slot in range(3)]
    await database.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slot": 9}, "site and slot are final"),
        ({"serial": "PZEM-9999"}, "needs an exchange with both registers read"),
        ({"label": "house-99", "serial": "PZEM-9999"}, "slot 0 belongs to house-01"),
    ],
)
async def test_a_file_that_swaps_meters_is_refused(
    tmp_path: Path, change: dict[str, str | int], sentence: str
) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE], START_S)
    with pytest.raises(ConfigError, match=sentence):
        await apply_settings(database, [replace(HOUSE, **change)], START_S)  # type: ignore[arg-type]
    assert len(await find_points(database)) == 1
    await database.close()


async def test_a_new_relay_line_or_limit_is_taken_over(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE], START_S)
    await apply_settings(database, [replace(HOUSE, relay="gpio:4", max_power_w=99)], START_S)
    point = await find_point(database, "house-01")
    assert point is not None
    assert (point.relay, point.max_power_w) == ("gpio:4", 99)
    assert await find_point(database, "nobody") is None
    await database.close()


async def test_meters_may_change_places_on_the_bus(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    first, second = houses(2)
    await apply_settings(database, [first, second], START_S)
    swapped = [replace(first, address=second.address), replace(second, address=first.address)]
    points = await apply_settings(database, swapped, START_S)
    assert [point.address for point in points] == ["main/2", "main/1"]
    await database.close()


async def test_a_point_that_is_no_longer_named_frees_its_address_and_its_relay(
    tmp_path: Path,
) -> None:
    database = await Database.open(tmp_path / "usage.db")
    old = replace(HOUSE, relay="gpio:4")
    new = replace(old, label="house-09", slot=9, serial="PZEM-0009")
    await apply_settings(database, [old], START_S)
    gone, stays = await apply_settings(database, [new], START_S)
    assert (gone.label, gone.address, gone.relay) == ("house-01", "-/1", "none")
    assert (stays.address, stays.relay) == ("main/1", "gpio:4")
    back, _ = await apply_settings(
        database, [old, replace(new, relay="none", address="main/9")], START_S
    )
    assert (back.address, back.relay) == ("main/1", "gpio:4")
    await database.close()


async def test_a_corrected_model_is_taken_over(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [replace(HOUSE, model="abacus")], START_S)
    [point] = await apply_settings(database, [HOUSE], START_S)
    assert point.model == "PZEM-004T v3"
    await database.close()


async def test_the_first_register_is_final_once_there_is_a_reading(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [replace(HOUSE, first_register_wh=None)], START_S)
    [point] = await apply_settings(database, [HOUSE], START_S)
    assert point.first_register_wh == 1_000
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO register VALUES (1, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL)"
        )
    [point] = await apply_settings(database, [replace(HOUSE, first_register_wh=7)], START_S)
    assert point.first_register_wh == 1_000
    await database.close()


async def test_a_meter_is_installed_in_one_place_only(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE], START_S)
    with pytest.raises(ConfigError, match="PZEM-0001 is the meter of house-01; set serial"):
        await apply_settings(database, [replace(HOUSE, label="house-02", slot=1)], START_S)
    await database.close()


async def add(database: Database, setting: PointSetting) -> None:
    async with database.transaction() as connection:
        await add_point(connection, setting, START_S)


ACCEPTED = replace(
    HOUSE,
    label="house-07",
    slot=7,
    serial="node/meter-007",
    model="node",
    address="node/meter-007",
    relay="node:meter-007",
)


async def test_a_point_that_was_accepted_here_stays_without_being_named(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await add(database, ACCEPTED)
    points = await apply_settings(database, [HOUSE], START_S)
    assert [(point.label, point.address, point.relay) for point in points] == [
        ("house-01", "main/1", "none"),
        ("house-07", "node/meter-007", "node:meter-007"),
    ]
    await database.close()


async def test_once_the_file_names_an_accepted_point_the_file_rules(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await add(database, ACCEPTED)
    [named] = await apply_settings(database, [replace(ACCEPTED, max_power_w=99)], START_S)
    assert named.max_power_w == 99
    [_, gone] = await apply_settings(database, [HOUSE], START_S)
    assert (gone.address, gone.relay) == ("-/1", "none")
    await database.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"label": "house-01", "address": "main/8", "serial": "B"},
            "house-01 is a meter point already: choose another label",
        ),
        ({"slot": 0, "address": "main/8", "serial": "B"}, "slot 0 belongs to house-01 for good"),
        ({"slot": 8, "address": "main/1", "serial": "B"}, "main/1 is where the meter of house-01"),
        ({"slot": 8, "address": "main/8"}, "PZEM-0001 is the meter of house-01"),
    ],
)
async def test_what_another_point_has_is_not_given_away(
    tmp_path: Path, change: dict[str, str | int], sentence: str
) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE], START_S)
    with pytest.raises(Permanent, match=sentence):
        await add(database, replace(HOUSE, **({"label": "house-08"} | change)))  # type: ignore[arg-type]
    assert len(await find_points(database)) == 1
    await database.close()


async def test_a_file_can_not_take_the_node_of_an_accepted_point(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await add(database, ACCEPTED)
    with pytest.raises(ConfigError, match="node/meter-007 is where the meter of house-07 is read"):
        await apply_settings(
            database, [replace(HOUSE, address="node/meter-007", serial="B")], START_S
        )
    await database.close()


async def test_every_installation_is_noticed(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    empty = await installations_version(database)
    await apply_settings(database, [HOUSE], START_S)
    one = await installations_version(database)
    await apply_settings(database, [HOUSE], START_S)
    assert await installations_version(database) == one != empty
    await database.close()
