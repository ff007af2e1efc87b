"""What the documents tell somebody to type is a command that there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.__main__ import COMMANDS, command_line

ROOT = Path(__file__).parent.parent
TOLD = ("README.md", "docs/operator.md", "docs/fleet.md", "docs/supply.md")


def typed(path: Path) -> Iterator[str]:
    """Every line of a code block that begins with the command, continued ones as one."""
    for block in re.findall(r"^```\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(\.venv/bin/)?gateway ", line):
                yield line


LINES = [(name, line) for name in TOLD for line in typed(ROOT / name)]


def test_there_is_something_to_type() -> None:
    assert len(LINES) > 20


@pytest.mark.parametrize(("name", "line"), LINES, ids=[f"{name}: {line}" for name, line in LINES])
def test_it_can_be_typed_as_it_is_written(name: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert command_line(words).parse_args(words).command in COMMANDS, f"{name}: {line}"


def test_the_readme_names_every_command() -> None:
    table = re.findall(
        r"^\| (`gateway .*?) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    named = {word for row in table for word in re.findall(r"`gateway ([a-z-]+)`", row)}
    assert named == set(COMMANDS)
