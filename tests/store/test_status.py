"""What the gateway is doing: transitions only, and nothing about what is no longer there."""

from __future__ import annotations

from pathlib import Path

from gateway.store.database import Database
from gateway.store.status import drop_statuses, find_status, mark_status


async def test_since_is_when_the_state_changed_and_not_its_words(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    assert await mark_status(database, "bus:main", "online", "reading 2 meters", 100)
    assert not await mark_status(database, "bus:main", "online", "reading 3 meters", 200)
    [status] = await find_status(database)
    assert (status.since_s, status.message) == (100, "reading 3 meters")
    await database.close()


async def test_the_status_of_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    for name in ("bus:old", "bus:main", "node:meter-001", "chain"):
        await mark_status(database, name, "offline", "silent", 100)
    await drop_statuses(database, ("bus", "broker", "node"), ["bus:main"])
    assert [status.name for status in await find_status(database)] == ["bus:main", "chain"]
    await database.close()
