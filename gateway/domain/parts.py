"""What became of each quarter-hour's usage in a batch: which column took it, or why none did.

A batch item is the sum of its parts, so a bill is followed from the quarter-hour to the column that
the contract charged. Pure; the packed form is stored beside each item, two to four bytes a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from gateway.domain.batches import COLUMNS
from gateway.domain.tariffs import INTERVAL_S

_USE_BITS = 3
_MORE, _SEVEN_BITS = 0x80, 0x7F
_MOST_BITS = 63


class Use(IntEnum):
    """What took some usage: a column of the batch, or a reason to be in none. Stored."""

    OFF_PEAK = 0
    STANDARD = 1
    PEAK = 2
    INCLUDED = 3
    MARKET = 4
    ABSORBED = 5
    """The chain had counted it before the store did."""
    WITHHELD = 6
    """It came after its plan was settled; the contract could only refuse it."""
    ADOPTED = 7
    """Settled by the database before a take-over, whose batch is not in this one."""

    @property
    def is_column(self) -> bool:
        """Whether the batch says it to the contract."""
        return self < len(COLUMNS)


@dataclass(frozen=True, slots=True)
class Part:
    """Some usage of one quarter-hour, and what took it.

    Args:
        start_s: start of the quarter-hour (unix seconds, on the grid).
        use: what took it.
        usage_wh: how much, > 0.
    """

    start_s: int
    use: Use
    usage_wh: int


class PartsError(ValueError):
    """Stored parts are none of ours: damaged, or changed by somebody."""


def encode_parts(parts: Iterable[Part]) -> bytes:
    """The packed form: quarter-hours since the last part and the use in one number, then Wh.

    Numbers are little endian in groups of seven bits (LEB128).

    Args:
        parts: ascending by ``start_s``.
    """
    packed = bytearray()
    quarter = 0
    for part in parts:
        here = part.start_s // INTERVAL_S
        packed += _number((here - quarter) << _USE_BITS | part.use) + _number(part.usage_wh)
        quarter = here
    return bytes(packed)


def decode_parts(packed: bytes) -> list[Part]:
    """The parts in a packed form; the inverse of :func:`encode_parts`.

    Raises:
        PartsError: it is none.
    """
    numbers = list(_numbers(packed))
    if len(numbers) % 2:
        raise PartsError("the parts of a batch item are cut off")
    parts = []
    quarter = 0
    for step, usage_wh in zip(numbers[::2], numbers[1::2], strict=True):
        quarter += step >> _USE_BITS
        parts.append(Part(quarter * INTERVAL_S, Use(step & (1 << _USE_BITS) - 1), usage_wh))
    return parts


def columns_of(parts: Iterable[Part]) -> tuple[int, ...]:
    """The Wh of each column of the batch, in the order of their bits."""
    columns = [0] * len(COLUMNS)
    for part in parts:
        if part.use.is_column:
            columns[part.use] += part.usage_wh
    return tuple(columns)


def _number(value: int) -> bytes:
    packed = bytearray()
    while value > _SEVEN_BITS:
        packed.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _numbers(packed: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in packed:
        value |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if not byte & _MORE:
            yield value
            value = shift = 0
        elif shift > _MOST_BITS:
            raise PartsError("the parts of a batch item are damaged")
    if shift:
        raise PartsError("the parts of a batch item are cut off")
