"""The composition root: configuration in, running services out.

Each part is one process of the appliance; ``gateway run`` without ``--only`` runs all three in one.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from gateway.app.parts import Service, field, settlement, web
from gateway.app.points import point_settings
from gateway.clock import Clock
from gateway.config import Config
from gateway.errors import Permanent
from gateway.store.database import Database, create_file
from gateway.store.points import MeterPoint, apply_settings
from gateway.store.status import drop_statuses
from gateway.store.timekeeping import ClockFollower, ClockKeeper, follow

log = logging.getLogger(__name__)

PARTS = ("field", "settlement", "web")
FIELD_STATUSES = ("bus", "broker", "node", "relay", "store", "supply", "clock")


async def run(config: Config, parts: Sequence[str]) -> None:
    """Run the named parts until SIGTERM or SIGINT.

    Args:
        config: checked.
        parts: some of :data:`PARTS`.

    Raises:
        GatewayError: something has to be put right before it can start.
    """
    with alone(Path(config.gateway.database), parts), _stopping_on_signals() as told:
        try:
            async with (
                opened(config, parts) as (database, clock, points),
                AsyncExitStack() as stack,
            ):
                services: list[Service] = []
                if config.clock is None:
                    services.append(_timekeeping(database, clock, parts))
                if "field" in parts:
                    await drop_statuses(database, FIELD_STATUSES, _field_statuses(config, points))
                    services += field(config, database, clock, points)
                if "settlement" in parts:
                    services += settlement(config, database, clock, stack)
                if "web" in parts:
                    services += web(config, database, clock)
                log.info("gateway started parts=%s points=%d", ",".join(parts), len(points))
                async with asyncio.TaskGroup() as group:
                    for service in services:
                        group.create_task(service.run(), name=type(service).__name__)
        except asyncio.CancelledError:
            if not told.is_set():
                raise
            log.info("gateway stopped parts=%s", ",".join(parts))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures


@contextmanager
def alone(database: Path, parts: Sequence[str]) -> Iterator[None]:
    """Hold a lock per part: two of a kind would fight over relays, nodes and the sequence.

    The kernel lets go of it however the process ends; the empty file stays.

    Raises:
        Permanent: the same part runs already, or the folder is not ours to write.
    """
    with ExitStack() as stack:
        for part in parts:
            path = Path(f"{database}.{part}.lock")
            try:
                create_file(path)
                file = stack.enter_context(path.open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Permanent(
                    f"the part {part} runs already on {database}: stop that first"
                ) from None
            except OSError as error:
                raise Permanent(
                    f"{path} can't be written ({error.strerror}): use sudo, or correct "
                    "gateway.database and whom its folder belongs to"
                ) from None
        yield


def _field_statuses(config: Config, points: Sequence[MeterPoint]) -> list[str]:
    """The names of everything that the field part reports on."""
    names = [f"bus:{bus.name}" for bus in config.bus]
    nodes = [point.address for point in points if point.address.startswith("node/")]
    names += [address.replace("node/", "node:") for address in nodes]
    names += [f"relay:{point.label}" for point in points if point.relay != "none"]
    names += ["store", "supply:held"]
    if config.clock is None:
        names.append("clock")
    return [*names, "broker"] if config.mqtt else names


@contextmanager
def _stopping_on_signals() -> Iterator[asyncio.Event]:
    """SIGTERM and SIGINT cancel the current task; the event says that it was a signal."""
    task = asyncio.current_task()
    if task is None:  # a coroutine always runs in one
        raise AssertionError
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    yield told


@asynccontextmanager
async def opened(
    config: Config, parts: Sequence[str] = ()
) -> AsyncIterator[tuple[Database, Clock, list[MeterPoint]]]:
    """The store with the configured meter points in it, and the clock.

    Args:
        config: checked.
        parts: which are about to run; none: it is for a command.
    """
    async with _opened(config, Path(config.gateway.database)) as (database, clock):
        if parts and config.clock is None:  # nothing is stamped before it is known how it stands
            await _timekeeping(database, clock, parts).tick(clock.now())
        points = await apply_settings(database, point_settings(config), int(clock.now_s()))
        yield database, clock, points


@asynccontextmanager
async def opened_store(config: Config) -> AsyncIterator[tuple[Database, Clock]]:
    """The store as it is, whatever the file says by now, and the clock.

    Raises:
        Permanent: there is none yet; a command that only asks would otherwise begin one.
    """
    async with _opened(config, _begun(config)) as opened_now:
        yield opened_now


def _begun(config: Config) -> Path:
    path = Path(config.gateway.database)
    if not path.exists():
        raise Permanent(
            f"{path} isn't there yet, and field begins it: start it, then ask again; or correct "
            "gateway.database"
        )
    return path


@asynccontextmanager
async def _opened(config: Config, path: Path) -> AsyncIterator[tuple[Database, Clock]]:
    database = await Database.open(path)
    try:
        clock = clock_of(config)
        if config.clock is None:
            await follow(database, clock)
        yield database, clock
    finally:
        await database.close()


def _timekeeping(
    database: Database, clock: Clock, parts: Sequence[str]
) -> ClockKeeper | ClockFollower:
    """The field part keeps the time, the others follow."""
    return ClockKeeper(database, clock) if "field" in parts else ClockFollower(database, clock)


def clock_of(config: Config) -> Clock:
    """The village's clock: that of the system, unless the file drives it."""
    if config.clock is None:
        return Clock()
    return Clock(config.clock.origin_s, config.clock.wall_s, config.clock.factor)
