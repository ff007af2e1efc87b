"""One simulated PZEM: a unit id, holding registers, a household behind it, and its faults.

Requests in, replies out; knows nothing of bytes on a line and nothing of time but its argument.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from gateway.simulation.household import Household
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
from gateway.wire.registers import (
    PZEM_004T_V3,
    PZEM_ALARM_THRESHOLD_W_ADDRESS,
    RegisterMap,
)

_ALARM_THRESHOLD_W = 23_000
_FIRST_HOLDING = PZEM_ALARM_THRESHOLD_W_ADDRESS


class Fault(Enum):
    """How a meter can misbehave on the line."""

    ABSENT = "never replies: no mains, broken wire, not there"
    CORRUPT_CRC = "replies with a damaged checksum"
    LATE = "replies after the asker has given up"
    TRUNCATED = "stops in the middle of its reply"
    NOISE = "three bytes of noise come before its reply"
    WRONG_UNIT = "replies in the name of another unit"
    EXCEPTION = "replies that it has failed (code 4)"


class Pzem:
    """A PZEM-004T v3, PZEM-014 or PZEM-016 on a bus.

    Args:
        unit: its unit id, 1-247.
        household: whose energy it measures.
        table: which model it is.
    """

    def __init__(self, unit: int, household: Household, table: RegisterMap = PZEM_004T_V3) -> None:
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
        return unit in (self.unit, BROADCAST_UNIT, GENERAL_UNIT)

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Obey a request at ``now_ms`` and say what the meter replies."""
        match request:
            case ReadRequest(function=Function.READ_INPUT):
                return self._read(request, 0, self._input_words(now_ms))
            case ReadRequest():
                return self._read(request, _FIRST_HOLDING, (self.alarm_threshold_w, self.unit))
            case WriteRequest():
                return self._write(request)
            case ResetEnergyRequest(unit):
                self.household.reset_energy(now_ms)
                return ResetEnergyReply(unit)

    def _input_words(self, now_ms: int) -> tuple[int, ...]:
        measured = self.household.measurement(now_ms)
        alarm = (measured.power_mw or 0) > self.alarm_threshold_w * 1000
        return registers.encode(self._table, replace(measured, alarm=alarm))

    def _read(self, request: ReadRequest, first: int, words: tuple[int, ...]) -> Reply:
        start = request.address - first
        end = start + request.count
        if start < 0 or request.count == 0 or end > len(words):
            return refusal(request, ExceptionCode.ILLEGAL_ADDRESS)
        return ReadReply(request.unit, request.function, words[start:end])

    def _write(self, request: WriteRequest) -> Reply:
        match request.address:
            case registers.PZEM_ALARM_THRESHOLD_W_ADDRESS:
                self.alarm_threshold_w = request.value
            case registers.PZEM_UNIT_ADDRESS if FIRST_UNIT <= request.value <= LAST_UNIT:
                self.unit = request.value
            case registers.PZEM_UNIT_ADDRESS:
                return refusal(request, ExceptionCode.ILLEGAL_DATA)
            case _:
                return refusal(request, ExceptionCode.ILLEGAL_ADDRESS)
        return WriteReply(request.unit, request.address, request.value)


def refusal(request: Request, code: ExceptionCode) -> ExceptionReply:
    """The meter's refusal of a request."""
    return ExceptionReply(request.unit, request_function(request), code)
