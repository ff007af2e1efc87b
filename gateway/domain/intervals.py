"""Intervals of a meter point checked against one another, their history and the register (VEE).

The rules are those of metered markets: California's *Standards for Validating, Editing, and
Estimating Monthly and Interval Data* (https://studylib.net/doc/18905854/vee-attachment) and what
meter data management systems made of them, each named at its check. A finding never changes
anything: usage comes from registers and stays as it is; a person, or an estimate, decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.domain.readings import Doubt
from gateway.domain.tariffs import INTERVAL_S

DAY_S = 86_400
MILLI = 1_000
THIRD = 2
"""Where the third highest stands among the highest."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Usage in [start, start + the rule's interval).

    Args:
        start_s: its start (unix seconds).
        usage_wh: usage in it, Wh, >= 0; 0 is a value, a missing interval is left out.
    """

    start_s: int
    usage_wh: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        kind: which check.
        start_s: start of what it is about (unix seconds).
        end_s: its end, not part of it (unix seconds).
        reason: one sentence for people, with the figures.
        usage_wh: what was found, Wh.
        against_wh: what it was held against, Wh.
    """

    kind: Doubt
    start_s: int
    end_s: int
    reason: str
    usage_wh: int
    against_wh: int


@dataclass(frozen=True, slots=True)
class Rules:
    """From where on a figure is out of the ordinary; floors keep small loads quiet.

    Args:
        interval_s: length of an interval, s.
        spike_milli: how far the highest of a day may exceed the third highest, thousandths of it.
        spike_floor_wh: a highest interval below this is no spike, Wh.
        least_history: so many earlier values make a history.
        high_milli: how far above its highest earlier value usage may be, thousandths of it.
        low_milli: how low it may be, thousandths of its lowest earlier value.
        history_floor_wh: differences below this are no finding, Wh.
        equal_run: so many equal intervals in a row are a finding.
        equal_floor_wh: below this, equal whole Wh are nothing special: a load that is steady to
            1 % repeats them. At 100 Wh it does not.
    """

    interval_s: int = INTERVAL_S
    spike_milli: int = 1_800
    spike_floor_wh: int = 250
    least_history: int = 3
    high_milli: int = 2_000
    low_milli: int = 250
    history_floor_wh: int = 250
    equal_run: int = 8
    equal_floor_wh: int = 100


def check_intervals(
    intervals: Sequence[Interval],
    from_s: int,
    to_s: int,
    rules: Rules,
    register_wh: int | None = None,
) -> tuple[Finding, ...]:
    """Every check that needs nothing but the intervals of a period, by time.

    Args:
        intervals: those that are there, in any order.
        from_s: start of the period (unix seconds), on an interval.
        to_s: its end, not part of it.
        rules: what is out of the ordinary.
        register_wh: what the register moved in the period, Wh; None: not known.
    """
    ordered = sorted(intervals, key=lambda one: one.start_s)
    findings = [
        *check_repeated(ordered, rules),
        *check_gaps(ordered, from_s, to_s, rules),
        *check_spikes(ordered, from_s, rules),
        *check_equal(ordered, rules),
    ]
    if register_wh is not None:
        findings += check_sum(ordered, from_s, to_s, register_wh)
    return tuple(sorted(findings, key=lambda one: one.start_s))


def check_repeated(intervals: Sequence[Interval], rules: Rules) -> Iterator[Finding]:
    """Intervals that stand twice (Oracle's Duplicate IMD Check)."""
    times = Counter(one.start_s for one in intervals)
    for start_s, count in times.items():
        if count > 1:
            usage_wh = sum(one.usage_wh for one in intervals if one.start_s == start_s)
            reason = f"The interval stands {count} times, together with {usage_wh} Wh."
            yield _finding(Doubt.DUPLICATE, start_s, rules, reason, usage_wh=usage_wh, against_wh=0)


def check_gaps(
    intervals: Sequence[Interval], from_s: int, to_s: int, rules: Rules
) -> Iterator[Finding]:
    """Runs of missing intervals; each run is one finding."""
    present = {one.start_s for one in intervals}
    missing = [at for at in range(from_s, to_s, rules.interval_s) if at not in present]
    start_s: int | None = None
    for at_s in missing:
        start_s = at_s if start_s is None else start_s
        end_s = at_s + rules.interval_s
        if end_s in present or end_s >= to_s:
            yield Finding(Doubt.GAP, start_s, end_s, _gap_reason(start_s, end_s), 0, 0)
            start_s = None


