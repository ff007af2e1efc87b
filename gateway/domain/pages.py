"""Reading the contract's pages: 64 meter records of 48 bytes behind a header of 8.

The layout is the contract's (``contracts/meter/src/record.rs`` and ``page.rs``); both sides are
held to it by ``tests/vectors/page.json``. Only the contract ever writes a page.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PAGE_RECORDS = 64
LAYOUT_VERSION = 1

_HEADER = struct.Struct(">BBB5x")
_RECORD = struct.Struct(">QqIIIIHHBBH8x")
_POWER_UNIT_W = 10
_REGISTERED, _DEACTIVATED, _ACTIVE = 1, 1 << 1, 1 << 2
_MODE_SHIFT, _MODE_MASK = 3, 0b11
_MODES = ("prepaid", "streaming", "postpaid", "postpaid")


@dataclass(frozen=True, slots=True)
class MeterRecord:
    """What the contract holds of one meter.

    Args:
        total_wh: all usage it ever accepted.
        balance: credit left in token stroops; negative is arrears.
        paid_from_s: start of the plan window (unix seconds, 0 = never).
        paid_until_s: end of the plan window, not part of it (unix seconds).
        last_read_s: usage is settled up to here (unix seconds).
        market_credit_wh: energy bought on the market and not yet drawn.
        remainder_milli: charge below one stroop carried on, thousandths (0..999).
        max_power_w: the most the connection can carry.
        plan: 0 none, 1 daily, 2 weekly, 3 usage-based.
        flags: bits 0 registered, 1 deactivated, 2 announced active, 3-4 settlement mode.
        version: version of the record.
    """

    total_wh: int
    balance: int
    paid_from_s: int
    paid_until_s: int
    last_read_s: int
    market_credit_wh: int
    remainder_milli: int
    max_power_w: int
    plan: int
    flags: int
    version: int

    @property
    def is_registered(self) -> bool:
        """Whether the slot was handed out."""
        return bool(self.flags & _REGISTERED)

    @property
    def is_deactivated(self) -> bool:
        """Whether the admin has switched the meter off."""
        return bool(self.flags & _DEACTIVATED)

    @property
    def is_announced_active(self) -> bool:
        """The state that the contract last announced by an event."""
        return bool(self.flags & _ACTIVE)

    @property
    def settlement_mode(self) -> str:
        """Who charges usage: 'prepaid' (the contract), 'streaming' or 'postpaid'."""
        return _MODES[self.flags >> _MODE_SHIFT & _MODE_MASK]

    def is_active_at(self, now_s: int) -> bool:
        """Whether the contract lets energy flow: ``check_access`` of ``contracts/meter``.

        Args:
            now_s: the instant to judge (unix seconds).
        """
        if self.is_deactivated:
            return False
        paid = now_s < self.paid_until_s or self.balance > 0 or self.market_credit_wh > 0
        return paid or self.settlement_mode != "prepaid"


def flags_of(mode: int, *, deactivated: bool, announced_active: bool) -> int:
    """The flags of a registered meter.

    Args:
        mode: 0 prepaid, 1 streaming, 2 postpaid.
        deactivated: whether the admin has switched it off.
        announced_active: the state that the contract last announced.
    """
    return (
        _REGISTERED
        | _DEACTIVATED * deactivated
        | _ACTIVE * announced_active
        | (mode & _MODE_MASK) << _MODE_SHIFT
    )


def page_of(slot: int) -> int:
    """The number of the page that holds a slot."""
    return slot // PAGE_RECORDS


def decode_page(data: bytes) -> list[MeterRecord]:
    """Decode a page as it is stored.

    Args:
        data: header and ``count`` records, exact to the byte.

    Returns:
        The records by index within the page. One that is not registered is a hole: there is no
        such meter, or it has not moved here from the earlier layout yet.

    Raises:
        ValueError: another layout version, record size or length.
    """
    if len(data) < _HEADER.size:
        raise ValueError(f"a page has at least {_HEADER.size} bytes, not {len(data)}")
    layout, record_size, count = _HEADER.unpack_from(data)
    expected = _HEADER.size + count * _RECORD.size
    if (layout, record_size) != (LAYOUT_VERSION, _RECORD.size) or len(data) != expected:
        raise ValueError(
            f"layout {layout} with {record_size}-byte records and {len(data)} bytes is unknown "
            "to this version: upgrade the gateway"
        )
    return [_record(values) for values in _RECORD.iter_unpack(data[_HEADER.size :])]


def _record(values: tuple[int, ...]) -> MeterRecord:
    total, balance, start, until, read, credit, remainder, power, plan, flags, version = values
    return MeterRecord(
        total_wh=total,
        balance=balance,
        paid_from_s=start,
        paid_until_s=until,
        last_read_s=read,
        market_credit_wh=credit,
        remainder_milli=remainder,
        max_power_w=power * _POWER_UNIT_W,
        plan=plan,
        flags=flags,
        version=version,
    )
