"""One meter replaced by another at one instant.

Per meter point, in whole Wh, whatever was replaced: what all its meters counted is
``carried_wh`` of the installation plus ``cumulative_wh`` of the register, and that is the sum of
its usage. Each installation's ``counted_wh + flagged_wh`` is its last register less its first,
plus what was estimated for a meter that died (adjusted for rollover and reset).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiosqlite

from gateway.domain.usage import RegisterLimits, spread
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.installations import Installed, begin_register, install
from gateway.store.slots import FEEDER
from gateway.store.status import append_event

ESTIMATED_AFTER_MS = 900_000
"""Usage over a longer stretch is exact in total, but its split over quarter-hours is estimated."""


@dataclass(frozen=True, slots=True)
class OldMeter:
    """How the count of the meter that goes ends.

    Args:
        register_wh: what it shows, Wh; None: it is dead, and what it last said counts.
        estimate_wh: what a dead one is taken to have missed, Wh.
        approved_by: who answers for that; needed for a dead one.
    """

    register_wh: int | None
    estimate_wh: int = 0
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class NewMeter:
    """The meter that comes.

    Args:
        serial: what is printed on it, or stuck on it.
        register_wh: what it shows, Wh.
        model: its register map; None: as the old one.
        address: where it is read; None: where the old one was.
    """

    serial: str
    register_wh: int
    model: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One meter for another.

    Args:
        label: the meter point's.
        at_s: the instant (unix seconds); not in the future.
        old: how the count of the one that goes ends.
        new: the one that comes.
    """

    label: str
    at_s: int
    old: OldMeter
    new: NewMeter


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange did.

    Args:
        old_serial: the meter that went.
        last_register_wh: with what it was closed, Wh; None: it was never read.
        usage_wh: counted from its last reading to the exchange, Wh.
        estimated_wh: how much of that nobody read, Wh.
        address: where the new one is read.
        model: what it is read as.
    """

    old_serial: str
    last_register_wh: int | None
    usage_wh: int
    estimated_wh: int
    address: str
    model: str


_OPEN = """
SELECT p.meter_point_id, p.kind, p.max_power_w, i.installation_id, i.meter_id, i.address, i.from_s,
       i.first_register_wh, i.carried_wh, m.serial, m.model, r.read_ms, r.energy_wh,
       IFNULL(r.cumulative_wh, 0) AS cumulative_wh, IFNULL(r.flagged_wh, 0) AS flagged_wh
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
    old, new = exchange.old, exchange.new
    async with database.transaction() as connection:
        row = await _open_installation(connection, exchange.label)
        _check(row, exchange)
        usage_wh = _last_usage_wh(row, exchange)
        exchanged = Exchanged(
            old_serial=row["serial"],
            last_register_wh=_shown_wh(row) if old.register_wh is None else old.register_wh,
            usage_wh=usage_wh,
            estimated_wh=usage_wh if old.register_wh is None else 0,
            address=new.address or row["address"],
            model=new.model or row["model"],
        )
        await _close(connection, row, exchanged, exchange.at_s)
        if usage_wh:
            await _add_usage(connection, row, exchanged, exchange.at_s, tier_at)
        await _open(connection, row, exchange, exchanged)
        await _tell(connection, row, exchange, exchanged)
    return exchanged


async def _open_installation(connection: aiosqlite.Connection, label: str) -> Row:
    async with connection.execute(_OPEN, {"label": label}) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise Permanent(f"{label} is no meter point with a meter: see `gateway meter list`")
    return row


def _since_ms(row: Row) -> int:
    """Since when nothing of the old meter is counted (unix milliseconds)."""
    return int(row["from_s"] * 1000 if row["read_ms"] is None else row["read_ms"])


def _shown_wh(row: Row) -> int | None:
    """What it showed then, Wh."""
    shown: int | None = row["first_register_wh"] if row["read_ms"] is None else row["energy_wh"]
    return shown


