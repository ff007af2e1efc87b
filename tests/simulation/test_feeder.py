"""A feeder's meter shows what its households truly draw, and the wires' share."""

from __future__ import annotations

from gateway.domain.losses import FeederHour, LossModel, balance
from gateway.simulation.feeder import Feeder, FeederMeter
from gateway.simulation.household import Household
from tests.simulation.world import START_S, SteadyLoad

HOUR_MS = 3_600_000
START_MS = START_S * 1_000


def test_a_feeder_delivers_what_is_drawn_and_what_is_lost() -> None:
    houses = [Household(f"h{number}", SteadyLoad(1_500_000), START_MS) for number in range(4)]
    settings = FeederMeter(
        "north", 100, (), first_register_wh=70_000, no_load_w=20, resistive_ppm_per_kw=2_000
    )
    feeder = Feeder(settings, houses, START_MS)
    for minute in range(1, 61):
        feeder.measurement(START_MS + minute * 60_000)
    shown_wh = feeder.register_wh(START_MS + HOUR_MS)
    # 6 kW for an hour; 1.2 % of them in the wires; 20 W all the time.
    assert shown_wh == 70_000 + 6_000 + 72 + 20
    hour = FeederHour(START_S, shown_wh - 70_000, 6_000, 4)
    assert abs(balance([hour], LossModel(20, 2_000)).suspected_wh) <= 2
    measured = feeder.measurement(START_MS + HOUR_MS)
    assert measured.power_mw == 6_092_000
    assert measured.current_ma == 27_306


def test_a_household_that_is_cut_off_is_not_delivered_to() -> None:
    house = Household("h", SteadyLoad(2_000_000), START_MS)
    settings = FeederMeter("north", 100, ("h",), no_load_w=0, resistive_ppm_per_kw=0)
    feeder = Feeder(settings, [house], START_MS)
    house.set_supply(connected=False, at_ms=START_MS + HOUR_MS)
    assert feeder.register_wh(START_MS + 2 * HOUR_MS) == 2_000
    house.reset_energy(START_MS + 2 * HOUR_MS)
    assert feeder.register_wh(START_MS + 3 * HOUR_MS) == 2_000
    feeder.reset_energy(START_MS + 3 * HOUR_MS)
    assert feeder.register_wh(START_MS + 3 * HOUR_MS) == 0


def test_before_the_village_begins_no_power_is_shown_that_no_register_counts() -> None:
    house = Household("h", SteadyLoad(2_000_000), START_MS)
    feeder = Feeder(FeederMeter("north", 100, ("h",)), [house], START_MS)
    assert house.measurement(START_MS - 1).power_mw == 0
    assert feeder.measurement(START_MS - 1).power_mw == 0
