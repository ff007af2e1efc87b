"""Registers that stand still while power flows."""

from __future__ import annotations

from gateway.domain.standstill import Standstill, stand

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
