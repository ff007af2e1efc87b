"""One serial line and its discipline: one owner, one request at a time, silence between frames.

pymodbus frames and awaits; this module keeps what RTU asks of whoever talks first and pymodbus does
not: the gap of 3.5 characters, and the check that a reply answers this very request. Knows no
meter and no schedule. What changes a meter is sent for a person's command only, never by a poller.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import cast

import serial
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.transport.serialtransport import SerialTransport

from gateway.errors import Permanent, Transient
from gateway.sources.port import PortError, check_port
from gateway.wire.errors import FrameError, UnexpectedReplyError
from gateway.wire.frames import (
    EXCEPTION_FLAG,
    GENERAL_UNIT,
    ExceptionReply,
    Function,
    ReadReply,
    ReadRequest,
    Reply,
    Request,
    ResetEnergyRequest,
    WriteRequest,
    decode_reply,
    encode_request,
    frame_duration_s,
    reply_length,
    silence_s,
)

__all__ = ["BAUDS", "PortError", "RefusedError", "SerialLine", "SilenceError"]

BAUDS = (2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)
LONGEST_BABBLE_S = 2.0


class SilenceError(Transient):
    """Nothing at all came back in time."""


class RefusedError(Permanent):
    """The meter understood the request and refuses it.

    Args:
        code: the Modbus exception code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"it refuses the request with exception {code}")
        self.code = code