def check_spikes(intervals: Sequence[Interval], from_s: int, rules: Rules) -> Iterator[Finding]:
    """The highest interval of each 24 h against the third highest.

    (highest - third highest) / third highest above the threshold is a spike:
    https://docs.oracle.com/en/industries/energy-water/rate-cloud/254/rcs-user-guides/Topics/D1_AG_VEE_IntervalSpikeCheck.html
    """
    days: dict[int, list[Interval]] = {}
    for one in intervals:
        days.setdefault((one.start_s - from_s) // DAY_S, []).append(one)
    for day in days.values():
        ranked = sorted(day, key=lambda one: one.usage_wh, reverse=True)
        if len(ranked) <= THIRD or ranked[0].usage_wh < rules.spike_floor_wh:
            continue
        highest_wh, third_wh = ranked[0].usage_wh, ranked[THIRD].usage_wh
        if (highest_wh - third_wh) * MILLI > rules.spike_milli * third_wh:
            reason = f"{highest_wh} Wh, the third highest of the day is {third_wh} Wh."
            start_s = ranked[0].start_s
            yield _finding(
                Doubt.SPIKE, start_s, rules, reason, usage_wh=highest_wh, against_wh=third_wh
            )


def check_history(interval: Interval, earlier_wh: Sequence[int], rules: Rules) -> Finding | None:
    """High or low against the same time of earlier weeks (Oracle's High/Low Check).

    Works for an hour or a day as well: the caller adds up both alike.

    Args:
        interval: what is checked.
        earlier_wh: usage in the same interval of earlier weeks, Wh; too few say nothing.
        rules: what is out of the ordinary.
    """
    if len(earlier_wh) < rules.least_history:
        return None
    highest_wh, lowest_wh = max(earlier_wh), min(earlier_wh)
    usage_wh = interval.usage_wh
    if (
        usage_wh * MILLI > highest_wh * rules.high_milli
        and usage_wh - highest_wh > rules.history_floor_wh
    ):
        reason = f"{usage_wh} Wh; in earlier weeks it was {highest_wh} Wh at most."
        return _finding(
            Doubt.HIGH, interval.start_s, rules, reason, usage_wh=usage_wh, against_wh=highest_wh
        )
    if (
        usage_wh * MILLI < lowest_wh * rules.low_milli
        and lowest_wh - usage_wh > rules.history_floor_wh
    ):
        reason = f"{usage_wh} Wh; in earlier weeks it was {lowest_wh} Wh at least."
        return _finding(
            Doubt.LOW, interval.start_s, rules, reason, usage_wh=usage_wh, against_wh=lowest_wh
        )
    return None


def check_sum(
    intervals: Sequence[Interval], from_s: int, to_s: int, register_wh: int
) -> Iterator[Finding]:
    """All intervals together against the register: equal, to the Wh (Oracle's Sum Check).

    Markets allow a tolerance because pulses and registers are rounded apart; here the intervals
    are differences of the register itself.
    """
    usage_wh = sum(one.usage_wh for one in intervals if from_s <= one.start_s < to_s)
    if usage_wh != register_wh:
        reason = f"The intervals add up to {usage_wh} Wh, the register moved {register_wh} Wh."
        yield Finding(Doubt.SUM, from_s, to_s, reason, usage_wh, register_wh)


def check_equal(intervals: Sequence[Interval], rules: Rules) -> Iterator[Finding]:
    """Runs of equal intervals without a gap (Oracle's Consecutive Interval Check)."""
    run: list[Interval] = []
    for one in [*intervals, None]:
        follows = (
            one is not None
            and run
            and one.usage_wh == run[-1].usage_wh
            and one.start_s == run[-1].start_s + rules.interval_s
        )
        if run and not follows:
            if len(run) >= rules.equal_run and run[0].usage_wh >= rules.equal_floor_wh:
                usage_wh, end_s = run[0].usage_wh, run[-1].start_s + rules.interval_s
                reason = f"{len(run)} intervals in a row with {usage_wh} Wh each."
                yield Finding(Doubt.EQUAL, run[0].start_s, end_s, reason, usage_wh, usage_wh)
            run = []
        if one is not None:
            run.append(one)


def join(one: Finding, other: Finding) -> Finding:
    """One finding of two of a kind that overlap or touch, because a run went on.

    Args:
        one: what was found first; it stays as it is where the other adds nothing to it.
        other: what was found now.
    """
    start_s, end_s = min(one.start_s, other.start_s), max(one.end_s, other.end_s)
    if (start_s, end_s) == (one.start_s, one.end_s):
        return one
    if (start_s, end_s) == (other.start_s, other.end_s):
        return other
    beyond_s = end_s - start_s - (one.end_s - one.start_s)
    beyond_wh = other.against_wh * beyond_s // (other.end_s - other.start_s)
    match one.kind:
        case Doubt.GAP:
            reason, against_wh = _gap_reason(start_s, end_s), 0
        case Doubt.STUCK:
            against_wh = one.against_wh + beyond_wh
            reason = stuck_reason(against_wh)
        case _:
            reason, against_wh = other.reason, other.against_wh
    return Finding(one.kind, start_s, end_s, reason, other.usage_wh, against_wh)


def stuck_reason(missed_wh: int) -> str:
    """Why standing still is a finding.

    Args:
        missed_wh: what flowed by the meter's own power, Wh.
    """
    return f"The register stood still while about {missed_wh} Wh flowed."


def _gap_reason(start_s: int, end_s: int) -> str:
    return f"No reading for {(end_s - start_s) // 60} min."


def _finding(
    kind: Doubt, start_s: int, rules: Rules, reason: str, *, usage_wh: int, against_wh: int
) -> Finding:
    return Finding(kind, start_s, start_s + rules.interval_s, reason, usage_wh, against_wh)
