"""The trail of a bill through its batches: whether each is what was sent, anchored and receipted.

A batch's digest covers its figures and the digest before it, so the newest receipt on the chain
vouches for every older batch down to the byte. What does not fit is said with what was most likely
changed: whatever else the file says of the same figures is tried in their place. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.domain.batches import Batch, Price, Receipt, SlotUsage
from gateway.domain.commitments import (
    PRICE,
    READINGS,
    USAGE,
    Anchor,
    Commitment,
    CommitmentError,
    price_anchor,
    usage_anchor,
)
from gateway.domain.parts import Part, PartsError, columns_of, decode_parts


class Step(StrEnum):
    """A stage of the way from the meter to the charge."""

    READINGS = "readings"
    USAGE = "usage"
    BATCH = "batch"
    RECEIPT = "receipt"
    CHARGE = "charge"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two figures that should agree and do not.

    Args:
        step: where on the way.
        sentence: what does not agree, and what that means.
        start_s: start of the quarter-hour that it is about (unix seconds), if it is about one.
    """

    step: Step
    sentence: str
    start_s: int | None = None


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """The contract's receipt for a batch, or the one that a take-over adopted, as it was kept.

    Args:
        sequence: the batch's number.
        digest: its digest, 32 bytes.
        root: what it committed to, 32 bytes.
        to_s: end of its period (unix seconds).
        accepted_wh: accepted by it.
        residue_wh: reported in it and refused.
        total_wh: accepted from the site, ever.
        total_residue_wh: refused from the site, ever.
        closed_s: close time of the ledger that accepted it (unix seconds).
        ledger: the ledger in which it was seen.
    """

    sequence: int
    digest: bytes
    root: bytes
    to_s: int
    accepted_wh: int
    residue_wh: int
    total_wh: int
    total_residue_wh: int
    closed_s: int
    ledger: int


def kept_of(receipt: Receipt, ledger: int) -> KeptReceipt:
    """A receipt as it is kept.

    Args:
        receipt: the contract's.
        ledger: in which it was seen.
    """
    return KeptReceipt(
        sequence=receipt.sequence,
        digest=receipt.digest,
        root=receipt.root,
        to_s=receipt.to_s,
        accepted_wh=receipt.accepted_wh,
        residue_wh=receipt.residue_wh,
        total_wh=receipt.total_wh,
        total_residue_wh=receipt.total_residue_wh,
        closed_s=receipt.closed_s,
        ledger=ledger,
    )


@dataclass(frozen=True, slots=True)
class Link:
    """A batch as it is stored, with all that hangs on it.

    Args:
        batch: its figures.
        previous_digest: the digest before it, 32 bytes.
        digest: its own.
        contract: the contract's address; None: composed by a version that did not keep it.
        network_id: SHA-256 of the network's passphrase; None likewise.
        commitment: what its root is made of; None: it has no root.
        parts: of each slot, packed; None: they were not kept.
        accepted: of each slot, whether the contract took it; None: nobody knows (yet).
        state: of its outbox row.
        message: the last thing said of it.
        tx_hash: the transaction's, hex; None: never signed.
        receipt: the contract's, once it is confirmed.
    """

    batch: Batch
    previous_digest: bytes
    digest: bytes
    contract: str | None
    network_id: bytes | None
    commitment: bytes | None
    parts: Mapping[int, bytes | None]
    accepted: Mapping[int, bool | None]
    state: str
    message: str | None
    tx_hash: str | None
    receipt: KeptReceipt | None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"batch {self.batch.sequence}"

    def digest_of(self, batch: Batch, previous: bytes) -> bytes | None:
        """The digest that such a batch would have had here; None: there can be none."""
        if self.contract is None or self.network_id is None:
            return None
        try:
            return batch.digest(previous, self.network_id, self.contract)
        except (struct.error, UnicodeEncodeError):  # figures that no batch can have
            return None


