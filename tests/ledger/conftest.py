"""A fresh ledger, a fresh village, and a store for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from tests.ledger import village as villages
from tests.ledger.localnet import Localnet, running
from tests.ledger.village import START_S, Village


@pytest.fixture
def localnet() -> Iterator[Localnet]:
    with running(START_S) as ledger:
        yield ledger


@pytest.fixture
async def village(localnet: Localnet, tmp_path: Path) -> AsyncIterator[Village]:
    async with villages.opened(localnet, tmp_path) as opened:
        yield opened


@pytest.fixture
async def database(village: Village) -> Database:
    return await village.open()
