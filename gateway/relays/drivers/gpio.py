"""Relays on the Raspberry Pi's header, through rpi-lgpio and the kernel's GPIO character device.

A line keeps its level when this process ends, whatever the cause: nothing here ever cleans up.
Lines are numbered as the chip does (BCM), not as the header's pins.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from typing import Protocol, cast

from gateway.errors import GatewayError, Permanent, Transient

LAST_LINE = 27
"""The header carries the lines 0-27 of every Pi since the B+."""


class _Gpio(Protocol):
    """The part of ``RPi.GPIO`` that is used here; it has no types of its own."""

    BCM: int
    OUT: int

    def setwarnings(self, value: bool) -> None: ...  # noqa: FBT001 - the library's signature
    def setmode(self, new_mode: int) -> None: ...
    def setup(self, channel: int, direction: int, *, initial: bool) -> None: ...
    def output(self, channel: int, value: bool) -> None: ...  # noqa: FBT001 - the same


class GpioDriver:
    """Switches lines of the header; opens the chip at the first command, not before.

    Args:
        active_low: True for relay boards that connect on a low level.
    """

    def __init__(self, *, active_low: bool = False) -> None:
        self._active_low = active_low
        self._gpio: _Gpio | None = None
        self._faults: tuple[type[Exception], ...] = ()
        self._claimed: set[int] = set()

    async def switch(self, name: str, *, connected: bool) -> None:
        """Drive a line to the level of this position, without a glitch in between.

        Args:
            name: the line's number, 0-27.
            connected: True: the relay shall conduct.

        Raises:
            Transient: another program owns the line.
            Permanent: there is no such line, or no header.
        """
        line = _line(name)
        gpio = self._opened()
        level = connected is not self._active_low
        try:
            if line in self._claimed:
                gpio.output(line, level)
            else:
                gpio.setup(line, gpio.OUT, initial=level)
                self._claimed.add(line)
        except self._faults as fault:
            self._claimed.discard(line)
            raise _said(line, fault) from fault

    def _opened(self) -> _Gpio:
        if self._gpio is None:
            # lgpio leaves a FIFO in its working directory, which need not be writable.
            os.environ.setdefault("LG_WD", tempfile.gettempdir())
            try:
                lgpio = importlib.import_module("lgpio")
                gpio = cast("_Gpio", importlib.import_module("RPi.GPIO"))
            except (ImportError, RuntimeError) as fault:
                raise Permanent(
                    "this computer has no Raspberry Pi header for GPIO relays: run the gateway on "
                    f'the Pi, or set the relay to "node" or "none" ({fault})'
                ) from fault
            self._faults = (RuntimeError, ValueError, cast("type[Exception]", lgpio.error))
            gpio.setwarnings(value=False)
            try:
                gpio.setmode(gpio.BCM)
            except self._faults as fault:
                raise Permanent(
                    "the GPIO chip can't be opened: add the gateway's user to the group gpio "
                    f"({fault})"
                ) from fault
            self._gpio = gpio
        return self._gpio


def _line(name: str) -> int:
    if not (name.isascii() and name.isdigit()) or int(name) > LAST_LINE:
        raise Permanent(f"there is no GPIO line {name}: the header has 0 to {LAST_LINE} (BCM)")
    return int(name)


def _said(line: int, fault: Exception) -> GatewayError:
    if "busy" in str(fault).lower():
        return Transient(
            f"GPIO line {line} is in use by another program: stop that program, or wire the "
            "relay to another line"
        )
    return Transient(f"GPIO line {line} did not take its level: {fault}")
