"""Meter points, their meters and installations: who measures what, and where it hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiosqlite

from gateway.errors import ConfigError, Permanent
from gateway.store.database import Database, Row
from gateway.store.installations import Installed, install
from gateway.store.slots import FEEDER, SUPPLY, with_slots

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
        kind: 'supply', or 'feeder' for a feeder's own meter, which nobody pays for and which gets
            its slot here.
        feeder: the feeder on which it hangs, or which it measures; None: the only one, if any.
        load_limit_w: the most it may draw before it is disconnected for a while; None: no limit.
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
    kind: str = field(default=SUPPLY, kw_only=True)
    feeder: str | None = field(default=None, kw_only=True)
    load_limit_w: int | None = field(default=None, kw_only=True)


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
        kind=row["kind"],
        feeder=row["feeder"],
        load_limit_w=row["load_limit_w"],
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
    it is neither read nor switched, and its address and its relay are free for others. One that
    was accepted here (:func:`add_point`) needs no naming; once the file names it, the file rules.

    Args:
        settings: one per meter point.
        now_s: when new installations begin (unix seconds).

    Raises:
        ConfigError: a label was given another slot or another meter.
    """
    async with database.transaction() as connection:
        before = {point.label: point for point in await _points(connection)}
        await _unplug_all(connection)
        problems: list[str] = []
        for setting in await with_slots(connection, settings):
            problems += await _apply(connection, before.get(setting.label), setting, now_s)
        if problems:
            raise ConfigError(problems)
    return await find_points(database)


async def installations_version(database: Database) -> tuple[int, int]:
    """Changes whenever a meter was installed or removed; cheap enough to ask every second."""
    row = await database.fetch_one(
        """SELECT IFNULL(MAX(installation_id), 0) AS newest, COUNT(to_s) AS closed
           FROM installation"""
    )
    return (row["newest"], row["closed"]) if row else (0, 0)


async def _points(connection: aiosqlite.Connection) -> list[MeterPoint]:
    return [_point(row) for row in await connection.execute_fetchall(_SELECT)]


async def _unplug_all(connection: aiosqlite.Connection) -> None:
    """Free what the file gives out, so that meters can change places; '-' begins no bus's name."""
    await connection.execute(
        """UPDATE installation SET address = '-/' || installation_id
           WHERE to_s IS NULL AND meter_point_id IN
               (SELECT meter_point_id FROM meter_point WHERE origin = 'file')"""
    )
    await connection.execute("UPDATE meter_point SET relay = 'none' WHERE origin = 'file'")


async def _apply(
    connection: aiosqlite.Connection, stored: MeterPoint | None, setting: PointSetting, now_s: int
) -> list[str]:
    problems = await _clashes(connection, setting)
    if stored is not None:
        problems += await _contradictions(connection, stored, setting)
    if problems:
        what = "feeder" if setting.kind == FEEDER else "meter_point"
        return [f"{what} {setting.label}: {problem}" for problem in problems]
    if stored is not None:
        await _update(connection, stored, setting)
    else:
        await _insert(connection, setting, now_s, "file")
    return []


async def add_point(connection: aiosqlite.Connection, setting: PointSetting, from_s: int) -> None:
    """Add a meter point that the configuration does not name, inside the caller's transaction.

    Args:
        connection: of an open transaction.
        setting: the meter point and its meter.
        from_s: when the installation begins (unix seconds).

    Raises:
        Permanent: its label, slot, meter or address is another's.
    """
    row = await _one(connection, _SELECT + " WHERE p.label = :label", label=setting.label)
    if row is not None:
        raise Permanent(f"{setting.label} is a meter point already: choose another label")
    problems = await _clashes(connection, setting)
    if problems:
        raise Permanent("; ".join(problems))
    await _insert(connection, setting, from_s, "store")


