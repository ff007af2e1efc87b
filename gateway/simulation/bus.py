"""An RS485 line with PZEM meters on it: a pty whose bytes come at the pace of a real line.

A pty itself paces nothing, so a request is charged its time on the line from the moment its bytes
arrive, and a reply is written byte by byte. It is never faster than the line; on a busy machine it
may be slower. Runs in a thread of its own and leaves no file behind.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import Permanent
from gateway.simulation.pzem import Fault, Pzem, refusal
from gateway.wire.errors import FrameError, UnsupportedFunctionError
from gateway.wire.frames import (
    BROADCAST_UNIT,
    EXCEPTION_FLAG,
    LAST_UNIT,
    ExceptionCode,
    Request,
    decode_request,
    encode_reply,
    frame_duration_s,
    request_length,
    seal,
    silence_s,
)

TURNAROUND_S = 0.008
LATE_S = 0.4
_NOISE = b"\xff\x00\x7f"
_UNFINISHED_S = 0.1  # a request that stands still for so long will not be finished
_READ_SIZE = 256


@dataclass(slots=True)
class BusCounters:
    """What happened on the line since the start.

    Args:
        requests: whole requests heard, sound or not.
        replies: frames sent by meters.
        damaged: requests that no meter could understand.
        gap_violations: requests with less than 3.5 characters of silence before them; the
            asker's clock for a request without a reply starts when its bytes arrive here.
        collisions: requests lost because a meter was still talking.
    """

    requests: int = 0
    replies: int = 0
    damaged: int = 0
    gap_violations: int = 0
    collisions: int = 0


class Bus:
    """A line with meters; :attr:`path` is the serial device to open.

    Args:
        meters: who is on the line.
        now_ms: village time, unix ms; asked when a meter composes its reply.
        baud: bits per second, 8N1.
        turnaround_s: what a meter needs between request and reply, s of wall time.
    """

    def __init__(
        self,
        meters: Sequence[Pzem],
        now_ms: Callable[[], int],
        *,
        baud: int = 9600,
        turnaround_s: float = TURNAROUND_S,
    ) -> None:
        self.meters = tuple(meters)
        self.counters = BusCounters()
        self.path = ""
        self._now_ms = now_ms
        self._baud = baud
        self._silence_s = silence_s(baud)
        self._turnaround_s = max(turnaround_s, self._silence_s)
        self._quiet_since_s = 0.0
        self._early_s: float | None = None
        self._late: list[tuple[float, bytes]] = []
        self._thread: threading.Thread | None = None
        self._line = self._device = self._wake_reader = self._wake_writer = -1

    def meter(self, unit: int) -> Pzem:
        """The meter with this unit id.

        Raises:
            Permanent: no meter on this bus has it.
        """
        for meter in self.meters:
            if meter.unit == unit:
                return meter
        raise Permanent(f"no meter on this bus has unit id {unit}")

    def start(self) -> str:
        """Open the line and begin to listen; returns the serial device's path."""
        self._line, self._device = os.openpty()
        tty.setraw(self._device)
        # Holding the device open keeps the line up while nobody else has it open.
        self._wake_reader, self._wake_writer = os.pipe()
        self.path = os.ttyname(self._device)
        self._thread = threading.Thread(target=self._listen, name="simulated-bus", daemon=True)
        self._thread.start()
        return self.path

    def stop(self) -> None:
        """Hang up; the device is gone afterwards. Does nothing when it is not running."""
        if self._thread is None:
            return
        os.write(self._wake_writer, b"x")
        self._thread.join()
        self._thread = None
        for fd in (self._line, self._device, self._wake_reader, self._wake_writer):
            os.close(fd)

    def _listen(self) -> None:
        request = b""
        while True:
            ready = self._wait(unfinished=bool(request))
            if self._wake_reader in ready:
                return
            if self._line not in ready:
                request = b""
                self._send_late()
                continue
            arrived_s = self._early_s or time.monotonic()
            self._early_s = None
            if not request:
                self._check_gap(arrived_s)
            request += os.read(self._line, _READ_SIZE)
            if len(request) >= _expected_length(request):
                self._take(request, arrived_s)
                request = b""

    def _wait(self, *, unfinished: bool) -> list[int]:
        timeout_s = _UNFINISHED_S if unfinished else None
        if not unfinished and self._late:
            timeout_s = max(0.0, self._late[0][0] - time.monotonic())
        ready, _, _ = select.select([self._line, self._wake_reader], [], [], timeout_s)
        return ready

    def _check_gap(self, arrived_s: float) -> None:
        if arrived_s - self._quiet_since_s < self._silence_s:
            self.counters.gap_violations += 1

    def _take(self, frame: bytes, arrived_s: float) -> None:
        """Let every meter that is meant hear one request, and send what they reply."""
        self.counters.requests += 1
        heard_s = arrived_s + frame_duration_s(len(frame), self._baud)
        self._quiet_since_s = heard_s
        self._think_until(heard_s + self._turnaround_s)
        try:
            replies = self._replies(decode_request(frame), heard_s)
        except UnsupportedFunctionError as error:
            replies = self._refusals(error)
        except FrameError:
            self.counters.damaged += 1
            return
        if replies:
            self._send(_on_one_wire(replies), heard_s + self._turnaround_s)

    def _think_until(self, instant_s: float) -> None:
        """Wait, and remember when somebody does not wait for the reply."""
        remaining_s = max(0.0, instant_s - time.monotonic())
        ready, _, _ = select.select([self._line], [], [], remaining_s)
        if ready:
            self._early_s = time.monotonic()
            _sleep_until(instant_s)

    def _replies(self, request: Request, heard_s: float) -> list[bytes]:
        replies = []
        for meter in self.meters:
            if not meter.hears(request.unit):
                continue
            meter.polls += 1
            fault = meter.take_fault()
            if fault is Fault.ABSENT:
                continue
            frame = self._spoiled(meter, request, fault)
            if request.unit == BROADCAST_UNIT:
                continue
            if fault is Fault.LATE:
                self._late.append((heard_s + LATE_S, frame))
            else:
                replies.append(frame)
        return replies

    def _spoiled(self, meter: Pzem, request: Request, fault: Fault | None) -> bytes:
        if fault is Fault.EXCEPTION:
            return encode_reply(refusal(request, ExceptionCode.DEVICE_ERROR))
        frame = encode_reply(meter.answer(request, self._now_ms()))
        match fault:
            case Fault.CORRUPT_CRC:
                return frame[:-1] + bytes((frame[-1] ^ 0xFF,))
            case Fault.TRUNCATED:
                return frame[: len(frame) // 2]
            case Fault.NOISE:
                return _NOISE + frame
            case Fault.WRONG_UNIT:
                return seal(bytes((frame[0] % LAST_UNIT + 1,)) + frame[1:-2])
            case _:
                return frame

    def _refusals(self, error: UnsupportedFunctionError) -> list[bytes]:
        body = (error.unit, error.function | EXCEPTION_FLAG, ExceptionCode.ILLEGAL_FUNCTION)
        hearing = [meter for meter in self.meters if meter.hears(error.unit)]
        return [seal(bytes(body)) for _ in hearing] if error.unit != BROADCAST_UNIT else []

    def _send(self, frame: bytes, start_s: float) -> None:
        for index in range(len(frame)):
            _sleep_until(start_s + frame_duration_s(index + 1, self._baud))
            if index + 1 == len(frame):
                self._drop_collisions()
            # Taken before the write: whoever keeps the gap after hearing the byte is never blamed.
            self._quiet_since_s = time.monotonic()
            os.write(self._line, frame[index : index + 1])
        self.counters.replies += 1

    def _send_late(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, frame = self._late.pop(0)
            self._send(frame, time.monotonic())

    def _drop_collisions(self) -> None:
        """What was asked before a reply's last byte is garbled on a real line, and lost."""
        ready, _, _ = select.select([self._line], [], [], 0)
        if ready:
            os.read(self._line, _READ_SIZE)
            self._early_s = None
            self.counters.gap_violations += 1
            self.counters.collisions += 1


def _expected_length(request: bytes) -> int:
    """How many bytes to wait for; an unknown function code is taken to end where it stops."""
    if len(request) < 2:  # noqa: PLR2004 - unit and function code
        return 2
    return request_length(request[1]) or len(request)


def _on_one_wire(frames: Sequence[bytes]) -> bytes:
    """What is heard when several meters talk at once: every 0 of one hides the others' 1."""
    heard = bytearray(max(frames, key=len))
    for frame in frames:
        for index, byte in enumerate(frame):
            heard[index] &= byte
    return bytes(heard)


def _sleep_until(instant_s: float) -> None:
    remaining_s = instant_s - time.monotonic()
    if remaining_s > 0:
        time.sleep(remaining_s)
