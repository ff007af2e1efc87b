"""Who is entitled to supply, by a reader of its own: plain integers, the rules of docs/supply.md.

Shares no code with what it judges. Knows what is known in the village: readings that are stored,
money that was counted here, and of the chain only what was heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.torture.ground import QUARTER_S, RATES, START_S, tier_at

MILLI = 1_000
GAP_S = 990
"""Readings further apart leave a gap: a quarter-hour and a tenth. How it was used is estimated."""
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Unheard:
    """What has happened on the chain and is not known in the village.

    Args:
        paid_stroops: credit that was paid there.
        plan: from when until when a plan was bought (unix seconds); None: none was.
        active: whether the provider wants it supplied; None: as before.
    """

    paid_stroops: int = 0
    plan: tuple[int, int] | None = None
    active: bool | None = None


@dataclass(slots=True)
class _Part:
    """What was used in one quarter-hour, thousandths of a stroop."""

    start_s: int
    milli: int
    is_estimated: bool
    is_settled: bool = False


@dataclass(slots=True)
class Account:
    """One household as far as the village knows.

    Args:
        read_wh: its register when it was last read, Wh.
        is_critical: never cut but for safety.
        overdraft_stroops: how far below 0 it may go.
        read_s: when it was last read (unix seconds).
        paid_stroops: all credit, paid here or heard of from the chain.
        plan: from when until when a plan runs (unix seconds).
        is_active: the provider wants it supplied.
        locks: whose locks hang.
        order: what an operator ordered, and until when (unix seconds); None: nothing.
        unheard: what is not known here yet.
    """

    read_wh: int
    is_critical: bool
    overdraft_stroops: int = 0
    read_s: int = START_S
    paid_stroops: int = 0
    plan: tuple[int, int] = (0, 0)
    is_active: bool = True
    locks: set[str] = field(default_factory=set)
    order: tuple[bool, int] | None = None
    unheard: list[Unheard] = field(default_factory=list)
    _parts: list[_Part] = field(default_factory=list)
    _used_milli: int = 0
    _free_milli: int = 0
    _doubted_milli: int = 0

    @property
    def left_stroops(self) -> int:
        """What is left of its money; a charge below one stroop waits."""
        return self.paid_stroops - (self._used_milli - self._free_milli) // MILLI

    @property
    def free_stroops(self) -> int:
        """What its plan has saved it, as far as that shows in whole stroops."""
        return self._used_milli // MILLI - (self._used_milli - self._free_milli) // MILLI

    @property
    def is_sure(self) -> bool:
        """Whether nothing is estimated and nothing happened elsewhere that is not known here."""
        return not self.unheard and not self._doubted_milli

    def read(self, at_s: int, register_wh: int) -> None:
        """Its meter was read, and the reading is stored.

        Args:
            at_s: when (unix seconds).
            register_wh: what it showed, Wh.
        """
        is_estimated = at_s - self.read_s > GAP_S
        for start_s, used_wh in _spread(self.read_s, at_s, register_wh - self.read_wh):
            part = _Part(start_s, RATES[tier_at(start_s)] * used_wh, is_estimated)
            self._parts.append(part)
            self._count(part)
        self.read_s, self.read_wh = at_s, register_wh

    def hear(self) -> None:
        """The chain was looked at: what has happened there is known."""
        for news in self.unheard:
            self.paid_stroops += news.paid_stroops
            if news.active is not None:
                self.is_active = news.active
            if news.plan is not None:
                self.plan = news.plan
        self.unheard.clear()
        self._count_again()

    def settle(self, until_s: int, *, is_refused: bool) -> None:
        """Usage up to an instant is on the chain: estimated or not, it counts.

        Args:
            until_s: the instant (unix seconds).
            is_refused: the contract has set it aside: that is never charged.
        """
        for part in self._parts:
            if not part.is_settled and part.start_s < until_s:
                part.is_settled = True
                part.milli = 0 if is_refused else part.milli
        self._count_again()

    def is_entitled(self, now_s: int) -> bool:
        """Whether its relay has to be connected, by the order of the rules."""
        if self.locks:
            return False
        if self.order is not None and now_s < self.order[1]:
            return self.order[0]
        if self.is_critical:
            return True
        if not self.is_active:
            return False
        doubted_stroops = -(-self._doubted_milli // MILLI)
        return (
            now_s < self.plan[1]
            or self.left_stroops > 0
            or self.left_stroops + doubted_stroops > -self.overdraft_stroops
        )

    def _count_again(self) -> None:
        self._used_milli = self._free_milli = self._doubted_milli = 0
        for part in self._parts:
            self._count(part)

    def _count(self, part: _Part) -> None:
        self._used_milli += part.milli
        if self.plan[0] <= part.start_s < self.plan[1]:
            self._free_milli += part.milli
        elif part.is_estimated and not part.is_settled:
            self._doubted_milli += part.milli


def _spread(from_s: int, to_s: int, used_wh: int) -> Iterator[tuple[int, int]]:
    """Usage by quarter-hour, in proportion to time; what an edge cuts off comes after it."""
    done_wh = 0
    for start_s in range(from_s - from_s % QUARTER_S, to_s, QUARTER_S):
        until_s = min(start_s + QUARTER_S, to_s)
        upto_wh = used_wh * (until_s - from_s) // (to_s - from_s)
        yield start_s, upto_wh - done_wh
        done_wh = upto_wh
