"""Modbus RTU frames as the PZEM meters speak them: build, check, take apart.

Pure: bytes in, values out. Opens no port, waits for nothing, and knows no register's meaning.
Sources: Modbus over Serial Line V1.02 (https://modbus.org/docs/Modbus_over_serial_line_V1_02.pdf)
and the meters' manuals named in :mod:`gateway.wire.registers`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from gateway.wire.errors import (
    CrcError,
    TruncatedFrameError,
    UnexpectedReplyError,
    UnsupportedFunctionError,
)

BROADCAST_UNIT = 0x00
"""Every meter obeys, none replies."""
FIRST_UNIT, LAST_UNIT = 0x01, 0xF7
GENERAL_UNIT = 0xF8
"""Whatever single meter is on the line obeys and replies."""
MAX_READ_WORDS = 125
EXCEPTION_FLAG = 0x80
EXCEPTION_LENGTH = 5
CRC_LENGTH = 2
_SHORTEST_FRAME = 4
_BITS_BEFORE_STOP = 9  # start, eight data bits
_SILENCE_CHARACTERS = 3.5
_FIXED_SILENCE_BAUD = 19_200
_FIXED_SILENCE_S = 0.00175


class Function(IntEnum):
    """The function codes a PZEM understands, but for calibration (0x41), which is never sent."""

    READ_HOLDING = 0x03
    READ_INPUT = 0x04
    WRITE_SINGLE = 0x06
    RESET_ENERGY = 0x42


class ExceptionCode(IntEnum):
    """Why a meter refuses a request."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_DATA = 3
    DEVICE_ERROR = 4


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read ``count`` words from ``address``; ``function`` is READ_HOLDING or READ_INPUT."""

    unit: int
    function: Function
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Write one 16-bit word to a holding register."""

    unit: int
    address: int
    value: int


@dataclass(frozen=True, slots=True)
class ResetEnergyRequest:
    """Set the energy register to zero."""

    unit: int


@dataclass(frozen=True, slots=True)
class ReadReply:
    """The words asked for, each 0-65535."""

    unit: int
    function: Function
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WriteReply:
    """The write, echoed."""

    unit: int
    address: int
    value: int


@dataclass(frozen=True, slots=True)
class ResetEnergyReply:
    """The reset, echoed."""

    unit: int


@dataclass(frozen=True, slots=True)
class ExceptionReply:
    """The meter refuses; ``code`` is an :class:`ExceptionCode`, or a number the maker added."""

    unit: int
    function: Function
    code: int


