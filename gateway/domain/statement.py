"""A meter's statement: item after item, what the contract counted and charged, made again.

Totals, remainders and claims are carried from item to item as the contract and the books do, and
held against what was read of the contract each time. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.batches import Price, SlotUsage
from gateway.domain.charging import Charge, charge
from gateway.domain.parts import Part, Use
from gateway.domain.trail import Mismatch, Step

TIERS = ("off-peak", "standard", "peak")


def tier_name(tier: int) -> str:
    """What a tier is called; one that there is not, by its number."""
    return TIERS[tier] if 0 <= tier < len(TIERS) else f"tier {tier}"


@dataclass(frozen=True, slots=True)
class Item:
    """One meter in one batch.

    Args:
        outbox_id: the batch's row, in the order of composing.
        sequence: the batch's number.
        from_s: start of its period (unix seconds).
        to_s: its end.
        price_version: what it is charged at.
        usage: its columns.
        parts: of which quarter-hours; None: they were not kept, or can't be read.
        state: of its outbox row.
        message: the last thing said of the batch.
        accepted: whether the contract took it; None: nobody knows (yet).
        total_wh: the contract's total once it was in; None: it was not kept.
        balance: the contract's balance then, stroops.
        remainder_milli: its remainder then, thousandths of a stroop.
    """

    outbox_id: int
    sequence: int
    from_s: int
    to_s: int
    price_version: int
    usage: SlotUsage
    parts: tuple[Part, ...] | None
    state: str
    message: str | None
    accepted: bool | None
    total_wh: int | None
    balance: int | None
    remainder_milli: int | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state not in {"confirmed", "refused"}


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a take-over took from the chain for one meter.

    Args:
        outbox_id: the take-over's row.
        sequence: the batch after which it took over.
        at_s: when (unix seconds).
        total_wh: the contract's total then.
        balance: its balance, stroops.
        remainder_milli: its remainder.
        ahead_wh: what the chain had counted and the store had yet to see.
        parts: usage that it claimed here; None: all claims of the meter were said anew.
    """

    outbox_id: int
    sequence: int
    at_s: int
    total_wh: int
    balance: int
    remainder_milli: int
    ahead_wh: int
    parts: tuple[Part, ...] | None


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter-hour as it is stored.

    Args:
        start_s: its start (unix seconds).
        tier: 0 off-peak, 1 standard, 2 peak.
        usage_wh: its usage.
        claimed_wh: of it, spoken for.
        estimated_wh: of it, estimated.
        edits: what people and the gateway changed in it, in words.
    """

    start_s: int
    tier: int
    usage_wh: int
    claimed_wh: int
    estimated_wh: int
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """What is stored of a meter beside its items.

    Args:
        chain_wh: the contract's total as it was last read; None: it was never read.
        balance: its balance then, stroops.
        claimed_wh: usage spoken for, ever.
        usage_wh: usage, ever.
        residue_wh: refused for good.
        ahead_wh: what the chain has counted and the store has yet to see.
        replaced_wh: what it had counted before this file was begun, which the store never will.
    """

    chain_wh: int | None
    balance: int | None
    claimed_wh: int
    usage_wh: int
    residue_wh: int
    ahead_wh: int
    replaced_wh: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the statement.

    Args:
        item: the item.
        charge: what it cost; None: it is no prepaid meter, was not accepted, or a figure that it
            needs was not kept.
        credited: what else moved the balance since the item before, stroops; None: not known.
    """

    item: Item
    charge: Charge | None
    credited: int | None


@dataclass(slots=True)
class Statement:
    """A meter's items, carried from one to the next.

    Args:
        lines: one for each confirmed or open item.
        accepted_wh: accepted in them.
        adopted_wh: counted by the chain for batches that are not here.
        residue_wh: refused or withheld.
        open_wh: in the batch that waits for an answer.
        mismatches: what does not agree.
        notes: what should be known.
    """

    lines: list[Line] = field(default_factory=list)
    accepted_wh: int = 0
    adopted_wh: int = 0
    residue_wh: int = 0
    open_wh: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def draw_up(
    entries: Iterable[Item | Adoption], prices: Mapping[int, Price], *, is_prepaid: bool
) -> Statement:
    """Carry totals and remainders through a meter's items.

    Args:
        entries: items and adoptions, ascending by outbox row.
        prices: by version, as they are stored.
        is_prepaid: whether the contract charges it.
    """
    statement = Statement()
    carrier = _Carrier(statement, prices, is_prepaid=is_prepaid)
    for entry in entries:
        if isinstance(entry, Adoption):
            carrier.adopt(entry)
        else:
            carrier.carry(entry)
    return statement


