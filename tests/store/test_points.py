"""A label keeps its slot and its meter; the file cannot quietly swap them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.store.database import Database
from gateway.store.points import apply_settings, find_point, find_points
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