def _check(row: Row, exchange: Exchange) -> None:
    label, old, new = exchange.label, exchange.old, exchange.new
    if exchange.at_s * 1000 < _since_ms(row):
        since = datetime.fromtimestamp(_since_ms(row) / 1000, UTC)
        raise Permanent(
            f"{label}: meter {row['serial']} was read after that, at {since:%Y-%m-%d %H:%M:%S} "
            "UTC: give an instant after its last reading, and take it off the line first"
        )
    if new.serial == row["serial"]:
        raise Permanent(f"{label}: {new.serial} is the meter that hangs there: give the new one's")
    if new.register_wh < 0 or old.estimate_wh < 0:
        raise Permanent(f"{label}: a register and an estimate are 0 Wh or more")
    if old.register_wh is None and not old.approved_by:
        raise Permanent(f"{label}: say who answers for closing a meter nobody could read (--by)")
    if old.register_wh is not None and old.estimate_wh:
        raise Permanent(f"{label}: give the last register or an estimate, not both")


def _last_usage_wh(row: Row, exchange: Exchange) -> int:
    """Usage since the old meter's last reading, Wh."""
    label, old = exchange.label, exchange.old
    shown_wh, since_ms = _shown_wh(row), _since_ms(row)
    if old.register_wh is None:
        usage_wh = old.estimate_wh
    elif shown_wh is None:  # nobody knows where it started
        return 0
    else:
        usage_wh = old.register_wh - shown_wh
    since = datetime.fromtimestamp(since_ms / 1000, UTC)
    if usage_wh < 0:
        raise Permanent(
            f"{label}: meter {row['serial']} showed {shown_wh} Wh at {since:%Y-%m-%d %H:%M} UTC, "
            f"and {old.register_wh} Wh is less: look again, or treat it as dead (--dead)"
        )
    limits = RegisterLimits(row["max_power_w"])
    if not limits.allow(usage_wh, exchange.at_s * 1000 - since_ms):
        raise Permanent(
            f"{label}: {usage_wh} Wh since {since:%Y-%m-%d %H:%M} UTC is more than "
            f"{row['max_power_w']} W can make: look again"
        )
    return usage_wh


async def _close(
    connection: aiosqlite.Connection, row: Row, exchanged: Exchanged, at_s: int
) -> None:
    values = {
        "id": row["installation_id"],
        "meter": row["meter_id"],
        "at_s": at_s,
        "last": exchanged.last_register_wh,
        "usage": exchanged.usage_wh,
        "counted": row["cumulative_wh"] + exchanged.usage_wh,
        "flagged": row["flagged_wh"],
    }
    await connection.execute(
        """UPDATE installation SET to_s = :at_s, last_register_wh = :last, counted_wh = :counted,
               flagged_wh = :flagged WHERE installation_id = :id""",
        values,
    )
    # What it said before the exchange and arrives later is late, and never counted again.
    await connection.execute(
        """UPDATE register SET read_ms = :at_s * 1000, energy_wh = :last, cumulative_wh = :counted,
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
    exchanged: Exchanged,
    at_s: int,
    tier_at: Callable[[int], int],
) -> None:
    since_ms = _since_ms(row)
    is_estimated = exchanged.estimated_wh > 0 or at_s * 1000 - since_ms > ESTIMATED_AFTER_MS
    # At one and the same instant, as good as at the millisecond before it.
    parts = spread(exchanged.usage_wh, min(since_ms, at_s * 1000 - 1), at_s * 1000)
    await connection.executemany(
        _ADD_FEEDER_USAGE if row["kind"] == FEEDER else _ADD_USAGE,
        [
            {
                "start_s": start_s,
                "point": row["meter_point_id"],
                "tier": tier_at(start_s),
                "wh": part_wh,
                "estimated": part_wh if is_estimated else 0,
            }
            for start_s, part_wh in parts
        ],
    )


async def _open(
    connection: aiosqlite.Connection,
    row: Row,
    exchange: Exchange,
    exchanged: Exchanged,
) -> None:
    new, at_s = exchange.new, exchange.at_s
    carried_wh = row["carried_wh"] + row["cumulative_wh"] + exchanged.usage_wh
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
