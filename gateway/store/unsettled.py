"""Usage that the contract's balances do not contain yet, by meter point and price.

Two kinds: usage that no batch carries, and usage in batches that the record last seen has not
accepted. Usage inside a plan window is free and left out, and so is usage from before the first
price. Energy bought on the market is drawn first, oldest usage first, just as the next batch will
claim it (:mod:`gateway.domain.composition`). Usage that has no date yet counts as well.

Reads only. After months without internet there are millions of such rows, so old ones are summed
once and remembered by the day. Each look reads what is new; a batch has only the days summed again
that it reaches, so that settling a long backlog keeps nobody waiting.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from gateway.domain.supply import PricedUsage
from gateway.domain.tariffs import INTERVAL_S
from gateway.store.database import Database, Row
from gateway.store.undated import read_undated_usage

DAY_S = 86_400
RECENT_S = 2 * INTERVAL_S
"""Usage younger than this still grows; what is older is summed once."""
MOVE_AFTER_S = INTERVAL_S
"""Usage that is older by this much than what grows is summed, too."""
SUM_AGAIN_S = DAY_S
"""After this long the remembered sum is made anew, whatever happened."""

_END_S = 1 << 62

# Claims change only when a row enters the outbox or is answered, and only before the end of the
# newest batch; a take-over's may be anywhere.
_CLAIMED = """
SELECT (SELECT MAX(outbox_id) FROM outbox) AS composed,
       (SELECT COUNT(*) FROM outbox WHERE state IN ('pending', 'signed', 'sent')) AS unanswered,
       (SELECT MAX(to_s) FROM batch) AS until_s
"""

# What else the sum of old usage depends on: prices, plan windows, edits, late meters and such as
# were never heard before.
_VERSION = """
SELECT (SELECT MAX(edit_id) FROM edit) AS edited,
       (SELECT COUNT(*) FROM outbox WHERE kind = 'take_over' AND state = 'confirmed') AS adopted,
       (SELECT GROUP_CONCAT(version || ' ' || effective_from_s || ' ' || off_peak || ' '
                            || standard || ' ' || peak) FROM chain_price) AS prices,
       (SELECT GROUP_CONCAT(meter_point_id || ' ' || paid_from_s || ' ' || paid_until_s)
        FROM chain_meter) AS windows,
       (SELECT GROUP_CONCAT(meter_id || ' ' || read_ms)
        FROM register WHERE read_ms < :cut_s * 1000) AS late,
       (SELECT COUNT(*) FROM register) AS heard
"""

_PRICE = """
price AS (
    SELECT off_peak, standard, peak, version, effective_from_s AS from_s,
           LEAD(effective_from_s, 1, :until_s) OVER (ORDER BY effective_from_s) AS until_s
    FROM chain_price)
"""

_SUMMED = f"""
WITH {_PRICE}
SELECT u.meter_point_id, v.off_peak, v.standard, v.peak,
       SUM(IIF(u.tier = 0, u.usage_wh - u.claimed_wh, 0)) AS off_peak_wh,
       SUM(IIF(u.tier = 1, u.usage_wh - u.claimed_wh, 0)) AS standard_wh,
       SUM(IIF(u.tier = 2, u.usage_wh - u.claimed_wh, 0)) AS peak_wh,
       u.start_s / 86400 AS day
FROM price v
CROSS JOIN usage u {{index}}
    ON u.start_s >= MAX(v.from_s, :from_s) AND u.start_s < MIN(v.until_s, :until_s)
CROSS JOIN chain_meter c USING (meter_point_id)
WHERE u.usage_wh > u.claimed_wh {{which}}
  AND u.meter_point_id NOT IN (SELECT value ->> 0 FROM json_each(:spared))
  AND NOT (u.start_s >= c.paid_from_s AND u.start_s < c.paid_until_s)
GROUP BY u.meter_point_id, v.version{{day}}
"""

# Of what is new nearly all is open, so an index would only be a way round; days do not matter.
_UNCLAIMED = _SUMMED.format(index="INDEXED BY usage_open", which="AND u.open = 1", day=", day")
_RECENT = _SUMMED.format(index="", which="", day="")

# Meter points of which some usage costs nothing: what the chain had counted first, then what was
# bought on the market. Few of them, so their rows are put in order and summed up one by one.
_SPARED = """
SELECT c.meter_point_id, IFNULL(s.ahead_wh, 0) AS ahead_wh,
       IIF(c.flags >> 3 & 3 = 0, c.market_credit_wh, 0) AS market_wh
