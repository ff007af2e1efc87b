"""A gateway that knows the time and is killed while it dates what waited.

``python -m tests.sources.dying_dater DATABASE COMMIT AFTER MONOTONIC_S``
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.clock import Clock, Machine
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import find_points
from gateway.store.timekeeping import follow
from tests.system.dying import die_at


async def main(path: str, number: int, after: bool, monotonic_s: float) -> None:  # noqa: FBT001
    """Date everything, unless killed."""
    database = await Database.open(Path(path))
    clock = Clock(machine=Machine(monotonic=lambda: monotonic_s, boot=lambda: "boot-1"))
    await follow(database, clock)
    points = await find_points(database)
    intake = Intake(IntakeSettings(), points, lambda _: 1, database, clock)
    die_at(number, after=after)
    await intake.tick(clock.now())
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1", float(sys.argv[4])))
