"""At which register and which power each meter's supply is about to be disconnected. Reads only.

Who takes readings commits those at once that reach it, so that the relay follows the first of them.
A guess on the early side: what is decided is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.credit import effective_balance, market_energy_left
from gateway.store.database import Database
from gateway.store.unsettled import UnsettledUsage

MILLI = 1000

_CONNECTED = """
SELECT i.meter_id, p.meter_point_id, p.load_limit_w, r.energy_wh, c.balance, c.remainder_milli,
       c.market_credit_wh, IFNULL(m.stroops, 0) + IFNULL(
           (SELECT SUM(l.amount_stroops) FROM local_credit l
            WHERE l.meter_point_id = p.meter_point_id AND l.state = 'local'), 0) AS granted_stroops,
       c.paid_until_s > :now_s OR c.balance IS NULL OR r.energy_wh IS NULL
           OR p.settlement_mode <> 'prepaid' OR p.critical AS is_free,
       (SELECT MAX(MAX(off_peak, standard, peak)) FROM chain_price) AS dearest
FROM meter_point p
JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
JOIN supply s ON s.meter_point_id = p.meter_point_id AND s.state = 'connected'
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
LEFT JOIN emergency_credit m ON m.meter_point_id = p.meter_point_id
WHERE p.relay <> 'none' AND p.kind = 'supply'
"""


@dataclass(frozen=True, slots=True)
class Trip:
    """Where a meter's supply is about to be disconnected; None: not by that.

    Args:
        register_wh: the register at which its credit is used up, Wh.
        power_mw: the power above which it is overloaded, mW.
    """

    register_wh: int | None
    power_mw: int | None


async def find_trips(
    database: Database, unsettled: UnsettledUsage, overdraft_stroops: int, now_s: int
) -> dict[int, Trip]:
    """The trips of all meters whose supply is connected, by row of the meter.

    Args:
        database: the store.
        unsettled: of the same store.
        overdraft_stroops: how far below 0 a balance may go.
        now_s: the time (unix seconds).

    Raises:
        Transient: the file is busy.
    """
    usage = await unsettled.find(now_s)
    trips = {}
    for row in await database.fetch_all(_CONNECTED, {"now_s": now_s}):
        limit_w = row["load_limit_w"]
        register_wh = None
        if not row["is_free"] and row["dearest"]:
            spent = usage.get(row["meter_point_id"], ())
            left_stroops = effective_balance(row["balance"], row["remainder_milli"], spent)
            left_stroops += overdraft_stroops + row["granted_stroops"]
            market_wh = max(0, market_energy_left(row["market_credit_wh"], spent))
            if left_stroops > 0 or market_wh:
                money_wh = max(0, left_stroops) * MILLI // row["dearest"]
                register_wh = row["energy_wh"] + market_wh + money_wh
        power_mw = None if limit_w is None else limit_w * MILLI
        if register_wh is not None or power_mw is not None:
            trips[row["meter_id"]] = Trip(register_wh, power_mw)
    return trips
