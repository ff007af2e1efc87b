"""What the machine says of the time: its own clock, its count since boot, the kernel, the RTC.

The edge of the world: everything that a test has to fake is an argument of :class:`Machine`.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` (https://man7.org/linux/man-pages/man2/adjtimex.2.html)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def ask_kernel() -> tuple[int, int]:
    """What ``adjtimex`` returns, and the status that it fills in; changes nothing.

    Raises:
        OSError: the kernel does not tell.
    """
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return state, timex.status


def count_since_boot() -> float:
    """Seconds since boot, those of a suspended machine among them; nothing sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read_boot() -> str:
    """The kernel's name for this boot."""
    return _BOOT_ID.read_text("ascii").strip()


@dataclass(frozen=True, slots=True)
class Machine:
    """The clocks of one machine.

    Args:
        wall: the system's time (unix seconds); anybody may set it.
        monotonic: seconds since boot.
        boot: names the boot.
        kernel: what ``adjtimex`` returns, and its status.
        rtc: the folder in which the kernel lists real-time clocks.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = count_since_boot
    boot: Callable[[], str] = read_boot
    kernel: Callable[[], tuple[int, int]] = ask_kernel
    rtc: Path = Path("/sys/class/rtc")

    def is_synchronised(self) -> bool:
        """Whether an NTP daemon, whichever it is, keeps the system's time right now.

        The kernel forgets it some nine hours after the daemon's last word.
        """
        try:
            state, status = self.kernel()
        except OSError:
            return False
        return state != _TIME_ERROR and not status & _STA_UNSYNC

    def rtc_ms(self) -> int | None:
        """What the real-time clock says that the system was started from (unix milliseconds).

        None: there is none, or it had nothing to say at boot.
        """
        for one in sorted(self.rtc.glob("rtc*")):
            try:
                if (one / "hctosys").read_text("ascii").strip() == "1":
                    return int((one / "since_epoch").read_text("ascii")) * 1000
            except (OSError, ValueError):
                continue
        return None
