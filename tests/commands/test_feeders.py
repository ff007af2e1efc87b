"""Feeders at the command line: listed, exchanged, checked, and what their settings become."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import app
from gateway.__main__ import main
from gateway.app.settings import notice_settings
from gateway.commands.check import problems
from gateway.config import Config, load

EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"
NORTH = """
[[feeder]]
name = "north"
bus = "main"
unit_id = 100
serial = "PZEM-0900"
first_register_wh = 5000
"""


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """The example's village with a feeder, its store in a folder of its own."""
    text = EXAMPLE.read_text().replace("/var/lib/gateway/usage.db", str(tmp_path / "usage.db"))
    path = tmp_path / "gateway.toml"
    path.write_text(text + NORTH)
    return path


async def apply(config: Config) -> None:
    """What every part does when it starts."""
    async with app.opened(config):
        pass


def run(path: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(path)])


def test_a_feeders_meter_is_listed_and_exchanged_like_any(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(apply(load(village)))
    assert run(village, "meter", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[-2:]] == [
        ["house-03", "2", "node/meter-003"],
        ["north", "feeder", "PZEM-0900"],
    ]
    status = run(
        village,
        *("meter", "exchange", "north", "--serial", "PZEM-0901"),
        *("--first-register-wh", "0", "--last-register-wh", "5000"),
    )
    assert status == 0
    said = capsys.readouterr().out
    assert "north: PZEM-0900 was replaced by PZEM-0901" in said
    assert 'now set in the file, at [[feeder]] north: serial = "PZEM-0901"' in said


def test_a_model_that_nobody_knows_is_named(village: Path) -> None:
    village.write_text(village.read_text() + 'model = "abacus"\n')
    assert any(
        "feeder north: model 'abacus' is not known" in problem
        for problem in problems(load(village))
    )


def test_the_file_says_what_wires_lose_and_what_is_too_low(village: Path) -> None:
    village.write_text(
        village.read_text()
        + "nominal_v = 120\nno_load_w = 30\nresistance_mohm = 400\nalarm_percent = 4.5\n"
    )
    settings = notice_settings(load(village))
    [feeder] = settings.feeders
    assert settings.only == "north"
    assert (feeder.model.no_load_w, feeder.model.resistive_ppm_per_kw) == (30, 27_777)
    assert (feeder.losses.alarm_milli, feeder.losses.clear_milli) == (45, 30)
    assert (feeder.signs.brown_out_mv, feeder.signs.restored_mv) == (96_000, 105_600)
    assert feeder.has_meter


def test_who_is_read_seldom_is_mute_later(village: Path) -> None:
    text = village.read_text().replace("# read_every_s = 10", "read_every_s = 900")
    village.write_text(text)
    settings = notice_settings(load(village))
    assert settings.signs.mute_after_s == 2_710
    assert settings.feeders[0].losses.period_s == 900


def test_a_node_is_accepted_on_a_feeder_where_there_are_several(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = village.read_text().replace("slot =", 'feeder = "north"\nslot =')
    village.write_text(text + '[[feeder]]\nname = "south"\n')
    accept = ("node", "accept", "meter-9", "--label", "house-09", "--slot", "9")
    assert run(village, *accept) == 1
    assert "--feeder: say on which it hangs; known: north, south" in capsys.readouterr().err
    assert run(village, *accept, "--feeder", "south") == 1
    assert "--feeder" not in capsys.readouterr().err
