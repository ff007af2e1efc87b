"""Stored groups of readings: refused as damaged, or the very records that were stored."""

from __future__ import annotations

import struct

from gateway.domain.groups import (
    GroupError,
    by_meter,
    compress,
    decode,
    expand,
    pack,
    times,
)
from gateway.domain.readings import Gap, Reading
from tests.fuzz.refusals import check_refusal

RECORD = len(pack(Gap(1, 0, 0)))


def one_input(data: bytes) -> None:
    """The bytes as a stored group, and as records that somebody changed."""
    _check_stored(data)
    _check_stored(b"\x01" + data)
    records = data[: len(data) // RECORD * RECORD]
    if records:
        assert expand(compress(records)) == records
        _check_records(records)


def _check_stored(blob: bytes) -> None:
    try:
        records = expand(blob)
    except GroupError as error:
        check_refusal(error)
        return
    assert len(records) % RECORD == 0
    _check_records(records)


def _check_records(records: bytes) -> None:
    parts = list(by_meter(records))
    assert b"".join(own for _, own in parts) == records
    try:
        entries = list(decode(records))
    except GroupError as error:
        check_refusal(error)
        return
    assert len(entries) == len(records) // RECORD
    seen = [(one.meter_id, one.at_ms) for one in entries if isinstance(one, Reading)]
    assert list(times(records)) == seen
    for place, entry in enumerate(entries):
        own = records[place * RECORD : (place + 1) * RECORD]
        (meter_id,) = struct.unpack("<I", own[:4])
        assert entry.meter_id == meter_id
        if isinstance(entry, Reading):
            assert list(decode(pack(entry))) == [entry]
