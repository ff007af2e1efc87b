"""Meters by feeder, whether anybody is looking at them, and what is to be thought of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.domain.diagnosis import Sign, State, diagnose
from gateway.domain.signs import Limits
from gateway.notices.settings import NoticeSettings
from gateway.store.feeders import NODE, FeederMeter


@dataclass(frozen=True, slots=True)
class Feeder:
    """The meters of one feeder.

    Args:
        name: what people call it; of a bus's meters that are on none, the bus's name.
        meters: those behind it.
        own: the one that measures it; None: it has none.
        watched: of these meters, those at which somebody looks, by ``meter_id``.
    """

    name: str
    meters: tuple[FeederMeter, ...]
    own: FeederMeter | None
    watched: frozenset[int]

    @property
    def all(self) -> tuple[FeederMeter, ...]:
        """Every meter, its own last."""
        return (*self.meters, self.own) if self.own else self.meters


def by_feeder(
    meters: Sequence[FeederMeter], settings: NoticeSettings, now_s: int
) -> tuple[Feeder, ...]:
    """Sort meters by feeder; a node's that is on none is left out.

    Args:
        meters: every meter that is read.
        settings: which feeders there are.
        now_s: the time (unix seconds).
    """
    groups: defaultdict[str, list[FeederMeter]] = defaultdict(list)
    for meter in meters:
        name = meter.feeder_name(settings.only)
        if name is not None:
            groups[name].append(meter)
    heard = _lines_heard(meters, now_s, settings.signs.mute_after_s)
    return tuple(_feeder(name, found, heard) for name, found in groups.items())


def diagnose_feeder(
    state: State, feeder: Feeder, now_s: int, limits: Limits
) -> tuple[State, tuple[Sign, ...]]:
    """Compare a feeder with how it was.

    Its own meter may hang before its breaker: that this one answers says nothing of the feeder,
    and the others say whether this one is dead. Of meters at which nobody looks, nothing turns.

    Args:
        state: how it was.
        feeder: its meters.
        now_s: the time (unix seconds).
        limits: from where on something is a sign.
    """
    behind = [meter.facts for meter in feeder.meters if meter.facts.meter_id in feeder.watched]
    after, signs = diagnose(state, behind, now_s, limits)
    seen = {facts.meter_id for facts in behind}
    own = feeder.own
    if own is not None and own.facts.meter_id in feeder.watched:
        of_all, signs_of_all = diagnose(state, [*behind, own.facts], now_s, limits)
        own_id = own.facts.meter_id
        after = {**after, **{key: one for key, one in of_all.items() if key[1] == own_id}}
        signs += tuple(sign for sign in signs_of_all if sign.meter_id == own_id)
        seen.add(own_id)
    kept = {key: one for key, one in state.items() if key[1] is not None and key[1] not in seen}
    return {**kept, **after}, signs


def _feeder(name: str, meters: Sequence[FeederMeter], heard: frozenset[str]) -> Feeder:
    return Feeder(
        name,
        tuple(meter for meter in meters if not meter.is_feeder),
        next((meter for meter in meters if meter.is_feeder), None),
        frozenset(meter.facts.meter_id for meter in meters if _is_watched(meter, heard)),
    )


def _lines_heard(meters: Iterable[FeederMeter], now_s: int, within_s: int) -> frozenset[str]:
    """Buses of which a meter was heard lately, and 'node' where any meter at all was."""
    heard = {
        meter.line
        for meter in meters
        if meter.facts.seen_s is not None and now_s - meter.facts.seen_s <= within_s
    }
    return frozenset({*heard, NODE} if heard else heard)


def _is_watched(meter: FeederMeter, heard: frozenset[str]) -> bool:
    """Whether its silence would mean anything.

    A whole line that is mute has to be reported as offline by who polls it; otherwise it is the
    poller that is away, and the meters may be well.
    """
    if meter.line == NODE and meter.broker_state != "online":
        return False
    return meter.line in heard or meter.line_state == "offline"
