"""Meters that the contract still keeps in its earlier layout, one entry each.

The contract moves a meter into its page as soon as anything touches it, and treats it as moved
until then (docs/adr/0010-a-meters-mode-is-fixed-and-old-entries-move-when-touched.md); so does
this. Goes when the last provider has migrated.
"""

from __future__ import annotations

from stellar_sdk import xdr

from gateway.domain.pages import MeterRecord, flags_of
from gateway.ledger.contracts.meter import MODES
from gateway.ledger.contracts.values import Fields

RECORD_VERSION = 1
"""What a record is when it has been moved."""


def decode_legacy_meter(value: xdr.SCVal) -> MeterRecord:
    """The record that a meter of the earlier layout becomes.

    Raises:
        ValueError: a field is of another type, or out of range.
        KeyError: a field is missing.
    """
    fields = Fields(value)
    mode = fields.u32("mode")
    if mode >= len(MODES):
        raise ValueError(f"there is no settlement mode {mode}")
    return MeterRecord(
        total_wh=fields.u64("total_wh"),
        balance=fields.i64("balance"),
        paid_from_s=fields.u64("paid_from"),
        paid_until_s=fields.u64("paid_until"),
        last_read_s=fields.u64("last_read_at"),
        market_credit_wh=fields.u32("market_credit_wh"),
        remainder_milli=fields.u32("remainder"),
        max_power_w=fields.u32("max_power_w"),
        plan=fields.u32("plan"),
        flags=flags_of(
            mode,
            deactivated=fields.flag("deactivated"),
            announced_active=fields.flag("active"),
        ),
        version=RECORD_VERSION,
    )
