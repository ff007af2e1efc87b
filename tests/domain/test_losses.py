"""Feeder against meters: honest villages stay quiet, thieves are found within a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.losses import (
    FeederHour,
    LossLimits,
    LossModel,
    balance,
    judge,
    model_of_cable,
)

LIMITS = LossLimits()
MODEL = LossModel(no_load_w=10, resistive_ppm_per_kw=5_000)
STEP_S = 300
STEPS = 26 * 3_600 // STEP_S
MEAN = [0.3] * 6 + [1.2] * 3 + [0.6] * 8 + [2.6] * 4 + [0.8] * 5
"""A village's day: how the load of an hour compares with the mean."""


def _hour(place: int, feeder_wh: int, meters_wh: int, *, complete: bool = True) -> FeederHour:
    return FeederHour(3_600 * place, feeder_wh, meters_wh, 20, complete)


def test_an_hour_is_meters_and_wires_and_the_rest() -> None:
    hour = balance([_hour(0, 4_000, 3_700)], MODEL)
    assert (hour.technical_wh, hour.suspected_wh) == (10 + 80, 210)


def test_a_cables_resistance_makes_the_model() -> None:
    # 0.4 Ohm at 230 V and 1 kW: 4.35 A, 7.56 W.
    assert model_of_cable(400, 230_000).resistive_ppm_per_kw == 7_561


def test_too_few_complete_hours_say_nothing() -> None:
    hours = [_hour(place, 4_000, 3_000, complete=place < 5) for place in range(24)]
    assert judge(hours, MODEL, LIMITS, alarmed=True) is None
    assert judge([_hour(place, 0, 0) for place in range(24)], MODEL, LIMITS, alarmed=True) is None


def test_an_alarm_begins_above_its_limit_and_ends_below_a_lower_one() -> None:
    lost = {}
    for missing_wh in (240, 210, 150):  # 5, 4.2 and 2.5 % of 4 kWh, and the wires' 90 Wh
        hours = [_hour(place, 4_000, 3_910 - missing_wh + 40) for place in range(24)]
        lost[missing_wh] = hours
    began = judge(lost[240], MODEL, LIMITS, alarmed=False)
    stays = judge(lost[150], MODEL, LIMITS, alarmed=True)
    quiet = judge(lost[150], MODEL, LIMITS, alarmed=False)
    ended = judge([_hour(n, 4_000, 3_850) for n in range(24)], MODEL, LIMITS, alarmed=True)
    assert began is not None
    assert stays is not None
    assert quiet is not None
    assert ended is not None
    assert (began.alarmed, began.changed) == (True, True)
    assert (stays.alarmed, stays.changed) == (True, False)
    assert (quiet.alarmed, quiet.changed) == (False, False)
    assert (ended.alarmed, ended.changed) == (False, True)
    assert began.reason.startswith(
        "In 24 h the feeder delivered 96000 Wh, its meters counted 89040 Wh, the wires lost about "
        "2160 Wh: 4800 Wh (5.0 %) are missing"
    )


def test_a_mute_meter_is_no_thief() -> None:
    hours = [_hour(place, 4_000, 3_900) for place in range(18)]
    hours += [_hour(place, 4_000, 2_000, complete=False) for place in range(18, 24)]
    verdict = judge(hours, MODEL, LIMITS, alarmed=False)
    assert verdict is not None
    assert (verdict.alarmed, verdict.balance.hours) == (False, 18)


@dataclass
class Village:
    """Households, wires and meters, each a little wrong; it knows the truth."""

    chance: Random
    period_s: int = 60

    def __post_init__(self) -> None:
        count = self.chance.randint(3, 30)
        self.loads_w = [self._load(self.chance.uniform(12, 120)) for _ in range(count)]
        mean_w = sum(map(sum, self.loads_w)) / STEPS
        share = self.chance.uniform(0, 0.025)  # lost in the wires at the mean load
        self.model = LossModel(self.chance.randint(0, 5), int(share * 1e9 / mean_w))
        self.wrong = self.chance.uniform(0.9, 1.1)

    def _load(self, mean_w: float) -> list[float]:
        noise = self.chance.uniform(0.1, 0.9)
        return [
            mean_w * MEAN[step * STEP_S // 3_600] * self.chance.uniform(1 - noise, 1 + noise)
            for step in range(STEPS)
        ]

    def hours(self, stolen: float, *, evening: bool) -> list[FeederHour]:
        """24 hours as the gateway counts them; ``stolen`` is a share of what the feeder gives."""
        used_w = [sum(powers) for powers in zip(*self.loads_w, strict=True)]
        taking = [not evening or 17 <= step * STEP_S // 3_600 < 21 for step in range(STEPS)]
        during_w = sum(power for power, takes in zip(used_w, taking, strict=True) if takes)
        factor = stolen * 1.06 / (1 - stolen) * sum(used_w) / during_w
        drawn_w = [
            power * (1 + factor * takes) for power, takes in zip(used_w, taking, strict=True)
        ]
        real = self.model
        fed_w = [
            power + (real.no_load_w + power * power * real.resistive_ppm_per_kw / 1e9) * self.wrong
            for power in drawn_w
        ]
        meters = [self._counted(load) for load in self.loads_w]
        return [
            FeederHour(3_600 * place, fed_wh, sum(used_wh), len(meters))
            for place, (fed_wh, *used_wh) in enumerate(
                zip(self._counted(fed_w), *meters, strict=True)
            )
        ]

    def _counted(self, powers_w: list[float]) -> list[int]:
        """What a meter of class 0.5 counts in each hour, read at its own times, cut to Wh."""
        gain = self.chance.uniform(0.995, 1.005)
        offset_s = self.chance.uniform(0, self.period_s)
        sums_ws = [0.0, *accumulate(power * STEP_S * gain for power in powers_w)]

        def register_wh(at_s: float) -> int:
            step = min(int(at_s // STEP_S), STEPS - 1)
            return int((sums_ws[step] + powers_w[step] * gain * (at_s - step * STEP_S)) / 3_600)

        def edge_wh(edge_s: int) -> int:
            before_s = offset_s + (edge_s - offset_s) // self.period_s * self.period_s
            low, high = register_wh(before_s), register_wh(before_s + self.period_s)
            return low + int((high - low) * (edge_s - before_s) / self.period_s)

        edges = [edge_wh(3_600 * place) for place in range(1, 26)]
        return [later - earlier for earlier, later in pairwise(edges)]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([10, 60, 300]))
def test_a_noisy_but_honest_village_never_alarms(seed: int, period_s: int) -> None:
    """Law: 0.5 % of each meter, 1 Wh of each register, readings apart, wires 10 % off: quiet."""
    village = Village(Random(seed), period_s)
    verdict = judge(
        village.hours(0, evening=False),
        village.model,
        replace(LIMITS, period_s=period_s),
        alarmed=False,
    )
    assert verdict is not None
    assert not verdict.alarmed


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), st.floats(0.05, 0.5), st.booleans())
def test_a_thief_of_five_percent_is_found_within_a_day(
    seed: int,
    stolen: float,
    evening: bool,  # noqa: FBT001
) -> None:
    """Law: who takes a twentieth of what the feeder gives, all day or in the evening, is found."""
    village = Village(Random(seed))
    hours = village.hours(stolen, evening=evening)
    verdict = judge(hours, village.model, LIMITS, alarmed=False)
    assert verdict is not None
    assert verdict.alarmed
