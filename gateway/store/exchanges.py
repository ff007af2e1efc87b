"""One meter replaced by another at one instant.

Per meter point, in whole Wh, whatever was replaced: what all its meters counted is
``carried_wh`` of the installation plus ``cumulative_wh`` of the register, and that is the sum of
its usage. Each installation's ``counted_wh + flagged_wh`` is its last register less its first,
plus what was estimated for a meter that died (adjusted for rollover, reset and a register that
went back).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from gateway.domain.usage import spread
from gateway.errors import Permanent
from gateway.store.closing import Closing, Exchange, close, limits_of_row
from gateway.store.database import Database, Row
from gateway.store.installations import Installed, begin_register, install
from gateway.store.slots import FEEDER
from gateway.store.status import append_event


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange did.

    Args:
        old_serial: the meter that went.
        last_register_wh: with what it was closed, Wh; None: it was never read.
        usage_wh: counted from its last reading to the exchange, Wh.
        estimated_wh: how much of that nobody read, Wh.
        flagged_wh: movement of its register that is not billed until a person decides, Wh.
        address: where the new one is read.
        model: what it is read as.
    """

    old_serial: str
    last_register_wh: int | None
    usage_wh: int
    estimated_wh: int
    flagged_wh: int
    address: str
    model: str


_OPEN = """
SELECT p.meter_point_id, p.kind, p.max_power_w, i.installation_id, i.meter_id, i.address, i.from_s,
       i.first_register_wh, i.carried_wh, m.serial, m.model, r.read_ms, r.energy_wh,
       IFNULL(r.cumulative_wh, 0) AS cumulative_wh, IFNULL(r.flagged_wh, 0) AS flagged_wh,
       r.candidate_ms, r.candidate_wh
FROM meter_point p JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
JOIN meter m ON m.meter_id = i.meter_id LEFT JOIN register r ON r.meter_id = i.meter_id
WHERE p.label = :label
"""


async def exchange_meter(
    database: Database, exchange: Exchange, tier_at: Callable[[int], int]
) -> Exchanged:
    """Replace a meter, in one transaction.

    Args:
        exchange: which by which, and when.
        tier_at: the tier of the quarter-hour that starts at a unix second.

    Raises:
        Permanent: a figure or the instant can't be right, or the new meter hangs elsewhere.
    """
    new = exchange.new
    async with database.transaction() as connection:
        row = await _open_installation(connection, exchange.label)
        end = close(row, exchange)
        exchanged = Exchanged(
            old_serial=row["serial"],
            last_register_wh=end.register_wh,
            usage_wh=end.usage_wh,
            estimated_wh=end.estimate_wh,
            flagged_wh=(end.checkpoint.flagged_wh if end.checkpoint else 0) - row["flagged_wh"],
            address=new.address or row["address"],
            model=new.model or row["model"],
        )
        await _close(connection, row, end, exchange.at_s)
        if end.usage_wh:
            await _add_usage(connection, row, end, exchange.at_s, tier_at)
        await _open(connection, row, exchange, exchanged, end.counted_wh)
        await _tell(connection, row, exchange, exchanged)
    return exchanged


async def _open_installation(connection: aiosqlite.Connection, label: str) -> Row:
    async with connection.execute(_OPEN, {"label": label}) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise Permanent(f"{label} is no meter point with a meter: see `gateway meter list`")
    return row


async def _close(connection: aiosqlite.Connection, row: Row, end: Closing, at_s: int) -> None:
    values = {
        "id": row["installation_id"],
        "meter": row["meter_id"],
        "at_s": at_s,
        "last": end.register_wh,
        "counted": end.counted_wh,
        "flagged": end.checkpoint.flagged_wh if end.checkpoint else 0,
        "energy": end.checkpoint.energy_wh if end.checkpoint else None,
    }
    await connection.execute(
        """UPDATE installation SET to_s = :at_s, last_register_wh = :last, counted_wh = :counted,
               flagged_wh = :flagged WHERE installation_id = :id""",
        values,
    )
    # What it said before the exchange and arrives later is late, and never counted again.
    await connection.execute(
        """UPDATE register SET read_ms = :at_s * 1000, energy_wh = :energy,
               cumulative_wh = :counted, flagged_wh = :flagged,
               candidate_ms = NULL, candidate_wh = NULL WHERE meter_id = :meter""",
        values,
    )


