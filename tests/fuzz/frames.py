"""Modbus frames: refused with a sentence, or exactly what was sent; and words of every model."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.domain.groups import decode as unpack
from gateway.domain.groups import pack
from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.sources.ranges import check_ranges
from gateway.wire.errors import FrameError, WireError
from gateway.wire.frames import (
    Function,
    ReadReply,
    ReadRequest,
    Request,
    ResetEnergyRequest,
    WriteRequest,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    seal,
)
from gateway.wire.registers import REGISTER_MAPS, decode, decode_unit, read_request, unit_request
from gateway.wire.tables import RegisterMap
from tests.fuzz.refusals import check_refusal

UNIT = 5
REQUESTS: tuple[Request, ...] = (
    ReadRequest(0xF8, Function.READ_INPUT, 0, 10),
    ReadRequest(UNIT, Function.READ_HOLDING, 2, 1),
    WriteRequest(UNIT, 2, 7),
    ResetEnergyRequest(UNIT),
    *(read_request(table, UNIT) for table in REGISTER_MAPS.values()),
    *(unit_request(table, UNIT) for table in REGISTER_MAPS.values()),
)
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


def one_input(data: bytes) -> None:
    """A frame as it came, the same with a right checksum, and its bytes as a meter's words."""
    for frame in (data, seal(data)):
        _check_request(frame)
        for request in REQUESTS:
            _check_reply(frame, request)
    for table in REGISTER_MAPS.values():
        body = (data * (2 * table.count // (len(data) or 1) + 1))[: 2 * table.count]
        _check_words(table, body.ljust(2 * table.count, b"\0"))


def _check_request(frame: bytes) -> None:
    try:
        request = decode_request(frame)
    except FrameError:
        return
    assert encode_request(request) == frame


def _check_reply(frame: bytes, request: Request) -> None:
    try:
        reply = decode_reply(frame, request)
    except FrameError:
        return
    assert encode_reply(reply) == frame
    if isinstance(reply, ReadReply):
        assert len(reply.words) in {one.count for one in REQUESTS if isinstance(one, ReadRequest)}


def _check_words(table: RegisterMap, body: bytes) -> None:
    """What a meter says is refused, or can be stored and read again."""
    words = [int.from_bytes(body[at : at + 2], "big") for at in range(0, len(body), 2)]
    decode_unit(words[: table.unit.words])
    try:
        said = decode(table, words)
        reading = Reading(
            1,
            READ_AT,
            said.energy_wh,
            said.voltage_mv,
            said.current_ma,
            said.power_mw,
            said.frequency_mhz,
            said.power_factor_milli,
            said.export_wh,
        )
        check_ranges(reading, table.ranges)
    except (WireError, Permanent) as error:
        check_refusal(error)
        return
    assert list(unpack(pack(reading))) == [reading]
