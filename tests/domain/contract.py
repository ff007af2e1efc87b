"""The contract's rule for one meter of a batch, written from its description in pure Python.

What the composition of batches is held to; the end-to-end tests hold it to the contract itself.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.batches import SlotUsage
from gateway.domain.pages import MeterRecord

Rates = tuple[int, int, int]
"""Stroops per kWh: off-peak, standard, peak."""


def accepted(record: MeterRecord, usage: SlotUsage, to_s: int, rates: Rates) -> MeterRecord:
    """The record after a batch's usage, which must be one that the contract accepts."""
    since_s = max(0, to_s - record.last_read_s)
    assert usage.total_wh <= most_wh(record, since_s)
    assert included_is_plausible(record, usage.included_wh, to_s)
    return charged(record, usage, to_s, rates)


def charged(record: MeterRecord, usage: SlotUsage, to_s: int, rates: Rates) -> MeterRecord:
    """The same, whatever the connection can carry."""
    drawn_wh = min(usage.market_wh, record.market_credit_wh)
    standard_wh = usage.standard_wh + usage.market_wh - drawn_wh
    tiers_wh = (usage.off_peak_wh, standard_wh, usage.peak_wh)
    cost_milli = record.remainder_milli
    cost_milli += sum(wh * rate for wh, rate in zip(tiers_wh, rates, strict=True))
    return replace(
        record,
        total_wh=record.total_wh + usage.total_wh,
        balance=record.balance - cost_milli // 1000,
        remainder_milli=cost_milli % 1000,
        market_credit_wh=record.market_credit_wh - drawn_wh,
        last_read_s=max(record.last_read_s, to_s),
    )


def included_is_plausible(record: MeterRecord, included_wh: int, to_s: int) -> bool:
    """Whether so much fits into what the batch has of the plan's window."""
    begin_s = max(record.paid_from_s, min(record.last_read_s, to_s))
    overlap_s = max(0, min(record.paid_until_s, to_s) - begin_s)
    return included_wh == 0 or included_wh <= most_wh(record, overlap_s)


def most_wh(record: MeterRecord, seconds: int) -> int:
    """The most a connection can carry; one more, because registers round."""
    return record.max_power_w * seconds // 3600 + 1
