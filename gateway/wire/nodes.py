"""What nodes and gateway tell each other over MQTT: readings, acknowledgements, status.

Pure: knows no broker and no clock. Whether a timestamp is plausible (a node without time boots in
the year 2000) is for whoever has a clock to decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from math import floor
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.wire.errors import WireError
from gateway.wire.fields import (
    MAX_MESSAGE_BYTES,
    JsonObject,
    Number,
    encode_object,
    instant_text,
    parse_object,
    quick_instant,
    take_instant,
    take_number,
    take_optional_count,
    take_optional_number,
    take_text,
)
from gateway.wire.topics import check_name

_BOOT_ID = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)

_VOLTAGE = Number("voltage", "V", 0, 1_000, 1_000)
_CURRENT = Number("current", "A", 0, 1_000, 1_000)
_POWER = Number("power_w", "W", 0, 1_000_000, 1_000)
_ENERGY = Number("energy_kwh", "kWh", 0, 10_000_000, 1_000)
_ENERGY_WH = Number("energy_wh", "Wh", 0, 10_000_000_000, 1)
_POWER_FACTOR = Number("power_factor", "(no unit)", 0, 1, 1_000)
_FREQUENCY = Number("frequency", "Hz", 0, 100, 1_000)
_RSSI = Number("rssi", "dBm", -150, 20, 1)
# A node counts in single precision: 9999.99 kWh in a 24-bit float is exact to about 1 Wh only.
_ENERGY_TOLERANCE_WH = 10
_SURE = 0.499


class NodeReading(msgspec.Struct, frozen=True):
    """One reading as a node sends it.

    Args:
        device_id: the node's name, which is also its MQTT identity.
        read_at: when the node read its meter, aware UTC, unchecked.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW.
        energy_wh: cumulative register, Wh.
        power_factor_milli: power factor, thousandths.
        rssi_dbm: strength of the Wi-Fi signal, dBm.
        sequence: grows by one with each reading of one boot.
        boot_id: changes when the node restarts.
        frequency_mhz: mains frequency, mHz.
    """

    device_id: str
    read_at: datetime
    voltage_mv: int
    current_ma: int
    power_mw: int
    energy_wh: int
    power_factor_milli: int
    rssi_dbm: int
    sequence: int | None = None
    boot_id: str | None = None
    frequency_mhz: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The gateway has dealt with these readings for good; the node may forget them.

    A node that numbers its readings is told an unbroken range of them: what it published while
    the broker kept nothing for the gateway is in no range, and is sent again. A node that numbers
    nothing is told by time, everything up to ``read_at``.

    Args:
        read_at: of the newest of them, aware UTC.
        sequence: the last of the range, when the node sends sequences.
        boot_id: the boot that sequence belongs to, when the node sends one.
        first_sequence: the first of the range; None: everything up to ``sequence``.
    """

    read_at: datetime
    sequence: int | None = None
    boot_id: str | None = None
    first_sequence: int | None = None

    def covers(self, reading: NodeReading) -> bool:
        """Whether the node may forget this reading."""
        if self.sequence is None or reading.sequence is None:
            return reading.read_at <= self.read_at
        same_boot = self.boot_id is None or self.boot_id == reading.boot_id
        return same_boot and (self.first_sequence or 0) <= reading.sequence <= self.sequence


def decode_reading(payload: bytes) -> NodeReading:
    """A reading from a node's JSON message; fields that nobody knows are ignored.

    Raises:
        WireError: a field is missing, of the wrong type, or cannot be true.
    """
    return decode_quickly(payload) or _decode_carefully(payload)


def _decode_carefully(payload: bytes) -> NodeReading:
    """Field by field, from each number's decimal text, with a sentence for whatever is wrong."""
    message = parse_object(payload)
    return NodeReading(
        device_id=check_name(take_text(message, "device_id")),
        read_at=take_instant(message, "timestamp"),
        voltage_mv=take_number(message, _VOLTAGE),
        current_ma=take_number(message, _CURRENT),
        power_mw=take_number(message, _POWER),
        energy_wh=_energy_wh(message),
        power_factor_milli=take_number(message, _POWER_FACTOR),
        rssi_dbm=take_number(message, _RSSI),
        sequence=take_optional_count(message, "sequence"),
        boot_id=_boot_id(message),
        frequency_mhz=take_optional_number(message, _FREQUENCY),
    )


def encode_reading(reading: NodeReading) -> bytes:
    """The JSON message of a reading; optional fields only when they have a value."""
    message: JsonObject = {
        "device_id": reading.device_id,
        "timestamp": instant_text(reading.read_at),
        "voltage": reading.voltage_mv / 1_000,
        "current": reading.current_ma / 1_000,
        "power_w": reading.power_mw / 1_000,
        "energy_kwh": reading.energy_wh / 1_000,
        "power_factor": reading.power_factor_milli / 1_000,
        "rssi": reading.rssi_dbm,
    }
    if reading.sequence is not None:
        message["sequence"] = reading.sequence
    if reading.boot_id is not None:
        message["boot_id"] = reading.boot_id
    if reading.frequency_mhz is not None:
        message["frequency"] = reading.frequency_mhz / 1_000
    return encode_object(message)


