"""A gateway that begins with nothing where much was settled before: what each register means.

Pure. The chain knows what it has counted of a meter, a person what its register shows now and,
from the file, what it showed when it was installed. What lies between is an estimate, and it is
only made where it can have flowed; nothing is billed on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class ChainMeter:
    """A meter of which the chain has counted something and this database nothing.

    Args:
        label: its meter point.
        meter_point_id: the meter point's row.
        meter_id: the row of the meter that hangs there.
        chain_wh: what the chain has counted, ever.
        last_read_s: up to when (unix seconds).
        max_power_w: the most it can draw.
        first_register_wh: what its register showed when it was installed; None: nobody wrote it
            down.
        shown_wh: what its register showed when this gateway read it last; None: it hasn't yet.
    """

    label: str
    meter_point_id: int
    meter_id: int
    chain_wh: int
    last_read_s: int
    max_power_w: int
    first_register_wh: int | None
    shown_wh: int | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """How the count of a meter begins.

    Args:
        meter: which.
        register_wh: what its register shows; None: its first reading begins the count.
        estimate_wh: used since the chain counted last, as far as that is plain: billed, flagged.
        doubtful_wh: between register and chain, and can't be usage: not billed.
    """

    meter: ChainMeter
    register_wh: int | None
    estimate_wh: int = 0
    doubtful_wh: int = 0

    def sentence(self) -> str:
        """What an operator is told of it."""
        label, chain_wh = self.meter.label, self.meter.chain_wh
        if self.register_wh is None:
            return f"{label}: {chain_wh} Wh on the chain; its first reading begins the count"
        told = f"{label}: {chain_wh} Wh on the chain, register {self.register_wh} Wh"
        if self.doubtful_wh:
            return (
                f"{told}: {self.doubtful_wh} Wh between them can't have flowed since the last "
                "batch, and are not billed"
            )
        if self.meter.first_register_wh is None:
            return f"{told}; what it used since the last batch isn't known, and not billed"
        return f"{told}: {self.estimate_wh} Wh used since the last batch, billed as an estimate"


def has_to_be_told(meter: ChainMeter) -> bool:
    """Whether a person has to say what a register shows.

    Where the file says what it was at first, the gateway would take the first reading for the usage
    of years, all at once.
    """
    return meter.shown_wh is None and meter.first_register_wh is not None


def begin(meter: ChainMeter, register_wh: int | None, now_s: int) -> Beginning:
    """How a meter's count begins.

    Args:
        meter: which.
        register_wh: what its register shows now; None: nobody has looked.
        now_s: the time (unix seconds).
    """
    if register_wh is None or meter.first_register_wh is None:
        return Beginning(meter, register_wh)
    between_wh = register_wh - meter.first_register_wh - meter.chain_wh
    most_wh = meter.max_power_w * max(0, now_s - meter.last_read_s) // _S_PER_HOUR
    if 0 <= between_wh <= most_wh:
        return Beginning(meter, register_wh, estimate_wh=between_wh)
    return Beginning(meter, register_wh, doubtful_wh=between_wh)
