"""Gateways that die: killed at any call, the power cut at any instant, the disk full or failing.

One run is a story of some hours that a process lives through and dies in, and its successors go
on with, until one gets to the end. What the world was told - readings acknowledged, envelopes
sent - is in the shim's log beside what was written, in order; so for any instant it is known what
must be on the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from gateway.errors import GatewayError
from gateway.store.database import CHECKPOINT_PAGES, Database
from tests.ledger.localnet import ROOT
from tests.torture.disk import FILES, Disk, read_log
from tests.torture.ground import VALID_FOR_S, Stage, prepare
from tests.torture.judge import connect, find_damage, judge, missing
from tests.torture.mortal import GAVE_UP, GRACE_S, NOT_DRAINED, Life
from tests.torture.outcome import Outcome, Run, summed
from tests.torture.people import misconduct
from tests.torture.story import Story, tell

SHIM = Path(__file__).parent / "shim" / "shim.c"
HOW = ("before", "after", "in the midst of")
CALLS = {"W": "writing", "S": "syncing", "T": "truncating", "U": "removing", "X": "sending"}
FILE_NAMES = {"usage.db": "the file", "usage.db-wal": "the log", "": ""}
A_STEP: Mapping[str, int] = {"X": 17, "S": 20, "WSTUX": 200}
"""About how many of these calls a process makes for a step of its story."""
CUTS_A_LIFE = 5
"""Disks rebuilt at instants within a life, besides the one that the next life goes on with."""
SMALL_LOG_PAGES = (8, 40, 200)
LONGEST_FAULT = 60
_METHOD = re.compile(rb'"method": ?"(\w+)"')
_ENVELOPE = re.compile(rb'"method": ?"sendTransaction".*?"transaction": ?"([^"]+)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is done to the processes of a part.

    Args:
        name: of the part.
        kill: whether they are killed.
        cut: how likely a death is a power cut, 0 to 1.
        fail: whether the disk fails for a while.
    """

    name: str
    kill: bool = True
    cut: float = 0.0
    fail: bool = False


KINDS = (
    Kind("kill"),
    Kind("disk", cut=1.0),
    Kind("fault", kill=False, fail=True),
)


