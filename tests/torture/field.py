"""The real field process while everything around it breaks: bus, broker, disk, clock, itself.

A small village with two meters on a simulated bus and two nodes on a real Mosquitto; the store is
on a disk of its own that can get full or read-only. What happens, and in which order, follows from
the seed; the instants do not, because all of it runs in real time.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.wire.nodes import NodeReading
from tests.store.full_disk import fill
from tests.system.field import LINES, World, world_in
from tests.torture.ground import CRITICAL
from tests.torture.judge import connect, find_damage
from tests.torture.outcome import Outcome, Run
from tests.torture.people import misconduct

ON_BUS = ("house-1", "house-2")
LOCKED = 1
ON_NODES = ("house-3", "house-4")
EVENTS = (
    "killed",
    "ended and started",
    "bus unplugged",
    "broker killed",
    "broker restarted",
    "disk full",
    "disk full when killed",
    "disk read-only at start",
    "clock ahead by an hour",
)
FEWEST_EVENTS, MOST_EVENTS = 3, 6
LONGEST_S = 0.6
DISK = "48m"
ROOM_MB = 20
MOST_TRIES = 100
PAGE_BYTES = 4_096


@contextmanager
def disk_of_its_own(folder: Path) -> Iterator[bool]:
    """Mount a small file system in memory; False where that is not permitted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


class OwnDiskWorld(World):
    """A world whose store is in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.database = folder / "disk" / "usage.db"
        self.lines: list[str] = []

    def _switch(self, line: int, level: int) -> None:
        super()._switch(line, level)
        self.lines.append(f"{'on' if level else 'off'} {LINES.index(line)}")

    def write_files(self, flush_s: float = 0.1) -> None:
        """The same configuration with the store where it is, and a critical supply."""
        super().write_files(flush_s)
        text = self.config.read_text().replace(
            f'database = "{self.folder}/usage.db"',
            f'database = "{self.database}"\nroom_mb = {ROOM_MB}',
        )
        label = f'label = "{ON_BUS[CRITICAL]}"\n'
        self.config.write_text(text.replace(label, f"{label}critical = true\n"))

    async def lock_out(self) -> None:
        """A supply that has credit is on, and then somebody locks it out."""
        label, number = ON_BUS[LOCKED], LOCKED
        self.give_credit()
        await self.until(lambda: f"on {number}" in self.lines, f"{label} is on")
        self.lines.append(f"locking {number}")
        act = ("lock-out", label, "--by", "Juma", "--reason", "works on the line")
        command = (sys.executable, "-m", "gateway", "supply", "--config", str(self.config), *act)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0, f"{label} can't be locked out"
        self.lines.append(f"locked {number}")
        await self.until(lambda: self.pins.level(LINES[number]) == 0, f"{label} is off")


@dataclass(slots=True)
class Trouble:
    """One run.

    Args:
        world: everything outside the process.
        chance: what happens is drawn from it.
        has_disk: whether the store's folder is a disk of its own.
    """

    world: OwnDiskWorld
    chance: random.Random
    has_disk: bool
    thrown: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    relay_faults: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Start, meet one event after the other, and end in peace."""
        await self._start()
        await self.world.lock_out()
        for _ in range(self.chance.randint(FEWEST_EVENTS, MOST_EVENTS)):
            event = self.chance.choice(EVENTS)
            if event.startswith("disk") and not self.has_disk:
                self.thrown["skipped, because no file system can be mounted here"] += 1
                continue
            self.thrown[event] += 1
            await self._meet(event)
            await self.world.until_more(*ON_BUS, *ON_NODES)
        waiting = [node.kept for node in self.world.nodes]
        await self.world.until(lambda: not self._old(waiting), "the nodes' backlogs are stored")
        if await self.world.end() != 0:
            self.problems.append("it did not end in peace")
        if "Traceback" in self.world.log:
            self.problems.append(self.world.log[-2_000:])
        with closing(connect(self.world.database)) as file:
            self.problems += find_damage(file)
        self.relay_faults = misconduct([*self.world.lines, "looked"])
        self.problems += self.relay_faults

    def _old(self, waiting: Sequence[tuple[NodeReading, ...]]) -> bool:
        """Whether a node still keeps any of these readings."""
        return any(
            set(node.kept) & set(before)
            for node, before in zip(self.world.nodes, waiting, strict=True)
        )

    async def _start(self) -> None:
        await self.world.start()
        await self.world.until_more(*ON_BUS, *ON_NODES)

    async def _moment(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, LONGEST_S))  # the moment is the experiment

    async def _meet(self, event: str) -> None:
        await self._moment()
        match event:
            case "killed" | "ended and started" | "clock ahead by an hour":
                await self.world.end(signal.SIGKILL if event == "killed" else signal.SIGTERM)
                if event.startswith("clock"):
                    self._set_clock(3_600)
                await self.world.start()
            case "bus unplugged":
                self.world.unplug()
                await self._moment()
                self.world.plug_in()
            case "broker killed" | "broker restarted":
                await (self.world.broker.kill() if "killed" in event else self.world.broker.stop())
                await self._moment()
                await self.world.broker.start()
            case _:
                await self._spoil_disk(event)

    def _set_clock(self, ahead_s: int) -> None:
        """Another instant for gateway, meters and nodes alike: the village's clock was set."""
        self.world.clock = Clock(
            self.world.clock.now_s() + ahead_s, time.time(), self.world.clock.factor
        )
        self.world.write_files()
        for node in self.world.nodes:
            node._clock = self.world.clock

    async def _spoil_disk(self, event: str) -> None:
        disk = self.world.database.parent
        if "read-only" in event:
            await self.world.end()
            remount(disk, "ro")
            await self.world.start()
            if await self.world.ended() == 0:
                self.problems.append("a read-only disk ended it without an error")
            remount(disk, "rw")
            await self.world.start()
            return
        fill_all(disk)
        await self._moment()
        if "killed" in event:
            await self.world.end(signal.SIGKILL)
        (disk / "film.mp4").unlink()
        if "killed" in event:
            await self.world.start()


def fill_all(disk: Path) -> None:
    """Take all room but what the process takes meanwhile."""
    for tried in range(MOST_TRIES):
        with suppress(OSError):
            fill(disk, tried * PAGE_BYTES)
            return
    raise AssertionError(f"{disk} can't be filled")


def remount(folder: Path, how: str) -> None:
    """Mount a disk of its own again, as ``ro`` or ``rw``; no file on it may be open for writing."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


@asynccontextmanager
async def opened(_folder: Path) -> AsyncIterator[Run]:
    """What runs one village after the other."""

    async def run(folder: Path, seed: int) -> Outcome:
        with disk_of_its_own(folder / "disk") as has_disk:
            async with world_in(folder, OwnDiskWorld) as world:
                trouble = Trouble(world, random.Random(f"field {seed}"), has_disk)
                try:
                    await trouble.run()
                except AssertionError as error:
                    trouble.problems.append(str(error))
                acked = lost = 0
                for node, label in zip(world.nodes, ON_NODES, strict=True):
                    acked += len(node.acknowledged)
                    lost += len(node.acknowledged - world.stored(label)) + node.lost
        if lost:
            trouble.problems.append(f"{lost} acknowledged readings are lost")
        sums = Counter(
            rows_acked=acked, rows_lost=lost, villages=1, relay_faults=len(trouble.relay_faults)
        )
        return Outcome(seed, tuple(trouble.problems), trouble.thrown, sums)

    yield run
