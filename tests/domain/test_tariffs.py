"""Time bands are half-open, local, and may pass midnight."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.tariffs import DEFAULT_BANDS, Tier, TimeBands

LAGOS = TimeBands(ZoneInfo("Africa/Lagos"), DEFAULT_BANDS)  # UTC+1, no daylight saving


@pytest.mark.parametrize(
    ("utc", "tier"),
    [
        ("15:45", Tier.STANDARD),
        ("16:00", Tier.PEAK),
        ("19:45", Tier.PEAK),
        ("20:00", Tier.OFF_PEAK),
        ("23:30", Tier.OFF_PEAK),
        ("04:45", Tier.OFF_PEAK),
        ("05:00", Tier.STANDARD),
    ],
)
def test_a_band_starts_with_its_first_minute_and_ends_before_its_last(utc: str, tier: Tier) -> None:
    instant = datetime.fromisoformat(f"2026-03-01T{utc}:00").replace(tzinfo=UTC)
    assert LAGOS.tier_at(int(instant.timestamp())) is tier
