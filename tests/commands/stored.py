"""A village's configuration and its store, for commands that need nothing else of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "{database}"
timezone = "Africa/Lagos"
[chain]
rpc = ["http://127.0.0.1:9"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "/nowhere"
[[bus]]
name = "main"
port = "/dev/nowhere"
"""
POINT = """
[[meter_point]]
label = "house-{number:02d}"
slot = {slot}
bus = "main"
unit_id = {number}
serial = "PZEM-{number:04d}"
max_power_w = 6000
first_register_wh = 1000
"""


def write_config(folder: Path, database: Path, houses: int = 3) -> Path:
    """The file that belongs to :func:`tests.store.chained.live`."""
    path = folder / "gateway.toml"
    points = [POINT.format(number=number + 1, slot=number) for number in range(houses)]
    path.write_text(CONFIG.format(database=database) + "".join(points))
    return path


def gateway(*arguments: str | Path) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def unshared(size: str, folder: Path, command: Sequence[str]) -> list[str]:
    """A command for which a folder is a disk of its own, of this size, empty and soon full."""
    mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(folder), *command]


@dataclass(frozen=True)
class Watched:
    """A process whose standard error is a terminal."""

    process: subprocess.Popen[str]
    terminal: int

    def until(self, words: str) -> str:
        """What it says until it says this."""
        said = ""
        while words not in said:
            try:
                said += os.read(self.terminal, 1024).decode()
            except OSError:  # it has ended
                return said
        return said


def watch(command: Sequence[str]) -> Watched:
    """Start a process that believes somebody looks on."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    return Watched(process, ours)
