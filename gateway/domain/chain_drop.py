"""What the chain took from a household that its own usage does not explain. Pure.

A contract, a server or a key that goes wrong shows as balances that drop, plans that end early and
bought energy that is gone. What was used here explains at most its price; the rest is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

MILLI = 1000


@dataclass(frozen=True, slots=True)
class Drop:
    """What the chain took without a reason that is known here.

    Args:
        stroops: money.
        market_wh: energy bought on the market, Wh.
        plan_until_s: until when the plan would run that it took back (unix seconds, 0: none).
    """

    stroops: int = 0
    market_wh: int = 0
    plan_until_s: int = 0


NOTHING = Drop()


@dataclass(frozen=True, slots=True)
class Look:
    """What was left when a record was first seen, all usage until then taken off.

    Args:
        left_stroops: money.
        market_wh: energy bought on the market, Wh.
        paid_until_s: end of the plan (unix seconds).
        counted_wh: all usage counted at the meter point by then, Wh.
    """

    left_stroops: int
    market_wh: int
    paid_until_s: int
    counted_wh: int


def unexplained(before: Look, now: Look, dearest_stroops_per_kwh: int, known: Drop) -> Drop:
    """What is unexplained once a new record was seen.

    Usage in between explains its price at the dearest rate, rounded up. A payment makes up for
    what was taken before.

    Args:
        before: at the record before this one.
        now: at this one.
        dearest_stroops_per_kwh: the dearest rate of any price known.
        known: what was unexplained before.
    """
    used_wh = max(0, now.counted_wh - before.counted_wh)
    explained = -(-used_wh * dearest_stroops_per_kwh // MILLI) + 1
    dropped = before.left_stroops - now.left_stroops
    stroops = known.stroops + (dropped if dropped < 0 else max(0, dropped - explained))
    gone_wh = before.market_wh - now.market_wh
    market_wh = known.market_wh + (gone_wh if gone_wh < 0 else max(0, gone_wh - used_wh))
    shortened = now.paid_until_s < before.paid_until_s
    plan_until_s = before.paid_until_s if shortened else known.plan_until_s
    if now.paid_until_s >= plan_until_s:
        plan_until_s = 0
    return Drop(max(0, stroops), max(0, market_wh), plan_until_s)
