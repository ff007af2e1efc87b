"""A story that gateways live through: what the village's meters say, hour by hour."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from tests.torture.ground import HOUR_S, METERS, MOST_WH, QUARTER_S, START_S, first_wh
from tests.torture.mortal import Step
from tests.torture.people import MOST_CASH

MOST_STEPS = 4
FEW_HOURS, MANY_HOURS = 1, 13
"""From one step to the next; with the many, days pass, and old readings are forgotten."""


@dataclass(frozen=True, slots=True)
class Story:
    """What happens.

    Args:
        steps: in order.
        readings: slot, instant (unix seconds) and register (Wh), by number.
        shown_wh: each meter's register at the end, by slot.
        paid: what was paid for each meter, stroops, by slot.
        until_s: where it ends (unix seconds).
    """

    steps: list[Step]
    readings: dict[int, tuple[int, int, int]]
    shown_wh: dict[int, int]
    paid: Counter[int]
    until_s: int


def tell(chance: random.Random) -> Story:
    """Make a story up.

    Args:
        chance: what it is drawn from.
    """
    shown_wh = {slot: first_wh(slot) for slot in range(METERS)}
    readings: dict[int, tuple[int, int, int]] = {}
    steps: list[Step] = []
    paid: Counter[int] = Counter()
    locked = chance.randrange(METERS)
    hours = chance.choice((FEW_HOURS, FEW_HOURS, MANY_HOURS))
    count = chance.randint(1, MOST_STEPS) if hours == FEW_HOURS else MOST_STEPS + 1
    start_s = START_S
    for number in range(count):
        groups = []
        for quarter in range(1, 5):
            at_s = start_s + quarter * QUARTER_S
            group = []
            for slot in range(METERS):
                shown_wh[slot] += chance.randint(0, MOST_WH)
                readings[len(readings)] = (slot, at_s, shown_wh[slot])
                group.append((len(readings) - 1, slot, at_s, shown_wh[slot]))
            groups.append(group)
        until_s = start_s + HOUR_S
        cash = [(chance.randrange(METERS), chance.randint(1, MOST_CASH))] * chance.choice((0, 1, 1))
        paid.update(dict(cash))
        steps.append(
            Step(
                groups,
                until_s,
                keep_house=hours == MANY_HOURS or chance.random() < 0.3,
                take_over=number > 0 and chance.random() < 0.15,
                reopen=chance.random() < 0.4,
                cash=cash,
                lock=[locked] if number == 0 else _some(chance, locked),
                unlock=_some(chance, locked),
            )
        )
        start_s += hours * HOUR_S
    return Story(steps, readings, shown_wh, paid, until_s)


def _some(chance: random.Random, but: int) -> list[int]:
    """A house now and then, but never this one."""
    slot = chance.randrange(METERS)
    return [slot] if slot != but and chance.random() < 0.2 else []