class SerialLine:
    """An RS485 adapter, held by this process alone while it is open.

    Args:
        port: the serial device.
        baud: bits per second, eight data bits, no parity.
        timeout_s: how long a meter may stay silent after the request, s.
        stop_bits: 1 or 2; a meter that wants one takes the second for silence.
    """

    def __init__(
        self, port: str, baud: int = 9600, timeout_s: float = 0.2, stop_bits: int = 1
    ) -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # our caller logs transitions
        self._port = port
        self._baud = baud
        self._timeout_s = timeout_s
        self._stop_bits = stop_bits
        self._silence_s = silence_s(baud, stop_bits)
        self._quiet_since_s = 0.0
        self._heard = b""
        self._client: AsyncModbusSerialClient | None = None

    async def open(self) -> None:
        """Take the port; does nothing when it is ours already.

        Raises:
            PortError: it is missing, not ours to use, or another program has it.
        """
        if self._client is not None:
            return
        check_port(self._port)
        client = AsyncModbusSerialClient(
            self._port,
            framer=FramerType.RTU,
            baudrate=self._baud,
            stopbits=self._stop_bits,
            reconnect_delay=0,  # how to come back is our caller's decision
            retries=0,  # an immediate retry would take a late reply for its own
            trace_packet=self._watch,
        )
        if not await client.connect():
            raise PortError(f"serial port {self._port} could not be opened: plug it in again")
        client.register(_ResetEnergy)
        self._client = client
        _heed_cancellation()
        with suppress(ValueError):  # a driver without the setting
            # Else a USB adapter sits on received bytes for 16 ms, a third of a whole poll.
            _device(client).set_low_latency_mode(True)

    def close(self) -> None:
        """Let go of the port."""
        if self._client is not None:
            self._client.close()
        self._client = None

    async def read(self, request: ReadRequest) -> tuple[int, ...]:
        """Ask one meter for words, each 0-65535; the line must be open.

        The general address is answered by whatever single PZEM is on the line, also in the name
        of its own unit id.

        Raises:
            PortError: the adapter is gone; the line is closed.
            SilenceError: no byte came back.
            FrameError: what came back is damaged or answers another request.
            RefusedError: the meter refuses.
        """
        answer = await self._exchange(request)
        if answer is not None:
            return _words(answer, request)
        reply = _accepted(decode_reply(self._heard, request))
        return reply.words if isinstance(reply, ReadReply) else ()

    async def change(self, request: WriteRequest | ResetEnergyRequest) -> None:
        """Change one meter, for a person who asked for it; raises like :meth:`read`.

        A failure leaves open whether the meter obeyed: read it to find out.
        """
        await self._exchange(request)
        _accepted(decode_reply(self._heard, request))

    async def _exchange(self, request: Request) -> ModbusPDU | None:
        """Send one request; None: somebody answered the general address in his own name."""
        if self._client is None:
            raise PortError(f"serial port {self._port} is closed: open it first")
        await self._await_silence(self._client)
        self._heard = b""
        self._client.ctx.comm_params.timeout_connect = self._patience_s(request)
        try:
            reply = await _send(self._client, request)
        except ModbusException:
            _heed_cancellation()
            if not self._client.connected:
                self.close()
                raise PortError(
                    f"serial port {self._port} disappeared: plug the adapter in again"
                ) from None
            problem = self._diagnosis(request)
            if problem is not None:
                raise problem from None
            return None
        _heed_cancellation()
        return reply

    def _watch(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus's shape
        """Note since when the line is silent: seen from here every byte passes."""
        now_s = asyncio.get_running_loop().time()
        if sending:
            self._quiet_since_s = now_s + frame_duration_s(len(data), self._baud, self._stop_bits)
        else:
            self._quiet_since_s = now_s
            self._heard = data
        return data

    async def _await_silence(self, client: AsyncModbusSerialClient) -> None:
        """Wait until 3.5 characters have passed since the last byte, late replies included.

        The event loop reads and drops whatever arrives meanwhile, which drains the line.
        """
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # unplugged: sending will find out
            if client.connected and _device(client).in_waiting:
                self._quiet_since_s = loop.time()  # bytes that the loop has not seen yet
        deadline_s = loop.time() + LONGEST_BABBLE_S
        while (wait_s := self._quiet_since_s + self._silence_s - loop.time()) > 0:
            if loop.time() > deadline_s:
                raise FrameError("the line never falls silent: look for a babbling meter")
            # A thread wakes within 0.1 ms; the event loop counts in whole ms, 3 % of a poll.
            await asyncio.to_thread(time.sleep, wait_s)

    def _patience_s(self, request: Request) -> float:
        """Pymodbus counts from before the request until after the reply."""
        on_the_line = len(encode_request(request)) + reply_length(request)
        return self._timeout_s + frame_duration_s(on_the_line, self._baud, self._stop_bits)

    def _diagnosis(self, request: Request) -> Transient | None:
        """Why no reply to ``request`` was found in the bytes that came; None: there is one."""
        if not self._heard:
            return SilenceError("no reply")
        try:
            decode_reply(self._heard, request)
        except FrameError as error:
            return error
        if request.unit == GENERAL_UNIT:  # pymodbus skips a reply with another unit id
            return None
        return UnexpectedReplyError("the reply came too late")


class _ResetEnergy(ModbusPDU):
    """Function code 0x42, which pymodbus does not know: four bytes there, the same four back."""

    function_code = Function.RESET_ENERGY
    rtu_frame_size = 4


def _device(client: AsyncModbusSerialClient) -> serial.Serial:
    return cast("SerialTransport", client.ctx.transport).sync_serial


def _heed_cancellation() -> None:
    """End when we were told to.

    pymodbus waits with ``asyncio.wait_for``, which before Python 3.12 drops a cancellation that
    comes together with the reply (https://bugs.python.org/issue42130).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _send(client: AsyncModbusSerialClient, request: Request) -> ModbusPDU:
    match request:
        case ReadRequest(unit, Function.READ_INPUT, address, count):
            return await client.read_input_registers(address, count=count, device_id=unit)
        case ReadRequest(unit, _, address, count):
            return await client.read_holding_registers(address, count=count, device_id=unit)
        case WriteRequest(unit, address, value):
            return await client.write_register(address, value, device_id=unit)
        case ResetEnergyRequest(unit):
            reset = _ResetEnergy(unit)
            return cast(
                "ModbusPDU", await client.execute(no_response_expected=False, request=reset)
            )


def _accepted(reply: Reply) -> Reply:
    if isinstance(reply, ExceptionReply):
        raise RefusedError(reply.code)
    return reply


def _words(reply: ModbusPDU, request: ReadRequest) -> tuple[int, ...]:
    """The reply's words, when it answers this request; pymodbus compares the unit id only."""
    if reply.dev_id != request.unit:
        raise UnexpectedReplyError(f"unit {reply.dev_id} answered, unit {request.unit} was asked")
    if reply.function_code == request.function | EXCEPTION_FLAG:
        raise RefusedError(reply.exception_code)
    if reply.function_code != request.function:
        raise UnexpectedReplyError(f"function {reply.function_code} answered, another was asked")
    if len(reply.registers) != request.count:
        raise UnexpectedReplyError(
            f"{len(reply.registers)} words came, {request.count} were asked for"
        )
    return tuple(reply.registers)
