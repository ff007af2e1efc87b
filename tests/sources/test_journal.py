"""What sources tell people, also while the disk takes nothing."""

from __future__ import annotations

import resource
from pathlib import Path

from gateway.clock import Clock
from gateway.sources.journal import Journal
from gateway.store.database import Database
from gateway.store.status import find_status


async def test_who_was_away_while_the_disk_failed_has_come_back_once_it_is_sound(
    tmp_path: Path,
) -> None:
    database, clock = await Database.open(tmp_path / "usage.db"), Clock(1_000, 0, 1e-12)
    journal = Journal(database, clock)
    await journal.mark("node:one", "online", "it reports")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        await journal.mark("node:one", "offline", "not heard")
        await journal.mark("node:one", "online", "it reports")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    clock.origin_s = 2_000
    await journal.mark("node:one", "online", "it reports")
    (status,) = await find_status(database)
    assert (status.state, status.since_s) == ("online", 2_000)
    await database.close()
