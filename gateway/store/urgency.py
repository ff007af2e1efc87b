"""Which meters have to be read more often than the others, as far as the store knows."""

from __future__ import annotations

from gateway.domain.supply import PricedUsage
from gateway.store.database import Database
from gateway.store.unsettled import UnsettledUsage

JUST_SWITCHED_S = 30
"""How long after a switching its meter is watched, s."""

# Just switched; not proven to be off; or money that may run out: prepaid, nothing else pays.
_CANDIDATES = """
SELECT i.meter_id, p.meter_point_id, c.balance,
       IFNULL(s.switched_ms, 0) > :since_ms
           OR (s.state <> 'connected' AND s.output <> 'confirmed') AS is_certain
FROM meter_point p
JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
    AND p.settlement_mode = 'prepaid' AND c.market_credit_wh = 0
    AND c.paid_until_s <= :now_s
WHERE p.relay <> 'none'
  AND (is_certain OR (IFNULL(s.state, 'connected') = 'connected' AND c.balance IS NOT NULL))
"""


async def find_urgent(
    database: Database,
    now_s: int,
    low_credit_stroops: int = 0,
    unsettled: UnsettledUsage | None = None,
) -> set[int]:
    """The meters of points with a relay that was just switched, or is about to be.

    Args:
        database: the store.
        now_s: the time (unix seconds).
        low_credit_stroops: a balance below it is low.
        unsettled: takes what is used and not yet on the chain off the balance; None: it stays.

    Returns:
        Rows of meters.

    Raises:
        Transient: the file is busy.
    """
    since_ms = (now_s - JUST_SWITCHED_S) * 1000
    rows = await database.fetch_all(_CANDIDATES, {"now_s": now_s, "since_ms": since_ms})
    usage = await unsettled.find(now_s) if unsettled else {}
    return {
        row["meter_id"]
        for row in rows
        if row["is_certain"]
        or row["balance"] - _cost_stroops(usage.get(row["meter_point_id"], ())) < low_credit_stroops
    }


def _cost_stroops(usage: tuple[PricedUsage, ...]) -> int:
    """What unsettled usage will cost, rounded up."""
    return -(-sum(one.cost_milli for one in usage) // 1000)
