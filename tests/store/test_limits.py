"""What a model at a meter point can be expected to measure, by its own table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.readings import Doubt, Quality, Reading
from gateway.domain.validation import validate
from gateway.store.limits import plausible_of
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
DIRECT = replace(
    SOUND,
    voltage_mv=48_000,
    current_ma=15_000,
    power_mw=720_000,
    frequency_mhz=None,
    power_factor_milli=None,
)


def doubts(reading: Reading, table: RegisterMap, max_power_w: int = 6_000) -> Doubt:
    quality, found = validate(reading, plausible_of(table).up_to(max_power_w))
    assert (quality is Quality.SUSPECT) == bool(found)
    return found


@pytest.mark.parametrize("table", [PZEM_004T_V3, SDM120], ids=lambda table: table.model)
def test_a_sound_reading_raises_no_doubt(table: RegisterMap) -> None:
    assert not doubts(SOUND, table)


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"voltage_mv": 0}, Doubt.VOLTAGE),
        ({"voltage_mv": 79_999}, Doubt.VOLTAGE),
        ({"voltage_mv": 260_001}, Doubt.VOLTAGE),
        ({"frequency_mhz": 44_999}, Doubt.FREQUENCY),
        ({"frequency_mhz": 65_001}, Doubt.FREQUENCY),
        ({"current_ma": 100_001}, Doubt.CURRENT),
        ({"power_mw": 6_300_000}, Doubt.POWER),
        ({"power_mw": 26_000_001}, Doubt.POWER),
        ({"power_mw": 7_000_000, "voltage_mv": 300_000}, Doubt.POWER | Doubt.VOLTAGE),
    ],
)
def test_what_is_unlikely_is_doubted(change: Change, doubt: Doubt) -> None:
    assert doubt in doubts(replace(SOUND, **change), PZEM_004T_V3)


def test_a_current_that_is_much_for_one_model_is_nothing_for_another() -> None:
    assert doubts(DIRECT, PZEM_003) == Doubt.CURRENT
    assert not doubts(DIRECT, PZEM_017)


def test_power_that_flows_back_is_nothing_unlikely() -> None:
    back = replace(
        SOUND, power_mw=-5_000_000, current_ma=21_959, power_factor_milli=-990, export_wh=77
    )
    assert not doubts(back, SDM120)
    assert doubts(back, SDM120, max_power_w=4_000) == Doubt.POWER


@given(
    table=st.sampled_from(list(REGISTER_MAPS.values())),
    value=st.integers(-(1 << 40), 1 << 40),
    field=st.sampled_from(["voltage_mv", "current_ma", "power_mw", "frequency_mhz"]),
)
def test_law_any_values_can_be_judged(table: RegisterMap, value: int, field: str) -> None:
    doubts(replace(SOUND, **Change({field: value})), table)
