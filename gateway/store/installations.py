"""Which meter hangs where and since when: hanging one up, inside somebody's transaction."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from gateway.errors import Permanent
from gateway.store.database import Row


@dataclass(frozen=True, slots=True)
class Installed:
    """A meter at a meter point.

    Args:
        meter_point_id: the meter point's row.
        serial: the meter's serial, or the label stuck on it.
        model: the register map's name, or 'node'.
        address: 'BUS/UNIT' or 'node/NAME'.
        from_s: since when (unix seconds).
    """

    meter_point_id: int
    serial: str
    model: str
    address: str
    from_s: int


async def install(
    connection: aiosqlite.Connection,
    installed: Installed,
    *,
    first_register_wh: int | None,
    carried_wh: int = 0,
) -> tuple[int, int]:
    """Install a meter, a new one or one that has been elsewhere before.

    Args:
        connection: of an open transaction.
        installed: what hangs where.
        first_register_wh: what its register shows; None: the first reading starts the count.
        carried_wh: what the meters before it counted at this meter point, Wh; what people added
            to usage is the meter point's and not carried (see gateway.store.edits).

    Returns:
        The rows of the installation and of the meter.

    Raises:
        Permanent: it hangs somewhere already, or has counted before and its register isn't given.
    """
    meter_id, is_used = await _meter(connection, installed)
    if is_used and first_register_wh is None:
        raise Permanent(
            f"{installed.serial} has been installed before: say what its register shows now "
            "(first_register_wh)"
        )
    if is_used and first_register_wh is not None:
        await begin_register(connection, meter_id, installed.from_s * 1000, first_register_wh)
    row = await connection.execute_insert(
        """INSERT INTO installation
               (meter_point_id, meter_id, address, from_s, first_register_wh, carried_wh)
           VALUES (:point, :meter, :address, :from_s, :first, :carried)""",
        {
            "point": installed.meter_point_id,
            "meter": meter_id,
            "address": installed.address,
            "from_s": installed.from_s,
            "first": first_register_wh,
            "carried": carried_wh,
        },
    )
    return _row_id(row), meter_id


async def begin_register(
    connection: aiosqlite.Connection, meter_id: int, at_ms: int, energy_wh: int
) -> None:
    """Start a meter's count at a register that a person read.

    Args:
        connection: of an open transaction.
        meter_id: the meter's row.
        at_ms: when it was read (unix milliseconds).
        energy_wh: what it showed.
    """
    await connection.execute(
        """INSERT INTO register (meter_id, read_ms, energy_wh, cumulative_wh, flagged_wh)
           VALUES (:meter, :at_ms, :energy_wh, 0, 0)
           ON CONFLICT (meter_id) DO UPDATE SET read_ms = :at_ms, energy_wh = :energy_wh,
               cumulative_wh = 0, flagged_wh = 0, candidate_ms = NULL, candidate_wh = NULL""",
        {"meter": meter_id, "at_ms": at_ms, "energy_wh": energy_wh},
    )


async def _meter(connection: aiosqlite.Connection, installed: Installed) -> tuple[int, bool]:
    """The meter's row, made when it is new, and whether it has counted anywhere before."""
    values: dict[str, int | str] = {"serial": installed.serial, "model": installed.model}
    async with connection.execute(
        """SELECT m.meter_id, p.label, r.read_ms FROM meter m LEFT JOIN register r USING (meter_id)
           LEFT JOIN installation i ON i.meter_id = m.meter_id AND i.to_s IS NULL
           LEFT JOIN meter_point p USING (meter_point_id) WHERE m.serial = :serial""",
        values,
    ) as cursor:
        known = await cursor.fetchone()
    if known is None:
        row = await connection.execute_insert(
            "INSERT INTO meter (serial, model) VALUES (:serial, :model)", values
        )
        return _row_id(row), False
    if known["label"] is not None:
        raise Permanent(f"{installed.serial} is the meter of {known['label']}: check the serial")
    await connection.execute("UPDATE meter SET model = :model WHERE serial = :serial", values)
    return int(known["meter_id"]), known["read_ms"] is not None


def _row_id(row: Row | None) -> int:
    if row is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    return int(row[0])
