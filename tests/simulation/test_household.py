"""The household's meter: exact energy, a supply that counts only when connected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.household import MW_MS_PER_WH, Household
from gateway.simulation.load import ProfileLoad
from gateway.wire.registers import PZEM_016, decode, encode
from tests.simulation.world import START_S, household

START_MS = START_S * 1000
HOUR_MS = 3_600_000


@given(st.lists(st.integers(0, 3 * HOUR_MS), max_size=30))
def test_how_often_the_meter_is_read_changes_nothing(instants_ms: list[int]) -> None:
    often, once = (
        Household("house", ProfileLoad("house", START_S), START_MS, first_register_wh=5_000)
        for _ in range(2)
    )
    for instant_ms in sorted(instants_ms):
        often.register_wh(START_MS + instant_ms)

    end_ms = START_MS + 3 * HOUR_MS
    assert often.register_wh(end_ms) == once.register_wh(end_ms)
    assert often.energy_mw_ms == once.energy_mw_ms


def test_the_register_is_the_floor_of_the_integral() -> None:
    house = household(1_000_000, first_register_wh=100)

    assert house.register_wh(START_MS + 3_599) == 100
    assert house.register_wh(START_MS + 3_600) == 101
    assert house.register_wh(START_MS + 7_199) == 101
    assert house.energy_mw_ms == 7_199 * 1_000_000


@given(
    st.lists(st.tuples(st.integers(1, HOUR_MS), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 5_000_000),
)
def test_a_disconnected_household_draws_nothing(
    switches: list[tuple[int, bool]], power_mw: int
) -> None:
    house = household(power_mw)
    now_ms, connected, expected_mw_ms = START_MS, True, 0
    for wait_ms, connect in switches:
        now_ms += wait_ms
        expected_mw_ms += connected * wait_ms * power_mw
        house.set_supply(connected=connect, at_ms=now_ms)
        connected = connect

    assert house.energy_mw_ms == expected_mw_ms
    assert house.register_wh(now_ms) == expected_mw_ms // MW_MS_PER_WH


def test_only_real_switches_are_counted() -> None:
    house = household()
    for connected in (True, False, False, True, False, True):
        house.set_supply(connected=connected, at_ms=START_MS)

    assert (house.disconnects, house.reconnects) == (2, 2)


def test_after_freezing_the_meter_answers_and_stands_still() -> None:
    house = household()
    house.freeze(START_MS + HOUR_MS)

    later = house.measurement(START_MS + 100 * HOUR_MS)

    assert (later.energy_wh, later.power_mw, later.current_ma) == (1_000, 0, 0)
    assert (later.voltage_mv or 0) > 200_000


def test_the_past_is_never_changed() -> None:
    house = household()
    house.advance(START_MS + HOUR_MS)
    house.set_supply(connected=False, at_ms=START_MS)

    assert house.register_wh(START_MS + 2 * HOUR_MS) == 1_000


def test_a_reset_starts_again_at_zero() -> None:
    house = household(first_register_wh=777)
    house.reset_energy(START_MS + HOUR_MS)

    assert house.register_wh(START_MS + HOUR_MS) == 0
    assert house.register_wh(START_MS + 3 * HOUR_MS) == 2_000


def test_the_register_wraps_where_it_is_told_to() -> None:
    house = household(first_register_wh=9_999_500, register_modulus_wh=10_000_000)

    assert house.register_wh(START_MS + HOUR_MS) == 500


@given(power_mw=st.integers(0, 23_000_000), minute=st.integers(0, 10_000))
def test_voltage_current_and_power_agree_within_one_count(power_mw: int, minute: int) -> None:
    exact = household(power_mw).measurement(START_MS + minute * 60_000)
    shown = decode(PZEM_016, encode(PZEM_016, exact))
    volts, amperes, factor = (
        shown.voltage_mv or 0,
        shown.current_ma or 0,
        shown.power_factor_milli or 0,
    )

    # Half a mA at this voltage, and one count of 0.1 W.
    tolerance_mw = volts * 0.5 / 1000 + 100
    assert volts * amperes * factor / 1_000_000 == pytest.approx(
        shown.power_mw or 0, abs=tolerance_mw
    )
    assert 225_000 < volts < 235_000
    assert factor <= 1_000
