"""What each meter can do where it is installed: by its model's table and its meter point."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.usage import RegisterLimits
from gateway.domain.validation import AC_MAINS, Plausible
from gateway.store.points import MeterPoint


@dataclass(frozen=True, slots=True)
class MeterLimits:
    """Limits of one meter at its meter point.

    Args:
        register: of what its register counts.
        plausible: of what it measures.
    """

    register: RegisterLimits
    plausible: Plausible


def limits_of(point: MeterPoint) -> MeterLimits:
    """The limits of the meter that is installed at a meter point."""
    return MeterLimits(RegisterLimits(point.max_power_w), AC_MAINS.up_to(point.max_power_w))