_ADD_USAGE = """
INSERT INTO usage (start_s, meter_point_id, tier, usage_wh, estimated_wh)
VALUES (:start_s, :point, :tier, :wh, :estimated)
ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
    usage_wh = usage_wh + excluded.usage_wh,
    estimated_wh = estimated_wh + excluded.estimated_wh, open = 1
"""

_ADD_FEEDER_USAGE = """
INSERT INTO feeder_usage (start_s, meter_point_id, usage_wh, estimated_wh)
VALUES (:start_s, :point, :wh, :estimated)
ON CONFLICT (start_s, meter_point_id) DO UPDATE SET
    usage_wh = usage_wh + excluded.usage_wh,
    estimated_wh = estimated_wh + excluded.estimated_wh
"""


async def _add_usage(
    connection: aiosqlite.Connection,
    row: Row,
    end: Closing,
    at_s: int,
    tier_at: Callable[[int], int],
) -> None:
    at_ms = at_s * 1000
    is_late = at_ms - end.since_ms > limits_of_row(row).gap_ms
    # At one and the same instant, as good as at the millisecond before it.
    parts = spread(end.usage_wh, min(end.since_ms, at_ms - 1), at_ms)
    await connection.executemany(
        _ADD_FEEDER_USAGE if row["kind"] == FEEDER else _ADD_USAGE,
        [
            {
                "start_s": start_s,
                "point": row["meter_point_id"],
                "tier": tier_at(start_s),
                "wh": part_wh,
                "estimated": part_wh if is_late or end.estimate_wh else 0,
            }
            for start_s, part_wh in parts
        ],
    )


async def _open(
    connection: aiosqlite.Connection,
    row: Row,
    exchange: Exchange,
    exchanged: Exchanged,
    counted_wh: int,
) -> None:
    new, at_s = exchange.new, exchange.at_s
    carried_wh = row["carried_wh"] + counted_wh
    point, where = row["meter_point_id"], exchanged.address
    await _check_address(connection, where)
    installation_id, meter_id = await install(
        connection,
        Installed(point, new.serial, exchanged.model, where, at_s),
        first_register_wh=new.register_wh,
        carried_wh=carried_wh,
    )
    await begin_register(connection, meter_id, at_s * 1000, new.register_wh)
    await connection.execute(
        """INSERT INTO exchange VALUES (:new, :old, :at_s, :usage, :estimated, :approved_by)""",
        {
            "new": installation_id,
            "old": row["installation_id"],
            "at_s": at_s,
            "usage": exchanged.usage_wh,
            "estimated": exchanged.estimated_wh,
            "approved_by": exchange.old.approved_by,
        },
    )


async def _check_address(connection: aiosqlite.Connection, address: str) -> None:
    async with connection.execute(
        """SELECT label FROM installation JOIN meter_point USING (meter_point_id)
           WHERE to_s IS NULL AND address = :address""",
        {"address": address},
    ) as cursor:
        taken = await cursor.fetchone()
    if taken is not None:
        raise Permanent(f"{address} is where the meter of {taken['label']} is read: correct it")


async def _tell(
    connection: aiosqlite.Connection,
    row: Row,
    exchange: Exchange,
    exchanged: Exchanged,
) -> None:
    old, new = exchange.old, exchange.new
    is_dead = old.register_wh is None
    end = f"at {exchanged.last_register_wh} Wh" if exchanged.last_register_wh is not None else ""
    how = f"dead, last read {end}, {exchanged.estimated_wh} Wh estimated" if is_dead else end
    by = f"; approved by {old.approved_by}" if old.approved_by else ""
    await append_event(
        connection,
        "exchange-estimated" if is_dead else "exchange",
        f"{exchange.label}: meter {row['serial']} ({how}) was replaced by {new.serial} "
        f"(at {new.register_wh} Wh){by}",
        exchange.at_s * 1000,
        meter_point_id=row["meter_point_id"],
        meter_id=row["meter_id"],
        energy_wh=exchanged.usage_wh,
    )
