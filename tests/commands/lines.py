"""What several tests of commands on a line share: a configuration, its journal, a keyboard."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "{folder}/usage.db"
[chain]
rpc = ["https://soroban-testnet.stellar.org"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "{folder}/signing"
[[bus]]
name = "main"
port = "{port}"
"""
POINT = """
[[meter_point]]
label = "house-{unit:02d}"
slot = {unit}
bus = "main"
unit_id = {unit}
model = "{model}"
relay = "{relay}"
"""


def write_config(
    folder: Path, port: str, relays: Sequence[str], model: str = "PZEM-004T v3"
) -> Path:
    """A configuration with one meter point per relay, as units 1, 2, ..."""
    path = folder / "gateway.toml"
    points = [
        POINT.format(unit=unit, relay=relay, model=model)
        for unit, relay in enumerate(relays, start=1)
    ]
    path.write_text(CONFIG.format(folder=folder, port=port) + "".join(points))
    return path


def journal(folder: Path) -> list[tuple[str, int | None, str]]:
    """Kind, energy and sentence of every event, oldest first."""
    with closing(sqlite3.connect(folder / "usage.db")) as database:
        return database.execute(
            "SELECT kind, energy_wh, detail FROM event ORDER BY event_id"
        ).fetchall()


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Type these lines on the command's keyboard, then nothing more."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
