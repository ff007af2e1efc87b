"""Gateway processes that die at an instant: ``LD_PRELOAD=shim.so python -m tests.torture.mortal``.

Loads the program once and forks a process for each line of JSON on stdin (a :class:`Life`), which
lives through a village's story with the gateway's own services, and prints how each ended: its
exit status. Which call it dies at, or from which its disk fails, is
the shim's business (``shim/shim.c``); nothing of the gateway is changed.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from gateway.domain.readings import Reading
from gateway.errors import GatewayError, Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.refresh import Refresher
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.submit import Submitter
from gateway.ledger.takeover import take_over
from gateway.relays import SupplyControl, SupplySettings
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store import database as store
from gateway.store.chain import find_head
from gateway.store.crediting import find_oldest
from gateway.store.database import Database
from gateway.store.housekeeping import Housekeeper
from gateway.store.outbox import find_open
from gateway.store.points import find_points
from gateway.store.retention import Retention
from tests.torture.ground import HOUR_S, START_S, at, keypair, standing, tier_at
from tests.torture.people import Note, Relays, lock, pay_cash, unlock

GRACE_S = 200
MOST_TICKS = 60
LATER_S = 400 * 86_400
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
NOT_DRAINED, GAVE_UP = 3, 4
"""Exit statuses: it could not settle everything; the gateway said that a person has to act."""


@dataclass(frozen=True, slots=True)
class Step:
    """Some hours of the story.

    Args:
        readings: number, slot, instant (unix seconds) and register (Wh) of each, by group.
        until_s: up to where usage is settled at its end (unix seconds).
        keep_house: whether readings are rolled up and old ones forgotten.
        take_over: whether an operator takes the site over.
        reopen: whether the file is closed and opened again.
        cash: slot and amount (stroops) of what is paid at its beginning.
        lock: slots that are locked out then, before anything is settled.
        unlock: slots whose lock is taken off at its end.
    """

    readings: list[list[tuple[int, int, int, int]]]
    until_s: int
    keep_house: bool
    take_over: bool
    reopen: bool
    cash: list[tuple[int, int]]
    lock: list[int]
    unlock: list[int]


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is told.

    Args:
        settings: of the ledger's services.
        folder: the store's, ``acks``, where it writes what it acknowledges, and ``told``, where
            relays write what they are told.
        log: where the shim writes.
        steps: the whole story; what is done already is passed over.
        checkpoint_pages: pages in SQLite's log before they are copied into the file.
        die_ops: the calls that count for its death, as ``shim.c`` names them.
        die_at: at the how many-th of them it dies; 0: none.
        die_how: 0 before it, 1 after it, 2 in the midst of a write.
        fail_from: the call from which its disk fails; 0: none.
        fail_to: and the one from which it works again.
        fail_with: errno.
    """

    settings: dict[str, object]
    folder: str
    log: str
    steps: list[Step]
    checkpoint_pages: int
    die_ops: str = ""
    die_at: int = 0
    die_how: int = 0
    fail_from: int = 0
    fail_to: int = 0
    fail_with: int = 0

    def line(self) -> bytes:
        """As it is told."""
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(slots=True)
class _Process:
    """The services of a process, and what it has acknowledged."""

    life: Life
    settings: LedgerSettings
    client: LedgerClient
    acks: int
    acked: set[int]
    note: Note
    key: SigningKey = field(default_factory=lambda: SigningKey(keypair("gateway")))

    async def live(self) -> int:
        """Go through the story; returns the exit status."""
        database: Database | None = None
        supply: SupplyControl
        for step in self.life.steps:
            if database is None or step.reopen:
                if database is not None:
                    await database.close()
                database = await Database.open(Path(self.life.folder, "usage.db"))
                supply = self._control(database, step)
            await self._act(database, step)
            await self._look(supply, step)
            await self._store(database, step)
            if not await self._settle(database, step):
                return NOT_DRAINED
            await self._look(supply, step)
            for slot in step.unlock:
                await _insist(partial(unlock, database, slot, step.until_s, self.note))
        if database is not None:
            await database.close()
        return 0

    def _control(self, database: Database, step: Step) -> SupplyControl:
        self.note("started")
        relays = Relays(self.note)
        clock = standing(step.until_s + GRACE_S)
        return SupplyControl(SupplySettings(), database, clock, {"pin": relays})

    async def _look(self, supply: SupplyControl, step: Step) -> None:
        """Decide about supply; what the disk does not take is decided later."""
        with suppress(Transient):
            await supply.tick(at(step.until_s + GRACE_S))
            self.note("looked")

    async def _act(self, database: Database, step: Step) -> None:
        """What people do, until it is done."""
        now_s = step.until_s - HOUR_S
        for slot in step.lock:
            await _insist(partial(lock, database, slot, now_s, self.note))
        for slot, stroops in step.cash:
            await _insist(partial(pay_cash, database, slot, stroops, f"{now_s}", now_s))

    async def _store(self, database: Database, step: Step) -> None:
        """Take readings as nodes send them: again and again until they are acknowledged."""
        meters = {point.slot: point.meter_id for point in await find_points(database)}
        clock = standing(START_S + LATER_S)
        points = await find_points(database)
        intake = Intake(IntakeSettings(), points, tier_at, database, clock)
        for group in step.readings:
            for number, slot, at_s, energy_wh in group:
                if number not in self.acked:
                    stored = intake.offer(Reading(meters[slot], at(at_s), energy_wh))
                    stored.add_done_callback(partial(self._acknowledge, number))
            await _insist(lambda: intake.tick(clock.now()))
            await asyncio.sleep(0)  # what is stored is acknowledged

    def _acknowledge(self, number: int, _stored: asyncio.Future[None]) -> None:
        """Tell the world that it may forget a reading."""
        os.write(self.acks, f"{number}\n".encode())
        self.acked.add(number)

    async def _settle(self, database: Database, step: Step) -> bool:
        """Settle everything up to the step's end; False: it could not."""
        clock, now = standing(step.until_s + GRACE_S), at(step.until_s + GRACE_S)
        submitter = Submitter(self.settings, database, clock, self.client, self.key)
        refresher = Refresher(self.settings, database, clock, self.client)
        with suppress(Transient):
            await refresher.tick(now)
        for _ in range(MOST_TICKS):
            with suppress(Transient):
                await submitter.tick(now)
            head = await find_head(database, self.settings.site)
            is_settled = head is not None and head.to_s >= step.until_s
            if is_settled and not await self._waits(database, step):
                break
        else:
            return False
        with suppress(Transient):
            await refresher.tick(now)
        if step.keep_house:
            keeper = Housekeeper(database, clock, Retention(raw_days=1, room_mb=0))
            with suppress(Transient):
                await keeper.tick(now)
        if step.take_over:
            with suppress(Transient):
                await take_over(self.settings, database, clock, self.client, self.key)
        return True

    async def _waits(self, database: Database, step: Step) -> bool:
        """Whether something is to be sent still, or a payment that was taken before the step."""
        oldest = await find_oldest(database, self.settings.site)
        is_due = oldest is not None and oldest[0] <= step.until_s - HOUR_S
        return is_due or await find_open(database) is not None


