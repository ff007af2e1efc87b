"""``gateway node``, ``meter`` and ``account``: what an operator types, and what is answered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.config import load
from gateway.store.candidates import Candidate, save_candidates
from gateway.store.database import Database
from gateway.store.points import apply_settings
from tests.store.metering import read
from tests.village import HOUSE

NOW_S = int(time.time())
HOUR_S = 3_600
EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"
CANDIDATE = Candidate(
    "meter-007",
    NOW_S - 600,
    NOW_S - 10,
    60,
    NOW_S * 1_000,
    12_345,
    230_400,
    2_730,
    628_990,
    980,
    -60,
)


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """The example's configuration, with a store in which house-01 was read for some hours."""
    text = EXAMPLE.read_text().replace("/var/lib/gateway/usage.db", str(tmp_path / "usage.db"))
    path = tmp_path / "gateway.toml"
    path.write_text(text.replace("unit_id = 1\n", 'unit_id = 1\nserial = "PZEM-0001"\n', 1))
    asyncio.run(fill(tmp_path / "usage.db"))
    return path


async def fill(path: Path) -> None:
    database = await Database.open(path)
    await apply_settings(database, [HOUSE], NOW_S - 10 * HOUR_S)
    for hour in range(9, 0, -1):
        await read(database, 1, NOW_S - hour * HOUR_S, 2_000 - 100 * hour)
    await save_candidates(database, [CANDIDATE])
    await database.close()


def say(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> tuple[int, str, str]:
    status = main([words[0], "--config", str(path), *words[1:]])
    said = capsys.readouterr()
    return status, said.out, said.err


def local(path: Path, at_s: int) -> str:
    """An instant as the operator types it, village time."""
    from datetime import datetime  # noqa: PLC0415 - only here

    return datetime.fromtimestamp(at_s, load(path).zone).isoformat(timespec="seconds")[:19]


def test_an_unknown_node_is_listed_accepted_and_gone_from_the_list(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = say(capsys, village, "node", "list")
    assert status == 0
    assert "meter-007" in out
    assert "12.345" in out
    words = ("accept", "meter-007", "--label", "house-07", "--slot", "7", "--relay", "node")
    status, out, _ = say(capsys, village, "node", *words)
    assert status == 0
    assert "house-07 (slot 7, prepaid) is measured by node meter-007 since" in out
    assert "add a line 'meter-007 HEX' to /etc/gateway/keys/nodes" in out
    assert say(capsys, village, "node", "list")[1] == "no unknown node has reported\n"
    assert "node/meter-007" in say(capsys, village, "meter", "list")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("accept", "meter-008", "--label", "x", "--slot", "8"), "has been heard"),
        (
            ("accept", "meter-007", "--label", "x", "--slot", "2"),
            "slot 2 is house-03's in the file",
        ),
        (("accept", "meter-007", "--label", "house-01", "--slot", "8"), "choose another label"),
        (("accept", "meter-007", "--label", "x", "--slot", "-1"), "--slot is -1: give 0 or more"),
        (("accept", "meter-007", "--label", "a/b", "--slot", "8"), "--label must be 1 to 63"),
        (("accept", "meter-007", "--label", "x", "--slot", "8", "--max-power-w", "0"), "1 or more"),
        (("forget", "meter-008"), "has been heard"),
    ],
)
def test_an_acceptance_that_cannot_be_is_refused_in_a_sentence(
    village: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    status, _, err = say(capsys, village, "node", *words)
    assert status == 1
    assert sentence in err


def test_a_forgotten_node_is_listed_again_when_it_reports(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "listed again if it reports" in say(capsys, village, "node", "forget", "meter-007")[1]


def test_an_exchange_says_what_was_counted_and_what_to_edit(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--serial", "NEW-1", "--last-register-wh", "1950", "--first-register-wh", "3")
    status, out, _ = say(capsys, village, "meter", "exchange", "house-01", *words)
    assert status == 0
    assert "house-01: PZEM-0001 was replaced by NEW-1 at" in out
    assert "50 Wh were counted since its last reading\n" in out
    assert 'now set in the file, at [[meter_point]] house-01: serial = "NEW-1"\n' in out
    assert "NEW-1" in say(capsys, village, "meter", "list")[1]


def test_a_dead_meter_is_exchanged_with_a_name(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["exchange", "house-01", "--serial", "NEW-1", "--dead", "--first-register-wh", "0"]
    status, _, err = say(capsys, village, "meter", *words)
    assert (status, "say who answers" in err) == (1, True)
    words += ["--by", "Amina", "--estimate-wh", "40", "--address", "main/9"]
    status, out, _ = say(capsys, village, "meter", *words)
    assert status == 0
    assert "40 Wh were counted since its last reading (an estimate)" in out
    assert 'serial = "NEW-1", its bus and unit_id, or node (main/9)' in out
    assert "restart field" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--address", "nowhere/9"), "write BUS/UNIT or node/NAME; buses: main"),
        (("--model", "abacus"), "'abacus' is not known: use one of"),
        (("--at", "yesterday"), "is no instant: write it like 2026-03-01T10:00"),
        (("--at", "2100-01-01T00:00"), "is still to come"),
    ],
)
def test_an_exchange_that_cannot_be_is_refused_in_a_sentence(
    village: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    given = ("--serial", "NEW-1", "--last-register-wh", "1950", "--first-register-wh", "3")
    status, _, err = say(capsys, village, "meter", "exchange", "house-01", *given, *words)
    assert status == 1
    assert sentence in err


def test_moving_out_and_in_says_registers_and_usage(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no account yet" in say(capsys, village, "account", "list")[1]
    at = local(village, NOW_S - 5 * HOUR_S + 60)
    status, out, _ = say(capsys, village, "account", "move-out", "house-01", "--at", at)
    assert status == 0
    assert "with the register at 1500 Wh; 500 Wh since" in out
    at = local(village, NOW_S - 4 * HOUR_S)
    words = ("move-in", "house-01", "--at", at, "--name", "yellow door")
    status, out, _ = say(capsys, village, "account", *words)
    assert status == 0
    assert "with the register at 1600 Wh; usage before that is not theirs" in out
    out = say(capsys, village, "account", "list", "house-01")[1]
    assert "yellow door" in out
    assert "500" in out
    status, _, err = say(capsys, village, "account", *words)
    assert (status, "is occupied since" in err) == (1, True)


@pytest.mark.parametrize("name", ["", "  ", "n" * 21, "two\nlines", "\x1b[2Jred"])
def test_a_word_for_an_account_fits_into_the_list(
    village: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ("account", "move-in", "house-01", "--name", name)
    status, _, err = say(capsys, village, *words)
    assert (status, "--name: give a word or two of up to 20 characters" in err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("meter", "exchange", "house-01", "--serial", "N", "--dead", "--first-register-wh"),
        ("node", "accept", "meter-007", "--label", "house-07", "--slot"),
        ("edit", "release", "house-01", "--reason", "a", "--by", "b"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("number", ["9" * 30, "1e3", "12 Wh"])
def test_a_number_that_is_none_is_named(
    village: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], number: str
) -> None:
    with pytest.raises(SystemExit) as refusal:
        say(capsys, village, *words, number)
    assert refusal.value.code == 2
    said = capsys.readouterr().err
    assert "is no whole number" in said or "is too much: look again" in said
