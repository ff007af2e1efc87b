"""What was drawn when nobody read: usage over a gap divided over its quarter-hours.

Usually the total is known exactly, because the register went on, and only its course is estimated;
after a meter died, the total is, too. The methods and their order are those of California's VEE
standards (https://studylib.net/doc/18905854/vee-attachment): a straight line over a short gap,
like days over a longer one. Like days are the same weekday first, as in the Australian "nearest
equivalent day" (method 14, https://123dok.com/au/article/data-substitution-estimation-code-objective-access-code-taken.6302599).
No Wh is made or lost. Who estimated, and whether it stands, is the caller's to write down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.tariffs import INTERVAL_S

INTERVAL_MS = INTERVAL_S * 1000
SHORT_MS = 7_200_000
"""A gap below two hours is bridged by a straight line."""
DAY_S = 86_400
WEEK_S = 7 * DAY_S
_LIKE_WEEKS = tuple(WEEK_S * number for number in (1, 2, 3, 4))
_LIKE_DAYS = tuple(DAY_S * number for number in (1, 2, 3, 4, 5, 6))


class Method(StrEnum):
    """How an estimate was made; the values are stored."""

    LINE = "line"
    LIKE_DAYS = "like_days"
    EVEN = "even"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated usage in one quarter-hour.

    Args:
        start_s: its start (unix seconds).
        usage_wh: the part of the gap's usage that falls in it, Wh, >= 0.
        method: how it was estimated.
        reason: one sentence for people.
    """

    start_s: int
    usage_wh: int
    method: Method
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without readings of one meter point.

    Args:
        from_ms: the last reading before it (unix milliseconds).
        to_ms: the first one after it, > ``from_ms``.
        total_wh: what the register moved over it, Wh; None: nobody knows.
    """

    from_ms: int
    to_ms: int
    total_wh: int | None

    @property
    def parts_ms(self) -> tuple[tuple[int, int], ...]:
        """(start of the quarter-hour in unix seconds, how much of it is in the gap in ms)."""
        first_ms = self.from_ms - self.from_ms % INTERVAL_MS
        return tuple(
            (at_ms // 1000, min(at_ms + INTERVAL_MS, self.to_ms) - max(at_ms, self.from_ms))
            for at_ms in range(first_ms, self.to_ms, INTERVAL_MS)
        )


def estimate(gap: Stretch, known_wh: Mapping[int, int]) -> tuple[Estimate, ...]:
    """Estimate the usage in each quarter-hour of a gap.

    Args:
        gap: when, and what the register moved.
        known_wh: valid usage of this meter point by start of the quarter-hour (unix seconds), Wh:
            the one before and the one after the gap, and up to four weeks back. A quarter-hour
            without usage is there with 0; one that is estimated or suspect is left out.

    Returns:
        One for each quarter-hour of the gap. They add up to ``total_wh`` exactly; where that is
        None, to what the method makes of it, rounded down. Without anything to go by they are
        even, and 0 where the total is not known either.
    """
    method, weights = _weigh(gap, known_wh)
    total_wh = gap.total_wh
    if total_wh is None:
        total_wh = sum(weights) // _SCALE if method is not Method.EVEN else 0
    reason = _reason(gap, method)
    return tuple(
        Estimate(start_s, usage_wh, method, reason)
        for (start_s, _), usage_wh in zip(gap.parts_ms, apportion(total_wh, weights), strict=True)
    )


def consulted(gap: Stretch) -> frozenset[int]:
    """Starts of all quarter-hours (unix seconds) that :func:`estimate` may ask for."""
    starts = [start_s for start_s, _ in gap.parts_ms]
    like = {start_s - back_s for start_s in starts for back_s in (*_LIKE_WEEKS, *_LIKE_DAYS)}
    return frozenset(like | {starts[0] - INTERVAL_S, starts[-1] + INTERVAL_S})


def apportion(total_wh: int, weights: Sequence[int]) -> list[int]:
    """Divide whole Wh in proportion to weights, exactly, by largest remainder.

    The earlier of equal remainders gets the Wh that is left over.

    Args:
        total_wh: >= 0.
        weights: >= 0, at least one; all 0 means alike.
    """
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    parts = [total_wh * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda place: total_wh * weights[place] % whole, reverse=True
    )
    for place in by_remainder[: total_wh - sum(parts)]:
        parts[place] += 1
    return parts


_SCALE = INTERVAL_MS * len(_LIKE_WEEKS) * 60
"""Weights are Wh times this, so that the mean of up to six like days is a whole number."""


def _weigh(gap: Stretch, known_wh: Mapping[int, int]) -> tuple[Method, list[int]]:
    parts_ms = gap.parts_ms
    if gap.to_ms - gap.from_ms >= SHORT_MS:
        likely = [_likely(start_s, known_wh) for start_s, _ in parts_ms]
        if None not in likely:
            rates = [rate for rate in likely if rate is not None]
            return Method.LIKE_DAYS, _times(rates, parts_ms)
    line = _line(parts_ms, known_wh)
    if line is None:
        return Method.EVEN, [duration_ms for _, duration_ms in parts_ms]
    return Method.LINE, _times(line, parts_ms)


def _times(rates: Sequence[int], parts_ms: Sequence[tuple[int, int]]) -> list[int]:
    """A quarter-hour that is only partly in the gap counts for its part."""
    return [rate * ms // INTERVAL_MS for rate, (_, ms) in zip(rates, parts_ms, strict=True)]


def _likely(start_s: int, known_wh: Mapping[int, int]) -> int | None:
    """The mean of the same time on like days, Wh times the scale; None: there is none."""
    for like in (_LIKE_WEEKS, _LIKE_DAYS):
        found = [known_wh[start_s - back_s] for back_s in like if start_s - back_s in known_wh]
        if found:
            return sum(found) * _SCALE // len(found)
    return None


def _line(parts_ms: Sequence[tuple[int, int]], known_wh: Mapping[int, int]) -> list[int] | None:
    """A straight line from the quarter-hour before to the one after, Wh times the scale.

    With one of them only, it is level: a "flat load".
    https://docs.oracle.com/en/industries/energy-water/rate-cloud/22c/rcs-user-guides/RCS_22c/D1_AG_VEE_IntervalInterpolationEstimation.html
    """
    before_wh = known_wh.get(parts_ms[0][0] - INTERVAL_S)
    after_wh = known_wh.get(parts_ms[-1][0] + INTERVAL_S)
    if before_wh is None:
        before_wh = after_wh
    if before_wh is None:
        return None
    if after_wh is None:
        after_wh = before_wh
    steps = len(parts_ms) + 1
    return [
        (before_wh * (steps - place) + after_wh * place) * _SCALE // steps
        for place in range(1, steps)
    ]


def _reason(gap: Stretch, method: Method) -> str:
    minutes = (gap.to_ms - gap.from_ms) // 60_000
    known = "the total is what the register moved"
    total = known if gap.total_wh is not None else "the total is estimated, too"
    how = {
        Method.LINE: "a straight line between the quarter-hours before and after",
        Method.LIKE_DAYS: "the same time on like days",
        Method.EVEN: "evenly, for want of anything to go by",
    }[method]
    return f"No reading for {minutes} min: divided by {how}; {total}."
