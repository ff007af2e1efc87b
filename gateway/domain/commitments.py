"""What a batch commits to: the heads of everything that a bill rests on, in one root of 32 bytes.

The contract stores the root unread. Its text is kept beside the batch, so that the root can be made
again years later, and each head in it held against what the file says now. Pure; the form is held
still by ``tests/vectors/commitment.json``.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.batches import Price

READINGS: Final = "readings"
"""Number and hash of the newest group of readings."""
AUDIT: Final = "audit"
"""Number and hash of the newest entry of the audit log."""
TOKENS: Final = "tokens"
"""How many meters took credit tokens, and the hash of which of them were used."""
PRICE: Final = "price"
"""Number and hash of the price version that the batch is charged at."""
USAGE: Final = "usage"
"""How many meters, and the hash of which quarter-hour's usage went into which column of each."""
HEADS: Final = (READINGS, AUDIT, TOKENS, PRICE, USAGE)
"""Their order, for good. New ones come last: the text counts its heads, so old ones keep theirs."""
NONE: Final = bytes(32)
"""The value of a head that there is not (yet)."""

_TAG = b"gateway-root\x01"
_HEAD = struct.Struct(">Q32s")
_PRICE = struct.Struct(">IQqqqqq")
_ITEM = struct.Struct(">II")
_COUNTER = struct.Struct(">IQI")


class CommitmentError(ValueError):
    """The text is none of ours: damaged, changed by somebody, or of a newer version."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One head.

    Args:
        number: how far what it is the head of had come; 0 where there is none.
        value: 32 bytes.
    """

    number: int = 0
    value: bytes = NONE


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a root is made of.

    Args:
        text: its canonical form.
        heads: by name; what the text has no place for is left out.
    """

    text: bytes
    heads: Mapping[str, Anchor]

    @classmethod
    def of(cls, heads: Mapping[str, Anchor]) -> Commitment:
        """The commitment to these heads; the others are none.

        Raises:
            KeyError: there is no place for one of them.
        """
        if not heads.keys() <= set(HEADS):
            raise KeyError(*sorted(heads.keys() - set(HEADS)))
        ordered = {name: heads.get(name, Anchor()) for name in HEADS}
        text = _TAG + bytes([len(ordered)])
        text += b"".join(_HEAD.pack(head.number, head.value) for head in ordered.values())
        return cls(text, ordered)

    @classmethod
    def read(cls, text: bytes) -> Commitment:
        """The commitment with this text.

        Raises:
            CommitmentError: it is none of ours.
        """
        count, body = text[len(_TAG) : len(_TAG) + 1], text[len(_TAG) + 1 :]
        if not text.startswith(_TAG) or not count or len(body) != count[0] * _HEAD.size:
            raise CommitmentError("it has another form")
        if count[0] > len(HEADS):
            raise CommitmentError("it was written by a newer version: install that one")
        anchors = [Anchor(*values) for values in _HEAD.iter_unpack(body)]
        return cls(text, dict(zip(HEADS, anchors, strict=False)))

    @property
    def root(self) -> bytes:
        """What the batch carries, 32 bytes."""
        return hashlib.sha256(self.text).digest()


def price_anchor(price: Price) -> Anchor:
    """The head of a price version: all its numbers, big endian, in one hash."""
    packed = _PRICE.pack(
        price.version,
        price.effective_from_s,
        price.off_peak,
        price.standard,
        price.peak,
        price.daily,
        price.weekly,
    )
    return Anchor(price.version, hashlib.sha256(packed).digest())


def usage_anchor(items: Iterable[tuple[int, bytes]]) -> Anchor:
    """The head of what a batch carries of which quarter-hour.

    Args:
        items: slot and packed parts (:mod:`gateway.domain.parts`) of each meter, by slot.
    """
    digest = hashlib.sha256()
    count = 0
    for slot, parts in items:
        digest.update(_ITEM.pack(slot, len(parts)) + parts)
        count += 1
    return Anchor(count, digest.digest())


def tokens_anchor(counters: Iterable[tuple[int, int, Sequence[int]]]) -> Anchor:
    """The head of which tokens were used; none where no meter has taken any.

    Args:
        counters: slot, counter and used counts of each meter that took one, by slot.
    """
    digest = hashlib.sha256()
    count = 0
    for slot, counter, used in counters:
        digest.update(_COUNTER.pack(slot, counter, len(used)))
        digest.update(struct.pack(f">{len(used)}Q", *used))
        count += 1
    return Anchor(count, digest.digest()) if count else Anchor()
