"""What operators and households decide about a supply: orders, emergency credit, disputes.

Each act is one transaction, carries a name and a reason, and is journaled as an event. None is
stronger than a lock-out, and supply control limits what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from gateway.domain.supply import Override
from gateway.errors import Permanent
from gateway.store.acts import Act, checked, point_of, tell
from gateway.store.credits import MOST_STROOPS
from gateway.store.database import Database
from gateway.store.edits import fetch_one
from gateway.store.status import append_event
from gateway.store.supply import PointSupply

MILLI = 1000
MOST_DISPUTED_WH = 10**9
"""In one dispute: more than any house draws in a lifetime."""
_PREPAID = "prepaid"


@dataclass(frozen=True, slots=True)
class Dispute:
    """What a household disputes.

    Args:
        dispute_id: its row.
        label: the meter point's.
        energy_wh: of usage, Wh; None: of money.
        stroops: as money.
        reason: why.
        opened_s: since when (unix seconds).
        opened_by: by whom.
    """

    dispute_id: int
    label: str
    energy_wh: int | None
    stroops: int
    reason: str
    opened_s: int
    opened_by: str


async def order(database: Database, act: Act, override: Override, most_s: int) -> str:
    """Switch a supply by hand for a while; the next order takes the place of this one.

    Args:
        database: the store.
        act: who, why.
        override: what, and until when.
        most_s: the longest that is allowed, s.

    Raises:
        Permanent: it is for too long or over already, or would cut a critical supply.
    """
    act = checked(act)
    if not 0 < override.until_s - act.at_s <= most_s:
        raise Permanent(
            f"an override lasts from 1 s to {most_s // 3600} h ({most_s} s, supply.override_max_s)"
        )
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        if point["relay"] == "none":
            raise Permanent(f"{act.label} has no relay, so nothing here can switch it on or off")
        if point["critical"] and not override.connected:
            raise Permanent(
                f"{act.label} is critical and is never switched off by an order; for safety, lock "
                f"it out on site: `gateway supply lock-out {act.label}`"
            )
        await connection.execute(
            """INSERT INTO override (meter_point_id, connected, until_s, author, reason, at_s)
               VALUES (:point, :connected, :until_s, :author, :reason, :at_s)
               ON CONFLICT (meter_point_id) DO UPDATE SET connected = excluded.connected,
                   until_s = excluded.until_s, author = excluded.author,
                   reason = excluded.reason, at_s = excluded.at_s""",
            {
                "point": point["meter_point_id"],
                "connected": int(override.connected),
                "until_s": override.until_s,
                "author": act.author,
                "reason": act.reason,
                "at_s": act.at_s,
            },
        )
        what = "on" if override.connected else "off"
        minutes = -(-(override.until_s - act.at_s) // 60)
        return await tell(connection, "override", act, point, f"ordered {what} for {minutes} min")


async def end_order(database: Database, act: Act) -> str:
    """Let a supply follow its credit again before an order is over.

    Raises:
        Permanent: nothing is ordered.
    """
    act = checked(act)
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        cursor = await connection.execute(
            "DELETE FROM override WHERE meter_point_id = :point AND until_s > :now_s",
            {"point": point["meter_point_id"], "now_s": act.at_s},
        )
        if not cursor.rowcount:
            raise Permanent(f"{act.label}: nothing is ordered, so nothing ends")
        return await tell(connection, "override", act, point, "the order was ended")


async def reconnect(database: Database, act: Act) -> str:
    """Forget a supply's overloads, so that it is connected again.

    Raises:
        Permanent: it has none.
    """
    act = checked(act)
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        if not point["overloads"]:
            raise Permanent(f"{act.label} was not disconnected for overload: nothing to reset")
        await connection.execute(
            """UPDATE supply SET overloads = 0, tripped_ms = NULL
               WHERE meter_point_id = :point""",
            {"point": point["meter_point_id"]},
        )
        return await tell(connection, "reconnect", act, point, "overloads were reset")


async def take_emergency_credit(
    database: Database, act: Act, stroops: int, left_stroops: int | None
) -> str:
    """Give a household its emergency credit, once until its balance is positive again.

    Args:
        database: the store.
        act: who asks, why.
        stroops: the configured amount; 0: there is none.
        left_stroops: what is left of its money now; None: no money is counted down there.

    Raises:
        Permanent: there is none, it is not needed, or it was taken and is not paid back.
    """
    act = checked(act)
    if stroops <= 0:
        raise Permanent("there is no emergency credit here: set supply.emergency_credit_stroops")
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        if point["settlement_mode"] != _PREPAID or left_stroops is None:
            raise Permanent(f"{act.label}: no money is counted down there now: it is not needed")
        if left_stroops > 0:
            raise Permanent(
                f"{act.label} has {left_stroops} stroops left: emergency credit is for when the "
                "credit is used up"
            )
        cursor = await connection.execute(
            """INSERT INTO emergency_credit (meter_point_id, stroops, author, at_s)
               VALUES (:point, :stroops, :author, :at_s) ON CONFLICT DO NOTHING""",
            {
                "point": point["meter_point_id"],
                "stroops": stroops,
                "author": act.author,
                "at_s": act.at_s,
            },
        )
        if not cursor.rowcount:
            raise Permanent(
                f"{act.label} has taken its emergency credit and owes it: it is there again once "
                "the balance is positive"
            )
        what = f"emergency credit of {stroops} stroops was taken"
        return await tell(connection, "emergency_credit", act, point, what)


async def open_dispute(
    database: Database, act: Act, *, energy_wh: int | None = None, stroops: int | None = None
) -> str:
    """Keep what a household disputes from disconnecting it.

    Args:
        database: the store.
        act: who, why.
        energy_wh: what it disputes, Wh; it counts at the dearest rate known.
        stroops: in place of that, as money.

    Raises:
        Permanent: it is neither, nothing, more than can be true, or there is no price yet.
    """
    act = checked(act)
    if (energy_wh is None) == (stroops is None) or (energy_wh or stroops or 0) <= 0:
        raise Permanent("say what is disputed: either --wh or --stroops, more than 0")
    if (energy_wh or 0) > MOST_DISPUTED_WH:
        raise Permanent(f"--wh {energy_wh}: at most {MOST_DISPUTED_WH} Wh can be disputed at once")
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        if energy_wh is not None:
            async with connection.execute(
                "SELECT MAX(MAX(off_peak, standard, peak)) AS dearest FROM chain_price"
            ) as cursor:
                row = await cursor.fetchone()
            dearest = row["dearest"] if row else None
            if not dearest:
                raise Permanent("no price is known yet: give what is disputed as --stroops")
            stroops = -(-energy_wh * dearest // MILLI)
        await _check_sum(connection, act.label, point["meter_point_id"], stroops or 0)
        await connection.execute(
            """INSERT INTO dispute (meter_point_id, energy_wh, stroops, reason, opened_s, opened_by)
               VALUES (:point, :energy_wh, :stroops, :reason, :at_s, :author)""",
            {
                "point": point["meter_point_id"],
                "energy_wh": energy_wh,
                "stroops": stroops,
                "reason": act.reason,
                "at_s": act.at_s,
                "author": act.author,
            },
        )
        what = f"{energy_wh} Wh" if energy_wh is not None else f"{stroops} stroops"
        return await tell(connection, "dispute", act, point, f"{what} were disputed")


async def _check_sum(
    connection: aiosqlite.Connection, label: str, point: int, stroops: int
) -> None:
    """A sum beyond 64 bits could not be read any more, by supply control least of all."""
    row = await fetch_one(
        connection,
        """SELECT IFNULL(SUM(stroops), 0) AS open FROM dispute
           WHERE meter_point_id = :point AND closed_s IS NULL""",
        point=point,
    )
    already = int(row["open"]) if row else 0
    if already + stroops > MOST_STROOPS:
        raise Permanent(
            f"{label}: that makes {already + stroops} stroops in dispute, and more than "
            f"{MOST_STROOPS} can't be true: look at the figure"
        )


async def close_disputes(database: Database, act: Act) -> str:
    """Settle everything that is disputed at a meter point: it counts again.

    Raises:
        Permanent: nothing is disputed there.
    """
    act = checked(act)
    async with database.transaction() as connection:
        point = await point_of(connection, act)
        cursor = await connection.execute(
            """UPDATE dispute SET closed_s = :at_s, closed_by = :author, close_reason = :reason
               WHERE meter_point_id = :point AND closed_s IS NULL""",
            {
                "point": point["meter_point_id"],
                "at_s": act.at_s,
                "author": act.author,
                "reason": act.reason,
            },
        )
        if not cursor.rowcount:
            raise Permanent(f"{act.label}: nothing is disputed there")
        what = f"{cursor.rowcount} disputes were settled"
        return await tell(connection, "dispute", act, point, what)


async def find_disputes(database: Database, label: str | None = None) -> list[Dispute]:
    """Every open dispute, of one meter point or of all, oldest first."""
    rows = await database.fetch_all(
        """SELECT d.*, p.label FROM dispute d JOIN meter_point p USING (meter_point_id)
           WHERE d.closed_s IS NULL AND p.label = IFNULL(:label, p.label) ORDER BY d.dispute_id""",
        {"label": label},
    )
    return [
        Dispute(
            row["dispute_id"],
            row["label"],
            row["energy_wh"],
            row["stroops"],
            row["reason"],
            row["opened_s"],
            row["opened_by"],
        )
        for row in rows
    ]


async def repay(database: Database, points: list[PointSupply], now_ms: int) -> None:
    """Emergency credit that was paid back is there again.

    Args:
        database: the store.
        points: those with a positive balance that had taken it.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        for point in points:
            await connection.execute(
                "DELETE FROM emergency_credit WHERE meter_point_id = :point",
                {"point": point.meter_point_id},
            )
            await append_event(
                connection,
                "emergency_credit",
                f"{point.label}: emergency credit is paid back and there again",
                now_ms,
                meter_point_id=point.meter_point_id,
            )
