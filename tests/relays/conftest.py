"""Villages that are closed after the test, also after one that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.relays.village import Village

OpenVillage = Callable[..., Awaitable[Village]]


@pytest.fixture
async def open_village(tmp_path: Path) -> AsyncIterator[OpenVillage]:
    opened: list[Village] = []

    async def open_one(*relays: str, critical: bool = False) -> Village:
        opened.append(await Village.open(tmp_path, *relays, critical=critical))
        return opened[-1]

    yield open_one
    for village in opened:
        await village.database.close()
