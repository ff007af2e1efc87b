"""``gateway clock``: what it says of the time, what it takes, and what it refuses in words."""

from __future__ import annotations

import asyncio
import ctypes
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.clock import Clock
from gateway.store.database import Database
from gateway.store.timekeeping import ClockKeeper
from tests.commands.lines import journal
from tests.commands.stored import write_config
from tests.village import settle_in


@dataclass
class Libc:
    """The system call, as a kernel answers it that is kept by NTP, or by nobody."""

    synchronised: bool = False

    def __call__(self, *_: object, **__: object) -> Libc:
        """It is loaded."""
        return self

    def adjtimex(self, timex: object) -> int:
        """Fill in the status, and return the state."""
        timex._obj.status = 0x2001 if self.synchronised else 0x0040  # type: ignore[attr-defined]
        return 0 if self.synchronised else 5


@pytest.fixture
def libc(monkeypatch: pytest.MonkeyPatch) -> Libc:
    libc = Libc()
    monkeypatch.setattr(ctypes, "CDLL", libc)
    return libc


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, tmp_path / "usage.db")


def look(folder: Path) -> bool:
    """The field process looks at the clock once; returns whether it trusts it."""

    async def once() -> bool:
        database = await Database.open(folder / "usage.db")
        clock = Clock()
        await ClockKeeper(database, clock).tick(clock.now())
        await database.close()
        return clock.trusted

    return asyncio.run(once())


def do(config: Path, *arguments: str) -> int:
    return main(["clock", *arguments, "--config", str(config)])


def test_before_the_gateway_has_run_there_is_nothing_to_say(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert do(config, "status") == 1
    assert "start it, then ask again" in capsys.readouterr().err


@pytest.mark.usefixtures("libc")
def test_an_operator_sees_that_the_time_is_not_known_and_sets_it(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not look(tmp_path)
    assert do(config, "status") == 0
    said = capsys.readouterr().out
    assert "it is at least 2026-11-01 01:00" in said  # when this program was made, in Lagos
    assert "gateway clock set" in said
    assert "for 0 h 0 min so far" in said
    assert do(config, "set", "2027-03-01 14:05", "--by", "Amina") == 0
    assert "it is 2027-03-01 14:05, says Amina" in capsys.readouterr().out
    assert look(tmp_path)
    assert do(config, "status") == 0
    said = capsys.readouterr().out
    assert "it is 2027-03-01 14:05\nthe time is as an operator has set it" in said
    assert ("clock-set", None, "Amina set the clock") in journal(tmp_path)


@pytest.mark.usefixtures("libc")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("yesterday", "--by", "Amina"), "is no time: write it like"),
        (("2026-12-01 14:05", "--by", "Amina"), "time never goes back; check the date"),
        (("2037-03-01 14:05", "--by", "Amina"), "check the year; if it is right, add --far"),
        (("2027-03-02 14:05", "--by", " "), "--by is missing: write one line"),
        (("2027-03-02 14:05", "--by", "A\x1b[2Jmina"), "characters that don't show"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_words(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    look(tmp_path)
    do(config, "set", "2027-03-01 14:05", "--by", "Amina")
    look(tmp_path)
    assert do(config, "set", *arguments) == 1
    assert sentence in capsys.readouterr().err
    assert len(journal(tmp_path)) == 1


@pytest.mark.usefixtures("libc")
def test_a_year_that_was_meant_is_taken(config: Path, tmp_path: Path) -> None:
    look(tmp_path)
    do(config, "set", "2027-03-01 14:05", "--by", "Amina")
    look(tmp_path)
    assert do(config, "set", "2028-03-01 14:05", "--by", "Amina", "--far") == 0
    assert look(tmp_path)


def test_nobody_sets_a_clock_that_ntp_keeps(
    config: Path, libc: Libc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look(tmp_path)
    libc.synchronised = True
    assert do(config, "set", "2027-03-01 14:05", "--by", "Amina") == 1
    assert "NTP keeps the time of this machine" in capsys.readouterr().err


def test_a_driven_village_is_not_set(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(f"{config.read_text()}\n[clock]\norigin_s = 1\nwall_s = 1\nfactor = 1.0\n")
    assert do(config, "status") == 1
    assert "drives this village's clock" in capsys.readouterr().err


@pytest.mark.usefixtures("libc")
def test_a_receipt_whose_date_is_not_known_is_dated_by_hand(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(f'{config.read_text()}[[cashier]]\nname = "amina"\ndaily_limit = "5"\n')
    words = ("cash", "take", "house-01", "1", "--cashier", "amina", "--config", str(config))
    assert not look(tmp_path)
    asyncio.run(fill(tmp_path / "usage.db"))
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("write today's date on the receipt by hand\n")
    do(config, "set", "2027-03-01 14:05", "--by", "Amina")
    look(tmp_path)
    capsys.readouterr()
    assert main(words) == 0
    assert "by hand" not in capsys.readouterr().out


async def fill(path: Path) -> None:
    database = await Database.open(path)
    await settle_in(database)
    await database.close()
