"""What goes into the next batch, and what of the usage it claims.

Pure and total: whatever usage there is, each Wh is claimed by exactly one of a column of the
batch, what the chain had already counted (absorbed), or what the contract could only refuse
(withheld); the rest stays unclaimed for a later batch.

The contract takes no more of a meter than its connection can carry since it was last settled, and
refuses the meter's whole usage otherwise. What is read late would come on top of that, so what is
beyond waits, oldest first, for batches of hours with room to spare
(docs/adr/0021-late-usage-waits-for-room.md).

The law, per meter and at any moment, with ``sent`` the usage in a batch not yet answered for::

    claimed + ahead + adopted = chain total + residue + sent
    pending = usage + adopted - chain total - residue    (negative: the chain is ahead of the store)

``adopted`` is what the chain had counted before a gateway began with nothing; it never changes.

Energy bought on the market is drawn before money, in the order in which energy flowed: only the
gateway knows it, so the batch says which part of the usage was bought
(docs/adr/0009-market-energy-is-a-column-of-the-batch.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.batches import COLUMNS, U32_MAX, Price, SlotUsage
from gateway.domain.pages import MeterRecord
from gateway.domain.parts import Part, Use
from gateway.domain.tariffs import INTERVAL_S

MAX_SLOTS = 4000
"""Five full columns of so many meters take two thirds of a transaction's 132 096 bytes."""

_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class UnclaimedUsage:
    """Usage of one meter in one quarter-hour that no batch carries yet.

    Args:
        start_s: start of the quarter-hour (unix seconds).
        slot: the meter's number within the site.
        tier: 0 off-peak, 1 standard, 2 peak.
        unclaimed_wh: > 0.
    """

    start_s: int
    slot: int
    tier: int
    unclaimed_wh: int


