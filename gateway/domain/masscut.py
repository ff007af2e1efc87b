"""Meters that would lose supply because the chain says so, and not because of what they used.

One server that lies, or one stolen key of the provider's, could darken a village; so many at once
are believed only when a second server says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.batches import Price
from gateway.domain.pages import MeterRecord

MOST_AT_ONCE = 3
"""More meters than this at one look want a second server's word."""
_MILLI = 1000


def find_cut(
    before: Mapping[int, MeterRecord], after: Mapping[int, MeterRecord], prices: Sequence[Price]
) -> list[int]:
    """The slots that lose supply between two answers without having used what it would take.

    Args:
        before: the records as they are stored, by slot.
        after: the records as a server shows them now.
        prices: every version that the server knows.
    """
    dearest = max(
        (rate for price in prices for rate in (price.off_peak, price.standard, price.peak)),
        default=0,
    )
    return [slot for slot, old in before.items() if _is_cut(old, after.get(slot), dearest)]


def _is_cut(old: MeterRecord, new: MeterRecord | None, dearest: int) -> bool:
    """Whether a record lost more than settling can explain.

    Args:
        old: as it is stored.
        new: as it is shown; None: it is gone.
        dearest: the highest rate, stroops per kWh.
    """
    if old.is_deactivated:
        return False
    if new is None or new.is_deactivated or new.total_wh < old.total_wh:
        return True
    if new.paid_until_s < old.paid_until_s:
        return True
    # What was used costs at most this, rounded up, with what is carried below a stroop.
    explained = -(-(new.total_wh - old.total_wh) * dearest // _MILLI) + 1
    return new.balance <= 0 < old.balance and old.balance - new.balance > explained