class _Carrier:
    """Where a meter's total, remainder and balance stand between two items."""

    def __init__(
        self, statement: Statement, prices: Mapping[int, Price], *, is_prepaid: bool
    ) -> None:
        self._statement = statement
        self._prices = prices
        self._is_prepaid = is_prepaid
        self._total_wh = 0
        self._left_milli: int | None = 0
        self._balance: int | None = None

    def adopt(self, adoption: Adoption) -> None:
        adopted_wh = adoption.total_wh - self._total_wh
        self._statement.adopted_wh += adopted_wh
        self._total_wh = adoption.total_wh
        self._left_milli, self._balance = adoption.remainder_milli, adoption.balance

    def carry(self, item: Item) -> None:
        statement = self._statement
        withheld = (part for part in item.parts or () if part.use is Use.WITHHELD)
        statement.residue_wh += sum(part.usage_wh for part in withheld)
        if item.state == "refused":
            return
        if item.is_open:
            statement.open_wh += item.usage.total_wh
            statement.lines.append(Line(item, None, None))
            return
        self._count(item)
        made = self._charge(item)
        credited = None
        if item.balance is not None and self._balance is not None:
            credited = item.balance - self._balance + (made.stroops if made else 0)
            if credited < 0:
                statement.notes.append(
                    f"batch {item.sequence}: the balance fell by {-credited} stroops more than "
                    "its charge: arrears that had been written off were reinstated, or a figure "
                    "was changed"
                )
        statement.lines.append(Line(item, made, credited))
        self._left_milli, self._balance = item.remainder_milli, item.balance

    def _count(self, item: Item) -> None:
        statement, sent_wh = self._statement, item.usage.total_wh
        if item.accepted is False:
            statement.residue_wh += sent_wh
        else:
            statement.accepted_wh += sent_wh
            self._total_wh += sent_wh
        if item.total_wh is not None and item.total_wh != self._total_wh:
            statement.mismatches.append(
                Mismatch(
                    Step.RECEIPT,
                    f"after batch {item.sequence} the contract's total of this meter was "
                    f"{item.total_wh} Wh, and the batches up to it make {self._total_wh} Wh",
                )
            )
            self._total_wh = item.total_wh

    def _charge(self, item: Item) -> Charge | None:
        price = self._prices.get(item.price_version)
        if not self._is_prepaid or item.accepted is not True:
            return None
        if price is None or self._left_milli is None:
            return None
        made = charge(item.usage, price, self._left_milli)
        if item.remainder_milli is not None and made.left_milli != item.remainder_milli:
            self._misses(item, made)
        return made

    def _misses(self, item: Item, made: Charge) -> None:
        said = (
            f"batch {item.sequence}: its usage at its price leaves {made.left_milli} thousandths "
            f"of a stroop to carry on, and the contract carried {item.remainder_milli}"
        )
        if item.usage.market_wh:
            self._statement.notes.append(
                f"{said}: some of its market energy was gone by then and cost the standard rate"
            )
        else:
            said += ": usage, price or remainder are not those that were charged"
            self._statement.mismatches.append(Mismatch(Step.CHARGE, said))


def check_books(statement: Statement, books: Books) -> list[Mismatch]:
    """Hold a statement of all items of a meter against what is stored of it beside them."""
    found = []
    total_wh = statement.accepted_wh + statement.adopted_wh
    known = {total_wh, total_wh + statement.open_wh}  # an open batch may be in already
    if books.chain_wh is not None and books.chain_wh not in known:
        found.append(
            Mismatch(
                Step.CHAIN,
                f"the contract has counted {books.chain_wh} Wh of this meter, and its batches "
                f"({statement.accepted_wh} Wh) and take-overs ({statement.adopted_wh} Wh) make "
                f"{total_wh} Wh",
            )
        )
    if books.residue_wh != statement.residue_wh:
        found.append(
            Mismatch(
                Step.USAGE,
                f"{books.residue_wh} Wh are booked as refused for good, and the batches say "
                f"{statement.residue_wh} Wh",
            )
        )
    settled_wh = total_wh + statement.residue_wh + statement.open_wh
    if books.claimed_wh + books.ahead_wh + books.replaced_wh != settled_wh:
        found.append(
            Mismatch(
                Step.USAGE,
                f"{books.claimed_wh} Wh of its quarter-hours are marked as settled (and the chain "
                f"is {books.ahead_wh} Wh ahead), but batches and refusals make {settled_wh} Wh",
            )
        )
    return found


def claims_of(
    entries: Iterable[Item | Adoption],
) -> Mapping[int, list[tuple[Item | Adoption, Part]]] | None:
    """What took each quarter-hour's usage, by its start; None: it was not kept of every item."""
    claims: dict[int, list[tuple[Item | Adoption, Part]]] = {}
    for entry in entries:
        if entry.parts is None:
            return None
        is_refused = isinstance(entry, Item) and entry.state == "refused"
        for part in entry.parts:
            if not (is_refused and part.use.is_column):
                claims.setdefault(part.start_s, []).append((entry, part))
    return claims


def check_quarter(quarter: Quarter, claims: Sequence[tuple[Item | Adoption, Part]]) -> str | None:
    """What does not agree between a quarter-hour and what took its usage; None: nothing.

    Args:
        quarter: as it is stored.
        claims: what took some of it.
    """
    taken_wh = sum(part.usage_wh for _, part in claims)
    if taken_wh != quarter.claimed_wh:
        return (
            f"{quarter.claimed_wh} Wh of it are marked as settled, and batches took {taken_wh} Wh: "
            "its usage was changed after it was settled"
        )
    if taken_wh > quarter.usage_wh:
        return f"batches took {taken_wh} Wh of it, and it has {quarter.usage_wh} Wh"
    for _, part in claims:
        if part.use <= Use.PEAK and int(part.use) != quarter.tier:
            now, then = tier_name(quarter.tier), tier_name(part.use)
            return f"it stands as {now}, and was settled as {then}: its tier was changed since"
    return None
