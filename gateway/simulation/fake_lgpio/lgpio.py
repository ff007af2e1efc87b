"""A GPIO chip that is not there: what rpi-lgpio calls of ``lgpio``, and no more.

Each claim, write and free goes to the village's socket named by ``VILLAGE_PINS``; without that
variable only :data:`CHIP` remembers. Imports nothing of the gateway: it is found by its folder.
Names and return values are those of lgpio (https://abyz.me.uk/lg/py_lgpio.html).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field

SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
GPIO_BUSY = -78
_LINES = 54
_MODE_OUTPUT, _MODE_INPUT = 0x200 | 0x2, 0x100
_ANSWER_S = 5.0


class error(Exception):  # noqa: N801, N818 - lgpio's own name
    """The chip refuses."""


@dataclass
class Chip:
    """What this process did to the chip.

    Args:
        outputs: the level of each line claimed as output, 0 or 1.
        inputs: lines claimed as input.
        history: every ``(verb, line, level)``, oldest first.
        busy: lines that another process holds; a test may add some.
    """

    outputs: dict[int, int] = field(default_factory=dict)
    inputs: set[int] = field(default_factory=set)
    history: list[tuple[str, int, int]] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)


CHIP = Chip()


def gpiochip_open(_chip: int) -> int:
    """Open the chip; the handle is always 0."""
    return 0


def gpiochip_close(_handle: int) -> int:
    """Forget every claim; what the lines show stays as it is."""
    CHIP.outputs.clear()
    CHIP.inputs.clear()
    return 0


def gpio_get_chip_info(_handle: int) -> tuple[int, int, str, str]:
    """Status, number of lines, name, label."""
    return 0, _LINES, "gpiochip0", "pinctrl-bcm2711"


def gpio_claim_output(_handle: int, line: int, level: int = 0, _flags: int = 0) -> int:
    """Make a line an output that starts at ``level`` without a glitch."""
    if line in CHIP.busy:
        raise error(error_text(GPIO_BUSY))
    CHIP.inputs.discard(line)
    CHIP.outputs[line] = int(level)
    return _tell("output", line, int(level))


def gpio_claim_input(_handle: int, line: int, _flags: int = 0) -> int:
    """Make a line an input."""
    if line in CHIP.busy:
        raise error(error_text(GPIO_BUSY))
    CHIP.outputs.pop(line, None)
    CHIP.inputs.add(line)
    return _tell("input", line, None)


def gpio_free(_handle: int, line: int) -> int:
    """Let a line go; whoever else wants it may claim it."""
    if line not in CHIP.outputs and line not in CHIP.inputs:
        raise error("GPIO not allocated")
    CHIP.outputs.pop(line, None)
    CHIP.inputs.discard(line)
    return _tell("free", line, None)


def gpio_write(_handle: int, line: int, level: int) -> int:
    """Drive an output."""
    if line not in CHIP.outputs:
        raise error("GPIO not allocated")
    CHIP.outputs[line] = int(level)
    return _tell("write", line, int(level))


def gpio_read(_handle: int, line: int) -> int:
    """The level of a line, as the village has it."""
    if line in CHIP.outputs:
        return CHIP.outputs[line]
    return _ask(line)


def gpio_get_mode(_handle: int, line: int) -> int:
    """Mode bits: 0x2 output; 0x100 input and 0x200 output held by this process."""
    if line in CHIP.outputs:
        return _MODE_OUTPUT
    return _MODE_INPUT if line in CHIP.inputs else 0


def error_text(number: int) -> str:
    """What an error number means."""
    return "GPIO busy" if number == GPIO_BUSY else f"lgpio error {number}"


def _tell(verb: str, line: int, level: int | None) -> int:
    CHIP.history.append((verb, line, CHIP.outputs.get(line, 0)))
    path = os.environ.get("VILLAGE_PINS")
    if path:
        words = [verb, str(line)] if level is None else [verb, str(line), str(level)]
        with _connected(path) as village:
            village.send(" ".join(words).encode("ascii"))
    return 0


def _ask(line: int) -> int:
    path = os.environ.get("VILLAGE_PINS")
    if not path:
        return 0
    with _connected(path) as village:
        village.bind("")  # Linux gives an abstract address, so that the village can answer
        village.send(b"read %d" % line)
        try:
            return int(village.recv(8))
        except TimeoutError as problem:
            raise error("the village's pins do not answer") from problem


def _connected(path: str) -> socket.socket:
    village = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    village.settimeout(_ANSWER_S)
    try:
        village.connect(path)
    except OSError as problem:
        village.close()
        raise error(f"no village listens on {path}") from problem
    return village