def encode_status(*, online: bool) -> bytes:
    """The JSON message of a node's status, which is also its last will."""
    return encode_object({"state": "online" if online else "offline"})


def decode_status(payload: bytes) -> bool:
    """Whether a node's status message says that it is online.

    Raises:
        WireError: it says something else than online or offline.
    """
    match take_text(parse_object(payload), "state"):
        case "online":
            return True
        case "offline":
            return False
        case other:
            raise WireError("state", f"must be online or offline, but is {other!r}")


def encode_ack(ack: Acknowledgement) -> bytes:
    """The JSON message of an acknowledgement."""
    message: JsonObject = {"timestamp": instant_text(ack.read_at)}
    if ack.first_sequence is not None:
        message["first_sequence"] = ack.first_sequence
    if ack.sequence is not None:
        message["sequence"] = ack.sequence
    if ack.boot_id is not None:
        message["boot_id"] = ack.boot_id
    return encode_object(message)


def decode_ack(payload: bytes) -> Acknowledgement:
    """An acknowledgement from the gateway's JSON message.

    Raises:
        WireError: a field is missing or wrong.
    """
    message = parse_object(payload)
    return Acknowledgement(
        take_instant(message, "timestamp"),
        take_optional_count(message, "sequence"),
        _boot_id(message),
        take_optional_count(message, "first_sequence"),
    )


def _energy_wh(message: JsonObject) -> int:
    rounded_wh = take_number(message, _ENERGY)
    exact_wh = take_optional_number(message, _ENERGY_WH)
    if exact_wh is None:
        return rounded_wh
    if abs(exact_wh - rounded_wh) > _ENERGY_TOLERANCE_WH:
        raise WireError(
            "energy_wh", f"says {exact_wh} Wh, but energy_kwh says {rounded_wh} Wh: send one"
        )
    return exact_wh


def _boot_id(message: JsonObject) -> str | None:
    if message.get("boot_id") is None:
        return None
    boot_id = take_text(message, "boot_id")
    if not _BOOT_ID.fullmatch(boot_id):
        raise WireError("boot_id", "must be 1 to 36 letters, digits or -")
    return boot_id


class _Message(msgspec.Struct, gc=False):
    """The message's shape, for msgspec: the same bounds as the Numbers above."""

    device_id: str
    timestamp: str
    voltage: Annotated[float, Meta(ge=_VOLTAGE.low, le=_VOLTAGE.high)]
    current: Annotated[float, Meta(ge=_CURRENT.low, le=_CURRENT.high)]
    power_w: Annotated[float, Meta(ge=_POWER.low, le=_POWER.high)]
    energy_kwh: Annotated[float, Meta(ge=_ENERGY.low, le=_ENERGY.high)]
    power_factor: Annotated[float, Meta(ge=_POWER_FACTOR.low, le=_POWER_FACTOR.high)]
    rssi: Annotated[float, Meta(ge=_RSSI.low, le=_RSSI.high)]
    sequence: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None
    boot_id: Annotated[str, Meta(min_length=1, max_length=36)] | None = None
    frequency: Annotated[float, Meta(ge=_FREQUENCY.low, le=_FREQUENCY.high)] | None = None
    energy_wh: Annotated[float, Meta(ge=_ENERGY_WH.low, le=_ENERGY_WH.high)] | None = None


class _UnsureError(ValueError):
    """The quick way can't tell; the careful way can."""


_DECODER = msgspec.json.Decoder(_Message)
_NO_QUICK_WAY = (msgspec.MsgspecError, WireError, ValueError, ArithmeticError, RecursionError)


def decode_quickly(payload: bytes) -> NodeReading | None:
    """The same reading as :func:`decode_reading` in a tenth of the time, or None: look closer.

    Goes through floats where that provably ends at the same integer as the decimal text.
    """
    if len(payload) > MAX_MESSAGE_BYTES or not payload.isascii():
        return None  # msgspec passes over fields it does not know, UTF-8 or not
    try:
        message = _DECODER.decode(payload)
        energy_wh = _rounded(message.energy_kwh * 1000)
        if message.energy_wh is not None:
            exact_wh = _rounded(message.energy_wh)
            if abs(exact_wh - energy_wh) > _ENERGY_TOLERANCE_WH:
                return None
            energy_wh = exact_wh
        boot_id = message.boot_id
        if boot_id is not None and not _BOOT_ID.fullmatch(boot_id):
            return None
        return NodeReading(
            check_name(message.device_id),
            quick_instant(message.timestamp),
            _rounded(message.voltage * 1000),
            _rounded(message.current * 1000),
            _rounded(message.power_w * 1000),
            energy_wh,
            _rounded(message.power_factor * 1000),
            _rounded(message.rssi),
            message.sequence,
            boot_id,
            None if message.frequency is None else _rounded(message.frequency * 1000),
        )
    except _NO_QUICK_WAY:
        return None


def _rounded(scaled: float) -> int:
    """The nearest integer, half up, unless it is too near a half for a float to say.

    A value that passed its bounds is at most 1e10 in our unit, where a double is off by 4e-6.
    """
    whole = floor(scaled + 0.5)
    if not -_SURE < scaled - whole < _SURE:
        raise _UnsureError
    return whole
