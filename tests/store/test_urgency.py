"""Which meters the store knows to be urgent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings
from gateway.store.unsettled import UnsettledUsage
from gateway.store.urgency import JUST_SWITCHED_S, find_urgent
from tests.village import CHAIN_METER

NOW_S = 1_800_000_000
LOW = 1_000


class Points:
    """Three meter points with relays, and one without."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def write(self, sql: str, **values: int | str) -> None:
        """One statement, committed."""
        async with self.database.transaction() as connection:
            await connection.execute(sql, values)

    async def set_supply(self, point: int, state: str, switched_s: int, output: str) -> None:
        """What was decided and switched, and what the meter showed."""
        await self.write(
            """INSERT INTO supply
               (meter_point_id, state, reason, decided_ms, switched_ms, output, output_ms) VALUES
               (:point, :state, 'credit', 0, :switched_ms, :output, 0)""",
            point=point,
            state=state,
            switched_ms=switched_s * 1000,
            output=output,
        )

    async def set_balance(self, point: int, balance: int, paid_until_s: int = 0) -> None:
        """What the contract said."""
        await self.write(
            f"""INSERT INTO {CHAIN_METER} VALUES
               (:point, 0, :balance, 0, 0, :until, 0, 0, 5000, 3, 1, 1, 100, :now)""",
            point=point,
            balance=balance,
            until=paid_until_s,
            now=NOW_S,
        )

    async def urgent(self, unsettled: UnsettledUsage | None = None) -> set[int]:
        """The urgent meters."""
        return await find_urgent(self.database, NOW_S, LOW, unsettled)


@pytest.fixture
async def points(tmp_path: Path) -> AsyncIterator[Points]:
    database = await Database.open(tmp_path / "usage.db")
    settings = [
        PointSetting(
            label=f"house-{slot}",
            site=1,
            slot=slot,
            settlement_mode="prepaid",
            max_power_w=5000,
            critical=False,
            relay=relay,
            serial=f"S{slot}",
            model="PZEM-004T v3",
            address=f"main/{slot + 1}",
            first_register_wh=0,
        )
        for slot, relay in enumerate(("gpio:5", "gpio:6", "gpio:7", "none"))
    ]
    await apply_settings(database, settings, NOW_S - 86_400)
    yield Points(database)
    await database.close()


async def test_nobody_is_urgent_in_a_village_that_nobody_knows_yet(points: Points) -> None:
    assert await points.urgent() == set()


async def test_a_relay_that_was_just_switched_makes_its_meter_urgent_for_a_while(
    points: Points,
) -> None:
    await points.set_supply(1, "connected", NOW_S - JUST_SWITCHED_S + 1, "confirmed")
    await points.set_supply(2, "connected", NOW_S - JUST_SWITCHED_S - 1, "confirmed")
    assert await points.urgent() == {1}


async def test_a_supply_that_is_not_proven_to_be_off_is_watched(points: Points) -> None:
    await points.set_supply(1, "disconnected", NOW_S - 3_600, "contradicted")
    await points.set_supply(2, "disconnected", NOW_S - 3_600, "confirmed")
    assert await points.urgent() == {1}


async def test_a_low_balance_is_urgent_where_a_relay_waits_for_it(points: Points) -> None:
    for point, balance in ((1, LOW - 1), (2, LOW), (4, 0)):
        await points.set_balance(point, balance)
    assert await points.urgent() == {1}


async def test_a_plan_that_runs_needs_no_balance(points: Points) -> None:
    await points.set_balance(1, 0, paid_until_s=NOW_S + 1)
    await points.set_balance(2, 0, paid_until_s=NOW_S)
    assert await points.urgent() == {2}


async def test_who_is_disconnected_for_want_of_credit_is_not_watched_for_it(points: Points) -> None:
    await points.set_balance(1, -5)
    await points.set_supply(1, "disconnected", NOW_S - 3_600, "confirmed")
    assert await points.urgent() == set()


async def test_usage_on_its_way_to_the_chain_is_taken_off_the_balance(points: Points) -> None:
    await points.set_balance(1, 50_000)
    await points.set_balance(2, 50_000)
    await points.write("INSERT INTO chain_price VALUES (1, 0, 1000, 1000, 1000, 1, 1)")
    await points.write(
        "INSERT INTO usage (start_s, meter_point_id, tier, usage_wh) VALUES (:start, 1, 1, 49500)",
        start=NOW_S - NOW_S % 900 - 900,
    )
    assert await points.urgent() == set()
    assert await points.urgent(UnsettledUsage(points.database)) == {1}
