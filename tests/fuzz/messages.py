"""MQTT messages: refused with a sentence, or something that says the same when it is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.domain.groups import decode as unpack
from gateway.domain.groups import pack
from gateway.domain.readings import Reading
from gateway.errors import Permanent
from gateway.sources.ranges import check_ranges
from gateway.wire.errors import WireError
from gateway.wire.nodes import (
    NodeReading,
    decode_ack,
    decode_quickly,
    decode_reading,
    decode_status,
    encode_ack,
    encode_reading,
    encode_status,
)
from gateway.wire.nodes import _decode_carefully as decode_carefully
from gateway.wire.registers import PZEM_004T_V3
from gateway.wire.relays import decode_command, decode_relay_report, encode_relay_report
from gateway.wire.topics import parse_topic
from tests.fuzz.refusals import check_refusal

KEY = b"0123456789abcdef"
Message = TypeVar("Message")


def one_input(data: bytes) -> None:
    """The same bytes as every kind of message, and as a topic."""
    reading = _decoded(data, decode_reading)
    quick = decode_quickly(data)
    if quick is not None:
        assert quick == decode_carefully(data), "the quick way and the careful one disagree"
    if reading is not None:
        assert decode_reading(encode_reading(reading)) == reading
        _check_stored(reading)
    ack = _decoded(data, decode_ack)
    assert ack is None or decode_ack(encode_ack(ack)) == ack
    online = _decoded(data, decode_status)
    assert online is None or decode_status(encode_status(online=online)) is online
    report = _decoded(data, decode_relay_report)
    assert report is None or decode_relay_report(encode_relay_report(report)) == report
    command = _decoded(data, lambda payload: decode_command(payload, "meter-001", KEY))
    assert command is None, "nobody can sign without the key"
    _decoded(data, lambda payload: parse_topic(payload.decode("utf-8", "replace")))


def _decoded(data: bytes, decode: Callable[[bytes], Message]) -> Message | None:
    try:
        return decode(data)
    except WireError as error:
        check_refusal(error)
        return None


def _check_stored(sent: NodeReading) -> None:
    """What a node says is refused, or can be stored and read again, to the millisecond."""
    reading = Reading(
        1,
        sent.read_at.replace(microsecond=0),
        sent.energy_wh,
        sent.voltage_mv,
        sent.current_ma,
        sent.power_mw,
        sent.frequency_mhz,
        sent.power_factor_milli,
    )
    try:
        check_ranges(reading, PZEM_004T_V3.ranges)
    except Permanent as error:
        check_refusal(error)
        return
    assert list(unpack(pack(reading))) == [reading]
