"""A laptop whose provider has deployed everything, shared by a module: each test has its site."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from tests.commands.admin.laptop import Laptop, opened


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with opened(tmp_path_factory.mktemp("provider")) as one:
        one.done("deploy")
        yield one


@pytest.fixture
def site(laptop: Laptop, request: pytest.FixtureRequest) -> str:
    """A village of the test's own, just added."""
    number = str(zlib.crc32(request.node.name.encode()))
    laptop.done("site", "add", number)
    return number
