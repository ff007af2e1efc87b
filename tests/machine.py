"""A machine whose clocks a test drives: boots, drifts, is off, is lied to by NTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Machine

SYNCHRONISED = (0, 0x2001)
"""What adjtimex says beside a working NTP daemon: TIME_OK, STA_PLL and STA_NANO."""
ALONE = (5, 0x0040)
"""And without: TIME_ERROR, STA_UNSYNC."""
Y2K_S = 946_684_800


@dataclass
class World:
    """True time, and a machine that may not know it.

    Args:
        folder: of the files that stand for the kernel's list of real-time clocks.
        true_s: what time it really is (unix seconds).
        wall_s: what the machine's own clock says.
        monotonic_s: its count since boot.
        boot: which boot.
        kernel: what adjtimex says.
    """

    folder: Path
    true_s: float
    wall_s: float
    monotonic_s: float = 30.0
    boot: int = 1
    kernel: tuple[int, int] = ALONE

    @property
    def machine(self) -> Machine:
        """As the gateway sees it."""
        return Machine(
            wall=lambda: self.wall_s,
            monotonic=lambda: self.monotonic_s,
            boot=lambda: f"boot-{self.boot}",
            kernel=lambda: self.kernel,
            rtc=self.folder,
        )

    def run(self, duration_s: float) -> None:
        """Time passes while the machine runs."""
        self.true_s += duration_s
        self.wall_s += duration_s
        self.monotonic_s += duration_s

    def restart(self, off_s: float, wall_s: float = Y2K_S) -> None:
        """It is off for a while, and starts with whatever its own clock says then."""
        self.true_s += off_s
        self.wall_s, self.monotonic_s, self.kernel = wall_s, 30.0, ALONE
        self.boot += 1

    def synchronise(self) -> None:
        """An NTP daemon sets the system's clock and says so."""
        self.wall_s, self.kernel = self.true_s, SYNCHRONISED

    def lose_ntp(self) -> None:
        """The cable is out for so long that the kernel no longer vouches for its clock."""
        self.kernel = ALONE

    def put_rtc(self, says_s: float, hctosys: str = "1") -> None:
        """A real-time clock as the kernel lists it; one that says nothing new until put again."""
        one = self.folder / "rtc0"
        one.mkdir(exist_ok=True)
        (one / "hctosys").write_text(f"{hctosys}\n", "ascii")
        (one / "since_epoch").write_text(f"{int(says_s)}\n", "ascii")
