"""Readings as they are kept: packed by the group, and chained by hash, meter by meter.

A group is what one flush stores. Its records have a fixed width and are sorted by meter and time;
the bytes are then turned into columns, of which most hardly change from one record to the next, and
compressed: about 15 bytes are left of a reading. For each meter the group extends a chain,
``head = sha256(head before || the meter's records)``, and the group's own hash covers the hash of
the group before it and the new head of every meter in it. Whoever changes, drops or inserts a
record breaks both. A gap is a record too: that nothing was read is a statement like any other.

Pure. Bytes in, records out; what the groups are stored in is for :mod:`gateway.store.groups`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from gateway.domain.readings import (
    Doubt,
    Gap,
    Quality,
    Reading,
    at_milliseconds,
    milliseconds,
)

NO_HEAD: Final = bytes(32)
"""The head of a chain that has no records yet."""
HOUR_MS: Final = 3_600_000
"""A group never spans more than this much of its readings' time, so that time finds groups."""

_VERSION = b"\x01"
_LEVEL = 6  # 9 gains 0.2 bytes a reading and takes twice as long
_MOST_BYTES = 10_000_000
"""Of a group's records, a hundred times what a flush brings: no blob may fill the memory."""
_RECORD = struct.Struct("<IqqqIIiIhHBB")
_SIZE = _RECORD.size
_METER = struct.Struct("<I")
_NONE_U32 = 0xFFFF_FFFF
_NONE_I32 = -(1 << 31)
_NONE_I16 = -(1 << 15)
_NONE_REGISTER = -1
_READING, _GAP = 0, 1


class GroupError(ValueError):
    """A stored group's bytes are none of ours: damaged, or changed by somebody."""


def pack(entry: Reading | Gap) -> bytes:
    """One record, as it is stored and hashed.

    Args:
        entry: whose figures fit: registers 63 bits, the others 32 bits, power factor 16.
    """
    if isinstance(entry, Gap):
        return _RECORD.pack(
            entry.meter_id,
            entry.at_ms,
            entry.from_ms,
            *(_NONE_REGISTER, _NONE_U32, _NONE_U32, _NONE_I32, _NONE_U32, _NONE_I16),
            *(int(Doubt.GAP), int(Quality.MISSING), _GAP),
        )
    return _RECORD.pack(
        entry.meter_id,
        milliseconds(entry.read_at),
        entry.energy_wh,
        _NONE_REGISTER if entry.export_wh is None else entry.export_wh,
        _NONE_U32 if entry.voltage_mv is None else entry.voltage_mv,
        _NONE_U32 if entry.current_ma is None else entry.current_ma,
        _NONE_I32 if entry.power_mw is None else entry.power_mw,
        _NONE_U32 if entry.frequency_mhz is None else entry.frequency_mhz,
        _NONE_I16 if entry.power_factor_milli is None else entry.power_factor_milli,
        entry.doubts,
        entry.quality,
        _READING,
    )


def _unpack(record: tuple[int, ...]) -> Reading | Gap:
    meter_id, at_ms, energy_wh, export_wh, voltage, current, power, frequency, factor = record[:9]
    doubts, quality, kind = record[9:]
    if kind != _READING:
        if kind != _GAP:
            raise ValueError(kind)
        return Gap(meter_id, energy_wh, at_ms)
    return Reading(
        meter_id,
        at_milliseconds(at_ms),
        energy_wh,
        None if voltage == _NONE_U32 else voltage,
        None if current == _NONE_U32 else current,
        None if power == _NONE_I32 else power,
        None if frequency == _NONE_U32 else frequency,
        None if factor == _NONE_I16 else factor,
        None if export_wh == _NONE_REGISTER else export_wh,
        Quality(quality),
        Doubt(doubts),
    )


def compress(records: bytes) -> bytes:
    """The stored form of a group's records, one after the other, sorted by meter and time."""
    columns = b"".join([records[byte::_SIZE] for byte in range(_SIZE)])
    return _VERSION + zlib.compress(columns, _LEVEL)


def expand(blob: bytes) -> bytes:
    """The records of a stored group.

    Raises:
        GroupError: the bytes are damaged, or were written by a newer version.
    """
    if blob[:1] != _VERSION:
        raise GroupError("a group of readings was written by another version: install that again")
    unpacking = zlib.decompressobj()
    try:
        columns = unpacking.decompress(blob[1:], _MOST_BYTES)
    except zlib.error:
        raise GroupError("a group of readings is damaged: restore it from a backup") from None
    if not unpacking.eof or unpacking.unused_data:  # cut, too large, or more than we wrote
        raise GroupError("a group of readings is damaged: restore it from a backup")
    count, rest = divmod(len(columns), _SIZE)
    if rest or not count:
        raise GroupError("a group of readings is cut off: restore it from a backup")
    records = bytearray(len(columns))
    for byte in range(_SIZE):
        records[byte::_SIZE] = columns[byte * count : (byte + 1) * count]
    return bytes(records)


def decode(records: bytes) -> Iterator[Reading | Gap]:
    """Records, one after the other, as what they say."""
    try:
        for record in _RECORD.iter_unpack(records):
            yield _unpack(record)
    except (ValueError, OverflowError):  # a kind, a quality or a year that there is not
        raise GroupError("a group of readings is damaged: restore it from a backup") from None


def times(records: bytes) -> Iterator[tuple[int, int]]:
    """Meter and time (unix milliseconds) of each reading among records; gaps are left out."""
    for record in _RECORD.iter_unpack(records):
        if record[-1] == _READING:
            yield record[0], record[1]


def span(records: bytes) -> tuple[int, int]:
    """Times (unix milliseconds) of the oldest and of the newest record, gaps among them."""
    found = [record[1] for record in _RECORD.iter_unpack(records)]
    return min(found), max(found)


def by_meter(records: bytes) -> Iterator[tuple[int, bytes]]:
    """Each meter's own records of a group, by meter."""
    parts = (records[start : start + _SIZE] for start in range(0, len(records), _SIZE))
    for meter, own in groupby(parts, key=lambda part: part[: _METER.size]):
        yield _METER.unpack(meter)[0], b"".join(own)


def extend(head: bytes, records: bytes) -> bytes:
    """A meter's next head: 32 bytes.

    Args:
        head: the one before, 32 bytes; :data:`NO_HEAD` for the first.
        records: the meter's records of one group.
    """
    return hashlib.sha256(head + records).digest()


def seal(previous: bytes, heads: Iterable[tuple[int, bytes]]) -> bytes:
    """A group's own hash, 32 bytes: all that it holds, and all that came before.

    Args:
        previous: the hash of the group before it; :data:`NO_HEAD` for the first.
        heads: the new head of each meter in the group, by meter.
    """
    return hashlib.sha256(
        previous + b"".join(_METER.pack(meter_id) + head for meter_id, head in heads)
    ).digest()


def in_hours(entries: Sequence[tuple[int, int, bytes]]) -> list[list[tuple[int, int, bytes]]]:
    """Divide what one flush brings by the hour that it was read in, each sorted as stored.

    Args:
        entries: meter, time (unix milliseconds) and packed record of each.
    """
    ordered = sorted(entries, key=lambda one: one[1] // HOUR_MS)
    return [
        sorted(hour, key=lambda one: one[:2])
        for _, hour in groupby(ordered, key=lambda one: one[1] // HOUR_MS)
    ]
