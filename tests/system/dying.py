"""Gateway processes that are killed at a commit: ``python -m tests.system.dying``.

Loads the program once and forks a process for each line of JSON on stdin:
``{"job": "settle" | "flush", "told": {...}, "commit": N, "after": bool}``. The process is killed
with SIGKILL when it commits for the N-th time, before or after the commit is durable. Prints the
exit status of each.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite

from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.ledger.process import settle


def die_at(number: int, *, after: bool) -> None:
    """Kill this process at its ``number``-th commit of a transaction."""
    commit = aiosqlite.Connection.commit
    count = 0

    async def last_commit(connection: aiosqlite.Connection) -> None:
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        await commit(connection)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    aiosqlite.Connection.commit = last_commit  # type: ignore[method-assign, assignment]


async def flush(told: dict[str, Any]) -> None:
    """Take readings in groups; write down the number of each that was said to be stored."""
    database = await Database.open(Path(told["database"]))
    points = await find_points(database)
    clock = Clock(told["start_s"] + 86_400, 0, 1e-12)
    intake = Intake(IntakeSettings(), points, lambda _: 1, database, clock)
    start = datetime.fromtimestamp(told["start_s"], UTC)
    acknowledged = os.open(told["acknowledged"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for group in told["groups"]:
        waiting = [
            (number, intake.offer(Reading(1, start + timedelta(minutes=number), 1_000 + number)))
            for number in group
        ]
        await intake.tick(clock.now())
        for number, stored in waiting:
            await stored
            os.write(acknowledged, f"{number}\n".encode())
    await database.close()


def main() -> None:
    """Fork a process for each line."""
    jobs = {"settle": settle, "flush": flush}
    for line in sys.stdin:
        order = json.loads(line)
        process_id = os.fork()
        if process_id == 0:
            if order["commit"]:
                die_at(order["commit"], after=order["after"])
            asyncio.run(jobs[order["job"]](order["told"]))
            os._exit(0)
        sys.stdout.write(f"{os.waitpid(process_id, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
