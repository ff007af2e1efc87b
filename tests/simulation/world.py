"""What several tests of the simulated village use: loads, an asker on the line, waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import serial

from gateway.clock import Clock
from gateway.simulation.broker import GATEWAY_USER
from gateway.simulation.household import Household
from gateway.wire import frames
from gateway.wire.errors import CrcError
from gateway.wire.frames import Function, ReadRequest, Request

START_S = 1_770_000_000
DEADLINE_S = 20.0


@dataclass(frozen=True)
class SteadyLoad:
    """The same power for ever, mW."""

    steady_mw: int

    def power_mw(self, minute: int) -> int:
        """The same in every minute."""
        assert minute >= 0
        return self.steady_mw


def village_clock(factor: float = 60.0) -> Clock:
    return Clock(origin_s=START_S, wall_s=time.time(), factor=factor)


def household(
    steady_mw: int = 1_000_000,
    *,
    first_register_wh: int = 0,
    register_modulus_wh: int | None = None,
) -> Household:
    return Household(
        "house",
        SteadyLoad(steady_mw),
        START_S * 1000,
        first_register_wh=first_register_wh,
        register_modulus_wh=register_modulus_wh,
    )


def read_all(unit: int) -> ReadRequest:
    return ReadRequest(unit, Function.READ_INPUT, 0, 10)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for the world to change, but not for ever."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        await asyncio.sleep(0.01)


def until_now(condition: Callable[[], bool], what: str) -> None:
    """The same, for tests without an event loop."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        time.sleep(0.002)


class Asker:
    """A careful Modbus master on a serial device; keeps the gap unless told otherwise."""

    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, 9600, timeout=0, exclusive=True)
        self._last_byte_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._port.close()

    def ask(
        self, request: Request | bytes, *, timeout_s: float = 5.0, keeps_gap: bool = True
    ) -> bytes:
        """Send a request and take what comes until the expected reply is whole, or time is up."""
        frame = request if isinstance(request, bytes) else frames.encode_request(request)
        if keeps_gap:
            self._wait_s(self._last_byte_s + frames.silence_s() - time.monotonic())
        self._port.reset_input_buffer()
        self._port.write(frame)
        expected = 5 if isinstance(request, bytes) else frames.reply_length(request)
        return self.listen(expected, timeout_s)

    def listen(self, expected: int, timeout_s: float = 5.0) -> bytes:
        """Take bytes until there are enough, a refusal is whole, or time is up."""
        heard = b""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            heard += self._port.read(64)
            if len(heard) >= expected or _is_refusal(heard):
                break
            self._wait_s(0.0005)
        self._last_byte_s = time.monotonic()
        return heard

    def _wait_s(self, duration_s: float) -> None:
        if duration_s > 0:
            time.sleep(duration_s)


def _is_refusal(heard: bytes) -> bool:
    if len(heard) != frames.EXCEPTION_LENGTH or not heard[1] & frames.EXCEPTION_FLAG:
        return False
    with suppress(CrcError):
        frames.unseal(heard)
        return True
    return False


def passwords(*nodes: str) -> dict[str, str]:
    return {user: f"secret-{user}" for user in (GATEWAY_USER, *nodes)}
