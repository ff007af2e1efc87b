"""Figures in words: power, energy, money, ages and times, each with its unit. Pure.

A figure is always rounded down: the page never shows more energy or credit than there is, and
never less debt than is owed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_KILO, _MILLI = 1_000, 1_000
_SMALL_W, _BIG_W = 10, 10_000
_BIG_KWH = 1_000


def power(power_mw: int) -> str:
    """Active power: '3.4 W' below 10 W, '128 W', from 10 kW on '12.3 kW'.

    Args:
        power_mw: mW; negative when it flows out.
    """
    sign, size_mw = (MINUS, -power_mw) if power_mw < 0 else ("", power_mw)
    size_w = size_mw // _MILLI
    if size_w >= _BIG_W:
        return f"{sign}{_decimal(size_w, _KILO, 1)}{NBSP}kW"
    if size_w >= _SMALL_W or size_mw == 0:
        return f"{sign}{_grouped(size_w)}{NBSP}W"
    return f"{sign}{_decimal(size_mw, _MILLI, 1)}{NBSP}W"


def energy(energy_wh: int) -> str:
    """Energy: '640 Wh' below 1 kWh, '12.34 kWh', from 1000 kWh on '1 234 kWh'.

    Args:
        energy_wh: Wh, >= 0.
    """
    if energy_wh < _KILO:
        return f"{energy_wh}{NBSP}Wh"
    digits = 2 if energy_wh < _BIG_KWH * _KILO else 0
    return f"{_decimal(energy_wh, _KILO, digits)}{NBSP}kWh"


def money(stroops: int, decimals: int, token: str) -> str:
    """An amount of the payment token in hundredths, like '12.34 ELECTRIC'.

    Args:
        stroops: the smallest unit; negative is owed.
        decimals: a token is 10^decimals stroops.
        token: what it is called.
    """
    hundredths = stroops * 100 // 10**decimals
    if hundredths == 0 and stroops:
        return f"under{NBSP}0.01{NBSP}{token}"
    sign, size = (MINUS, -hundredths) if hundredths < 0 else ("", hundredths)
    return f"{sign}{_decimal(size, 100, 2)}{NBSP}{token}"


def duration(seconds: float) -> str:
    """A length of time in its largest useful unit: '12 s', '3 min', '5 h', '4 days'."""
    whole_s = max(0, int(seconds))
    if whole_s < 2 * _MINUTE_S:
        return f"{whole_s}{NBSP}s"
    if whole_s < 2 * _HOUR_S:
        return f"{whole_s // _MINUTE_S}{NBSP}min"
    if whole_s < 2 * _DAY_S:
        return f"{whole_s // _HOUR_S}{NBSP}h"
    return f"{_grouped(whole_s // _DAY_S)}{NBSP}days"


def age(seconds: float) -> str:
    """How long ago something was: 'just now', '12 s ago'."""
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def moment(local: datetime, local_now: datetime) -> str:
    """A local time, as short as it can be without doubt: '10:15', 'Thu 24 Jan 10:15'.

    Args:
        local: the instant, in the village's zone.
        local_now: the current instant, in the same zone.
    """
    if local.date() == local_now.date():
        return local.strftime("%H:%M")
    if abs(local - local_now) < timedelta(days=180):
        return f"{local:%a} {local.day} {local:%b %H:%M}"
    return f"{local.day} {local:%b %Y %H:%M}"


def sentence(text: str) -> str:
    """A message from the log as a sentence of the page; a name it begins with stays as it is.

    Args:
        text: such as 'batch 3 is settled'.
    """
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _decimal(size: int, unit: int, digits: int) -> str:
    """``size / unit`` with so many digits after the point, rounded down; size >= 0."""
    whole, rest = divmod(size, unit)
    if not digits:
        return _grouped(whole)
    return f"{_grouped(whole)}.{rest * 10**digits // unit:0{digits}d}"


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", NBSP)
