"""Whether a serial port can be had, and if not, why: in words for whoever stands before it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from gateway.errors import Transient


class PortError(Transient):
    """The serial port itself cannot be used; the sentence says what to do about it."""


def check_port(port: str) -> None:
    """Say in words why a port can't be had; pymodbus would only say that it can't.

    Opening it here first leaves an instant for somebody else to take it: then opening it for good
    fails too, with a less helpful sentence.
    """
    try:
        descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise PortError(_why_not(port, error)) from error
    try:
        if not (stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.isatty(descriptor)):
            raise PortError(f"{port} is no serial port: correct bus.port")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PortError(_taken(port)) from error
    finally:
        os.close(descriptor)


def _why_not(port: str, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return f"serial port {port} isn't there: plug in the adapter or correct bus.port"
        case errno.EACCES | errno.EPERM:
            return f"serial port {port} is closed to this user: add it to the group dialout"
        case errno.EBUSY:
            return _taken(port)
        case _:
            return f"serial port {port} can't be opened ({error.strerror}): correct bus.port"


def _taken(port: str) -> str:
    return f"serial port {port} is in use by another program: stop that first (is it the gateway?)"
