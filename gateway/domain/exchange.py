"""A meter is replaced: the old one's last step and the new one's first, at one instant.

The old meter's own law goes on to hold, ``cumulative_wh + flagged_wh = register end - register
start``; where it is dead and nobody can read it, plus the estimate of what it missed. The new
meter's law begins at its first register. Nothing decides here whether an estimate is billed.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.usage import Checkpoint, Movement, RegisterLimits, Step, settle


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an exchange changes.

    Args:
        closing: the old meter's last step; None: it was never read.
        opening: the new meter's first step.
    """

    closing: Step | None
    opening: Step


def exchange(
    last: Checkpoint | None,
    last_register_wh: int | None,
    first_register_wh: int,
    at_ms: int,
    limits: RegisterLimits,
    *,
    estimate_wh: int = 0,
) -> Exchange:
    """Close the old meter and open the new one.

    Args:
        last: the old meter's checkpoint; None: it was never read.
        last_register_wh: its register at the exchange, Wh, read by a person; None: it is dead,
            so its last stored register stands.
        first_register_wh: the new meter's register at the exchange, Wh.
        at_ms: the instant of the exchange (unix milliseconds).
        limits: what the old meter can do.
        estimate_wh: for a dead meter, what is thought to have flowed since its last reading, Wh;
            it is set aside until a person decides.

    Raises:
        ValueError: the sentence says what to give instead.
    """
    if last is not None and at_ms < last.read_ms:
        raise ValueError(
            "the old meter was read after that: give the instant at which it was taken off"
        )
    if estimate_wh < 0 or (estimate_wh and last_register_wh is not None):
        raise ValueError("give an estimate, of 0 Wh or more, only where the old meter is dead")
    opening = Step(Checkpoint(at_ms, first_register_wh), Movement.EXCHANGE, 0, 0, at_ms)
    if last is None:
        return Exchange(None, opening)
    if last_register_wh is None:
        return Exchange(_dead(last, at_ms, estimate_wh), opening)
    return Exchange(settle(last, at_ms, last_register_wh, limits), opening)


def _dead(last: Checkpoint, at_ms: int, estimate_wh: int) -> Step:
    """A register out of line that nobody confirmed is forgotten: the estimate stands for it."""
    checkpoint = Checkpoint(
        at_ms, last.energy_wh, last.cumulative_wh, last.flagged_wh + estimate_wh
    )
    return Step(checkpoint, Movement.EXCHANGE, 0, estimate_wh, last.read_ms)
