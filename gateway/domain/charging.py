"""What the contract takes for a batch item, to the stroop: ``contracts/meter/src/settle.rs``."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.batches import Price, SlotUsage

MILLI = 1000
"""Thousandths of a stroop per stroop: prices are per kWh, usage is in Wh."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One item's charge.

    Args:
        tiers_milli: off-peak, standard, peak; thousandths of a stroop.
        carried_milli: thousandths below one stroop that earlier charges left.
        stroops: what the balance is debited: the sum in whole stroops, rounded down.
        left_milli: what is carried on, 0..999.
    """

    tiers_milli: tuple[int, int, int]
    carried_milli: int
    stroops: int
    left_milli: int


def charge(usage: SlotUsage, price: Price, carried_milli: int) -> Charge:
    """Charge an item of a prepaid meter.

    Included usage costs nothing, and market energy nothing as long as the contract has credit for
    it.

    Args:
        usage: the item.
        price: in force in its batch's period, stroops per kWh.
        carried_milli: the meter's remainder before it, 0..999.
    """
    tiers = (
        usage.off_peak_wh * price.off_peak,
        usage.standard_wh * price.standard,
        usage.peak_wh * price.peak,
    )
    stroops, left_milli = divmod(carried_milli + sum(tiers), MILLI)
    return Charge(tiers, carried_milli, stroops, left_milli)
