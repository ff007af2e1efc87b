"""What a reading's values say about it, by its own meter's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.readings import Doubt, Quality, Reading
from gateway.errors import Permanent
from gateway.sources.ranges import judge
from gateway.wire.meters import PZEM_003, PZEM_004T_V3, PZEM_017, REGISTER_MAPS, SDM120
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
def test_a_sound_reading_is_left_as_it_is(table: RegisterMap) -> None:
    assert judge(SOUND, table.ranges, max_power_w=6_000) is SOUND


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"voltage_mv": 0}, Doubt.VOLTAGE),
        ({"voltage_mv": 79_999}, Doubt.VOLTAGE),
        ({"voltage_mv": 260_001}, Doubt.VOLTAGE),
        ({"frequency_mhz": 44_999}, Doubt.FREQUENCY),
        ({"frequency_mhz": 65_001}, Doubt.FREQUENCY),
        ({"current_ma": 100_001}, Doubt.CURRENT),
        ({"power_mw": 6_000_001}, Doubt.POWER),
        ({"power_mw": 26_000_001}, Doubt.POWER),
        ({"power_mw": 7_000_000, "voltage_mv": 300_000}, Doubt.POWER | Doubt.VOLTAGE),
    ],
)
def test_what_is_unlikely_is_kept_with_its_doubt(change: Change, doubt: Doubt) -> None:
    reading = replace(SOUND, **change)

    judged = judge(reading, PZEM_004T_V3.ranges, max_power_w=6_000)

    assert judged == replace(reading, quality=Quality.SUSPECT, doubts=doubt)


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
        judge(replace(SOUND, **change), table.ranges)
    assert str(caught.value).startswith(sentence)


def test_a_current_that_is_much_for_one_model_is_nothing_for_another() -> None:
    reading = replace(SOUND, current_ma=15_000, voltage_mv=48_000)

    assert judge(reading, PZEM_003.ranges).doubts == Doubt.CURRENT
    assert judge(reading, PZEM_017.ranges) is reading


def test_power_that_flows_back_is_nothing_unlikely() -> None:
    reading = replace(SOUND, power_mw=-5_000_000, power_factor_milli=-990, export_wh=77)

    assert judge(reading, SDM120.ranges, max_power_w=6_000) is reading
    assert judge(reading, SDM120.ranges, max_power_w=4_000).doubts == Doubt.POWER


@given(
    table=st.sampled_from(list(REGISTER_MAPS.values())),
    value=st.integers(-(1 << 40), 1 << 40),
    field=st.sampled_from(["voltage_mv", "current_ma", "power_mw", "energy_wh", "frequency_mhz"]),
)
def test_law_the_register_is_never_changed_by_a_judgement(
    table: RegisterMap, value: int, field: str
) -> None:
    reading = replace(SOUND, **Change({field: value}))
    try:
        judged = judge(reading, table.ranges)
    except Permanent:
        return
    assert replace(judged, quality=Quality.VALID, doubts=Doubt(0)) == reading
    assert (judged.quality is Quality.SUSPECT) == bool(judged.doubts)