Unpacked = Mapping[int, list[Part] | None]
"""The parts of each slot; None: they can't be read or were not kept."""
GroupHash = Callable[[int], bytes | None]
"""The hash of a stored group of readings by its number; None: it is not (any more) there."""


def unpack(link: Link) -> Unpacked:
    """The parts of every item."""
    return {slot: _parts(packed) for slot, packed in link.parts.items()}


def _parts(packed: bytes | None) -> list[Part] | None:
    try:
        return None if packed is None else decode_parts(packed)
    except PartsError:
        return None


def commitment_of(link: Link) -> Commitment | None:
    """What its root is made of; None: it has none, or it can't be read."""
    try:
        return None if link.commitment is None else Commitment.read(link.commitment)
    except CommitmentError:
        return None


def check_digest(link: Link, before: bytes | None) -> tuple[bytes, list[Mismatch]]:
    """Make the digest again; returns the one to follow on from, and what does not fit.

    Args:
        link: the batch.
        before: the digest of the batch before it; None: it is not known.
    """
    previous = link.previous_digest if before is None else before
    made = link.digest_of(link.batch, previous)
    if link.contract is None:
        said = [] if previous == link.previous_digest else [_not_after(link)]
        return link.digest, said
    if made == link.digest and previous == link.previous_digest:
        return link.digest, []
    if made == link.digest:
        text = "the digest of the batch before it was changed here"
        return link.digest, [_at(link, text)]
    if made is not None and link.receipt is not None and made == link.receipt.digest:
        text = "its digest was changed; its figures are those that the contract has a receipt for"
        return made, [_at(link, text)]
    if made is not None and link.receipt is None and link.state != "confirmed":
        return made, [_at(link, "its digest or its figures were changed; it is not confirmed yet")]
    return link.digest, [_at(link, _changed(link, previous))]


def _changed(link: Link, previous: bytes) -> str:
    """Which figure was changed: the one with which the digest fits when it is put right."""
    batch = link.batch
    commitment = commitment_of(link)
    if commitment and link.digest_of(replace(batch, root=commitment.root), previous) == link.digest:
        return "its root was changed; what it was made of is still there"
    unpacked = unpack(link)
    wrong = [
        usage.slot
        for usage in batch.slots
        if (parts := unpacked[usage.slot]) is not None and columns_of(parts) != usage.columns
    ]
    right = tuple(
        SlotUsage(usage.slot, *columns_of(unpacked[usage.slot] or ()))
        if usage.slot in wrong
        else usage
        for usage in batch.slots
    )
    if wrong and link.digest_of(replace(batch, slots=right), previous) == link.digest:
        slots = ", ".join(str(slot) for slot in wrong)
        return f"the figures of slot {slots} were changed after it was sent"
    return (
        "its figures do not make its digest: usage, period, price version, root, contract or "
        "network were changed after it was sent, or a meter was taken out or put in"
    )


def check_heads(
    link: Link, price: Price | None, group_hash: GroupHash, newest: int
) -> Iterator[Mismatch]:
    """Hold the root against its text, and each head in it against what is stored now.

    Args:
        link: the batch.
        price: the version that it names, as it is stored; None: it is not there.
        group_hash: finds groups of readings.
        newest: the newest group's number; 0: there is none.
    """
    if link.commitment is None:
        if link.batch.root is not None:
            yield _at(link, "what its root is made of was taken out of the file")
        return
    try:
        commitment = Commitment.read(link.commitment)
    except CommitmentError as error:
        yield _at(link, f"what its root is made of can't be read: {error}")
        return
    if commitment.root != link.batch.root:
        yield _at(link, "its root is not made of the heads beside it: one of them was changed")
        return
    heads = commitment.heads
    if READINGS in heads:
        yield from _check_group(link, heads[READINGS], group_hash, newest)
    is_known = price is not None and heads.get(PRICE) == price_anchor(price)
    if not is_known and (price is not None or link.state == "confirmed"):
        yield Mismatch(
            Step.CHARGE,
            f"price version {link.batch.price_version} in this file is not the one that "
            f"{link.name} was made with: prices were changed here",
        )
    packed = [(slot, parts or b"") for slot, parts in sorted(link.parts.items())]
    if heads.get(USAGE) != usage_anchor(packed):
        yield Mismatch(
            Step.USAGE,
            f"{link.name}: which quarter-hours it took its usage from was changed after it was "
            "sent",
        )


