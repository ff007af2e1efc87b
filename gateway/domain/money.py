"""Amounts of the payment token as people write them, exact: one is 10^7 stroops. No floats."""

from __future__ import annotations

import re

DECIMALS = 7
"""Digits after the point, as of every Stellar asset."""
_TOKEN: int = 10**DECIMALS
_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,7}))?", re.ASCII)


def parse_amount(text: str) -> int:
    """Tokens as stroops, exactly.

    Args:
        text: like '12.5': digits, and up to seven after a point.

    Raises:
        ValueError: it is none; the sentence says what to write.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text[:40]!r} is no amount: write tokens like 12.5, with at most {DECIMALS} digits "
            "after the point"
        )
    whole, part = int(found[1]), int((found[2] or "").ljust(DECIMALS, "0"))
    return whole * _TOKEN + part


def show_amount(stroops: int) -> str:
    """Stroops as tokens, exactly, without needless zeros."""
    whole, part = divmod(abs(stroops), _TOKEN)
    sign = "-" if stroops < 0 else ""
    return f"{sign}{whole}.{part:07}".rstrip("0").rstrip(".")
