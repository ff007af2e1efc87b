"""Readings judged by themselves: what a meter can measure, and whether its values agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.readings import NO_DOUBT, Doubt, Quality, Reading
from gateway.domain.usage import Movement
from gateway.domain.validation import AC_MAINS, DC_MAINS, validate

AT = datetime(2026, 1, 29, 9, 45, tzinfo=UTC)
GOOD = Reading(1, AT, 12_345, 230_400, 2_730, 628_990, 50_000, 1_000)
LIMITS = AC_MAINS.up_to(6_000)


def test_the_message_of_the_mission_is_valid() -> None:
    reading = replace(GOOD, power_factor_milli=980, power_mw=616_400)
    assert validate(reading, LIMITS) == (Quality.VALID, NO_DOUBT)


@pytest.mark.parametrize(
    "reading",
    [
        # Sniffed from real meters: Tasmota issues 9687, 10541 and 11118.
        Reading(1, AT, 138_816, 123_300, 90_524, 3_889_500, 59_900, 350),
        Reading(1, AT, 2, 238_000, 2_214, 450_000, 50_000, 850),
        Reading(1, AT, 82, 229_100, 167, 38_200, 50_000, 1_000),
        # The maker's example, and a meter without load.
        Reading(1, AT, 0, 220_000, 1_000, 220_000, 50_000, 1_000),
        Reading(1, AT, 0, 220_000, 0, 0, 50_000, 0),
        Reading(1, AT, 0),
    ],
)
def test_what_real_meters_say_is_valid(reading: Reading) -> None:
    assert validate(reading, LIMITS) == (Quality.VALID, NO_DOUBT)


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"voltage_mv": 0, "current_ma": 0, "power_mw": 0}, Doubt.VOLTAGE),
        ({"voltage_mv": 410_000, "current_ma": None}, Doubt.VOLTAGE),
        ({"frequency_mhz": 0}, Doubt.FREQUENCY),
        ({"frequency_mhz": 70_000}, Doubt.FREQUENCY),
        ({"power_factor_milli": 1_010, "power_mw": None}, Doubt.POWER_FACTOR),
        ({"current_ma": 120_000, "power_mw": None}, Doubt.CURRENT),
        ({"power_mw": 7_000_000}, Doubt.POWER),
        ({"power_mw": 700_000}, Doubt.POWER),
        ({"power_factor_milli": 800}, Doubt.POWER),
    ],
)
def test_what_no_meter_can_measure_is_suspect_and_says_why(
    changed: dict[str, int | None], doubt: Doubt
) -> None:
    reading = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert validate(reading, LIMITS) == (Quality.SUSPECT, doubt)


def test_without_a_power_factor_only_more_than_voltage_times_current_is_suspect() -> None:
    assert validate(replace(GOOD, power_factor_milli=None, power_mw=300_000), LIMITS)[1] == NO_DOUBT
    reading = replace(GOOD, power_factor_milli=None, power_mw=700_000)
    assert validate(reading, LIMITS)[1] == Doubt.POWER


def test_energy_may_flow_back() -> None:
    assert validate(replace(GOOD, power_mw=-628_990), LIMITS)[1] == NO_DOUBT


def test_direct_current_has_no_frequency_and_no_power_factor() -> None:
    reading = Reading(1, AT, 5, voltage_mv=25_600, current_ma=3_120, power_mw=79_800)
    assert validate(replace(reading, frequency_mhz=0), DC_MAINS) == (Quality.VALID, NO_DOUBT)
    assert validate(replace(reading, power_mw=40_000), DC_MAINS)[1] == Doubt.POWER


@pytest.mark.parametrize(
    ("movement", "verdict"),
    [
        (Movement.SUSPECT, (Quality.SUSPECT, Doubt.REGISTER)),
        (Movement.STUCK, (Quality.SUSPECT, Doubt.STUCK)),
        (Movement.GAP, (Quality.VALID, Doubt.GAP)),
        (Movement.GLITCH, (Quality.VALID, NO_DOUBT)),
        (Movement.FIRST, (Quality.VALID, NO_DOUBT)),
    ],
)
def test_how_the_register_moved_counts_too(
    movement: Movement, verdict: tuple[Quality, Doubt]
) -> None:
    assert validate(GOOD, LIMITS, movement) == verdict


def test_earlier_doubts_and_verdicts_stay() -> None:
    dated = replace(GOOD, doubts=Doubt.CLOCK)
    assert validate(dated, LIMITS) == (Quality.VALID, Doubt.CLOCK)
    bad = replace(dated, voltage_mv=20_000, current_ma=None)
    assert validate(bad, LIMITS) == (Quality.SUSPECT, Doubt.CLOCK | Doubt.VOLTAGE)


@given(
    voltage_mv=st.integers(80_000, 260_000),
    current_ma=st.integers(20, 26_000),
    factor=st.floats(0.05, 1.0),
    errors=st.lists(st.floats(-0.005, 0.005), min_size=3, max_size=3),
    factor_error=st.floats(-0.01, 0.01),
)
def test_an_honest_meter_within_its_class_is_never_suspect(
    voltage_mv: int, current_ma: int, factor: float, errors: list[float], factor_error: float
) -> None:
    """Law: 0.5 % for each of voltage, current and power, 1 % for the factor, one digit each."""
    true_mw = voltage_mv * current_ma * factor / 1_000
    reading = Reading(
        1,
        AT,
        0,
        voltage_mv=int(min(260_000, max(80_000, voltage_mv * (1 + errors[0]))) // 100) * 100,
        current_ma=int(current_ma * (1 + errors[1])),
        power_mw=int(true_mw * (1 + errors[2]) // 100) * 100,
        power_factor_milli=min(1_000, int(factor * (1 + factor_error) * 100) * 10),
    )
    assert validate(reading, AC_MAINS) == (Quality.VALID, NO_DOUBT)


@given(
    values=st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40)), min_size=5, max_size=5),
    direct=st.booleans(),
)
def test_no_values_crash_the_check(values: list[int | None], direct: bool) -> None:  # noqa: FBT001
    limits = DC_MAINS if direct else LIMITS
    voltage_mv, current_ma, power_mw, frequency_mhz, factor_milli = values
    reading = Reading(
        1, AT, 0, voltage_mv, current_ma, power_mw, frequency_mhz, power_factor_milli=factor_milli
    )
    quality, doubts = validate(reading, limits)
    assert (quality is Quality.SUSPECT) == bool(doubts)
