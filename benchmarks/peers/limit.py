"""A fraction of one core for one process, as a small computer would give it.

Where cgroup v2 lets this user make a group that has ``cpu.max``, the kernel does it. Elsewhere a
thread stops the process (SIGSTOP) whenever it has used more processor time than its share, and
continues it (SIGCONT) when it has not: what counts is time used by all its threads, so a process
that waits is not held back. Its steps are coarser than the kernel's, its average is the same.
Afterwards the process runs free again, and no group is left. ``python -m benchmarks.peers.limit``
holds a program with two busy threads to a tenth of a core and checks what it got.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.peers.process import cpu_s

PERIOD_S = 0.1
"""Over which a share counts; the kernel's own default."""
_STEP_S = 0.002
_MOUNTS = Path("/proc/self/mounts")


@contextmanager
def limited(fraction: float, pid: int) -> Iterator[str]:
    """Hold a process to ``fraction`` of one core inside the ``with`` block.

    Args:
        fraction: of one core, above 0; 0.1 is a tenth.
        pid: a running process of this user, not the caller itself.

    Yields:
        How it is done: 'cgroup' or 'signals'.
    """
    group = _new_group(fraction)
    if group is None:
        with _by_signals(fraction, pid):
            yield "signals"
        return
    former = _group_of(pid)
    try:
        (group / "cgroup.procs").write_text(str(pid))
        yield "cgroup"
    finally:
        with suppress(OSError):  # it may have ended
            (former / "cgroup.procs").write_text(str(pid))
        _remove(group)


def _new_group(fraction: float) -> Path | None:
    """A group of our own with the limit set, or None where that can't be had."""
    try:
        group = _group_of(os.getpid()) / f"limited-{os.getpid()}-{time.monotonic_ns()}"
        group.mkdir()
    except (OSError, LookupError):
        return None
    try:
        period_us = round(PERIOD_S * 1e6)
        with (group / "cpu.max").open("r+") as limit:  # not there without the cpu controller
            limit.write(f"{max(1000, round(fraction * period_us))} {period_us}")
    except OSError:
        _remove(group)
        return None
    return group


def _group_of(pid: int) -> Path:
    """The cgroup v2 folder of a process.

    Raises:
        LookupError: no cgroup v2 is mounted.
    """
    mounts = [line.split() for line in _MOUNTS.read_text().splitlines()]
    roots = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
    for line in (Path("/proc") / str(pid) / "cgroup").read_text().splitlines():
        if line.startswith("0::") and roots:
            return Path(roots[0]) / line.removeprefix("0::").lstrip("/")
    raise LookupError("no cgroup v2 is mounted")


def _remove(group: Path) -> None:
    """Groups can't be removed before their last process has left."""
    for _ in range(100):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)


@contextmanager
def _by_signals(fraction: float, pid: int) -> Iterator[None]:
    done = threading.Event()
    governor = threading.Thread(target=_govern, args=(fraction, pid, done), daemon=True)
    governor.start()
    try:
        yield
    finally:
        done.set()
        governor.join()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _govern(fraction: float, pid: int, done: threading.Event) -> None:
    """Let it run while it has budget; one period's share can be saved up, no more."""
    budget_s, used_s, at_s = 0.0, cpu_s(pid), time.monotonic()
    stopped = False
    with suppress(OSError):  # it has ended
        while not done.wait(_STEP_S):
            now_s, now_used_s = time.monotonic(), cpu_s(pid)
            budget_s += fraction * (now_s - at_s) - (now_used_s - used_s)
            budget_s = min(budget_s, fraction * PERIOD_S)
            at_s, used_s = now_s, now_used_s
            if stopped != (budget_s < 0):
                stopped = not stopped
                os.kill(pid, signal.SIGSTOP if stopped else signal.SIGCONT)


_BUSY = """
import hashlib, signal, threading
signal.alarm(20)
block = bytes(1 << 20)
def burn():
    while True:
        hashlib.sha256(block)
threading.Thread(target=burn, daemon=True).start()
burn()
"""


def main() -> int:
    """Check that the share is kept, and that it runs free afterwards."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY])
    try:
        time.sleep(0.5)
        with limited(0.1, process.pid) as how:
            held = _share(process.pid, 5)
        free = _share(process.pid, 1)
    finally:
        process.kill()
        process.wait()
    print(f"{how}: {held:.3f} of a core inside, {free:.2f} after")
    assert 0.07 < held < 0.13 < free, (held, free)  # noqa: S101 - this is the check
    return 0


def _share(pid: int, seconds: float) -> float:
    used_s = cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - used_s) / seconds


if __name__ == "__main__":
    sys.exit(main())
