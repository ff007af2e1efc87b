"""Usage that the contract's balances do not contain yet, by meter point and price.

Two kinds: usage that no batch carries, and usage in batches that the record last seen has not
accepted. Usage inside a plan window is free and left out, and so is usage from before the first
price.

Reads only. After months without internet there are millions of such rows, so old ones are
summed once and remembered; each look reads what is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gateway.domain.supply import PricedUsage
from gateway.domain.tariffs import INTERVAL_S
from gateway.store.database import Database, Row

RECENT_S = 2 * INTERVAL_S
"""Usage younger than this still grows; what is older is summed once."""
SUM_AGAIN_S = 3600
"""After this long the remembered sum is made anew, whatever happened."""

_END_S = 1 << 62

# What the sum of old usage depends on: claims, prices, plan windows, meters that are late. Claims
# change only when a row enters the outbox or is answered.
_VERSION = """
SELECT (SELECT MAX(outbox_id) FROM outbox) AS composed,
       (SELECT COUNT(*) FROM outbox WHERE state IN ('pending', 'signed', 'sent')) AS unanswered,
       (SELECT COUNT(*) || ' ' || IFNULL(MAX(version), 0) FROM chain_price) AS prices,
       (SELECT GROUP_CONCAT(meter_point_id || ' ' || paid_from_s || ' ' || paid_until_s)
        FROM chain_meter) AS windows,
       (SELECT GROUP_CONCAT(meter_id || ' ' || read_ms)
        FROM register WHERE read_ms < :cut_s * 1000) AS late
"""

_UNCLAIMED = """
WITH price AS (
    SELECT off_peak, standard, peak, version, effective_from_s AS from_s,
           LEAD(effective_from_s, 1, :until_s) OVER (ORDER BY effective_from_s) AS until_s
    FROM chain_price)
SELECT u.meter_point_id, v.off_peak, v.standard, v.peak,
       SUM(IIF(u.tier = 0, u.usage_wh - u.claimed_wh, 0)) AS off_peak_wh,
       SUM(IIF(u.tier = 1, u.usage_wh - u.claimed_wh, 0)) AS standard_wh,
       SUM(IIF(u.tier = 2, u.usage_wh - u.claimed_wh, 0)) AS peak_wh
FROM price v
CROSS JOIN usage u INDEXED BY usage_unclaimed
    ON u.start_s >= MAX(v.from_s, :from_s) AND u.start_s < MIN(v.until_s, :until_s)
CROSS JOIN chain_meter c USING (meter_point_id)
WHERE u.usage_wh > u.claimed_wh
  AND NOT (u.start_s >= c.paid_from_s AND u.start_s < c.paid_until_s)
GROUP BY u.meter_point_id, v.version
"""

# A batch up to the receipt's is in the records, unless a record is older than the receipt.
_IN_BATCHES = """
WITH settled AS (
    SELECT r.site,
           IIF(EXISTS (SELECT 1 FROM chain_meter c JOIN meter_point p USING (meter_point_id)
                       WHERE p.site = r.site AND c.ledger < r.ledger), 0, r.sequence) AS sequence
    FROM chain_receipt r)
SELECT i.meter_point_id, v.off_peak, v.standard, v.peak,
       i.off_peak_wh, i.standard_wh, i.peak_wh
FROM batch b
LEFT JOIN settled s ON s.site = b.site
CROSS JOIN batch_item i ON i.outbox_id = b.outbox_id
CROSS JOIN chain_meter c ON c.meter_point_id = i.meter_point_id
CROSS JOIN chain_price v ON v.version = b.price_version
WHERE b.refused = 0 AND b.sequence > IFNULL(s.sequence, 0)
  AND b.to_s > c.last_read_s AND i.accepted IS NOT 0
"""

Usage = dict[int, tuple[PricedUsage, ...]]


class UnsettledUsage:
    """Finds unsettled usage, remembering the sum of what is old.

    Args:
        database: where usage, batches, prices and contract records are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cut_s = 0
        self._version: tuple[object, ...] = ()
        self._old: list[Row] = []

    async def find(self, now_s: int) -> Usage:
        """Unsettled usage by meter point; nothing for those without a contract record.

        Args:
            now_s: the time (unix seconds).
        """
        await self._sum_old(now_s)
        recent = await self._unclaimed(self._cut_s, _END_S)
        batched = await self._database.fetch_all(_IN_BATCHES)
        return _by_point((*self._old, *recent, *batched))

    async def _sum_old(self, now_s: int) -> None:
        version = await self._find_version()
        if version == self._version and 0 <= now_s - self._cut_s < RECENT_S + SUM_AGAIN_S:
            return
        self._cut_s = now_s - now_s % INTERVAL_S - RECENT_S
        self._version = await self._find_version()
        self._old = await self._unclaimed(0, self._cut_s)

    async def _find_version(self) -> tuple[object, ...]:
        row = await self._database.fetch_one(_VERSION, {"cut_s": self._cut_s})
        return tuple(row) if row else ()

    async def _unclaimed(self, from_s: int, until_s: int) -> list[Row]:
        return await self._database.fetch_all(_UNCLAIMED, {"from_s": from_s, "until_s": until_s})


def _by_point(rows: Iterable[Row]) -> Usage:
    found: defaultdict[int, tuple[PricedUsage, ...]] = defaultdict(tuple)
    for row in rows:
        point, off_peak, standard, peak, off_peak_wh, standard_wh, peak_wh = row
        usage = PricedUsage((off_peak, standard, peak), (off_peak_wh, standard_wh, peak_wh))
        found[point] += (usage,)
    return found
