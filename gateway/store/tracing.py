"""Follows one meter's usage of a period through batches and receipts to its charge.

Everything is read from one snapshot; what the chain says now is brought by the caller. The batches
are walked in :mod:`gateway.store.walking`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.batches import Price, Receipt
from gateway.domain.commitments import READINGS
from gateway.domain.pages import MeterRecord
from gateway.domain.parts import Part
from gateway.domain.statement import (
    Adoption,
    Books,
    Item,
    Line,
    Quarter,
    Statement,
    check_books,
    check_quarter,
    claims_of,
    draw_up,
)
from gateway.domain.trail import (
    KeptReceipt,
    Link,
    Mismatch,
    Step,
    commitment_of,
    kept_of,
)
from gateway.store import trail
from gateway.store.trail import Point, Register
from gateway.store.walking import Progress, Walk


@dataclass(frozen=True, slots=True)
class Witness:
    """What the chain itself says now.

    Args:
        ledger: as of which ledger.
        closed_s: its close time (unix seconds).
        receipt: the site's last receipt; None: it never settled.
        record: the meter's record; None: the contract does not know it.
        prices: by version.
    """

    ledger: int
    closed_s: int
    receipt: Receipt | None
    record: MeterRecord | None
    prices: Mapping[int, Price]


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch on the trail.

    Args:
        line: the meter's item and its charge.
        period_wh: of the item, from the quarter-hours that are asked for; None: not known.
        link: the batch.
        group: the newest group of readings when it was made; None: it does not say.
        group_is_kept: whether that group is still there.
    """

    line: Line
    period_wh: int | None
    link: Link
    group: int | None
    group_is_kept: bool


@dataclass(slots=True)
class Trace:
    """The way of one meter's usage.

    Args:
        point: the meter point.
        books: what is stored of it.
        prices: as they are stored, by version.
        registers: at both ends of the period.
        quarters: of the period.
        claims: what took each quarter-hour's usage; None: it was not kept.
        statement: all items of the meter.
        seen: the batches that carry usage of the period.
        refused: batches with it that were given up.
        linked: first and last batch whose digests were made again, without a gap.
        newest: the last receipt that this file has; None: it never settled.
        witness: what the chain says; None: it was not asked.
        notes: what should be known.
        mismatches: what does not agree.
    """

    point: Point
    books: Books
    prices: Mapping[int, Price]
    registers: Sequence[Register]
    quarters: Sequence[Quarter]
    claims: Mapping[int, list[tuple[Item | Adoption, Part]]] | None
    statement: Statement
    seen: list[Seen] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)
    linked: tuple[int, int] | None = None
    newest: KeptReceipt | None = None
    witness: Witness | None = None
    notes: list[str] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)


