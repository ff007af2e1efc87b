"""Tamper and fault signs of one feeder, as events and not as states: each begins once, ends once.

What there is cause for is :mod:`gateway.domain.signs`. A sign begins, and ends, only after its
cause has lasted. Decides nothing: a sign never disconnects anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.domain.signs import Limits, MeterFacts, SignKind, find_causes

Key = tuple[SignKind, int | None]
"""The sign and the meter that it is about; None: the whole feeder."""


class Watch(NamedTuple):
    """Where one sign stands.

    Args:
        active: it has begun and not ended.
        turning_s: since when its cause says otherwise (unix seconds); None: it does not.
    """

    active: bool
    turning_s: int | None


State = Mapping[Key, Watch]
"""All that is remembered of a feeder; empty at first. It holds no sign that is off and quiet."""
_OFF = Watch(active=False, turning_s=None)


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that begins or ends.

    Args:
        kind: what it is.
        meter_id: the meter that it is about; None: the whole feeder.
        began: True where it begins, False where it ends.
        reason: one sentence for people, with the figures.
    """

    kind: SignKind
    meter_id: int | None
    began: bool
    reason: str


def diagnose(
    state: State, meters: Sequence[MeterFacts], now_s: int, limits: Limits
) -> tuple[State, tuple[Sign, ...]]:
    """Compare a feeder with how it was.

    Args:
        state: what the last call returned; at first empty.
        meters: every meter on the feeder.
        now_s: the time (unix seconds).
        limits: from where on something is a sign.

    Returns:
        The next state, and the signs that begin or end now.
    """
    after: dict[Key, Watch] = {}
    signs: list[Sign] = []
    for cause in find_causes(meters, now_s, limits):
        key = (cause.kind, cause.meter_id)
        before = state.get(key, _OFF)
        watch = _turn(before, cause.holds, now_s, limits.hold_s)
        if watch != _OFF:
            after[key] = watch
        if watch.active != before.active:
            signs.append(Sign(cause.kind, cause.meter_id, watch.active, cause.reason))
    return after, tuple(signs)


def _turn(watch: Watch, holds: bool | None, now_s: int, hold_s: int) -> Watch:  # noqa: FBT001
    if holds is None or holds == watch.active:
        return Watch(watch.active, None)
    since_s = now_s if watch.turning_s is None else min(watch.turning_s, now_s)
    if now_s - since_s >= hold_s:
        return Watch(holds, None)
    return Watch(watch.active, since_s)
