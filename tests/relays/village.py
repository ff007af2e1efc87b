"""A small village in a real SQLite file, and relays at the world's edge, for the tests here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.supply import SupplyPolicy
from gateway.errors import Transient
from gateway.relays import Driver, SupplyControl, SupplySettings, SwitchSettings
from gateway.store.database import Database, Row, Value
from gateway.store.points import PointSetting, apply_settings
from tests.village import CHAIN_METER

NOW_S = 1_800_000_000
POLICY = SupplyPolicy(min_switch_s=60)
AT_ONCE = SupplySettings(POLICY, SwitchSettings(retry_s=0.0))
PATIENT = SupplySettings(POLICY, SwitchSettings(retry_s=3600.0, longest_retry_s=3600.0))
IMPATIENT = SupplySettings(POLICY, SwitchSettings(timeout_s=0.05))


def at(after_s: float) -> datetime:
    """The village's time so long after the tests begin."""
    return datetime.fromtimestamp(NOW_S + after_s, UTC)


class Contactors:
    """Relays that remember every position they were given.

    Args:
        stuck: names that refuse.
        silent: names that never answer.
    """

    def __init__(self) -> None:
        self.history: list[tuple[str, bool]] = []
        self.stuck: set[str] = set()
        self.silent: set[str] = set()

    async def switch(self, name: str, *, connected: bool) -> None:
        """Take a position, refuse, or hang."""
        if name in self.silent:
            await asyncio.Event().wait()
        if name in self.stuck:
            raise Transient(f"line {name} is in use by another program")
        self.history.append((name, connected))


class Village:
    """One database with meter points whose relays are named 0, 1, 2...

    Args:
        database: opened, empty.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()

    @classmethod
    async def open(cls, folder: Path, *relays: str, critical: bool = False) -> Village:
        """Open the file and add one meter point for each relay; the first time or again."""
        village = cls(await Database.open(folder / "usage.db"))
        settings = [
            PointSetting(
                label=f"house-{slot}",
                site=1,
                slot=slot,
                settlement_mode="prepaid",
                max_power_w=5000,
                critical=critical,
                relay=relay,
                serial=f"S{slot}",
                model="pzem-004t-v3",
                address=f"main/{slot + 1}",
                first_register_wh=0,
            )
            for slot, relay in enumerate(relays)
        ]
        await apply_settings(village.database, settings, NOW_S - 86_400)
        return village

    def control(
        self, drivers: Mapping[str, Driver], settings: SupplySettings = AT_ONCE
    ) -> SupplyControl:
        """Supply control as a process that has just started."""
        return SupplyControl(settings, self.database, self.clock, drivers)

    async def write(self, sql: str, *values: Value) -> None:
        """One statement, committed."""
        async with self.database.transaction() as connection:
            await connection.execute(sql, values)

    async def set_balance(self, stroops: int, point: int | None = None) -> None:
        """The contract says so, of one meter point or of all."""
        await self.write(
            f"""INSERT OR REPLACE INTO {CHAIN_METER}
               SELECT meter_point_id, 0, ?1, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100, ?2
               FROM meter_point WHERE ?3 IS NULL OR meter_point_id = ?3""",
            stroops,
            NOW_S,
            point,
        )

    async def set_reading(self, power_w: int, after_s: float, point: int = 1) -> None:
        """The meter was read at that time."""
        await self.write(
            "INSERT OR REPLACE INTO register VALUES (?, ?, 0, 0, 0, ?, 230000, NULL, NULL, NULL)",
            point,
            int((NOW_S + after_s) * 1000),
            power_w * 1000,
        )

    async def supply(self, point: int = 1) -> Row:
        """What is stored of a meter point's supply."""
        row = await self.database.fetch_one(
            "SELECT * FROM supply WHERE meter_point_id = ?", (point,)
        )
        assert row is not None
        return row

    async def journal(self) -> list[tuple[int, str, str, str]]:
        """Meter point, command, reason and outcome of every switching."""
        rows = await self.database.fetch_all("SELECT * FROM switch_journal ORDER BY switch_id")
        return [
            (row["meter_point_id"], row["command"], row["reason"], row["outcome"]) for row in rows
        ]