class Mortals:
    """The program loaded once, with the shim in front of its kernel."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def live(self, life: Life) -> int:
        """One process from its start to its end; returns its wait status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(life.line())
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def mortals(folder: Path) -> AsyncIterator[Mortals]:
    """Build the shim, start the program behind it, and end it at the end of the block."""
    shim = folder / "shim.so"
    build = ("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")
    built = await asyncio.create_subprocess_exec(*build, "-o", shim, SHIM, "-ldl", "-lpthread")
    assert await built.wait() == 0, "the shim can't be built: install gcc and libc6-dev"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.torture.mortal"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim)},
        limit=1 << 20,
    )
    try:
        yield Mortals(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def opened(kind: Kind) -> Callable[[Path], AbstractAsyncContextManager[Run]]:
    """What runs the deaths of one kind, one after the other."""

    @asynccontextmanager
    async def ready(folder: Path) -> AsyncIterator[Run]:
        ground = await prepare(folder)
        async with mortals(folder) as beings:

            async def run(stage_folder: Path, seed: int) -> Outcome:
                with ground.stage(stage_folder) as stage:
                    chance = random.Random(f"{kind.name} {seed}")
                    deaths = Deaths(kind, stage, beings, chance)
                    await deaths.run()
                problems = tuple(deaths.problems)
                return Outcome(seed, problems, deaths.thrown, deaths.sums)

            yield run

    return ready


@dataclass(slots=True)
class Deaths:
    """One run.

    Args:
        kind: what is done.
        stage: ledger and store.
        beings: who dies.
        chance: what everything is drawn from.
    """

    kind: Kind
    stage: Stage
    beings: Mortals
    chance: random.Random
    story: Story = field(init=False)
    life: Life = field(init=False)
    disk: Disk = field(init=False)
    problems: list[str] = field(default_factory=list)
    thrown: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.story = tell(self.chance)
        folder = self.stage.path.parent
        self.life = Life(
            asdict(self.stage.settings(self.stage.localnet.url)),
            str(folder),
            str(folder / "calls"),
            self.story.steps,
            self.chance.choice((CHECKPOINT_PAGES, *SMALL_LOG_PAGES)),
        )
        self.disk = Disk(folder)

    async def run(self) -> None:
        """Die and go on until the end of the story; then be judged."""
        self.stage.until(self.story.until_s + GRACE_S)
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            await self._die()
            if self.chance.random() < 0.3:
                self.stage.localnet.advance(VALID_FOR_S + 1)
        self.stage.localnet.advance(VALID_FOR_S + 1)
        status = await self.beings.live(self.life)
        if status:
            self.problems.append(f"it did not get to the end: {self._ending(status)}")
        verdict = judge(self.stage, self.story.shown_wh, paid=self.story.paid)
        self.problems += verdict.problems
        self.sums += summed(verdict)
        acked = {int(line) for line in (self.stage.path.parent / "acks").read_text().split()}
        self._look_for(self.stage.path, acked, "at the end")
        told = (self.stage.path.parent / "told").read_text().splitlines()
        faults = misconduct(told)
        self.problems += faults
        self.sums["relay_faults"] += len(faults)
        self.sums["relays_told"] += sum(line.startswith(("on", "off")) for line in told)
        self.sums["payments"] += sum(len(step.cash) for step in self.story.steps)

    async def _die(self) -> None:
        life = self.life
        if self.kind.kill:
            ops = self.chance.choice(list(A_STEP))
            number = self.chance.randint(1, A_STEP[ops] * len(life.steps))
            how = self.chance.choice((0, 1, 2))
            life = replace(life, die_ops=ops, die_at=number, die_how=how)
        if self.kind.fail:
            start = self.chance.randint(1, A_STEP["WSTUX"] * len(life.steps))
            end = start + self.chance.randint(1, LONGEST_FAULT)
            fault = self.chance.choice((errno.ENOSPC, errno.EIO))
            life = replace(life, fail_from=start, fail_to=end, fail_with=fault)
        status = await self.beings.live(life)
        if status == signal.SIGKILL:
            self.sums["kills"] += 1
            self.thrown[self._last_call(life.die_how)] += 1
            if self.chance.random() < self.kind.cut:
                await self._cut_power()
        elif self.kind.fail:
            self._count_faults(life)
            if status and status >> 8 != GAVE_UP:
                self.problems.append(f"a failing disk ended it: {self._ending(status)}")
        elif status:
            self.problems.append(f"it ended by itself: {self._ending(status)}")
        else:
            self.thrown["it was done before it was killed"] += 1

    def _ending(self, status: int) -> str:
        said = self.stage.path.parent / "said"
        match status >> 8:
            case code if code == GAVE_UP:
                return said.read_text()
            case code if code == NOT_DRAINED:
                return f"not everything could be settled ({self._outbox()})"
        return f"wait status {status}"

    def _outbox(self) -> str:
        with closing(connect(self.stage.path)) as file:
            rows = file.execute("SELECT kind, state, attempts, message FROM outbox").fetchall()
            said = file.execute("SELECT name, state, message FROM status").fetchall()
        return f"{rows[-1:]} {said}"

    def _count_faults(self, life: Life) -> None:
        name = errno.errorcode[life.fail_with]
        faults = Counter(
            f"{name} at {CALLS[one.detail]} {FILE_NAMES[one.name]}"
            for one in read_log(Path(life.log))
            if one.op == "F"
        )
        self.thrown += faults
        self.sums["faults"] += faults.total()

    def _last_call(self, how: int) -> str:
        """At what it was killed, and what the outbox said."""
        records = list(read_log(Path(self.life.log)))
        death = records[-1]
        how = 1 if how == 2 and death.detail != "W" else how
        call = f"{HOW[how]} {CALLS[death.detail]} {FILE_NAMES[death.name]}"
        if death.detail == "X":
            found = _METHOD.findall(b"".join(one.data for one in records if one.op == "X"))
            method = found[-1].decode() if found else "connecting"
            call = f"after the answer to {method}" if how == 0 else f"after sending {method}"
        with closing(connect(self.stage.path)) as file:
            row = file.execute(
                "SELECT kind, state FROM outbox ORDER BY outbox_id DESC LIMIT 1"
            ).fetchone()
        return f"{call}: {' '.join(row) if row else 'nothing in the outbox'}"

    async def _cut_power(self) -> None:
        """What was not synced is gone, or there in part; the next life has to do with that."""
        records = list(read_log(Path(self.life.log)))
        instants = sorted(self.chance.sample(range(len(records)), min(CUTS_A_LIFE, len(records))))
        for number, record in enumerate(records):
            self.disk.follow(record)
            if number in instants:
                await self._rebuild(self.stage.path.parent / "cut")
        left = self.stage.path.parent / "left"
        await self._rebuild(left, keep=True)
        for name in (*FILES, "usage.db-shm"):
            (self.stage.path.parent / name).unlink(missing_ok=True)
            if (left / name).exists():
                (left / name).rename(self.stage.path.parent / name)
        for path in (left, Path(self.life.log)):
            _remove(path)
        acked, sent = self.disk.acked, self.disk.sent
        self.disk = Disk(self.stage.path.parent)
        self.disk.acked, self.disk.sent = acked, sent

    async def _rebuild(self, folder: Path, *, keep: bool = False) -> None:
        """A disk as it might be now, opened by the real store and looked at by another reader."""
        folder.mkdir()
        self.thrown += self.disk.cut(self.chance, folder)
        self.sums["disks"] += 1
        kept = {path: path.read_bytes() for path in folder.iterdir()} if keep else {}
        path = folder / "usage.db"
        try:
            await (await Database.open(path)).close()
        except GatewayError as error:
            self.problems.append(f"a disk cannot be opened: {error}")
        else:
            with closing(connect(path)) as file:
                self.problems += find_damage(file)
            self._look_for(path, self.disk.acked, "after a power cut")
            self._look_for_envelopes(path)
        _remove(folder)
        if keep:
            folder.mkdir()
            for one, data in kept.items():
                one.write_bytes(data)

    def _look_for(self, path: Path, acked: set[int], when: str) -> None:
        lost = missing(path, {number: self.story.readings[number] for number in sorted(acked)})
        self.sums["rows_acked"] += len(acked)
        self.sums["rows_lost"] += len(lost)
        if lost:
            self.problems.append(f"{len(lost)} acknowledged readings are lost {when}: {lost[:5]}")

    def _look_for_envelopes(self, path: Path) -> None:
        """What was sent was stored before: the outbox has signed no less often than was sent."""
        sent = list(dict.fromkeys(_ENVELOPE.findall(b"".join(self.disk.sent))))
        if not sent:
            return
        with closing(connect(path)) as file:
            attempts = file.execute("SELECT sum(attempts) FROM outbox").fetchone()[0] or 0
            stored = {row[0] for row in file.execute("SELECT envelope FROM outbox")}
        if attempts < len(sent) or (attempts == len(sent) and sent[-1].decode() not in stored):
            self.problems.append(f"{len(sent)} envelopes were sent, {attempts} are on the disk")


def _remove(path: Path) -> None:
    if path.is_dir():
        for one in path.iterdir():
            one.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
