"""Pure codecs for what comes and goes on wires: Modbus RTU frames, register maps, node messages.

Nothing in here opens a port, connects to a broker, reads a clock or remembers anything.
"""

from gateway.wire.errors import FrameError, WireError

__all__ = ["FrameError", "WireError"]
