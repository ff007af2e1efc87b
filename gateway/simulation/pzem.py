"""One simulated meter on a bus: its table, a household behind it, and its faults.

Requests in, replies out, for every model that has a table; knows nothing of bytes on a line and
nothing of time but its argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Protocol

from gateway.wire import registers
from gateway.wire.frames import (
    BROADCAST_UNIT,
    FIRST_UNIT,
    GENERAL_UNIT,
    LAST_UNIT,
    ExceptionCode,
    ExceptionReply,
    Function,
    ReadReply,
    ReadRequest,
    Reply,
    Request,
    ResetEnergyReply,
    ResetEnergyRequest,
    WriteReply,
    WriteRequest,
    request_function,
)
from gateway.wire.meters.pzem_ac import ALARM_THRESHOLD_W_ADDRESS, PZEM_004T_V3
from gateway.wire.tables import Measurement, RegisterMap

_ALARM_THRESHOLD_W = 23_000
# DC: high and low voltage alarm thresholds (0.01 V), and the shunt (0: 100 A).
_DC_HOLDING = {0x0000: 30_000, 0x0001: 700, 0x0003: 0}


class Fault(Enum):
    """How a meter can misbehave on the line."""

    ABSENT = "never replies: no mains, broken wire, not there"
    CORRUPT_CRC = "replies with a damaged checksum"
    LATE = "replies after the asker has given up"
    TRUNCATED = "stops in the middle of its reply"
    NOISE = "three bytes of noise come before its reply"
    WRONG_UNIT = "replies in the name of another unit"
    EXCEPTION = "replies that it has failed (code 4)"


class Measured(Protocol):
    """What a meter measures: a household, or a whole feeder."""

    def measurement(self, now_ms: int) -> Measurement:
        """Everything that the meter shows at an instant (unix milliseconds)."""
        ...

    def register_wh(self, now_ms: int) -> int:
        """What the energy register shows then, Wh."""
        ...

    def reset_energy(self, at_ms: int) -> None:
        """Set the register to zero."""
        ...


class Pzem:
    """A meter on a bus: a PZEM for AC, or whatever its table says.

    Args:
        unit: its unit id, 1-247.
        household: whose energy it measures.
        table: which model it is.
    """

    def __init__(self, unit: int, household: Measured, table: RegisterMap = PZEM_004T_V3) -> None:
        self.unit = unit
        self.household = household
        self.alarm_threshold_w = _ALARM_THRESHOLD_W
        self.polls = 0
        self._table = table
        self._fault: Fault | None = None
        self._faulty_replies: int | None = None

    def set_fault(self, fault: Fault | None, replies: int | None = None) -> None:
        """Misbehave from now on.

        Args:
            fault: how; None to behave again.
            replies: for so many requests only; None for ever.
        """
        self._fault, self._faulty_replies = fault, replies

    def take_fault(self) -> Fault | None:
        """The fault that spoils the reply to this request, if any."""
        if self._faulty_replies is not None:
            if self._faulty_replies == 0:
                self._fault, self._faulty_replies = None, None
            else:
                self._faulty_replies -= 1
        return self._fault

    def hears(self, unit: int) -> bool:
        """Whether a request to ``unit`` is meant for this meter."""
        own = (self.unit, BROADCAST_UNIT)
        return unit in own or (unit == GENERAL_UNIT and self._is_pzem)

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Obey a request at ``now_ms`` and say what the meter replies."""
        match request:
            case ReadRequest(function=self._table.function):
                return self._read(request, self._measured(now_ms))
            case ReadRequest(function=Function.READ_HOLDING):
                return self._read(request, self._holding())
            case WriteRequest() if self._is_pzem:
                return self._write(request)
            case ResetEnergyRequest(unit) if self._table.resets_energy:
                self.household.reset_energy(now_ms)
                return ResetEnergyReply(unit)
            case _:
                return refusal(request, ExceptionCode.ILLEGAL_FUNCTION)

    @property
    def _is_pzem(self) -> bool:
        return self._table.unit.by_hand is None

    def _measured(self, now_ms: int) -> Mapping[int, int]:
        measured = self.household.measurement(now_ms)
        alarm = (measured.power_mw or 0) > self.alarm_threshold_w * 1000
        words = registers.encode(self._table, replace(measured, alarm=alarm))
        return dict(enumerate(words, start=self._table.address))

    def _holding(self) -> Mapping[int, int]:
        unit = registers.encode_unit(self._table, self.unit)
        own = dict(enumerate(unit, start=self._table.unit.address))
        if self._table.mark is not None:
            return _DC_HOLDING | own
        if self._is_pzem:
            return {ALARM_THRESHOLD_W_ADDRESS: self.alarm_threshold_w} | own
        return own

    def _read(self, request: ReadRequest, words: Mapping[int, int]) -> Reply:
        asked = range(request.address, request.address + request.count)
        if not asked or any(address not in words for address in asked):
            return refusal(request, ExceptionCode.ILLEGAL_ADDRESS)
        wanted = tuple(words[address] for address in asked)
        return ReadReply(request.unit, request.function, wanted)

    def _write(self, request: WriteRequest) -> Reply:
        match request.address:
            case self._table.unit.address if FIRST_UNIT <= request.value <= LAST_UNIT:
                reply = WriteReply(request.unit, request.address, request.value)
                self.unit = request.value
                return reply
            case self._table.unit.address:
                return refusal(request, ExceptionCode.ILLEGAL_DATA)
            case address if address == ALARM_THRESHOLD_W_ADDRESS and self._table.mark is None:
                self.alarm_threshold_w = request.value
                return WriteReply(request.unit, request.address, request.value)
            case _:
                return refusal(request, ExceptionCode.ILLEGAL_ADDRESS)


def refusal(request: Request, code: ExceptionCode) -> ExceptionReply:
    """The meter's refusal of a request."""
    return ExceptionReply(request.unit, request_function(request), code)
