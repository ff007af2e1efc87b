"""What a fuzzer once found stays found, and random bytes break nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import frames, groups, messages

CORPUS = Path(__file__).parent / "corpus"
TARGETS = {"frames": frames, "groups": groups, "messages": messages}
INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_breaks_nothing(path: Path) -> None:
    TARGETS[path.parent.name].one_input(path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_target_has_something_to_begin_with(name: str) -> None:
    assert any(path.parent.name == name for path in INPUTS)


@given(st.binary(max_size=200))
def test_random_bytes_break_nothing(data: bytes) -> None:
    for target in TARGETS.values():
        target.one_input(data)