async def _insist(work: Callable[[], Awaitable[None]]) -> None:
    """Work that a fault of the disk delays is done again, as the service's own loop does it."""
    for _ in range(MOST_TICKS):
        with suppress(Transient):
            await work()
            return


async def _live(life: Life) -> int:
    settings = LedgerSettings(**life.settings)  # type: ignore[arg-type]
    path = Path(life.folder, "acks")
    acked = {int(line) for line in path.read_text().split()} if path.exists() else set()
    acks = os.open(path, _APPEND)
    told = os.open(Path(life.folder, "told"), _APPEND)
    client = LedgerClient(settings.rpc_urls, settings.passphrase)
    try:
        return await _Process(life, settings, client, acks, acked, partial(_write, told)).live()
    except GatewayError as error:
        Path(life.folder, "said").write_text(f"{type(error).__name__}: {error}")
        return GAVE_UP
    finally:
        await client.close()


def _write(file: int, line: str) -> None:
    os.write(file, f"{line}\n".encode())


def _run(told: dict[str, object]) -> int:
    steps = told.pop("steps")
    assert isinstance(steps, list)
    life = Life(steps=[Step(**step) for step in steps], **told)  # type: ignore[arg-type]
    store.CHECKPOINT_PAGES = life.checkpoint_pages
    shim = ctypes.CDLL(None)
    shim.torture_begin(
        life.folder.encode(),
        life.log.encode(),
        life.die_ops.encode(),
        *(ctypes.c_long(life.die_at), life.die_how),
        *(ctypes.c_long(life.fail_from), ctypes.c_long(life.fail_to), life.fail_with),
    )
    return asyncio.run(_live(life))


def main() -> None:
    """Fork a process for each line."""
    for line in sys.stdin:
        process_id = os.fork()
        if process_id == 0:
            status = 1
            try:
                status = _run(json.loads(line))
            finally:
                sys.stderr.flush()
                os._exit(status)
        sys.stdout.write(f"{os.waitpid(process_id, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
