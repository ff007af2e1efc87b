"""A batch of usage as the contract takes it: its bytes, its digest, and its receipt.

The encoding is the contract's (``contracts/meter/src/usage.rs`` and ``batch.rs``); both sides
are held to it by ``tests/vectors/batch.json``. What goes into a batch is decided in
:mod:`gateway.domain.composition`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from itertools import groupby

from gateway.domain.pages import PAGE_RECORDS, page_of

U32_MAX = 2**32 - 1
COLUMNS = ("off_peak", "standard", "peak", "included", "market")
"""Columns of Wh in the order of their bits."""

NO_DIGEST = bytes(32)
"""Stands before the first batch of a site, and for "no root"."""

_DATA_HEADER = struct.Struct(">QB")


@dataclass(frozen=True, slots=True)
class SlotUsage:
    """One meter's usage in a batch, Wh by column.

    Args:
        slot: the meter's number within the site.
        off_peak_wh: charged at tier 0.
        standard_wh: charged at tier 1.
        peak_wh: charged at tier 2.
        included_wh: used inside the plan window, not charged again.
        market_wh: drawn from energy bought on the market; what the contract has no credit for
            is charged at tier 1.
    """

    slot: int
    off_peak_wh: int = 0
    standard_wh: int = 0
    peak_wh: int = 0
    included_wh: int = 0
    market_wh: int = 0

    @property
    def columns(self) -> tuple[int, int, int, int, int]:
        """The five columns in the order of their bits."""
        return (
            self.off_peak_wh,
            self.standard_wh,
            self.peak_wh,
            self.included_wh,
            self.market_wh,
        )

    @property
    def total_wh(self) -> int:
        """Everything that went through the meter."""
        return sum(self.columns)


@dataclass(frozen=True, slots=True)
class PageUsage:
    """The usage of one page of slots, encoded.

    Args:
        page: the page's number.
        data: bitmap u64, column mask u8, then a u32 of Wh per column and slot; big endian.
    """

    page: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """A numbered batch; final once its digest was taken.

    Args:
        site: the village's number on chain.
        writer: id of the database that settles, 16 bytes.
        sequence: counts from 1.
        from_s: start of the period, where the last one ended (unix seconds, on the grid).
        to_s: end of the period, not part of it.
        price_version: in force for the whole period.
        root: what the batch commits to, 32 bytes, or None.
        slots: one per meter, ascending by slot.
    """

    site: int
    writer: bytes
    sequence: int
    from_s: int
    to_s: int
    price_version: int
    root: bytes | None
    slots: tuple[SlotUsage, ...]

    @property
    def total_wh(self) -> int:
        """The sum over every meter and column."""
        return sum(slot.total_wh for slot in self.slots)

    def pages(self) -> list[PageUsage]:
        """The usage by page, ascending."""
        return [
            PageUsage(page, encode_batch_data(list(slots)))
            for page, slots in groupby(self.slots, key=lambda usage: page_of(usage.slot))
        ]

    def encoded_pages(self) -> bytes:
        """The pages as the contract takes them: their count; number, length and data of each."""
        pages = self.pages()
        return struct.pack(">I", len(pages)) + b"".join(
            struct.pack(">II", page.page, len(page.data)) + page.data for page in pages
        )

    def canonical(self) -> bytes:
        """The bytes that the digest covers, big endian and free of ambiguity."""
        head = struct.pack(
            ">I16sQQQI32s",
            self.site,
            self.writer,
            self.sequence,
            self.from_s,
            self.to_s,
            self.price_version,
            self.root or NO_DIGEST,
        )
        return head + self.encoded_pages()

    def digest(self, previous: bytes, network_id: bytes, contract: str) -> bytes:
        """Chain this batch onto the one before.

        Args:
            previous: the digest before, 32 bytes; zeros for the first batch.
            network_id: SHA-256 of the network's passphrase, 32 bytes.
            contract: the contract's address, 56 characters 'C...'.
        """
        return hashlib.sha256(
            previous + network_id + contract.encode("ascii") + self.canonical()
        ).digest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The contract's proof of the last batch it accepted from a site.

    Args:
        writer: id of the database that may settle, 16 bytes.
        sequence: number of the last batch.
        previous_digest: digest before it, 32 bytes.
        digest: its digest, 32 bytes.
        from_s: start of its period (unix seconds).
        to_s: end of its period.
        price_version: the prices it was charged at.
        accepted_wh: accepted by this batch.
        residue_wh: reported in this batch and refused.
        total_wh: accepted from the site, ever.
        total_residue_wh: refused from the site, ever.
        root: what it committed to; zeros for nothing.
        closed_s: close time of the ledger that accepted it (unix seconds).
    """

    writer: bytes
    sequence: int
    previous_digest: bytes
    digest: bytes
    from_s: int
    to_s: int
    price_version: int
    accepted_wh: int
    residue_wh: int
    total_wh: int
    total_residue_wh: int
    root: bytes
    closed_s: int


