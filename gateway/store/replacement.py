"""Beginning with an empty file where much was settled before: totals adopted, estimates made.

What the chain had counted is ``settlement.adopted_wh``: usage that this file will never hold. From
the register that a person confirmed on, the meter's count is this file's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import aiosqlite

from gateway.domain.replacing import Beginning, ChainMeter
from gateway.domain.usage import spread
from gateway.store.database import Database
from gateway.store.installations import begin_register
from gateway.store.status import append_event


async def find_chain_meters(database: Database, site: int) -> list[ChainMeter]:
    """Meters of which the chain has counted something that this file can't account for.

    A meter whose first register is known and that was read already isn't one: its usage was
    counted from there, and what the chain had counted is absorbed.
    """
    rows = await database.fetch_all(
        """SELECT p.label, p.meter_point_id, i.meter_id, c.total_wh, c.last_read_s, p.max_power_w,
                  i.first_register_wh, r.energy_wh
           FROM meter_point p JOIN chain_meter c USING (meter_point_id)
           JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
           LEFT JOIN register r ON r.meter_id = i.meter_id
           LEFT JOIN settlement s ON s.meter_point_id = p.meter_point_id
           WHERE p.site = :site AND c.total_wh > 0 AND IFNULL(s.adopted_wh, 0) = 0
             AND (r.meter_id IS NULL OR i.first_register_wh IS NULL)
           ORDER BY p.slot""",
        {"site": site},
    )
    return [ChainMeter(*row) for row in rows]


async def adopt_registers(
    database: Database,
    beginnings: Iterable[Beginning],
    tier_at: Callable[[int], int],
    now_s: int,
) -> None:
    """Begin every meter's count, in one transaction; before the take-over.

    Args:
        database: has never settled.
        beginnings: one per meter of :func:`find_chain_meters`.
        tier_at: the tier of the quarter-hour that starts at a unix second.
        now_s: village time (unix seconds).
    """
    async with database.transaction() as connection:
        for beginning in beginnings:
            meter = beginning.meter
            await _adopt_total(connection, meter)
            if meter.shown_wh is None and beginning.register_wh is not None:
                await _begin(connection, beginning, now_s)
                await _estimate(connection, beginning, tier_at, now_s)
            await append_event(
                connection,
                "replacement",
                beginning.sentence(),
                now_s * 1000,
                meter_point_id=meter.meter_point_id,
                meter_id=meter.meter_id,
                energy_wh=beginning.estimate_wh or beginning.doubtful_wh or None,
            )


async def _adopt_total(connection: aiosqlite.Connection, meter: ChainMeter) -> None:
    await connection.execute(
        """INSERT INTO settlement (meter_point_id, adopted_wh) VALUES (:point, :wh)
           ON CONFLICT (meter_point_id) DO UPDATE SET adopted_wh = excluded.adopted_wh""",
        {"point": meter.meter_point_id, "wh": meter.chain_wh},
    )


async def _begin(connection: aiosqlite.Connection, beginning: Beginning, now_s: int) -> None:
    register_wh = beginning.register_wh
    if register_wh is None:
        raise AssertionError
    await begin_register(connection, beginning.meter.meter_id, now_s * 1000, register_wh)
    await connection.execute(
        """UPDATE installation SET first_register_wh = :register, carried_wh = :estimate
           WHERE meter_point_id = :point AND to_s IS NULL""",
        {
            "register": register_wh,
            "estimate": beginning.estimate_wh,
            "point": beginning.meter.meter_point_id,
        },
    )


async def _estimate(
    connection: aiosqlite.Connection,
    beginning: Beginning,
    tier_at: Callable[[int], int],
    now_s: int,
) -> None:
    """Usage since the last batch, over the time in which nobody counted it."""
    if not beginning.estimate_wh:
        return
    parts = spread(beginning.estimate_wh, beginning.meter.last_read_s * 1000, now_s * 1000)
    await connection.executemany(
        """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
           VALUES (:start_s, :point, :tier, :wh, :wh)
           ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
               usage_wh = usage_wh + excluded.usage_wh,
               estimated_wh = estimated_wh + excluded.estimated_wh, open = 1""",
        [
            {
                "start_s": start_s,
                "point": beginning.meter.meter_point_id,
                "tier": tier_at(start_s),
                "wh": part_wh,
            }
            for start_s, part_wh in parts
        ],
    )
