"""Meter points for tests that need a store with someone living in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from gateway.simulation.kept import Kept, kept_readings
from gateway.store.database import Database
from gateway.store.points import MeterPoint, PointSetting, apply_settings
from gateway.store.slots import LAST_SLOT

START_S = 1_767_225_600
"""2026-01-01T00:00:00Z, on a quarter-hour."""

CHAIN_METER = """chain_meter (meter_point_id, total_wh, balance, remainder_milli, paid_from_s,
    paid_until_s, last_read_s, market_credit_wh, max_power_w, plan, flags, version, ledger,
    as_of_s)"""
"""What a test says of a record; the other columns have defaults."""

HOUSE = PointSetting(
    label="house-01",
    site=1,
    slot=0,
    settlement_mode="prepaid",
    max_power_w=6_000,
    critical=False,
    relay="none",
    serial="PZEM-0001",
    model="PZEM-004T v3",
    address="main/1",
    first_register_wh=1_000,
)

FEEDER = replace(
    HOUSE,
    label="north",
    slot=LAST_SLOT,
    settlement_mode="postpaid",
    serial="PZEM-0900",
    address="main/100",
    kind="feeder",
    feeder="north",
)
"""A feeder's own meter, on the same bus."""


def houses(count: int) -> list[PointSetting]:
    """``count`` prepaid houses on the bus 'main', slots and unit ids in order."""
    return [
        replace(
            HOUSE,
            label=f"house-{number + 1:02d}",
            slot=number,
            serial=f"PZEM-{number + 1:04d}",
            address=f"main/{number + 1}",
        )
        for number in range(count)
    ]


async def settle_in(database: Database, count: int = 1) -> list[MeterPoint]:
    """Store ``count`` houses, installed at :data:`START_S`."""
    return await apply_settings(database, houses(count), START_S)


def kept_in(store: Database | Path) -> list[Kept]:
    """Every reading in a store's file, in the order in which they were stored."""
    path = store.path if isinstance(store, Database) else store
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return list(kept_readings(connection))
