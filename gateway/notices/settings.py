"""What the notices need to be told of the village's feeders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from gateway.domain.losses import LossLimits, LossModel
from gateway.domain.signs import Limits


@dataclass(frozen=True, slots=True)
class FeederSettings:
    """One feeder.

    Args:
        name: what people call it.
        has_meter: whether it has a meter of its own; without one there is no balance.
        model: what its wires lose.
        losses: from when on what is missing is an alarm.
        signs: from where on something is a sign.
    """

    name: str
    has_meter: bool = False
    model: LossModel = field(default_factory=LossModel)
    losses: LossLimits = field(default_factory=LossLimits)
    signs: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """All feeders.

    Args:
        feeders: those that the configuration names.
        signs: for meters that are on none of them.
        zone: the village's time zone; its hours and days are what is added up.
    """

    feeders: tuple[FeederSettings, ...] = ()
    signs: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC

    @property
    def only(self) -> str | None:
        """The name of the only feeder, on which every meter hangs that names none."""
        return self.feeders[0].name if len(self.feeders) == 1 else None

    def signs_of(self, feeder: str) -> Limits:
        """From where on something is a sign on this feeder."""
        return next((one.signs for one in self.feeders if one.name == feeder), self.signs)
