"""Registers that stand still while power flows."""

from __future__ import annotations

from gateway.domain.intervals import Interval
from gateway.domain.readings import Doubt
from gateway.domain.standstill import Standstill, check_standstill, stand

AT = 1_700_000_000_000


def _follow(
    powers_mw: list[int | None], moved_wh: list[int] | None = None, every_ms: int = 10_000
) -> Standstill:
    last: Standstill | None = None
    for number, power_mw in enumerate(powers_mw):
        moved = moved_wh[number] if moved_wh else 0
        last = stand(last, AT + number * every_ms, power_mw, moved)
    assert last is not None
    return last


def test_a_register_that_misses_ten_wh_is_stuck() -> None:
    assert _follow([1_000_000] * 5).missed_mj == 40_000_000  # 1 kW for 40 s: 11 Wh
    assert _follow([1_000_000] * 5).stuck()
    assert not _follow([1_000_000] * 4).stuck()


def test_any_move_of_the_register_ends_it() -> None:
    assert _follow([1_000_000] * 40, [0] * 39 + [1]).missed_mj == 0


def test_a_load_that_is_switched_on_at_a_reading_has_missed_nothing() -> None:
    assert _follow([0, 6_000_000], every_ms=60_000).missed_mj == 0


def test_a_gap_says_nothing() -> None:
    assert _follow([1_000_000, 1_000_000], every_ms=3_600_000).missed_mj == 0


def test_a_meter_that_does_not_say_its_power_is_never_stuck() -> None:
    assert not _follow([None] * 1_000).stuck()


def test_a_coarser_register_may_miss_more() -> None:
    assert not _follow([1_000_000] * 36).stuck(stuck_wh=100)


def _quarters(usage_wh: list[int]) -> list[Interval]:
    return [Interval(place * 900, wh) for place, wh in enumerate(usage_wh)]


def test_quarter_hours_without_movement_while_power_flows_are_one_stretch() -> None:
    power_mw = dict.fromkeys(range(0, 6 * 900, 900), 100_000)
    (finding,) = check_standstill(_quarters([25, 0, 0, 0, 25, 25]), power_mw)
    assert (finding.kind, finding.start_s, finding.end_s) == (Doubt.STUCK, 900, 3_600)
    assert (finding.usage_wh, finding.against_wh) == (0, 75)
    assert finding.reason == "The register stood still while about 75 Wh flowed."


def test_a_gap_or_a_move_parts_stretches_and_little_is_none() -> None:
    power_mw = dict.fromkeys(range(0, 6 * 900, 900), 100_000)
    whole = _quarters([0, 0, 0, 0, 0])
    assert len(list(check_standstill([*whole[:2], *whole[3:]], power_mw))) == 2
    assert list(check_standstill(whole, dict.fromkeys(power_mw, 10_000))) == []
    assert list(check_standstill(whole, {})) == []