@dataclass(frozen=True, slots=True)
class Claim:
    """How much of one quarter-hour's usage is now spoken for.

    Args:
        start_s: start of the quarter-hour (unix seconds).
        slot: the meter's number within the site.
        claimed_wh: > 0.
    """

    start_s: int
    slot: int
    claimed_wh: int


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open period at one price version.

    Args:
        from_s: where the last batch ended (unix seconds, on the grid).
        to_s: its end, > ``from_s``.
        price_version: in force for all of it.
    """

    from_s: int
    to_s: int
    price_version: int


@dataclass(frozen=True, slots=True)
class MeterState:
    """What is known of a meter when a batch is composed.

    Args:
        record: what the contract holds.
        ahead_wh: usage the chain had counted that the store has yet to see.
        read_until_s: when the meter was last read (unix seconds).
    """

    record: MeterRecord
    ahead_wh: int
    read_until_s: int


@dataclass(frozen=True, slots=True)
class Composition:
    """A batch to be, and what it does to the books.

    Args:
        period: what it covers.
        slots: the batch's usage, ascending by slot.
        claims: one per quarter-hour touched; they add up to slots + absorbed + withheld.
        absorbed_wh: by slot, usage that the chain counted before: claimed, not sent.
        withheld_wh: by slot, late usage inside a closed plan window, which the contract would
            refuse along with the meter's other usage: claimed as residue, not sent.
        parts: by slot, the same claims by what took them, ascending by time.
    """

    period: Period
    slots: tuple[SlotUsage, ...]
    claims: tuple[Claim, ...]
    absorbed_wh: Mapping[int, int]
    withheld_wh: Mapping[int, int]
    parts: Mapping[int, tuple[Part, ...]]


def plan_period(
    from_s: int, boundary_s: int, ledger_closed_s: int, prices: Sequence[Price]
) -> Period | None:
    """Cut the next period: to the boundary, but never across a new price or ahead of the ledger.

    Args:
        from_s: where the last batch ended, or the first usage (unix seconds).
        boundary_s: up to where usage may be settled (unix seconds, on the grid).
        ledger_closed_s: close time of the newest ledger seen; the contract takes no period that
            ends more than a quarter-hour after it.
        prices: every version, ascending.

    Returns:
        None while there is nothing to settle or no price is in force yet.
    """
    if not prices:
        return None
    start_s = max(from_s, prices[0].effective_from_s)
    in_force = [price for price in prices if price.effective_from_s <= start_s][-1]
    later = [price.effective_from_s for price in prices if price.effective_from_s > start_s]
    ledger_s = ledger_closed_s - ledger_closed_s % INTERVAL_S + INTERVAL_S
    to_s = min(boundary_s, ledger_s, *later[:1])
    return Period(start_s, to_s, in_force.version) if to_s > start_s else None


def compose(
    usage: Iterable[UnclaimedUsage],
    meters: Mapping[int, MeterState],
    period: Period,
    max_slots: int = MAX_SLOTS,
) -> Composition:
    """Compose the next batch of a site.

    Usage of a meter that the contract does not know is left for later, and so is what the contract
    would not believe of a meter yet: the newest first, but of a plan last, whose window closes.
    Late usage, from before the period, goes along, just read or held back; a price version that has
    ended is not opened again for it, and it costs what the batch that takes it does.

    Args:
        usage: ascending by ``start_s``; what starts after the period is left.
        meters: by slot, every meter that the contract knows.
        period: what the batch may cover; its end moves earlier when there are more meters than
            one batch holds, to leave a quarter-hour for each further batch.
        max_slots: the most meters of one batch, >= 1.
    """
    waiting = _slots_by_age(usage_list := list(usage), meters, period)
    chosen = set(waiting[:max_slots])
    further = -(-len(waiting) // max_slots) - 1
    to_s = max(period.from_s + INTERVAL_S, period.to_s - max(further, 0) * INTERVAL_S)
    cut = Period(period.from_s, min(to_s, period.to_s), period.price_version)
    rows = [row for row in usage_list if row.slot in chosen and row.start_s < cut.to_s]
    included_wh = _included_wh(rows, meters)
    books = {
        slot: _Books(meters[slot], cut.to_s, included_wh=included_wh[slot])
        for slot in sorted(chosen)
    }
    claims = [
        Claim(row.start_s, row.slot, claimed_wh)
        for row in rows
        if (claimed_wh := books[row.slot].take(row))
    ]
    return Composition(
        period=cut,
        slots=tuple(SlotUsage(slot, *book.columns) for slot, book in books.items()),
        claims=tuple(claims),
        absorbed_wh={slot: book.absorbed_wh for slot, book in books.items() if book.absorbed_wh},
        withheld_wh={slot: book.withheld_wh for slot, book in books.items() if book.withheld_wh},
        parts={slot: tuple(book.parts) for slot, book in books.items()},
    )


def _slots_by_age(
    usage: Iterable[UnclaimedUsage], meters: Mapping[int, MeterState], period: Period
) -> list[int]:
    """Meters of the batch, oldest usage first; then those that were read and used nothing.

    Those that the last batch left out come before those that still have usage to go after it.
    """
    aged = dict.fromkeys(
        row.slot for row in usage if row.slot in meters and row.start_s < period.to_s
    )
    oldest = dict.fromkeys(sorted(aged, key=lambda slot: meters[slot].record.last_read_s))
    idle = dict.fromkeys(
        slot for slot, meter in meters.items() if meter.read_until_s >= period.to_s
    )
    return list(oldest | idle)


def allowance_wh(record: MeterRecord, to_s: int) -> int:
    """The most the contract takes of a meter at once; its ``is_plausible`` says the same.

    Args:
        record: what the contract holds.
        to_s: end of the batch's period (unix seconds).
    """
    return _most_wh(record, to_s - record.last_read_s)


class Sieve:
    """Tells usage of which a batch can take something from what can only wait.

    A meter that always uses more than the contract lets flow has ever more waiting, which must not
    fill the memory.

    Args:
        meters: by slot, every meter that the contract knows.
        period: what the batch may cover; it may end earlier.
    """

    def __init__(self, meters: Mapping[int, MeterState], period: Period) -> None:
        self._meters = meters
        self._books = {slot: _Books(meter, period.to_s) for slot, meter in meters.items()}
        self._full: set[int] = set()

    def sift(self, rows: Iterable[tuple[int, int, int, int]]) -> Iterator[UnclaimedUsage]:
        """Usage of which a batch can take some.

        Args:
            rows: the fields of :class:`UnclaimedUsage`; every row is seen once, oldest first.
        """
        for start_s, slot, tier, unclaimed_wh in rows:
            is_included = _is_included(self._meters[slot].record, start_s)
            if slot in self._full and not is_included:
                continue
            row = UnclaimedUsage(start_s, slot, tier, unclaimed_wh)
            if self._books[slot].take(row):
                yield row
            elif not is_included:
                self._full.add(slot)


@dataclass(slots=True)
class _Books:
    """One meter's running sums while a batch is composed.

    ``included_wh`` of the meter's usage is in the plan and to come: room is kept for it.
    """

    meter: MeterState
    to_s: int
    included_wh: int = 0
    columns: list[int] = field(default_factory=lambda: [0] * len(COLUMNS))
    absorbed_wh: int = 0
    withheld_wh: int = 0
    parts: list[Part] = field(default_factory=list)

    def take(self, row: UnclaimedUsage) -> int:
        """Put a row's usage where it belongs; returns how much of it was claimed."""
        left_wh = row.unclaimed_wh - self._absorb(row)
        record = self.meter.record
        if _is_included(record, row.start_s):
            left_wh -= self._include(row, left_wh)
        else:
            if record.settlement_mode == "prepaid":
                left_wh -= self._put(row, left_wh, Use.MARKET, record.market_credit_wh)
            left_wh -= self._put(row, left_wh, Use(row.tier), U32_MAX)
        return row.unclaimed_wh - left_wh

    def _absorb(self, row: UnclaimedUsage) -> int:
        absorbed_wh = min(row.unclaimed_wh, self.meter.ahead_wh - self.absorbed_wh)
        self.absorbed_wh += absorbed_wh
        self._note(row, absorbed_wh, Use.ABSORBED)
        return absorbed_wh

    def _include(self, row: UnclaimedUsage, wh: int) -> int:
        """Fill the plan's column; what is left waits, but not for a window that has closed."""
        put_wh = self._fill(row, wh, Use.INCLUDED, self._included_allowance_wh())
        if self.meter.record.paid_until_s > self.to_s:
            return put_wh
        self.withheld_wh += wh - put_wh
        self._note(row, wh - put_wh, Use.WITHHELD)
        return wh

    def _put(self, row: UnclaimedUsage, wh: int, column: Use, most_wh: int) -> int:
        """Fill a column as far as it, and the connection, may hold; returns how much went in."""
        kept_wh = min(self.included_wh, self._included_allowance_wh())
        others_wh = sum(self.columns) - self.columns[Use.INCLUDED]
        room_wh = allowance_wh(self.meter.record, self.to_s) - kept_wh - others_wh
        return self._fill(row, min(wh, room_wh), column, most_wh)

    def _fill(self, row: UnclaimedUsage, wh: int, column: Use, most_wh: int) -> int:
        put_wh = min(wh, most_wh - self.columns[column])
        self.columns[column] += put_wh
        self._note(row, put_wh, column)
        return put_wh

    def _note(self, row: UnclaimedUsage, wh: int, use: Use) -> None:
        if wh:
            self.parts.append(Part(row.start_s, use, wh))

    def _included_allowance_wh(self) -> int:
        """The most the contract takes as included; its ``is_plausible`` says the same."""
        record = self.meter.record
        start_s = max(record.paid_from_s, min(record.last_read_s, self.to_s))
        return min(_most_wh(record, min(record.paid_until_s, self.to_s) - start_s), U32_MAX)


def _most_wh(record: MeterRecord, seconds: int) -> int:
    """The most a connection can carry; one more, because registers round."""
    return record.max_power_w * max(0, seconds) // _S_PER_HOUR + 1


def _included_wh(rows: Iterable[UnclaimedUsage], meters: Mapping[int, MeterState]) -> Counter[int]:
    """Usage inside plan windows, Wh by slot."""
    included_wh = Counter[int]()
    for row in rows:
        if _is_included(meters[row.slot].record, row.start_s):
            included_wh[row.slot] += row.unclaimed_wh
    return included_wh


def _is_included(record: MeterRecord, start_s: int) -> bool:
    in_plan = record.paid_from_s <= start_s < record.paid_until_s
    return in_plan and record.settlement_mode == "prepaid"
