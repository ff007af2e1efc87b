"""What can be wrong with bytes from outside, sorted by remedy.

A broken frame on a serial line is noise: asking again helps. A message or a register block that
says something impossible stays impossible until a person changes the sender.
"""

from __future__ import annotations

from gateway.errors import Permanent, Transient


class FrameError(Transient):
    """A Modbus frame cannot be used; the next one may be fine."""


class TruncatedFrameError(FrameError):
    """The line fell silent in the middle of a frame."""


class CrcError(FrameError):
    """The frame arrived whole and damaged."""


class UnexpectedReplyError(FrameError):
    """A sound frame that does not answer this request: another unit, function or length.

    RTU has no transaction id, so a late reply is told apart only by what it carries.
    """


class UnsupportedFunctionError(FrameError):
    """A sound request with a function code that these meters do not know.

    Args:
        unit: the unit id asked, 0-255.
        function: the function code, 0-255.
    """

    def __init__(self, unit: int, function: int) -> None:
        super().__init__(f"function code 0x{function:02X} is not one that a PZEM understands")
        self.unit = unit
        self.function = function


class WireError(Permanent):
    """A message or a register holds a value that cannot be true.

    Args:
        field: the field's name as the sender writes it.
        problem: the rest of the sentence: what is wrong and what to do.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
