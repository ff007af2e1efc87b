"""Meter points, their meters and installations: who measures what, and where it hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.errors import ConfigError
from gateway.store.database import Database, Row

_SELECT = """
SELECT p.*, i.meter_id, i.address, i.from_s, i.first_register_wh, m.serial, m.model
FROM meter_point p
JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
JOIN meter m ON m.meter_id = i.meter_id
"""


@dataclass(frozen=True, slots=True)
class PointSetting:
    """A meter point as the configuration names it.

    Args:
        label: what people call it; unique, never shown on chain.
        site: the village's number on chain.
        slot: its number within the site on chain; final.
        settlement_mode: 'prepaid', 'streaming' or 'postpaid'.
        max_power_w: the most it can draw; usage above is never billed unseen.
        critical: True for a clinic, a vaccine fridge, a pump: never cut for credit.
        relay: 'gpio:LINE', 'node:NAME' or 'none'.
        serial: the meter's serial, or the label stuck on it.
        model: the register map's name, or 'node'.
        address: 'BUS/UNIT' or 'node/NAME'.
        first_register_wh: the register when it was installed; None: the first reading.
    """

    label: str
    site: int
    slot: int
    settlement_mode: str
    max_power_w: int
    critical: bool
    relay: str
    serial: str
    model: str
    address: str
    first_register_wh: int | None


@dataclass(frozen=True, slots=True)
class MeterPoint(PointSetting):
    """A meter point with its row ids.

    Args:
        meter_point_id: the meter point's row.
        meter_id: the row of the meter installed now.
        installed_s: since when (unix seconds).
    """

    meter_point_id: int
    meter_id: int
    installed_s: int

    @property
    def chain_id(self) -> int:
        """The contract's ``meter_id``: site in the upper 32 bits, slot in the lower."""
        return self.site << 32 | self.slot


async def find_points(database: Database) -> list[MeterPoint]:
    """Every meter point that has a meter, by site and slot."""
    return [_point(row) for row in await database.fetch_all(_SELECT + " ORDER BY site, slot")]


async def find_point(database: Database, label: str) -> MeterPoint | None:
    """The meter point with this label, or None."""
    row = await database.fetch_one(_SELECT + " WHERE p.label = :label", {"label": label})
    return _point(row) if row else None


def _point(row: Row) -> MeterPoint:
    return MeterPoint(
        label=row["label"],
        site=row["site"],
        slot=row["slot"],
        settlement_mode=row["settlement_mode"],
        max_power_w=row["max_power_w"],
        critical=bool(row["critical"]),
        relay=row["relay"],
        serial=row["serial"],
        model=row["model"],
        address=row["address"],
        first_register_wh=row["first_register_wh"],
        meter_point_id=row["meter_point_id"],
        meter_id=row["meter_id"],
        installed_s=row["from_s"],
    )


async def apply_settings(
    database: Database, settings: Sequence[PointSetting], now_s: int
) -> list[MeterPoint]:
    """Bring the stored meter points in line with the configuration; repeat it freely.

    A label keeps its slot and its meter for good: replacing a meter is an exchange with two
    readings, never an edit of the file. A meter point that is no longer named keeps its history;
    it is neither read nor switched, and its address and its relay are free for others.

    Args:
        settings: one per meter point.
        now_s: when new installations begin (unix seconds).

    Raises:
        ConfigError: a label was given another slot or another meter.
    """
    async with database.transaction() as connection:
        await _unplug_all(connection)
        problems: list[str] = []
        for setting in settings:
            problems += await _apply(connection, setting, now_s)
        if problems:
            raise ConfigError(problems)
    return await find_points(database)


async def _unplug_all(connection: aiosqlite.Connection) -> None:
    """Free every address and relay, so that meters can change places; '-' begins no bus's name."""
    await connection.execute(
        "UPDATE installation SET address = '-/' || installation_id WHERE to_s IS NULL"
    )
    await connection.execute("UPDATE meter_point SET relay = 'none'")


