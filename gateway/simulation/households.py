"""Who lives in the demo's village: what each draws, how each pays, where each meter hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.simulation.feeder import FeederMeter
from gateway.simulation.load import Load, ProfileLoad
from gateway.simulation.nodes import NodeSettings
from gateway.simulation.recording import RecordedLoad, Recording
from gateway.simulation.village import BusMeter, GpioRelay, Home

BUS_METERS = 12
NODES = 4
GPIO_LINES = (17, 27, 22, 5, 6, 13, 19, 26, 18, 23, 24, 25)
MAX_POWER_W = 15_000
METERED_FEEDER, OTHER_FEEDER = "north", "south"
METERED_SLOTS = range(5)
"""Who hangs on the feeder that has a meter; more would be more than its 100 A."""
FEEDER_UNIT = 100
FEEDER_MAX_POWER_W = 23_000
TOKEN = 10_000_000
"""Stroops of one ELECTRIC."""


class Habit(Enum):
    """How a household pays."""

    CREDIT = "credit for a long time"
    DAILY = "a daily plan"
    WEEKLY = "a weekly plan"
    RUNS_OUT = "little credit, and no more"
    PAYS_LATE = "little credit, and more after it was cut off"


@dataclass(frozen=True, slots=True)
class Resident:
    """One household of the demo.

    Args:
        home: its wiring and its load.
        slot: its number in the contract.
        habit: how it pays.
        critical: never cut for want of credit.
    """

    home: Home
    slot: int
    habit: Habit
    critical: bool = False

    @property
    def feeder(self) -> str:
        """The feeder on which it hangs."""
        return METERED_FEEDER if self.slot in METERED_SLOTS else OTHER_FEEDER

    @property
    def node(self) -> NodeSettings | None:
        """Its node, when it is not on the bus."""
        return self.home.meter if isinstance(self.home.meter, NodeSettings) else None


_HABITS = {
    1: Habit.DAILY,
    4: Habit.WEEKLY,
    7: Habit.RUNS_OUT,  # the clinic: critical, so it stays on and owes
    10: Habit.RUNS_OUT,
    11: Habit.PAYS_LATE,
    14: Habit.DAILY,
}
_CLINIC = 7


@dataclass(frozen=True, slots=True)
class LimitedLoad:
    """A load that ends at a known minute, so that a run's energy is known beforehand.

    Args:
        load: what is drawn until then.
        minutes: how many minutes it lasts.
    """

    load: Load
    minutes: int

    def power_mw(self, minute: int) -> int:
        """Active power in this minute, mW."""
        return self.load.power_mw(minute) if minute < self.minutes else 0


def residents(
    seed: int,
    start_s: int,
    keys: Sequence[NodeSettings],
    recording: Recording | None,
    minutes: int | None,
) -> list[Resident]:
    """The village: twelve meters on one bus, then one per node.

    Args:
        seed: of the load profiles; the same seed is the same village.
        start_s: village time at minute 0 (unix seconds).
        keys: one per node.
        recording: play this on every meter in place of the profile, each from its own row and
            at its own scale; everybody then has credit.
        minutes: of village time after which nobody draws anything; None: for ever.
    """
    found = []
    for slot in range(BUS_METERS + len(keys)):
        on_bus = slot < BUS_METERS
        load = _load(seed, slot, start_s, recording)
        home = Home(
            label=_label(slot, recording),
            load=load if minutes is None else LimitedLoad(load, minutes),
            meter=BusMeter(slot + 1) if on_bus else keys[slot - BUS_METERS],
            relay=GpioRelay(GPIO_LINES[slot]) if on_bus else None,
            first_register_wh=1_000 * (slot + 1) + 7 * slot,
        )
        habit = Habit.CREDIT if recording else _HABITS.get(slot, Habit.CREDIT)
        found.append(Resident(home, slot, habit, critical=slot == _CLINIC and recording is None))
    return found


def metered_feeder(found: Sequence[Resident]) -> FeederMeter:
    """The feeder with a meter, and who of them hangs on it."""
    labels = tuple(one.home.label for one in found if one.feeder == METERED_FEEDER)
    return FeederMeter(METERED_FEEDER, FEEDER_UNIT, labels, first_register_wh=70_000)


def _label(slot: int, recording: Recording | None) -> str:
    if slot >= BUS_METERS:
        return f"meter-{slot + 1:03d}"
    return "clinic" if slot == _CLINIC and recording is None else f"house-{slot + 1:02d}"


def _load(seed: int, slot: int, start_s: int, recording: Recording | None) -> Load:
    if recording is None:
        return ProfileLoad(f"{seed}/{slot}", start_s)
    offset = recorded_offset(slot, len(recording.powers_mw))
    return RecordedLoad(recording, offset, recorded_scale_permille(slot))


def recorded_offset(slot: int, rows: int) -> int:
    """The row of the recording that a slot begins with."""
    return slot * 997 % rows


def recorded_scale_permille(slot: int) -> int:
    """How much of the recorded power a slot draws, thousandths."""
    return 700 + 40 * slot
