"""How a provider's person writes values, and how they are shown: with units, never as raw numbers.

One unit of a token has seven digits after the point, as every Stellar asset; amounts are exact.
"""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gateway.ledger.addresses import is_account, is_contract, is_secret

TOKEN_DIGITS = 7
TOKEN = 10**TOKEN_DIGITS
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
I64_MAX = 2**63 - 1
BASIS_POINTS = 10_000
HOUR_S = 3_600
QUARTER_S = 900
_MANY_WH = 10_000
_METER = re.compile(r"(\d{1,10})/(\d{1,10})")


def address(text: str) -> str:
    """An account's or a contract's address, free of typing errors."""
    if is_secret(text):
        raise argparse.ArgumentTypeError(
            "this is a secret key, and it has been on a command line now: use another key, "
            "and give only its address (G...) here"
        )
    if not (is_account(text) or is_contract(text)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address: it starts with G or C and has 56 letters and digits; "
            "when one is mistyped, the checksum tells"
        )
    return text


def account(text: str) -> str:
    """The address of an account, which can sign."""
    if is_contract(text):
        raise argparse.ArgumentTypeError(f"{text} is a contract; give an account's address (G...)")
    return address(text)


def site(text: str) -> int:
    """A village's number."""
    return _whole(text, 0, U32_MAX, "a site's number")


def meter_id(text: str) -> int:
    """A meter as SITE/SLOT, or the whole number that the contract uses."""
    if found := _METER.fullmatch(text):
        upper, lower = int(found[1]), int(found[2])
        if upper <= U32_MAX and lower <= U32_MAX:
            return upper << 32 | lower
    if text.isdecimal():
        return _whole(text, 0, U64_MAX, "a meter's number")
    raise argparse.ArgumentTypeError(f"{text!r} is no meter: write SITE/SLOT, like 7/3")


def amount(text: str) -> int:
    """Tokens, exactly, as stroops; more than zero."""
    stroops = price(text)
    if stroops == 0:
        raise argparse.ArgumentTypeError("the amount must be more than zero")
    return stroops


def price(text: str) -> int:
    """Tokens, exactly, as stroops; zero is a price too."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write tokens, like 12.5")
    stroops = value * TOKEN
    if stroops != stroops.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text}: at most {TOKEN_DIGITS} digits after the point")
    if not 0 <= stroops <= I64_MAX:
        raise argparse.ArgumentTypeError(f"{text} must be from 0 to {shown_amount(I64_MAX)}")
    return int(stroops)


def watts(text: str) -> int:
    """Power in whole watts."""
    return _whole(text, 1, 655_350, "a power in W")


def watt_hours(text: str) -> int:
    """Energy in whole watt-hours."""
    return _whole(text, 0, U64_MAX, "an energy in Wh")


def count(text: str) -> int:
    """A number of things, or a number that the contract gave."""
    return _whole(text, 0, U64_MAX, "a whole number")


def rate(text: str) -> int:
    """Per cent as basis points."""
    try:
        points = Decimal(text.removesuffix("%")) * 100
    except InvalidOperation:
        points = Decimal("NaN")
    if not points.is_finite() or points != points.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: write per cent, like 2.5")
    if not 0 <= points <= BASIS_POINTS:
        raise argparse.ArgumentTypeError(f"{text} must be from 0 to 100 per cent")
    return int(points)


def instant(text: str) -> int:
    """A date, or a date and time, as unix seconds; UTC unless it says otherwise."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-03-01 or 2026-03-01T06:00 (UTC)"
        ) from None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    seconds = int(aware.timestamp())
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text} is before 1970")
    return seconds


def quarter_hour(text: str) -> int:
    """An instant on the quarter-hour, where prices may change."""
    seconds = instant(text)
    if seconds % QUARTER_S:
        raise argparse.ArgumentTypeError(f"{text} is not on the quarter-hour: write 06:00 or 06:15")
    return seconds


def hour(text: str) -> int:
    """The start of an hour."""
    seconds = instant(text)
    if seconds % HOUR_S:
        raise argparse.ArgumentTypeError(f"{text} is not on the hour: write 2026-03-01T06:00")
    return seconds


def file(text: str) -> Path:
    """A file that is there."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path} isn't there")
    return path


def xlm(text: str) -> int:
    """XLM as stroops."""
    return amount(text)


def _whole(text: str, least: int, most: int, what: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}: write a whole number")
    if not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not {what}: it is from {least} to {most}")
    return int(text)


def shown_amount(stroops: int) -> str:
    """Tokens without needless zeros."""
    text = f"{Decimal(stroops) / TOKEN:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown_meter(number: int) -> str:
    """A meter as people write it."""
    return f"{number >> 32}/{number & U32_MAX}"


def shown_time(seconds: int) -> str:
    """An instant, UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


def shown_rate(points: int) -> str:
    """A rate in per cent."""
    text = f"{Decimal(points) / 100:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"


def shown_wh(energy_wh: int) -> str:
    """An energy: Wh, and kWh where that is easier to read."""
    return f"{energy_wh} Wh" if energy_wh < _MANY_WH else f"{Decimal(energy_wh) / 1000:f} kWh"