async def _apply(connection: aiosqlite.Connection, setting: PointSetting, now_s: int) -> list[str]:
    async with connection.execute(
        _SELECT + " WHERE p.label = :label", {"label": setting.label}
    ) as cursor:
        row = await cursor.fetchone()
    if row is not None:
        return await _update(connection, _point(row), setting)
    async with connection.execute(
        """SELECT label FROM meter_point WHERE site = :site AND slot = :slot""",
        {"site": setting.site, "slot": setting.slot},
    ) as cursor:
        taken = await cursor.fetchone()
    if taken:
        return [
            f"meter_point {setting.label}: slot {setting.slot} belongs to {taken['label']} "
            "for good; take the next free one"
        ]
    async with connection.execute(
        """SELECT p.label FROM meter m JOIN installation i USING (meter_id)
           JOIN meter_point p USING (meter_point_id) WHERE m.serial = :serial""",
        {"serial": setting.serial},
    ) as cursor:
        owner = await cursor.fetchone()
    if owner:
        return [
            f"meter_point {setting.label}: {setting.serial} is the meter of {owner['label']}; "
            "set serial to what is printed on this one"
        ]
    await _insert(connection, setting, now_s)
    return []


async def _update(
    connection: aiosqlite.Connection, stored: MeterPoint, setting: PointSetting
) -> list[str]:
    if (stored.site, stored.slot) != (setting.site, setting.slot):
        return [
            f"meter_point {setting.label}: site and slot are final "
            f"({stored.site}, {stored.slot}); put them back"
        ]
    if stored.serial != setting.serial:
        return [
            f"meter_point {setting.label}: meter {stored.serial} is installed there; "
            f"{setting.serial} needs an exchange with both registers read"
        ]
    await connection.execute(
        """UPDATE meter_point SET settlement_mode = :mode, max_power_w = :max_power_w,
               critical = :critical, relay = :relay WHERE meter_point_id = :id""",
        {
            "mode": setting.settlement_mode,
            "max_power_w": setting.max_power_w,
            "critical": int(setting.critical),
            "relay": setting.relay,
            "id": stored.meter_point_id,
        },
    )
    await connection.execute(
        "UPDATE meter SET model = :model WHERE meter_id = :id",
        {"model": setting.model, "id": stored.meter_id},
    )
    # The first register counts until there is a reading; then it is history.
    await connection.execute(
        """UPDATE installation SET address = :address,
               first_register_wh = CASE WHEN meter_id IN (SELECT meter_id FROM register)
                                        THEN first_register_wh ELSE :first END
           WHERE meter_point_id = :id AND to_s IS NULL""",
        {
            "address": setting.address,
            "first": setting.first_register_wh,
            "id": stored.meter_point_id,
        },
    )
    return []


async def _insert(connection: aiosqlite.Connection, setting: PointSetting, now_s: int) -> None:
    point = await connection.execute_insert(
        """INSERT INTO meter_point
               (label, site, slot, settlement_mode, max_power_w, critical, relay)
           VALUES (:label, :site, :slot, :mode, :max_power_w, :critical, :relay)""",
        {
            "label": setting.label,
            "site": setting.site,
            "slot": setting.slot,
            "mode": setting.settlement_mode,
            "max_power_w": setting.max_power_w,
            "critical": int(setting.critical),
            "relay": setting.relay,
        },
    )
    meter = await connection.execute_insert(
        "INSERT INTO meter (serial, model) VALUES (:serial, :model)",
        {"serial": setting.serial, "model": setting.model},
    )
    if point is None or meter is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    await connection.execute(
        """INSERT INTO installation
               (meter_point_id, meter_id, address, from_s, first_register_wh)
           VALUES (:point, :meter, :address, :now_s, :first)""",
        {
            "point": point[0],
            "meter": meter[0],
            "address": setting.address,
            "now_s": now_s,
            "first": setting.first_register_wh,
        },
    )