def _check_group(
    link: Link, head: Anchor, group_hash: GroupHash, newest: int
) -> Iterator[Mismatch]:
    found = group_hash(head.number)
    if head.number > newest:
        yield Mismatch(
            Step.READINGS,
            f"{link.name} was made after group {head.number} of readings, and this file ends at "
            f"group {newest}: readings were taken out",
        )
    elif found is not None and found != head.value:
        yield Mismatch(
            Step.READINGS,
            f"group {head.number} of readings is not the one that {link.name} was made after: "
            "it, or one before it, was changed since",
        )


def check_parts(link: Link) -> Iterator[Mismatch]:
    """Hold each item's columns against the quarter-hours that they were taken from."""
    for usage in link.batch.slots:
        packed = link.parts[usage.slot]
        if packed is None:
            continue
        parts = _parts(packed)
        if parts is None:
            text = f"which quarter-hours slot {usage.slot} was taken from can't be read: damaged"
            yield Mismatch(Step.USAGE, f"{link.name}: {text}")
        elif columns_of(parts) != usage.columns:
            yield Mismatch(
                Step.BATCH,
                f"{link.name}: slot {usage.slot} says {usage.total_wh} Wh in its columns, and its "
                f"quarter-hours make {sum(columns_of(parts))} Wh in theirs",
            )


def check_receipt(link: Link, before: KeptReceipt | None) -> Iterator[Mismatch]:
    """Hold a batch against its receipt, and the receipt's totals against the one before.

    Args:
        link: the batch.
        before: the receipt before it; None: it is not known.
    """
    receipt, batch = link.receipt, link.batch
    if receipt is None:
        if link.state == "confirmed" and link.contract is not None:
            yield _receipt(link, "is confirmed, and its receipt is not there: it was taken out")
        return
    if (receipt.sequence, receipt.digest) != (batch.sequence, link.digest):
        yield _receipt(link, "its receipt is of another batch: one of their digests was changed")
    elif (receipt.root, receipt.to_s) != (batch.root or bytes(32), batch.to_s):
        yield _receipt(link, "its receipt names another root or another end of its period")
    if receipt.accepted_wh + receipt.residue_wh != batch.total_wh:
        yield _receipt(
            link,
            f"its receipt is for {receipt.accepted_wh} Wh accepted and {receipt.residue_wh} Wh "
            f"refused, and it carries {batch.total_wh} Wh",
        )
    if None not in link.accepted.values():
        taken_wh = sum(usage.total_wh for usage in batch.slots if link.accepted[usage.slot])
        if taken_wh != receipt.accepted_wh:
            yield _receipt(
                link,
                f"the contract accepted {receipt.accepted_wh} Wh of it, and this file marks "
                f"{taken_wh} Wh as accepted",
            )
    if before is not None and (before.sequence + 1 == receipt.sequence):
        grown_wh = receipt.total_wh - before.total_wh
        grown = (grown_wh, receipt.total_residue_wh - before.total_residue_wh)
        if grown != (receipt.accepted_wh, receipt.residue_wh):
            yield _receipt(
                link,
                f"the site's totals grew by {grown[0]} Wh accepted and {grown[1]} Wh refused, and "
                f"its receipt is for {receipt.accepted_wh} Wh and {receipt.residue_wh} Wh",
            )


def _not_after(link: Link) -> Mismatch:
    return _at(link, "it does not follow the batch before it: one of their digests was changed")


def _at(link: Link, text: str) -> Mismatch:
    return Mismatch(Step.BATCH, f"{link.name}: {text}")


def _receipt(link: Link, text: str) -> Mismatch:
    return Mismatch(Step.RECEIPT, f"{link.name}: {text}")