@dataclass(frozen=True, slots=True)
class Head:
    """The last batch that this database knows to be settled, its own or adopted.

    Args:
        sequence: its number.
        digest: its digest, 32 bytes.
        to_s: where the next period begins (unix seconds).
    """

    sequence: int
    digest: bytes
    to_s: int

    @classmethod
    def of(cls, receipt: Receipt) -> Head:
        """The head that a receipt stands for."""
        return cls(receipt.sequence, receipt.digest, receipt.to_s)


@dataclass(frozen=True, slots=True)
class Price:
    """A dated version of the provider's prices.

    Args:
        version: counts from 1.
        effective_from_s: first second in force (unix seconds, on the grid).
        off_peak: stroops per kWh at tier 0.
        standard: stroops per kWh at tier 1.
        peak: stroops per kWh at tier 2.
        daily: stroops for a daily plan; 0 = not offered.
        weekly: stroops for a weekly plan; 0 = not offered.
    """

    version: int
    effective_from_s: int
    off_peak: int
    standard: int
    peak: int
    daily: int
    weekly: int


def encode_batch_data(slots: list[SlotUsage]) -> bytes:
    """Encode the usage of one page.

    Args:
        slots: at least one, of one page, ascending by slot.

    Raises:
        struct.error: a column does not fit 32 bits; composition keeps it within.
    """
    bitmap = sum(1 << slot.slot % PAGE_RECORDS for slot in slots)
    columns = [list(column) for column in zip(*(slot.columns for slot in slots), strict=True)]
    used = [any(column) for column in columns]
    mask = sum(1 << bit for bit, present in enumerate(used) if present)
    cells = [wh for column, present in zip(columns, used, strict=True) if present for wh in column]
    return _DATA_HEADER.pack(bitmap, mask) + struct.pack(f">{len(cells)}I", *cells)


def decode_batch_data(page: PageUsage) -> list[SlotUsage]:
    """Decode the usage of one page; the inverse of :func:`encode_batch_data`.

    Raises:
        ValueError: the length does not match bitmap and mask, or either is out of range.
    """
    if len(page.data) < _DATA_HEADER.size:
        raise ValueError(f"page {page.page}: the data is shorter than its header")
    bitmap, mask = _DATA_HEADER.unpack_from(page.data)
    indices = [index for index in range(PAGE_RECORDS) if bitmap >> index & 1]
    bits = [bit for bit in range(len(COLUMNS)) if mask >> bit & 1]
    cells = page.data[_DATA_HEADER.size :]
    if not indices or mask >> len(COLUMNS) or len(cells) != 4 * len(indices) * len(bits):
        raise ValueError(f"page {page.page}: the data does not match its bitmap and columns")
    values = [wh for (wh,) in struct.iter_unpack(">I", cells)]
    rows = [[0] * len(COLUMNS) for _ in indices]
    for number, bit in enumerate(bits):
        for row, wh in zip(rows, values[number * len(indices) :], strict=False):
            row[bit] = wh
    first = page.page * PAGE_RECORDS
    return [SlotUsage(first + index, *row) for index, row in zip(indices, rows, strict=True)]
