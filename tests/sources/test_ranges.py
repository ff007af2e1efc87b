"""What a reading's values say about it, by its own meter's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.sources.ranges import check_ranges
from gateway.wire.meters import PZEM_003, PZEM_004T_V3, SDM120
from gateway.wire.tables import RegisterMap

Change = dict[str, Any]
SOUND = Reading(
    meter_id=1,
    read_at=datetime(2026, 1, 1, tzinfo=UTC),
    energy_wh=1_000,
    voltage_mv=230_000,
    current_ma=1_000,
    power_mw=230_000,
    frequency_mhz=50_000,
    power_factor_milli=1_000,
)


@pytest.mark.parametrize("table", [PZEM_004T_V3, SDM120], ids=lambda table: table.model)
def test_a_sound_reading_passes(table: RegisterMap) -> None:
    check_ranges(SOUND, table.ranges)


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        (PZEM_004T_V3, {"voltage_mv": 440_001}, "voltage of 440.001 V is outside 0 to 440 V"),
        (PZEM_004T_V3, {"power_factor_milli": 1_010}, "power factor of 1.01 is outside 0 to 1"),
        (
            PZEM_004T_V3,
            {"energy_wh": 10_000_000},
            "energy register of 10000 kWh is outside 0 to 9999.99 kWh",
        ),
        (PZEM_003, {"current_ma": 20_010}, "current of 20.01 A is outside 0 to 20 A"),
        (SDM120, {"power_factor_milli": -1_001}, "power factor of -1.001 is outside -1 to 1"),
        (SDM120, {"export_wh": 1 << 40}, "export register of 1.09951e"),
    ],
)
def test_what_a_register_cannot_hold_is_refused_by_name(
    table: RegisterMap, change: Change, sentence: str
) -> None:
    with pytest.raises(Permanent) as caught:
        check_ranges(replace(SOUND, **change), table.ranges)
    assert str(caught.value).startswith(sentence)


def test_what_is_only_unlikely_passes() -> None:
    check_ranges(replace(SOUND, voltage_mv=0, frequency_mhz=40_000), PZEM_004T_V3.ranges)
