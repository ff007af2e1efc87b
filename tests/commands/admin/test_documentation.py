"""Every command that ``docs/admin.md`` shows is one that ``gateway admin`` takes."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from gateway.commands import admin
from tests.commands.admin.test_refusals import STRANGER
from tests.ledger.contract_spec import CONTRACT
from tests.ledger.localnet import ROOT

SHOWN = re.findall(r"^gateway admin (.+)$", (ROOT / "docs/admin.md").read_text(), re.MULTILINE)
CONTRACTS = {"$TOKEN": CONTRACT}


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_in_the_documentation_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("village.csv", "meter.wasm"):
        (tmp_path / name).touch()
    words = [
        CONTRACTS.get(word, STRANGER) if word.startswith("$") else word
        for word in shlex.split(line)
    ]
    parser = argparse.ArgumentParser()
    admin.add_arguments(parser)
    assert callable(parser.parse_args(words).act)


def test_every_noun_is_in_the_documentation() -> None:
    parser = argparse.ArgumentParser()
    admin.add_arguments(parser)
    nouns = re.findall(r"\{(.+?)\}|^    ([a-z]+) ", parser.format_help(), re.MULTILINE)
    named = {one for _, one in nouns if one} | {"certifier"}
    assert named <= {line.split()[0] for line in SHOWN}
