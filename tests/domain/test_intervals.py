"""Intervals against one another, their history and the register."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.intervals import (
    Finding,
    Interval,
    Rules,
    check_history,
    check_intervals,
    join,
)
from gateway.domain.readings import Doubt

DAY_S = 86_400
MIDNIGHT = 1_700_006_400
RULES = Rules()


def _day(usage_wh: list[int], from_s: int = MIDNIGHT) -> list[Interval]:
    return [Interval(from_s + 900 * place, each) for place, each in enumerate(usage_wh)]


def _check(intervals: list[Interval], register_wh: int | None = None) -> tuple[Finding, ...]:
    return check_intervals(intervals, MIDNIGHT, MIDNIGHT + DAY_S, RULES, register_wh)


def test_an_ordinary_day_has_no_findings() -> None:
    day = _day([30 + place % 7 for place in range(96)])
    assert _check(day, sum(one.usage_wh for one in day)) == ()


def test_a_day_with_one_interval_far_above_the_third_highest_has_a_spike() -> None:
    usage_wh = [100, 110, 120] * 32
    usage_wh[40] = 340
    (finding,) = _check(_day(usage_wh))
    assert (finding.kind, finding.start_s) == (Doubt.SPIKE, MIDNIGHT + 40 * 900)
    assert finding.reason == "340 Wh, the third highest of the day is 120 Wh."
    usage_wh[40] = 336
    assert _check(_day(usage_wh)) == ()


def test_a_kettle_in_a_quiet_house_is_no_spike() -> None:
    assert _check(_day([3, 4] * 47 + [170, 4])) == ()


def test_each_day_has_its_own_third_highest() -> None:
    calm, lively = [20, 21, 22] * 32, [300, 310, 320] * 32
    calm[5] = 320
    findings = check_intervals(_day(lively + calm), MIDNIGHT, MIDNIGHT + 2 * DAY_S, RULES)
    assert [one.start_s for one in findings] == [MIDNIGHT + DAY_S + 5 * 900]


def test_missing_intervals_make_one_finding_for_each_run() -> None:
    day = _day(list(range(96)))
    findings = _check(day[4:50] + day[58:90])
    assert [(one.kind, (one.end_s - one.start_s) // 900) for one in findings] == [
        (Doubt.GAP, 4),
        (Doubt.GAP, 8),
        (Doubt.GAP, 6),
    ]
    assert findings[0].reason == "No reading for 60 min."


def test_an_interval_that_stands_twice_is_found() -> None:
    day = _day(list(range(96)))
    (finding,) = _check([*day, day[7]])
    assert (finding.kind, finding.start_s, finding.usage_wh) == (
        Doubt.DUPLICATE,
        MIDNIGHT + 7 * 900,
        14,
    )


def test_intervals_that_do_not_add_up_to_the_register_are_found_to_the_wh() -> None:
    day = _day(list(range(96)))
    (finding,) = _check(day, 96 * 95 // 2 + 1)
    assert finding.kind is Doubt.SUM
    assert finding.reason == "The intervals add up to 4560 Wh, the register moved 4561 Wh."


def test_two_hours_of_equal_large_intervals_are_found() -> None:
    usage_wh = list(range(110, 206))
    usage_wh[10:18] = [150] * 8
    (finding,) = _check(_day(usage_wh))
    assert (finding.kind, finding.end_s - finding.start_s) == (Doubt.EQUAL, 8 * 900)


def test_a_small_steady_load_repeats_its_wh() -> None:
    assert _check(_day([15] * 96)) == ()


def test_usage_far_from_that_of_earlier_weeks_is_high_or_low() -> None:
    earlier_wh = [1_000, 1_200, 900]
    high = check_history(Interval(MIDNIGHT, 2_500), earlier_wh, RULES)
    low = check_history(Interval(MIDNIGHT, 200), earlier_wh, RULES)
    assert high is not None
    assert low is not None
    assert (high.kind, high.against_wh) == (Doubt.HIGH, 1_200)
    assert (low.kind, low.against_wh) == (Doubt.LOW, 900)
    assert check_history(Interval(MIDNIGHT, 2_300), earlier_wh, RULES) is None
    assert check_history(Interval(MIDNIGHT, 9_000), earlier_wh[:2], RULES) is None


@given(
    places=st.lists(st.integers(-10, 300), max_size=120),
    usage_wh=st.lists(st.integers(0, 10**7), min_size=120, max_size=120),
    register_wh=st.one_of(st.none(), st.integers(0, 10**9)),
)
def test_no_history_of_intervals_crashes_the_checks(
    places: list[int], usage_wh: list[int], register_wh: int | None
) -> None:
    intervals = [
        Interval(MIDNIGHT + 900 * place, each)
        for place, each in zip(places, usage_wh, strict=False)
    ]
    assert all(one.start_s < one.end_s for one in _check(intervals, register_wh))


def test_a_gap_that_goes_on_is_one_gap_with_its_whole_length() -> None:
    first = Finding(Doubt.GAP, 0, 3_600, "No reading for 60 min.", 0, 0)
    later = Finding(Doubt.GAP, 1_800, 7_200, "No reading for 90 min.", 0, 0)
    assert join(first, later) == Finding(Doubt.GAP, 0, 7_200, "No reading for 120 min.", 0, 0)
    assert join(join(first, later), first) == join(first, later)


def test_a_stuck_register_has_missed_more_when_it_stands_longer() -> None:
    first = Finding(Doubt.STUCK, 0, 3_600, "", 0, 100)
    later = Finding(Doubt.STUCK, 1_800, 7_200, "", 0, 150)
    joined = join(first, later)
    assert (joined.start_s, joined.end_s, joined.against_wh) == (0, 7_200, 200)
    assert joined.reason == "The register stood still while about 200 Wh flowed."


def test_what_is_found_again_is_what_it_was() -> None:
    first = Finding(Doubt.SPIKE, 0, 900, "900 Wh", 900, 20)
    assert join(first, Finding(Doubt.SPIKE, 0, 900, "901 Wh", 901, 20)) == first
    wider = Finding(Doubt.EQUAL, 0, 9_000, "10 intervals", 100, 100)
    assert join(Finding(Doubt.EQUAL, 900, 8_100, "8 intervals", 100, 100), wider) == wider
