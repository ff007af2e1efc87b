"""A store on a disk of a few MB that gets full: ``python -m tests.store.full_disk FOLDER``.

Runs where the folder is a file system of its own, see ``unshared``. Prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.store.database import Database
from gateway.store.housekeeping import Housekeeper
from gateway.store.retention import Retention, room_bytes
from gateway.store.status import find_status
from tests.store.chained import DAY_S, ask, flushes, keep, live
from tests.village import START_S, settle_in

ROOM_MB = 4
DAYS = 12
EVERY_S = 600


def fill(folder: Path, leave_bytes: int) -> None:
    """Somebody else's file takes all but so much."""
    with (folder / "film.mp4").open("ab") as file:
        disk = os.statvfs(folder)
        room = disk.f_bavail * disk.f_frsize - leave_bytes
        os.posix_fallocate(file.fileno(), 0, file.tell() + room)


async def see(folder: Path) -> dict[str, Any]:
    """Fill the disk to the last byte, and look what housekeeping does."""
    path = folder / "usage.db"
    await live(path, DAYS, 1)
    database = await Database.open(path)
    points = await settle_in(database, 1)
    keeper = Housekeeper(database, Clock(), Retention(room_mb=ROOM_MB))
    now = datetime.fromtimestamp(START_S + DAYS * DAY_S, UTC)
    await keeper.tick(now)
    ballast = folder / "usage.db.ballast"
    seen: dict[str, Any] = {
        "ballast": ballast.stat().st_blocks * 512,
        "before": await state(database),
    }
    fill(folder, 0)
    try:
        await keep(database, [await lot(points)])
        seen["refused"] = ""
    except Transient as error:
        seen["refused"] = str(error)
    await keeper.tick(now + timedelta(minutes=1))
    seen["given_back"] = not ballast.exists()
    seen["full"] = await state(database)
    begin_s = START_S + DAYS * DAY_S
    await keep(database, flushes(points, begin_s, begin_s + 7_200))
    seen["events"] = ask(path, "SELECT kind FROM event")
    seen["oldest"] = ask(path, "SELECT MIN(sequence) FROM reading_group")[0][0]
    (folder / "film.mp4").unlink()
    await keeper.tick(now + timedelta(minutes=2))
    seen["after"] = await state(database)
    seen["reserved_again"] = ballast.exists()
    fill(folder, ROOM_MB * 1_000_000 + 3_000_000)
    ballast.unlink()
    fill(folder, ROOM_MB * 1_000_000 + 3_000_000)
    await keeper.tick(now + timedelta(minutes=3))
    seen["little"] = (await state(database), ballast.exists())
    seen["room"] = await room_bytes(database)
    await database.close()
    return seen


async def lot(points: Any) -> list[Any]:  # noqa: ANN401 - of a flush
    """Readings of a week in one transaction: more than the log has room for."""
    begin_s = START_S + 30 * DAY_S
    return [one for flush in flushes(points, begin_s, begin_s + 400_000, 3) for one in flush]


async def state(database: Database) -> str:
    """What the operator sees of the store."""
    with suppress(StopIteration):
        return next(one.state for one in await find_status(database) if one.name == "store")
    return ""


if __name__ == "__main__":
    print(json.dumps(asyncio.run(see(Path(sys.argv[1])))))  # noqa: T201