async def _clashes(connection: aiosqlite.Connection, setting: PointSetting) -> list[str]:
    """What it wants and another meter point has."""
    problems = []
    taken = await _one(
        connection,
        "SELECT label FROM meter_point WHERE site = :site AND slot = :slot AND label <> :label",
        label=setting.label,
        site=setting.site,
        slot=setting.slot,
    )
    if taken:
        problems.append(
            f"slot {setting.slot} belongs to {taken['label']} for good; take the next free one"
        )
    rows = await connection.execute_fetchall(
        """SELECT p.label, i.address = :address AS there FROM installation i
           JOIN meter m USING (meter_id) JOIN meter_point p USING (meter_point_id)
           WHERE i.to_s IS NULL AND p.label <> :label
             AND (i.address = :address OR m.serial = :serial)""",
        {"label": setting.label, "address": setting.address, "serial": setting.serial},
    )
    problems += [
        f"{setting.address} is where the meter of {row['label']} is read; correct one of them"
        if row["there"]
        else f"{setting.serial} is the meter of {row['label']}; "
        "set serial to what is printed on this one"
        for row in rows
    ]
    return problems


async def _contradictions(
    connection: aiosqlite.Connection, stored: MeterPoint, setting: PointSetting
) -> list[str]:
    """What the file says of a stored meter point and is not for the file to say."""
    if stored.kind != setting.kind:
        return [f"{setting.label} has been the name of a {stored.kind}: choose another"]
    if (stored.site, stored.slot) != (setting.site, setting.slot):
        return [f"site and slot are final ({stored.site}, {stored.slot}); put them back"]
    # A file that names no serial means the meter at this address, whichever it is.
    is_unnamed = setting.serial == setting.address == stored.address
    if stored.serial == setting.serial or is_unnamed:
        return []
    replaced = await _one(
        connection,
        """SELECT i.to_s FROM installation i JOIN meter m USING (meter_id)
           WHERE i.meter_point_id = :point AND m.serial = :serial AND i.to_s IS NOT NULL
           ORDER BY i.to_s DESC""",
        point=stored.meter_point_id,
        serial=setting.serial,
    )
    if replaced is None:
        return [
            f"meter {stored.serial} is installed there; {setting.serial} needs an exchange with "
            f"both registers read: `gateway meter exchange {setting.label} "
            f"--serial {setting.serial} ...`"
        ]
    day = datetime.fromtimestamp(replaced["to_s"], UTC)
    return [
        f"meter {setting.serial} was replaced on {day:%Y-%m-%d}: write "
        f'serial = "{stored.serial}" there, with its address ({stored.address}) '
        f"and its model ({stored.model})"
    ]


async def _one(connection: aiosqlite.Connection, sql: str, **values: int | str) -> Row | None:
    async with connection.execute(sql, values) as cursor:
        return await cursor.fetchone()


async def _update(
    connection: aiosqlite.Connection, stored: MeterPoint, setting: PointSetting
) -> None:
    await connection.execute(
        """UPDATE meter_point SET settlement_mode = :mode, max_power_w = :max_power_w,
               critical = :critical, relay = :relay, origin = 'file', feeder = :feeder,
               load_limit_w = :load_limit_w
           WHERE meter_point_id = :id""",
        {
            "mode": setting.settlement_mode,
            "max_power_w": setting.max_power_w,
            "critical": int(setting.critical),
            "relay": setting.relay,
            "feeder": setting.feeder,
            "load_limit_w": setting.load_limit_w,
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


async def _insert(
    connection: aiosqlite.Connection, setting: PointSetting, from_s: int, origin: str
) -> None:
    point = await connection.execute_insert(
        """INSERT INTO meter_point
               (label, site, slot, settlement_mode, max_power_w, critical, relay, origin, kind,
                feeder, load_limit_w)
           VALUES (:label, :site, :slot, :mode, :max_power_w, :critical, :relay, :origin, :kind,
                :feeder, :load_limit_w)""",
        {
            "label": setting.label,
            "site": setting.site,
            "slot": setting.slot,
            "mode": setting.settlement_mode,
            "max_power_w": setting.max_power_w,
            "critical": int(setting.critical),
            "relay": setting.relay,
            "origin": origin,
            "kind": setting.kind,
            "feeder": setting.feeder,
            "load_limit_w": setting.load_limit_w,
        },
    )
    if point is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    await install(
        connection,
        Installed(point[0], setting.serial, setting.model, setting.address, from_s),
        first_register_wh=setting.first_register_wh,
    )
