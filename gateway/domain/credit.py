"""What is left of a household's money, plan and bought energy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.domain.facts import facts

MILLI = 1000
"""Thousandths of a stroop per stroop: a rate is per kWh, usage is in Wh."""
MOST_PAUSE_S = 7 * 86_400
"""A plan waits for a dead feeder at most so long: a line of meters that is cut looks the same."""
LOW, VERY_LOW = 1, 2
"""Levels of low credit; the values are stored, 0 is none."""
HYSTERESIS_PERCENT = 10


@facts(frozen=True, slots=True)
class ContractRecord:
    """What the contract last said of a meter point.

    Args:
        balance_stroops: credit; negative is arrears.
        remainder_milli: a charge below one stroop that waits, thousandths, 0-999.
        paid_until_s: end of the plan window, not part of it (unix seconds, 0: there was none).
        bought_plan: the last payment bought a daily or weekly plan.
        registered: the contract knows this meter.
        deactivated: the provider has switched it off.
        as_of_s: ledger close time of this knowledge (unix seconds).
        market_credit_wh: energy bought on the market and not yet drawn, Wh.
    """

    balance_stroops: int
    remainder_milli: int
    paid_until_s: int
    bought_plan: bool
    registered: bool
    deactivated: bool
    as_of_s: int
    market_credit_wh: int = 0


@facts(frozen=True, slots=True)
class PricedUsage:
    """Usage at the prices in force when it was drawn.

    Args:
        rates_stroops_per_kwh: off-peak, standard, peak.
        tiers_wh: usage in each of them that costs money, Wh.
        market_wh: usage that was drawn from energy bought on the market, Wh: it costs none.
    """

    rates_stroops_per_kwh: tuple[int, int, int]
    tiers_wh: tuple[int, int, int]
    market_wh: int = 0

    @property
    def cost_milli(self) -> int:
        """Its exact price, thousandths of a stroop."""
        off_peak, standard, peak = self.rates_stroops_per_kwh
        off_peak_wh, standard_wh, peak_wh = self.tiers_wh
        return off_peak * off_peak_wh + standard * standard_wh + peak * peak_wh


def effective_balance(
    balance_stroops: int, remainder_milli: int, unsettled: tuple[PricedUsage, ...]
) -> int:
    """The balance once all usage so far is settled, stroops.

    Rounds as the contract does: the charge is cut to whole stroops, the rest is carried on.

    Args:
        balance_stroops: by the contract's record; negative is arrears.
        remainder_milli: a charge below one stroop that waits there, thousandths.
        unsettled: usage that the record's balance does not contain yet.
    """
    for usage in unsettled:
        remainder_milli += usage.cost_milli
    return balance_stroops - remainder_milli // MILLI


def market_energy_left(market_credit_wh: int, unsettled: tuple[PricedUsage, ...]) -> int:
    """The energy bought on the market that no usage so far has drawn, Wh.

    Args:
        market_credit_wh: by the contract's record.
        unsettled: usage that the record does not contain yet.
    """
    for usage in unsettled:
        market_credit_wh -= usage.market_wh
    return market_credit_wh


def pause_of(
    paid_from_s: int, paid_until_s: int, now_s: int, dead: Iterable[tuple[int, int | None]]
) -> int:
    """How much later a plan ends because its feeder was dead in the meantime, s.

    A blackout that begins while the plan waits for an earlier one counts as well.

    Args:
        paid_from_s: when the plan began (unix seconds).
        paid_until_s: when it would have ended (unix seconds).
        now_s: the time (unix seconds).
        dead: from when until when its feeder was dead (unix seconds), oldest first; None: still.
    """
    until_s, seen_s = paid_until_s, paid_from_s
    for began_s, ended_s in dead:
        start_s, end_s = max(began_s, seen_s), now_s if ended_s is None else ended_s
        if start_s < until_s and end_s > start_s:
            until_s += end_s - start_s
            seen_s = end_s
    return min(until_s - paid_until_s, MOST_PAUSE_S)


def low_credit(before: int, left_stroops: int | None, thresholds_stroops: tuple[int, int]) -> int:
    """The level of low credit: 0 none, 1 low, 2 very low. It eases only well above a threshold.

    Args:
        before: the level so far.
        left_stroops: what is left; None: no money is counted down, because a plan runs or it is
            not prepaid.
        thresholds_stroops: below the first it is low, below the second very low; 0: no warning.
    """
    if left_stroops is None:
        return 0
    for level, threshold in ((VERY_LOW, thresholds_stroops[1]), (LOW, thresholds_stroops[0])):
        easing = threshold * HYSTERESIS_PERCENT // 100 if before >= level else 0
        if threshold and left_stroops < threshold + easing:
            return level
    return 0
