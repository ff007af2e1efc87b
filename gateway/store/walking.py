"""Walks a site's batches from the first that a bill rests on to the newest, and makes each anew.

Every digest on the way is made again from its figures, because only the newest receipt is the
contract's own word: it vouches for the others through them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.domain.batches import Price
from gateway.domain.statement import Line
from gateway.domain.trail import (
    KeptReceipt,
    Link,
    Mismatch,
    Step,
    check_digest,
    check_heads,
    check_parts,
    check_receipt,
)
from gateway.store import trail

Progress = Callable[[int, int], None]
"""Told how many batches are done, and how many there are."""


class Walk:
    """A walk over batches, and what was found on it.

    Args:
        connection: of a snapshot.
        site: the village's number.
        prices: as they are stored, by version.
    """

    def __init__(
        self, connection: sqlite3.Connection, site: int, prices: Mapping[int, Price]
    ) -> None:
        self._connection = connection
        self._site = site
        self._prices = prices
        self._adopted = trail.read_adopted(connection, site)
        self._digests = {one.sequence: one.digest for one in self._adopted}
        self._kept = {one.sequence: one for one in self._adopted}
        self._newest_group = trail.group_extent(connection)[1]
        self._open: int | None = None
        self._last: int | None = None
        self.linked: tuple[int, int] | None = None
        self.notes: list[str] = []
        self.mismatches: list[Mismatch] = []

    def go(
        self, lines: Sequence[Line], newest: KeptReceipt | None, progress: Progress | None
    ) -> Iterator[tuple[Line, Link]]:
        """Look at each batch up to the newest; yields those that are asked for.

        Args:
            lines: of the batches that are asked for; the oldest is where the walk begins.
            newest: the newest receipt; the walk begins there if nothing is asked for.
            progress: told of batches.
        """
        wanted = {line.item.sequence: line for line in lines}
        upto = newest.sequence if newest else 1
        first = min(wanted, default=upto)
        before: KeptReceipt | None = None
        digest: bytes | None = None
        for link in trail.read_links(self._connection, self._site, first):
            sequence = link.batch.sequence
            if progress is not None:
                progress(sequence - first, max(upto - first, 0) + 1)
            if self._last is not None and sequence > self._last + 1:
                digest = self._gap(self._last, sequence - 1)
            digest = self._look(link, digest, before)
            before = link.receipt or before
            if sequence in wanted:
                yield wanted[sequence], link
        if self._adopted and self._last is not None and self._adopted[-1].sequence > self._last:
            self._gap(self._last, self._adopted[-1].sequence)

    def _gap(self, last: int, upto: int) -> bytes | None:
        """Batches that are not there; returns the digest of the last of them, if it is known."""
        gone = f"batch {upto} is" if upto == last + 1 else f"batches {last + 1}-{upto} are"
        self.linked = None
        if any(one.sequence >= upto for one in self._adopted):
            self.notes.append(
                f"{gone} another database's, adopted from the contract's receipt in a take-over; "
                "what is older rests on the receipts kept here"
            )
            return self._digests.get(upto)
        text = f"{gone} not in this file: taken out, or of another database"
        self.mismatches.append(Mismatch(Step.BATCH, text))
        return None

    def _look(self, link: Link, before: bytes | None, receipt: KeptReceipt | None) -> bytes:
        """Check one batch; returns the digest that the next one follows."""
        sequence = link.batch.sequence
        digest, wrong = check_digest(link, before)
        self.mismatches += wrong
        self.mismatches += check_heads(
            link,
            self._prices.get(link.batch.price_version),
            lambda number: trail.group_hash(self._connection, number),
            self._newest_group,
        )
        self.mismatches += check_parts(link)
        self.mismatches += check_receipt(link, receipt)
        self.linked = (self.linked[0] if self.linked else sequence, sequence)
        self._last = sequence
        self._digests[sequence] = digest
        if link.receipt is not None:
            self._kept[sequence] = link.receipt
        elif link.state != "confirmed":
            self._open = sequence
        return digest

    def check_newest(self, receipt: KeptReceipt, step: Step, what: str) -> list[Mismatch]:
        """Hold the newest receipt against the batches that lead up to it.

        Args:
            receipt: as somebody says it; its root is not looked at, the digest covers it.
            step: where it stands on the way.
            what: what it is called.
        """
        sequence = receipt.sequence
        settled = max((one for one in self._digests if one != self._open), default=None)
        if settled is None:
            return []
        if sequence not in self._digests:
            text = (
                f"{what} is of batch {sequence}, and this file's batches end at {settled}: it is "
                "an older copy, batches were taken out, or another gateway settles"
            )
        elif sequence < settled:
            text = (
                f"{what} is of batch {sequence}, and batch {settled} is settled here: it is older "
                "than this file"
            )
        elif self._digests[sequence] != receipt.digest:
            text = (
                f"{what} is for another batch {sequence} than the one in this file: its digest, "
                "or one before it, is another"
            )
        elif sequence in self._kept and _figures(self._kept[sequence]) != _figures(receipt):
            text = (
                f"{what} and the one kept for batch {sequence} differ in their figures: "
                f"{receipt.accepted_wh} and {self._kept[sequence].accepted_wh} Wh accepted, "
                f"{receipt.total_wh} and {self._kept[sequence].total_wh} Wh ever"
            )
        else:
            return []
        return [Mismatch(step, text)]


def _figures(receipt: KeptReceipt) -> tuple[int, ...]:
    return (
        receipt.to_s,
        receipt.accepted_wh,
        receipt.residue_wh,
        receipt.total_wh,
        receipt.total_residue_wh,
        receipt.closed_s,
    )