FROM chain_meter c LEFT JOIN settlement s USING (meter_point_id)
WHERE ahead_wh > 0 OR market_wh > 0
"""

_UNCLAIMED_SPARED = f"""
WITH {_PRICE}, spared AS MATERIALIZED (
    SELECT CAST(value ->> 0 AS INTEGER) AS meter_point_id, value ->> 1 AS ahead_wh,
           value ->> 2 AS market_wh
    FROM json_each(:spared)),
counted AS (
    SELECT u.start_s, u.meter_point_id, u.tier, s.market_wh, u.usage_wh - u.claimed_wh AS usage_wh,
           u.start_s >= c.paid_from_s AND u.start_s < c.paid_until_s AS is_included,
           MAX(0, SUM(u.usage_wh - u.claimed_wh) OVER (
                      PARTITION BY u.meter_point_id ORDER BY u.start_s) - s.ahead_wh) AS beyond_wh
    FROM usage u INDEXED BY usage_open
    CROSS JOIN spared s USING (meter_point_id) CROSS JOIN chain_meter c USING (meter_point_id)
    WHERE u.open = 1 AND u.usage_wh > u.claimed_wh
      AND u.start_s >= :from_s AND u.start_s < :until_s),
absorbed AS (
    SELECT *, MAX(0, usage_wh - beyond_wh) AS absorbed_wh,
           IIF(is_included, 0, MIN(usage_wh, beyond_wh)) AS drawn_wh
    FROM counted),
drawn AS (
    SELECT *, MIN(drawn_wh, MAX(0, SUM(drawn_wh) OVER (
                  PARTITION BY meter_point_id ORDER BY start_s) - market_wh)) AS money_wh
    FROM absorbed)
SELECT d.meter_point_id, IFNULL(v.off_peak, 0), IFNULL(v.standard, 0), IFNULL(v.peak, 0),
       SUM(IIF(d.tier = 0, d.money_wh, 0)), SUM(IIF(d.tier = 1, d.money_wh, 0)),
       SUM(IIF(d.tier = 2, d.money_wh, 0)), SUM(d.drawn_wh - d.money_wh), SUM(d.absorbed_wh)
FROM drawn d LEFT JOIN price v ON d.start_s >= v.from_s AND d.start_s < v.until_s
GROUP BY d.meter_point_id, v.version
"""

# A batch up to the receipt's is in the records, unless a record is older than the receipt.
_IN_BATCHES = """
WITH settled AS (
    SELECT r.site,
           IIF(EXISTS (SELECT 1 FROM chain_meter c JOIN meter_point p USING (meter_point_id)
                       WHERE p.site = r.site AND c.ledger < r.ledger
                         AND r.ledger > IFNULL((SELECT MAX(ledger) FROM chain_cursor), 0)),
               0, r.sequence) AS sequence
    FROM chain_receipt r)
SELECT i.meter_point_id, v.off_peak, v.standard, v.peak,
       i.off_peak_wh, i.standard_wh, i.peak_wh, i.market_wh
FROM batch b
LEFT JOIN settled s ON s.site = b.site
CROSS JOIN batch_item i ON i.outbox_id = b.outbox_id
CROSS JOIN chain_meter c ON c.meter_point_id = i.meter_point_id
CROSS JOIN chain_price v ON v.version = b.price_version
WHERE b.refused = 0 AND b.sequence > IFNULL(s.sequence, 0)
  AND b.to_s > c.last_read_s AND i.accepted IS NOT 0
ORDER BY b.sequence
"""

# What is estimated of that: of rows that no batch carries whole, and of rows in batches that the
# record has not accepted. In a plan it costs nothing.
_ESTIMATED = f"""
WITH {_PRICE}, doubted AS (
    SELECT u.start_s, u.meter_point_id, u.tier,
           IIF(u.start_s >= c.last_read_s, u.estimated_wh,
               MIN(u.estimated_wh, u.usage_wh - u.claimed_wh)) AS wh
    FROM usage u INDEXED BY usage_estimated CROSS JOIN chain_meter c USING (meter_point_id)
    WHERE u.estimated_wh > 0 AND u.start_s >= :from_s AND u.start_s < :until_s
      AND (u.open = 1 OR u.start_s >= c.last_read_s)
      AND NOT (u.start_s >= c.paid_from_s AND u.start_s < c.paid_until_s))
SELECT d.meter_point_id, v.off_peak, v.standard, v.peak, SUM(IIF(d.tier = 0, d.wh, 0)),
       SUM(IIF(d.tier = 1, d.wh, 0)), SUM(IIF(d.tier = 2, d.wh, 0))
