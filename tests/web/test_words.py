"""Figures in words: a unit on each, rounded so that nobody is promised too much."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import Clock
from gateway.web import words
from gateway.web.figures import Instant
from tests.web.stage import NOW_S, SETTINGS, clock_at

LOCAL = datetime(2026, 1, 21, 13, 32, 5, tzinfo=ZoneInfo("Africa/Nairobi"))


def plain(text: str) -> str:
    return text.replace(words.NBSP, " ").replace(words.MINUS, "-")


@pytest.mark.parametrize(
    ("power_mw", "text"),
    [
        (0, "0 W"),
        (40, "0.0 W"),
        (3_490, "3.4 W"),
        (9_999, "9.9 W"),
        (128_990, "128 W"),
        (2_300_000, "2 300 W"),
        (12_340_000, "12.3 kW"),
        (-60_000, "-60 W"),
    ],
)
def test_power(power_mw: int, text: str) -> None:
    assert plain(words.power(power_mw)) == text


@pytest.mark.parametrize(
    ("energy_wh", "text"),
    [
        (0, "0 Wh"),
        (999, "999 Wh"),
        (1_000, "1.00 kWh"),
        (12_349, "12.34 kWh"),
        (999_999, "999.99 kWh"),
        (1_234_567, "1 234 kWh"),
    ],
)
def test_energy(energy_wh: int, text: str) -> None:
    assert plain(words.energy(energy_wh)) == text


@pytest.mark.parametrize(
    ("stroops", "text"),
    [
        (0, "0.00 USDC"),
        (1, "under 0.01 USDC"),
        (123_999_999, "12.39 USDC"),
        (-1, "-0.01 USDC"),
        (-32_000_001, "-3.21 USDC"),
        (98_765_432_100_000, "9 876 543.21 USDC"),
        (-(1 << 63), "-922 337 203 685.48 USDC"),
    ],
)
def test_money_never_shows_more_than_there_is_nor_less_than_is_owed(
    stroops: int, text: str
) -> None:
    assert plain(words.money(stroops, 7, "USDC")) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-30, "just now"),
        (0.9, "just now"),
        (12, "12 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7_200, "2 h ago"),
        (172_799, "47 h ago"),
        (172_800, "2 days ago"),
        (180 * 86_400, "180 days ago"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert plain(words.age(seconds)) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (LOCAL.replace(hour=0, minute=0), "00:00"),
        (LOCAL.replace(day=24), "Sat 24 Jan 13:32"),
        (LOCAL.replace(year=2025, month=1), "21 Jan 2025 13:32"),
    ],
)
def test_a_moment_is_as_short_as_it_can_be(instant: datetime, text: str) -> None:
    assert words.moment(instant, LOCAL) == text


def test_the_day_begins_at_the_villages_midnight() -> None:
    at = Instant.of(clock_at(NOW_S), SETTINGS)
    assert at.now_s - at.day_start_s == 13 * 3_600 + 32 * 60 + 5
    assert at.zone_name == "EAT"


def test_silence_is_measured_in_wall_seconds_when_the_clock_is_driven() -> None:
    now_s = float(NOW_S)
    plainly = Instant.of(clock_at(now_s), SETTINGS)
    driven = Instant.of(clock_at(now_s, factor=60.0), SETTINGS)
    assert plainly.is_silent(NOW_S - 600)
    assert not driven.is_silent(NOW_S - 600)
    assert driven.is_silent(NOW_S - 60 * 121)


def test_a_zone_without_letters_is_named_by_its_offset() -> None:
    now = datetime(2026, 1, 21, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert Instant(now, Clock(), SETTINGS).zone_name == "UTC-03"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("batch 3 is settled", "Batch 3 is settled."),
        ("meter-013 reports; its relay is on", "meter-013 reports; its relay is on."),
        ("Nothing is lost.", "Nothing is lost."),
        ("", ""),
    ],
)
def test_a_message_becomes_a_sentence(message: str, sentence: str) -> None:
    assert words.sentence(message) == sentence
