"""The world's side of the GPIO lines: it holds the level of each and tells who is switched by it.

A fake ``lgpio`` below the real RPi.GPIO library reports each claim and write to a datagram socket
here. A level outlives the process that set it, as a latching relay does.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Permanent
from gateway.simulation.fake_lgpio import FOLDER, SOCKET_VARIABLE

_MAX_DATAGRAM = 64
_LEVELS = {"0": 0, "1": 1}


@dataclass(frozen=True, slots=True)
class PinChange:
    """One thing that a process did to a line.

    Args:
        verb: ``output`` (claimed as output), ``input``, ``write`` or ``free``.
        line: the line's number on its chip.
        level: 0 or 1; what the line shows afterwards.
    """

    verb: str
    line: int
    level: int


class Pins:
    """A receiver for what happens to the GPIO lines of one simulated Pi.

    Args:
        folder: where its socket is made; exists, and its path is short (about 90 characters).
        on_level: called with a line and its new level, 0 or 1, whenever an output is driven.
    """

    def __init__(self, folder: Path, on_level: Callable[[int, int], None]) -> None:
        self.path = folder / "pins.sock"
        self.history: list[PinChange] = []
        self._levels: dict[int, int] = {}
        self._on_level = on_level
        self._socket: socket.socket | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What to set in a process's environment so that its lgpio is this one."""
        return {
            "PYTHONPATH": str(FOLDER),
            SOCKET_VARIABLE: str(self.path),
            "RPI_LGPIO_REVISION": "c03115",
        }

    def level(self, line: int) -> int:
        """The level of a line, 0 or 1; 0 before anyone drove it."""
        return self._levels.get(line, 0)

    def start(self) -> None:
        """Listen on the running event loop.

        Raises:
            Permanent: the socket cannot be made in this folder.
        """
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.settimeout(0)
        try:
            listener.bind(str(self.path))
        except OSError as error:
            listener.close()
            raise Permanent(
                f"{self.path} cannot be made ({error}): choose a folder with a shorter path"
            ) from error
        self._socket = listener
        asyncio.get_running_loop().add_reader(listener, self._receive, listener)

    def stop(self) -> None:
        """Stop listening and remove the socket. Does nothing when it is not running."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        self.path.unlink(missing_ok=True)

    def _receive(self, listener: socket.socket) -> None:
        try:
            message, sender = listener.recvfrom(_MAX_DATAGRAM)
        except BlockingIOError:
            return
        match message.decode("ascii", "replace").split():
            case ["read", line] if line.isdecimal():
                listener.sendto(b"%d" % self.level(int(line)), sender)
            case [("output" | "write") as verb, line, level] if (
                line.isdecimal() and level in _LEVELS
            ):
                self._drive(verb, int(line), _LEVELS[level])
            case [("input" | "free") as verb, line] if line.isdecimal():
                self.history.append(PinChange(verb, int(line), self.level(int(line))))

    def _drive(self, verb: str, line: int, level: int) -> None:
        self._levels[line] = level
        self.history.append(PinChange(verb, line, level))
        self._on_level(line, level)
