"""By whose clock a reading was taken, when the sender's can't be right. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def date_back(own_ms: Sequence[int], arrived_ms: int, after_ms: int) -> list[int]:
    """When a burst's readings were taken, by the gateway's clock (unix milliseconds).

    The last one at its arrival, each other as much before the next as the node's own clock says
    (a step of that clock is no time at all). They increase, and all come after ``after_ms``.

    Args:
        own_ms: each reading's own date, in the order in which they came (unix milliseconds).
        arrived_ms: when the last of them came.
        after_ms: when the meter was last believed.
    """
    longest_ms = arrived_ms - after_ms
    dates = [arrived_ms]
    for later, earlier in zip(own_ms[:0:-1], own_ms[-2::-1], strict=True):
        gap_ms = later - earlier
        dates.append(dates[-1] - (gap_ms if 0 < gap_ms <= longest_ms else 1))
    dates.reverse()
    for place, date_ms in enumerate(dates):
        dates[place] = after_ms = max(date_ms, after_ms + 1)
    return dates


def clock_error(own_ms: int, now_ms: int) -> str:
    """How wrong a clock is, in words: '26 years behind', '2 hours ahead'."""
    error_s = abs(own_ms - now_ms) // 1000
    size_s, unit = next((one for one in _UNITS if error_s >= one[0]), _UNITS[-1])
    count = error_s // size_s
    return f"{count} {unit}{'' if count == 1 else 's'} {'behind' if own_ms < now_ms else 'ahead'}"