Request = ReadRequest | WriteRequest | ResetEnergyRequest
Reply = ReadReply | WriteReply | ResetEnergyReply | ExceptionReply


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """The CRC-16/MODBUS of some bytes (polynomial 0x8005 reflected, start 0xFFFF)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def seal(body: bytes) -> bytes:
    """Append the CRC, low byte first (the PZEM manual's text has it the wrong way round)."""
    return body + struct.pack("<H", crc16(body))


def unseal(frame: bytes) -> bytes:
    """Check and remove the CRC.

    Raises:
        TruncatedFrameError: there are fewer bytes than the shortest frame has.
        CrcError: the frame was damaged on the line.
    """
    if len(frame) < _SHORTEST_FRAME:
        raise TruncatedFrameError(f"only {len(frame)} bytes of a frame arrived: {frame.hex(' ')}")
    body = frame[:-CRC_LENGTH]
    if seal(body) != frame:
        raise CrcError(f"the checksum does not match: {frame.hex(' ')}")
    return body


def encode_request(request: Request) -> bytes:
    """The frame that asks for ``request``, CRC included."""
    match request:
        case ReadRequest(unit, function, address, count):
            return seal(struct.pack(">BBHH", unit, function, address, count))
        case WriteRequest(unit, address, value):
            return seal(struct.pack(">BBHH", unit, Function.WRITE_SINGLE, address, value))
        case ResetEnergyRequest(unit):
            return seal(bytes((unit, Function.RESET_ENERGY)))


def decode_request(frame: bytes) -> Request:
    """What a whole request frame asks for; the meter's side of the line.

    Raises:
        TruncatedFrameError, CrcError: the frame is incomplete or damaged.
        UnsupportedFunctionError: the frame is sound, its function code is unknown.
    """
    body = unseal(frame)
    unit, function = body[0], body[1]
    length = request_length(function)
    if length is None:
        raise UnsupportedFunctionError(unit, function)
    if len(frame) != length:
        raise TruncatedFrameError(f"a request of {len(frame)} bytes should have {length}")
    if function == Function.RESET_ENERGY:
        return ResetEnergyRequest(unit)
    address, value = struct.unpack(">HH", body[2:])
    if function == Function.WRITE_SINGLE:
        return WriteRequest(unit, address, value)
    return ReadRequest(unit, Function(function), address, value)


def request_length(function: int) -> int | None:
    """How many bytes a request with this function code has, or None for an unknown code."""
    match function:
        case Function.READ_HOLDING | Function.READ_INPUT | Function.WRITE_SINGLE:
            return 8
        case Function.RESET_ENERGY:
            return 4
        case _:
            return None


def encode_reply(reply: Reply) -> bytes:
    """The frame that answers with ``reply``, CRC included."""
    match reply:
        case ReadReply(unit, function, words):
            count = len(words)
            return seal(struct.pack(f">BBB{count}H", unit, function, 2 * count, *words))
        case WriteReply(unit, address, value):
            return seal(struct.pack(">BBHH", unit, Function.WRITE_SINGLE, address, value))
        case ResetEnergyReply(unit):
            return seal(bytes((unit, Function.RESET_ENERGY)))
        case ExceptionReply(unit, function, code):
            return seal(bytes((unit, function | EXCEPTION_FLAG, code)))


def decode_reply(frame: bytes, request: Request) -> Reply:
    """What the meter answered to ``request``; a refusal is an :class:`ExceptionReply`.

    Args:
        frame: the whole reply, CRC included.
        request: the request it must answer; a late reply to another one is refused.

    Raises:
        TruncatedFrameError, CrcError: the frame is incomplete or damaged.
        UnexpectedReplyError: a sound frame that answers something else.
    """
    body = unseal(frame)
    function = request_function(request)
    if not _may_answer(body[0], request.unit):
        raise UnexpectedReplyError(f"unit {body[0]} answered, unit {request.unit} was asked")
    if body[1] == function | EXCEPTION_FLAG and len(frame) == EXCEPTION_LENGTH:
        return ExceptionReply(body[0], function, body[2])
    if body[1] != function:
        raise UnexpectedReplyError(f"function 0x{body[1]:02X} answered, 0x{function:02X} was asked")
    if len(frame) != reply_length(request):
        raise UnexpectedReplyError(
            f"a reply of {len(frame)} bytes, expected {reply_length(request)}"
        )
    return _matching_reply(body, request)


def _may_answer(unit: int, asked: int) -> bool:
    return unit == asked or (asked == GENERAL_UNIT and FIRST_UNIT <= unit <= LAST_UNIT)


def _matching_reply(body: bytes, request: Request) -> Reply:
    match request:
        case ReadRequest(_, function, _, count):
            if body[2] != 2 * count:
                raise UnexpectedReplyError(f"{body[2]} data bytes, expected {2 * count}")
            return ReadReply(body[0], function, struct.unpack(f">{count}H", body[3:]))
        case WriteRequest(_, address, value):
            if struct.unpack(">HH", body[2:]) != (address, value):
                raise UnexpectedReplyError(f"the echo {body[2:].hex(' ')} is not what was written")
            return WriteReply(body[0], address, value)
        case ResetEnergyRequest():
            return ResetEnergyReply(body[0])


def request_function(request: Request) -> Function:
    """The function code of a request."""
    match request:
        case ReadRequest(_, function):
            return function
        case WriteRequest():
            return Function.WRITE_SINGLE
        case ResetEnergyRequest():
            return Function.RESET_ENERGY


def reply_length(request: Request) -> int:
    """How many bytes the reply to ``request`` has; a refusal has :data:`EXCEPTION_LENGTH`."""
    match request:
        case ReadRequest(count=count):
            return 3 + 2 * count + CRC_LENGTH
        case WriteRequest():
            return 8
        case ResetEnergyRequest():
            return 4


def frame_duration_s(length: int, baud: int = 9600, stop_bits: int = 1) -> float:
    """How long ``length`` bytes take on a line without parity, seconds."""
    return length * (_BITS_BEFORE_STOP + stop_bits) / baud


def silence_s(baud: int = 9600, stop_bits: int = 1) -> float:
    """The silence that must separate two frames, seconds.

    3.5 characters; 1.75 ms above 19 200 baud (Modbus over Serial Line V1.02, 2.5.1.1).
    """
    if baud > _FIXED_SILENCE_BAUD:
        return _FIXED_SILENCE_S
    return _SILENCE_CHARACTERS * (_BITS_BEFORE_STOP + stop_bits) / baud
