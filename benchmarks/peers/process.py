"""A peer's process: started in a folder of its own, measured from outside, ended by its id."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRATCH = Path("/var/tmp")  # noqa: S108 - for folders of our own; /tmp may be memory, not a disk
_STOP_S = 20.0
_POLL_S = 0.02
_QUIET_S = 15.0
"""Nothing new for so long: the rest is not coming."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process has used so far.

    Args:
        cpu_s: of all its threads, s.
        written_bytes: that it caused to be written to storage, bytes (``write_bytes`` of proc(5)).
        rss_bytes: the most memory it held, bytes; 0 once it has ended.
    """

    cpu_s: float
    written_bytes: int
    rss_bytes: int


class PeerProcess:
    """One running program.

    Args:
        command: program and arguments.
        folder: where it runs; what it prints goes to ``output.txt`` there.
        environment: variables besides ``PATH``.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended; it stays a zombie, so that it can still be measured."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def footprint(self) -> Footprint:
        """What it has used so far; works until it is reaped."""
        return footprint(self.pid)

    def check(self) -> None:
        """Fail with its last words when it has ended.

        Raises:
            RuntimeError: it has.
        """
        if self.ended:
            last_words = self.output.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._process.args!r} ended too early: {last_words}")

    def said(self, *signs: str) -> bool:
        """Whether it has printed all of these."""
        text = self.output.read_text(errors="replace")
        return all(sign in text for sign in signs)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop it inside the ``with`` block; its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    async def wait(self, within_s: float) -> str:
        """Wait until it has ended by itself; what it printed.

        Raises:
            RuntimeError: it did not end in time, or not well.
        """
        if not await self._ended(within_s) or self._process.wait() != 0:
            raise RuntimeError(f"{self._process.args!r}: {self.output.read_text()[-2000:]}")
        return self.output.read_text()

    async def stop(self, ask: signal.Signals = signal.SIGINT) -> Footprint:
        """Ask it to end, kill it when it does not; what it used to its very end."""
        if self._process.returncode is not None:
            return Footprint(0, 0, 0)
        before = self.footprint()
        os.kill(self.pid, ask)  # Popen's own would reap it
        if not await self._ended(_STOP_S):
            os.kill(self.pid, signal.SIGKILL)
            await self._ended(_STOP_S)
        after = self.footprint()
        self._process.wait()
        return Footprint(after.cpu_s, after.written_bytes, before.rss_bytes)

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        os.kill(self.pid, signal.SIGKILL)
        await self._ended(_STOP_S)
        self._process.wait()

    async def _ended(self, within_s: float) -> bool:
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            if self.ended:
                return True
            await asyncio.sleep(_POLL_S)
        return False


async def until(true: Callable[[], bool], within_s: float, peer: PeerProcess) -> None:
    """Wait for something that a running peer brings about.

    Raises:
        RuntimeError: the peer ended, or it did not come true in time.
    """
    deadline_s = time.monotonic() + within_s
    while not true():
        peer.check()
        if time.monotonic() > deadline_s:
            last_words = peer.output.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"nothing in {within_s} s: {last_words}")
        await asyncio.sleep(_POLL_S)


async def until_all(
    count: Callable[[], int], wanted: int, within_s: float, peer: PeerProcess
) -> float:
    """Wait until ``count`` is ``wanted``, or does not grow any more; when it last grew.

    Returns:
        s of the monotonic clock.

    Raises:
        RuntimeError: the peer ended.
    """
    deadline_s = time.monotonic() + within_s
    counted, grew_s = 0, time.monotonic()
    while counted < wanted and time.monotonic() < min(deadline_s, grew_s + _QUIET_S):
        peer.check()
        if (now := count()) > counted:
            counted, grew_s = now, time.monotonic()
        await asyncio.sleep(_POLL_S)
    return grew_s


def cpu_s(pid: int) -> float:
    """Processor time of all threads of a process, s; the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def footprint(pid: int) -> Footprint:
    """What a process of this user has used so far; see proc(5)."""
    process = Path("/proc") / str(pid)
    io = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
    status = (process / "status").read_text()
    peak_kib = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # user and system time of all threads
    return Footprint(
        cpu_s=ticks / os.sysconf("SC_CLK_TCK"),
        written_bytes=int(io["write_bytes"]),
        rss_bytes=1024 * int(peak_kib[0]) if peak_kib else 0,
    )