def trace(
    connection: sqlite3.Connection,
    point: Point,
    span_s: tuple[int, int],
    witness: Witness | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Follow a meter point's usage of a period.

    Args:
        connection: of a snapshot.
        point: the meter point.
        span_s: quarter-hours that begin in [from, to), unix seconds.
        witness: what the chain says now; None: it was not asked.
        progress: told of batches.
    """
    prices = trail.read_prices(connection)
    entries = trail.read_entries(connection, point)
    statement = draw_up(entries, prices, is_prepaid=point.mode == "prepaid")
    found = Trace(
        point=point,
        books=trail.read_books(connection, point),
        prices=prices,
        registers=trail.read_registers(connection, point, *(at_s * 1000 for at_s in span_s)),
        quarters=trail.read_quarters(connection, point, *span_s),
        claims=claims_of(entries),
        statement=statement,
        newest=trail.read_newest(connection, point.site),
        witness=witness,
    )
    found.notes += statement.notes
    found.mismatches += statement.mismatches
    _check_usage(found, span_s)
    found.refused = [
        entry
        for entry in entries
        if isinstance(entry, Item) and entry.state == "refused" and _touches(entry, span_s)
    ]
    walk = Walk(connection, point.site, prices)
    lines = [line for line in statement.lines if _touches(line.item, span_s)]
    for line, link in walk.go(lines, found.newest, progress):
        found.seen.append(_seen(connection, line, link, span_s))
    found.linked = walk.linked
    found.notes += walk.notes
    found.mismatches += walk.mismatches
    found.mismatches += check_books(statement, found.books)
    if found.newest is not None:
        what = "the newest receipt kept here"
        found.mismatches += walk.check_newest(found.newest, Step.RECEIPT, what)
    if witness is not None:
        _check_witness(found, witness, walk)
    return found


def _touches(item: Item, span_s: tuple[int, int]) -> bool:
    """Whether an item carries usage of a period, or would if its parts were known."""
    from_s, to_s = span_s
    if item.parts is None:
        return item.from_s < to_s and item.to_s > from_s
    return any(from_s <= part.start_s < to_s for part in item.parts)


def _check_usage(found: Trace, span_s: tuple[int, int]) -> None:
    claims = found.claims
    if claims is None:
        found.notes.append(
            "which quarter-hours went into which batch is not known of all batches: some were made "
            "by an older version, or a take-over found less on the chain than was settled here"
        )
        return
    _note_late(found)
    for quarter in found.quarters:
        sentence = check_quarter(quarter, claims.get(quarter.start_s, ()))
        if sentence is not None:
            found.mismatches.append(_of_quarter(quarter.start_s, sentence))
    stored = {quarter.start_s for quarter in found.quarters}
    for start_s in sorted(claims.keys() - stored):
        if span_s[0] <= start_s < span_s[1]:
            wh = sum(part.usage_wh for _, part in claims[start_s])
            text = f"batches took {wh} Wh of it, and it has no usage: its row was taken out"
            found.mismatches.append(_of_quarter(start_s, text))


def _note_late(found: Trace) -> None:
    settled_s = found.newest.to_s if found.newest else 0
    late = [
        one.usage_wh - one.claimed_wh
        for one in found.quarters
        if one.start_s < settled_s and one.usage_wh > one.claimed_wh
    ]
    if late:
        found.notes.append(
            f"{sum(late)} Wh in {len(late)} quarter-hours, marked ?, wait although batches have "
            "passed them: they came late or were added, and go along with the next batch"
        )


def _of_quarter(start_s: int, sentence: str) -> Mismatch:
    return Mismatch(Step.USAGE, sentence, start_s)


def _seen(connection: sqlite3.Connection, line: Line, link: Link, span_s: tuple[int, int]) -> Seen:
    parts, commitment = line.item.parts, commitment_of(link)
    columns = (part for part in parts or () if part.use.is_column)
    in_period = (part.usage_wh for part in columns if span_s[0] <= part.start_s < span_s[1])
    group = commitment.heads[READINGS].number if commitment else None
    is_kept = group is not None and trail.group_hash(connection, group) is not None
    return Seen(line, None if parts is None else sum(in_period), link, group, is_kept)


def _check_witness(found: Trace, witness: Witness, walk: Walk) -> None:
    receipt, record = witness.receipt, witness.record
    if receipt is not None:
        said = kept_of(receipt, witness.ledger)
        found.mismatches += walk.check_newest(said, Step.CHAIN, "the contract's receipt")
    elif found.newest is not None:
        text = "the contract has no receipt for this site: it is another contract or network"
        found.mismatches.append(Mismatch(Step.CHAIN, text))
    statement = found.statement
    total_wh = statement.accepted_wh + statement.adopted_wh
    if record is not None and record.total_wh not in {total_wh, total_wh + statement.open_wh}:
        found.mismatches.append(
            Mismatch(
                Step.CHAIN,
                f"the contract counts {record.total_wh} Wh of this meter, and the batches and "
                f"take-overs in this file make {total_wh} Wh",
            )
        )
    for version in sorted({one.line.item.price_version for one in found.seen}):
        if witness.prices.get(version) != found.prices.get(version):
            found.mismatches.append(
                Mismatch(
                    Step.CHARGE,
                    f"price version {version} is another one on the contract than in this file",
                )
            )