FROM doubted d JOIN price v ON d.start_s >= v.from_s AND d.start_s < v.until_s
GROUP BY d.meter_point_id, v.version
"""

_PRICE_NOW = """
SELECT c.meter_point_id, v.off_peak, v.standard, v.peak
FROM chain_meter c
CROSS JOIN (SELECT off_peak, standard, peak FROM chain_price WHERE effective_from_s <= :now_s
            ORDER BY version DESC LIMIT 1) v
WHERE NOT (:now_s >= c.paid_from_s AND :now_s < c.paid_until_s)
"""

Usage = dict[int, tuple[PricedUsage, ...]]


class Found(NamedTuple):
    """Unsettled usage by meter point, and what of it is estimated."""

    usage: Usage
    estimated: Usage


@dataclass(frozen=True, slots=True)
class _Spared:
    """What a meter point may use without paying.

    Args:
        ahead_wh: usage that the chain had counted first.
        market_wh: energy bought on the market and not yet drawn.
    """

    ahead_wh: int
    market_wh: int


@dataclass(frozen=True, slots=True)
class _Sum:
    """Usage, what it leaves of what is spared, and what was spared before it."""

    usage: tuple[tuple[int, PricedUsage], ...]
    spared: Mapping[int, _Spared]
    given: Mapping[int, _Spared]
    estimated: tuple[tuple[int, PricedUsage], ...] = ()


class UnsettledUsage:
    """Finds unsettled usage, remembering the sum of what is old.

    One of them serves a whole process: it works only in the thread of the database's reader, so
    those who share it wait for each other.

    Args:
        database: where usage, batches, prices and contract records are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cut_s = 0
        self._summed_s = 0
        self._version: tuple[object, ...] = ()
        self._claimed: tuple[object, ...] = ()
        self._days: dict[int, list[tuple[int, PricedUsage]]] = {}
        self._old = _Sum((), {}, {})

    async def find(self, now_s: int) -> Usage:
        """Unsettled usage by meter point; nothing for those without a contract record.

        Args:
            now_s: the time (unix seconds).
        """
        return (await self._database.read(partial(self.look, now_s=now_s))).usage

    def look(self, connection: sqlite3.Connection, now_s: int) -> Found:
        """The same beside other queries, inside :meth:`Database.read` of the same database.

        Args:
            connection: the reader's.
            now_s: the time (unix seconds).
        """
        batched = _in_batches(connection)
        self._sum_old(connection, now_s, batched.spared)
        values = _values(self._cut_s, _END_S, self._old.spared)
        rows = [(row[0], _priced(row)) for row in connection.execute(_RECENT, values)]
        recent = _with_spared(connection, rows, values, self._old.spared)
        undated = _undated(connection, now_s, recent.spared)
        return Found(
            _by_point((*self._old.usage, *recent.usage, *batched.usage, *undated)),
            _by_point((*self._old.estimated, *recent.estimated)),
        )

    def _sum_old(
        self, connection: sqlite3.Connection, now_s: int, spared: Mapping[int, _Spared]
    ) -> None:
        claimed = _fetch(connection, _CLAIMED)
        version = (*_fetch(connection, _VERSION, cut_s=self._cut_s), spared.keys())
        is_timely = self._cut_s <= now_s < self._summed_s + SUM_AGAIN_S
        fits = version == self._version and is_timely
        moves = now_s - self._cut_s >= RECENT_S + MOVE_AFTER_S
        is_claimed = claimed != self._claimed
        if fits and not moves and not is_claimed and self._old.given == spared:
            return
        batched_s = -(-(claimed[2] or 0) // DAY_S) * DAY_S if is_claimed else 0
        summed_s = self._cut_s - self._cut_s % DAY_S if moves else self._cut_s
        if not fits:
            batched_s = summed_s = 0
            self._days, self._summed_s = {}, now_s
        if moves or not fits:
            self._cut_s = now_s - now_s % INTERVAL_S - RECENT_S
            version = (*_fetch(connection, _VERSION, cut_s=self._cut_s), spared.keys())
        self._version, self._claimed = version, claimed
        self._sum_days(connection, 0, min(batched_s, summed_s), spared)
        self._sum_days(connection, summed_s, self._cut_s, spared)
        summed = _summed(row for rows in self._days.values() for row in rows)
        self._old = _with_spared(connection, summed, _values(0, self._cut_s, spared), spared)

    def _sum_days(
        self,
        connection: sqlite3.Connection,
        from_s: int,
        until_s: int,
        spared: Mapping[int, _Spared],
    ) -> None:
        """Sum days anew, from the start of one up to an instant in the last (unix seconds)."""
        if from_s >= until_s:
            return
        days = range(from_s // DAY_S, -(-until_s // DAY_S))
        fresh: defaultdict[int, list[tuple[int, PricedUsage]]] = defaultdict(list)
        for row in connection.execute(_UNCLAIMED, _values(from_s, until_s, spared)):
            fresh[row["day"]].append((row[0], _priced(row)))
        self._days = {day: rows for day, rows in self._days.items() if day not in days} | fresh


def _undated(
    connection: sqlite3.Connection, now_s: int, spared: Mapping[int, _Spared]
) -> list[tuple[int, PricedUsage]]:
    """Usage whose time is not known yet: at the standard price of now, bought energy first."""
    used_wh = read_undated_usage(connection)
    usage: list[tuple[int, PricedUsage]] = []
    if used_wh:
        for row in connection.execute(_PRICE_NOW, {"now_s": now_s}):
            point, *rates = tuple(row)
            wh = used_wh.get(point, 0)
            if wh:
                drawn_wh = min(wh, max(0, spared[point].market_wh)) if point in spared else 0
                tiers_wh = (0, wh - drawn_wh, 0)
                usage.append(
                    (point, PricedUsage((rates[0], rates[1], rates[2]), tiers_wh, drawn_wh))
                )
    return usage


def _fetch(connection: sqlite3.Connection, sql: str, **values: int) -> tuple[int, ...]:
    return tuple(connection.execute(sql, values).fetchone())


def _in_batches(connection: sqlite3.Connection) -> _Sum:
    """What batches on their way will draw first, in their order, as the contract does it."""
    spared = {row[0]: _Spared(row[1], row[2]) for row in connection.execute(_SPARED)}
    usage = []
    for row in connection.execute(_IN_BATCHES):
        point, off_peak, standard, peak, off_peak_wh, standard_wh, peak_wh, market_wh = row
        left = spared.get(point, _Spared(0, 0))
        drawn_wh = min(market_wh, left.market_wh)
        if drawn_wh:
            spared[point] = replace(left, market_wh=left.market_wh - drawn_wh)
        tiers_wh = (off_peak_wh, standard_wh + market_wh - drawn_wh, peak_wh)
        usage.append((point, PricedUsage((off_peak, standard, peak), tiers_wh, drawn_wh)))
    return _Sum(tuple(usage), spared, spared)


def _with_spared(
    connection: sqlite3.Connection,
    usage: list[tuple[int, PricedUsage]],
    values: Mapping[str, int | str],
    spared: Mapping[int, _Spared],
) -> _Sum:
    """Add what is estimated, and the meter points of which some usage costs nothing."""
    rows = connection.execute(_ESTIMATED, values)
    estimated = tuple((row[0], _priced(row)) for row in rows)
    if not spared:
        return _Sum(tuple(usage), spared, spared, estimated)
    left = dict(spared)
    for row in connection.execute(_UNCLAIMED_SPARED, values):
        point, drawn_wh, absorbed_wh = row[0], row[7], row[8]
        usage.append((point, replace(_priced(row), market_wh=drawn_wh)))
        left[point] = _Spared(left[point].ahead_wh - absorbed_wh, left[point].market_wh - drawn_wh)
    return _Sum(tuple(usage), left, spared, estimated)


def _values(from_s: int, until_s: int, spared: Mapping[int, _Spared]) -> dict[str, int | str]:
    listed = [[point, one.ahead_wh, one.market_wh] for point, one in spared.items()]
    return {"from_s": from_s, "until_s": until_s, "spared": json.dumps(listed)}


def _summed(rows: Iterable[tuple[int, PricedUsage]]) -> list[tuple[int, PricedUsage]]:
    """One row per meter point and price."""
    sums: defaultdict[tuple[int, tuple[int, int, int]], list[int]] = defaultdict(lambda: [0, 0, 0])
    for point, usage in rows:
        tiers_wh = sums[point, usage.rates_stroops_per_kwh]
        for tier, wh in enumerate(usage.tiers_wh):
            tiers_wh[tier] += wh
    return [
        (point, PricedUsage(rates, (tiers_wh[0], tiers_wh[1], tiers_wh[2])))
        for (point, rates), tiers_wh in sums.items()
    ]


def _priced(row: Row) -> PricedUsage:
    _, off_peak, standard, peak, off_peak_wh, standard_wh, peak_wh, *_ = row
    return PricedUsage((off_peak, standard, peak), (off_peak_wh, standard_wh, peak_wh))


def _by_point(rows: Iterable[tuple[int, PricedUsage]]) -> Usage:
    found: defaultdict[int, tuple[PricedUsage, ...]] = defaultdict(tuple)
    for point, usage in rows:
        found[point] += (usage,)
    return found
