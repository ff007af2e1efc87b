"""How the count of a meter that is taken off ends. Decides; writes nothing.

What a person types is checked against what the meter said: a slip of a digit is money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.exchange import exchange as exchange_registers
from gateway.domain.usage import Checkpoint, RegisterLimits
from gateway.errors import Permanent
from gateway.store.database import Row
from gateway.store.limits import register_limits


@dataclass(frozen=True, slots=True)
class OldMeter:
    """How the count of the meter that goes ends.

    Args:
        register_wh: what it shows, Wh; None: it is dead, and what it last said counts.
        estimate_wh: what a dead one is taken to have missed, Wh.
        approved_by: who answers for that; needed for a dead one.
    """

    register_wh: int | None
    estimate_wh: int = 0
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class NewMeter:
    """The meter that comes.

    Args:
        serial: what is printed on it, or stuck on it.
        register_wh: what it shows, Wh.
        model: its register map; None: as the old one.
        address: where it is read; None: where the old one was.
    """

    serial: str
    register_wh: int
    model: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One meter for another.

    Args:
        label: the meter point's.
        at_s: the instant (unix seconds); not in the future.
        old: how the count of the one that goes ends.
        new: the one that comes.
    """

    label: str
    at_s: int
    old: OldMeter
    new: NewMeter


@dataclass(frozen=True, slots=True)
class Closing:
    """How the old meter's count ends.

    Args:
        since_ms: when it was last believed (unix milliseconds).
        checkpoint: its last one, without the estimate; None: nobody knows where it started.
        register_wh: with what it is closed, Wh; None: it was never read.
        estimate_wh: what nobody read and somebody answers for, Wh.
        read_wh: usage since then that its register shows, Wh.
    """

    since_ms: int
    checkpoint: Checkpoint | None
    register_wh: int | None
    estimate_wh: int
    read_wh: int

    @property
    def usage_wh(self) -> int:
        """Usage since it was last believed, Wh."""
        return self.read_wh + self.estimate_wh

    @property
    def counted_wh(self) -> int:
        """All that it counted at this meter point, Wh."""
        return (self.checkpoint.cumulative_wh if self.checkpoint else 0) + self.estimate_wh


def _checkpoint(row: Row) -> Checkpoint | None:
    """From where the old meter's last usage is counted; None: nobody knows where it started."""
    if row["read_ms"] is not None:
        return Checkpoint(
            row["read_ms"],
            row["energy_wh"],
            row["cumulative_wh"],
            row["flagged_wh"],
            row["candidate_ms"],
            row["candidate_wh"],
        )
    if row["first_register_wh"] is not None:
        return Checkpoint(row["from_s"] * 1000, row["first_register_wh"])
    return None


def _check(row: Row, exchange: Exchange) -> None:
    label, old, new = exchange.label, exchange.old, exchange.new
    since_ms = row["from_s"] * 1000 if row["read_ms"] is None else row["read_ms"]
    if exchange.at_s * 1000 < since_ms:
        raise Permanent(
            f"{label}: meter {row['serial']} was read after that, at {_instant(since_ms)}: give "
            "an instant after its last reading, and take it off the line first"
        )
    if new.serial == row["serial"]:
        raise Permanent(f"{label}: {new.serial} is the meter that hangs there: give the new one's")
    if new.register_wh < 0 or old.estimate_wh < 0:
        raise Permanent(f"{label}: a register and an estimate are 0 Wh or more")
    if old.register_wh is None and not old.approved_by:
        raise Permanent(f"{label}: say who answers for closing a meter nobody could read (--by)")
    if old.register_wh is not None and old.estimate_wh:
        raise Permanent(f"{label}: give the last register or an estimate, not both")


def close(row: Row, exchange: Exchange) -> Closing:
    """How the old meter's count ends.

    Args:
        row: its installation with its register.
        exchange: what was typed.

    Raises:
        Permanent: a figure or the instant can't be right.
    """
    _check(row, exchange)
    last, old, limits = _checkpoint(row), exchange.old, limits_of_row(row)
    _check_figures(row, exchange, last, limits)
    at_ms = exchange.at_s * 1000
    # Approved on the spot, an estimate is usage; otherwise it would be set aside.
    step = exchange_registers(
        last, old.register_wh, exchange.new.register_wh, at_ms, limits
    ).closing
    if step is None or last is None:
        return Closing(row["from_s"] * 1000, None, old.register_wh, old.estimate_wh, 0)
    return Closing(
        last.read_ms,
        step.checkpoint,
        last.energy_wh if old.register_wh is None else old.register_wh,
        old.estimate_wh,
        step.usage_wh,
    )


def _check_figures(
    row: Row, exchange: Exchange, last: Checkpoint | None, limits: RegisterLimits
) -> None:
    label, old, at_ms = exchange.label, exchange.old, exchange.at_s * 1000
    since_ms = row["from_s"] * 1000 if last is None else last.read_ms
    moved_wh = old.estimate_wh
    if old.register_wh is not None:
        if last is None:
            return
        if last.candidate_ms is not None and last.candidate_wh is not None:
            # Its last readings were out of line, and a person has now seen the same.
            since_candidate_wh = old.register_wh - last.candidate_wh
            if limits.allow(since_candidate_wh, max(0, at_ms - last.candidate_ms)):
                return
        moved_wh = old.register_wh - last.energy_wh
        if limits.modulus_wh and limits.allow(moved_wh + limits.modulus_wh, at_ms - since_ms):
            return  # it has wrapped round
        if moved_wh < 0:
            raise Permanent(
                f"{label}: meter {row['serial']} showed {last.energy_wh} Wh at "
                f"{_instant(since_ms)}, and {old.register_wh} Wh is less: look again, or treat it "
                "as dead (--dead)"
            )
    if not limits.allow(moved_wh, at_ms - since_ms):
        raise Permanent(
            f"{label}: {moved_wh} Wh since {_instant(since_ms)} is more than "
            f"{row['max_power_w']} W can make: look again"
        )


def limits_of_row(row: Row) -> RegisterLimits:
    """What the register of the meter that hangs there can count."""
    return register_limits(row["model"], row["max_power_w"])


def _instant(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
