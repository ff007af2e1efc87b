"""``gateway edit``: what an operator types about readings that look wrong, and what is answered."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.config import load
from gateway.domain.intervals import Finding
from gateway.domain.readings import Doubt
from gateway.store.database import Database
from gateway.store.findings import Checked, save_checked
from gateway.store.points import apply_settings
from tests.store.metering import read
from tests.village import HOUSE

NOW_S = int(time.time())
STUCK_S = (NOW_S // 900 - 20) * 900
EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"
BY = ("--reason", "seen on site", "--by", "Amina")


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """The example's configuration, with a register that jumped and stood still for an hour."""
    text = EXAMPLE.read_text().replace("/var/lib/gateway/usage.db", str(tmp_path / "usage.db"))
    path = tmp_path / "gateway.toml"
    path.write_text(text.replace("unit_id = 1\n", 'unit_id = 1\nserial = "PZEM-0001"\n', 1))
    asyncio.run(fill(tmp_path / "usage.db"))
    return path


async def fill(path: Path) -> None:
    database = await Database.open(path)
    [point] = await apply_settings(database, [HOUSE], NOW_S - 40 * 3_600)
    for second, energy_wh in enumerate((1_100, 51_100, 51_101)):
        await read(database, 1, NOW_S - 30 * 3_600 + second * 10, energy_wh)
    stuck = Finding(Doubt.STUCK, STUCK_S, STUCK_S + 3_600, "It stood still.", 0, 400)
    await save_checked(database, [Checked(point, None, (stuck,))], NOW_S)
    await database.close()


def say(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> tuple[int, str, str]:
    status = main(["edit", "--config", str(path), *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def local(path: Path, at_s: int) -> str:
    """An instant as the operator types it, village time."""
    return datetime.fromtimestamp(at_s, load(path).zone).isoformat(timespec="minutes")[:16]


def test_what_is_set_aside_found_and_edited_is_listed(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = say(capsys, village, "list")
    assert status == 0
    assert "50000 Wh wait for a decision; 0 Wh were released, 0 Wh rejected" in out
    assert "stuck" in out
    assert "It stood still." in out
    assert out.rstrip().endswith("edited:\n  nothing")
    assert say(capsys, village, "release", "house-01", "200", *BY)[0] == 0
    _, out, _ = say(capsys, village, "list", "--meter", "house-01")
    assert "49800 Wh wait for a decision; 200 Wh were released" in out
    assert "200 Wh (50000 -> 49800) by Amina: seen on site" in out


def test_a_release_and_a_rejection_say_what_is_left(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = say(capsys, village, "release", "house-01", "200", *BY)
    assert out == (
        "house-01: 200 Wh billed after all, as an estimate of this quarter-hour (edit 1); "
        "49800 Wh are still set aside\n"
    )
    _, out, _ = say(capsys, village, "reject", "house-01", "49800", *BY)
    assert "49800 Wh will never be billed; they stay in the books (edit 2); 0 Wh are still" in out
    status, _, error = say(capsys, village, "release", "house-01", "1", *BY)
    assert (status, error) == (
        1,
        "house-01: nothing is set aside: `gateway edit list` shows where something is\n",
    )


def test_the_same_act_typed_again_is_done_once(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, village, "release", "house-01", "200", *BY)
    status, out, _ = say(capsys, village, "release", "house-01", "200", *BY)
    assert status == 0
    assert "house-01: that was done already, at " in out
    assert "(edit 1); to do it once more, give another reason or --key" in out


def test_what_a_stuck_register_missed_is_estimated(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stretch = ("--from", local(village, STUCK_S), "--to", local(village, STUCK_S + 3_600))
    status, out, _ = say(capsys, village, "estimate", "house-01", "380", *stretch, *BY)
    assert (status, out) == (0, "house-01: 380 Wh are added as an estimate (edit 1)\n")
    status, _, error = say(capsys, village, "estimate", "house-01", "99000", *stretch, *BY)
    assert status == 1
    assert "edit 1 has estimated 380 Wh" in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("list", "--meter", "house-77"), "house-77 is no meter point with a meter"),
        (
            ("estimate", "house-01", "5", "--from", "noon", "--to", "2026-01-01", *BY),
            "--from 'noon' is no instant: write it like 2026-03-01T10:00",
        ),
        (
            ("estimate", "house-01", "5", "--from", "2026-01-01", "--to", "2999-01-01", *BY),
            "--to 2999-01-01 is still to come",
        ),
        (("reject", "house-01", "-5", *BY), "-5 Wh is nothing to decide: give 1 Wh or more"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(
    village: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    status, _, error = say(capsys, village, *words)
    assert status == 1
    assert sentence in error


def test_nobody_decides_without_a_reason_and_a_name(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        say(capsys, village, "release", "house-01", "200")
    assert "--reason" in capsys.readouterr().err
