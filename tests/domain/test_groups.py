"""Groups of readings: every record comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.groups import (
    HOUR_MS,
    NO_HEAD,
    GroupError,
    by_meter,
    compress,
    decode,
    expand,
    extend,
    in_hours,
    pack,
    seal,
    span,
    times,
)
from gateway.domain.readings import Doubt, Gap, Quality, Reading, at_milliseconds, milliseconds

VECTOR = Path(__file__).parents[1] / "vectors" / "reading_group.json"
METERS = st.integers(0, 2**32 - 1)
INSTANTS_MS = st.integers(0, 4_102_444_800_000)
REGISTERS = st.integers(0, 2**63 - 1)
U32 = st.none() | st.integers(0, 2**32 - 2)
READINGS = st.builds(
    Reading,
    meter_id=METERS,
    read_at=INSTANTS_MS.map(at_milliseconds),
    energy_wh=REGISTERS,
    voltage_mv=U32,
    current_ma=U32,
    power_mw=st.none() | st.integers(-(2**31) + 1, 2**31 - 1),
    frequency_mhz=U32,
    power_factor_milli=st.none() | st.integers(-(2**15) + 1, 2**15 - 1),
    export_wh=st.none() | REGISTERS,
    quality=st.sampled_from(Quality),
    doubts=st.integers(0, max(Doubt) * 2 - 1).map(Doubt),
)
GAPS = st.builds(Gap, meter_id=METERS, from_ms=INSTANTS_MS, at_ms=INSTANTS_MS)
ENTRIES = st.lists(READINGS | GAPS, min_size=1, max_size=20)


def records_of(entries: list[Reading | Gap]) -> bytes:
    return b"".join(pack(entry) for entry in entries)


@given(ENTRIES)
def test_what_is_packed_comes_back_as_it_was(entries: list[Reading | Gap]) -> None:
    records = records_of(entries)
    assert expand(compress(records)) == records
    assert list(decode(records)) == entries
    assert span(records) == (min(one.at_ms for one in entries), max(one.at_ms for one in entries))
    assert list(times(records)) == [
        (one.meter_id, one.at_ms) for one in entries if isinstance(one, Reading)
    ]


@given(ENTRIES)
def test_each_meter_has_its_own_records_and_all_of_them(entries: list[Reading | Gap]) -> None:
    entries.sort(key=lambda one: (one.meter_id, one.at_ms))
    parts = list(by_meter(records_of(entries)))
    assert [meter for meter, _ in parts] == sorted({one.meter_id for one in entries})
    assert b"".join(own for _, own in parts) == records_of(entries)


@given(ENTRIES, st.data())
def test_any_other_record_makes_another_head(
    entries: list[Reading | Gap], data: st.DataObject
) -> None:
    records = records_of(entries)
    position = data.draw(st.integers(0, len(records) - 1))
    other = bytearray(records)
    other[position] ^= data.draw(st.integers(1, 255))
    assert extend(NO_HEAD, bytes(other)) != extend(NO_HEAD, records)
    assert seal(NO_HEAD, [(1, extend(NO_HEAD, bytes(other)))]) != seal(
        NO_HEAD, [(1, extend(NO_HEAD, records))]
    )


@given(st.lists(READINGS | GAPS, max_size=40))
def test_a_group_never_spans_more_than_an_hour_and_none_is_lost(
    entries: list[Reading | Gap],
) -> None:
    given_entries = [(one.meter_id, one.at_ms, pack(one)) for one in entries]
    groups = in_hours(given_entries)
    assert sorted(one for group in groups for one in group) == sorted(given_entries)
    for group in groups:
        assert group
        assert len({at_ms // HOUR_MS for _, at_ms, _ in group}) == 1
        assert [one[:2] for one in group] == sorted(one[:2] for one in group)
    assert len({group[0][1] // HOUR_MS for group in groups}) == len(groups)


@given(ENTRIES, st.data())
def test_a_blob_that_was_cut_or_damaged_is_refused_or_fits_no_hash(
    entries: list[Reading | Gap], data: st.DataObject
) -> None:
    """Its checksum finds it, or what comes out is another text: never the same, silently."""
    records = records_of(entries)
    blob = bytearray(compress(records))
    if data.draw(st.booleans()):
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    else:
        blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(GroupError):  # a bit that zlib does not use, like the level in its header
        assert expand(bytes(blob)) == records
        assert len(blob) == len(compress(records))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(GroupError):
        expand(blob)
    with pytest.raises(GroupError):
        expand(b"\x01" + blob)


def test_bytes_of_another_version_say_so() -> None:
    with pytest.raises(GroupError, match="written by another version: install that again"):
        expand(b"\x02" + compress(b"\x00" * 50)[1:])


@pytest.mark.parametrize("columns", [b"", b"\x00" * 49, b"\x00" * 51])
def test_whole_bytes_that_make_no_whole_records_are_refused(columns: bytes) -> None:
    with pytest.raises(GroupError, match="cut off: restore it from a backup"):
        expand(b"\x01" + zlib.compress(columns))


def test_a_blob_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(GroupError, match="restore it from a backup"):
        expand(b"\x01" + zlib.compress(b"\x00" * 50_000_000))


def test_bytes_after_the_end_are_refused() -> None:
    """They would be kept for ever, and no hash covers them."""
    with pytest.raises(GroupError, match="restore it from a backup"):
        expand(compress(b"\x00" * 50) + b"more")


@pytest.mark.parametrize(("offset", "value"), [(48, 4), (48, 255), (49, 2), (49, 255)])
def test_a_quality_or_a_kind_that_there_is_not_is_refused(offset: int, value: int) -> None:
    records = bytearray(pack(Reading(1, datetime(2026, 1, 1, tzinfo=UTC), 5)))
    records[offset] = value
    with pytest.raises(GroupError, match="damaged: restore it from a backup"):
        list(decode(bytes(records)))


def test_a_year_that_there_is_not_is_refused() -> None:
    records = bytearray(pack(Reading(1, datetime(2026, 1, 1, tzinfo=UTC), 5)))
    records[4:12] = b"\xff" * 7 + b"\x7f"
    with pytest.raises(GroupError, match="damaged: restore it from a backup"):
        list(decode(bytes(records)))


def test_the_form_does_not_change_by_accident() -> None:
    """A file of today is read and proved in ten years, also by somebody else's program."""
    vector = json.loads(VECTOR.read_text("utf-8"))
    entries: list[Reading | Gap] = []
    for one in vector["entries"]:
        if one.pop("kind") == "gap":
            entries.append(Gap(**one))
        else:
            read_at = datetime.fromisoformat(one.pop("read_at"))
            quality, doubts = Quality(one.pop("quality")), Doubt(one.pop("doubts"))
            entries.append(Reading(read_at=read_at, quality=quality, doubts=doubts, **one))
    records = records_of(entries)
    assert records.hex() == vector["records"]
    assert expand(bytes.fromhex(vector["stored"])) == records
    assert compress(records)[:1].hex() == vector["stored"][:2]
    heads = [(meter, extend(NO_HEAD, own)) for meter, own in by_meter(records)]
    assert {str(meter): head.hex() for meter, head in heads} == vector["heads"]
    assert seal(NO_HEAD, heads).hex() == vector["hash"]
    again = [
        (meter, extend(head, pack(replace(entry, meter_id=meter))))
        for (meter, head), entry in zip(heads, entries[:1] * 2, strict=True)
    ]
    assert seal(bytes.fromhex(vector["hash"]), again).hex() == vector["next_hash"]


def test_times_are_milliseconds_rounded_down() -> None:
    instant = datetime(2026, 1, 1, 0, 0, 0, 1_999, tzinfo=UTC)
    (back,) = decode(pack(Reading(1, instant, 5)))
    assert back.at_ms == milliseconds(instant) == 1_767_225_600_001
