"""``gateway cash``, ``token`` and ``credits``: what people type, and what is printed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.store.database import Database
from gateway.store.restored import make_ready
from tests.village import START_S, settle_in

EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"
KEYS = "# LABEL HEX START\nhouse-01 a29ab82edc5fbbc41ec9530f6dac86b1 123456789\n"


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """The example's configuration with a cashier and tokens, and a store with house-01."""
    text = EXAMPLE.read_text().replace("/var/lib/gateway/usage.db", str(tmp_path / "usage.db"))
    keys = tmp_path / "tokens"
    keys.write_text(KEYS)
    keys.chmod(0o600)
    text += f"""
[[cashier]]
name = "amina"
daily_limit = "20.5"
[tokens]
keys_file = "{keys}"
unit_stroops = 1000000
"""
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    asyncio.run(fill(tmp_path / "usage.db"))
    return path


async def fill(path: Path) -> None:
    database = await Database.open(path)
    await settle_in(database)
    await database.close()


def say(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> tuple[int, str, str]:
    status = main([*words, "--config", str(path)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_cash_has_a_receipt_that_any_printer_can_print(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said, _ = say(capsys, village, "cash", "take", "house-01", "12.5", "--cashier", "amina")
    assert status == 0
    lines = said.splitlines()
    assert all(len(line) <= 32 and line.isascii() for line in lines)
    assert lines[0].strip() == "Kijiji"
    assert "No                      1-000001" in lines
    assert "Meter                   house-01" in lines
    assert "TOTAL              12.5 ELECTRIC" in lines
    assert say(capsys, village, "cash", "receipt", "1-000001")[1] == said


def test_a_cashier_has_a_day_and_only_named_ones_take_cash(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = ("cash", "take", "house-01")
    assert say(capsys, village, *take, "20", "--cashier", "amina")[0] == 0
    status, _, said = say(capsys, village, *take, "0.6", "--cashier", "amina")
    assert (status, said) == (
        1,
        "amina may take 20.5 tokens a day and has taken 20: another cashier takes it, or the "
        "operator raises daily_limit\n",
    )
    assert (
        "bola is no cashier (known: amina)"
        in say(capsys, village, *take, "1", "--cashier", "bola")[2]
    )
    assert say(capsys, village, *take, "0.5", "--cashier", "amina")[0] == 0


@pytest.mark.parametrize("amount", ["1.000", "12.500"])
def test_a_dot_before_thousands_is_not_guessed_at(
    village: Path, capsys: pytest.CaptureFixture[str], amount: str
) -> None:
    words = ("cash", "take", "house-01", amount, "--cashier", "amina")
    status, said, error = say(capsys, village, *words)
    assert (status, said) == (1, "")
    assert f"write {amount.replace('.', '')}, or {amount}0" in error


@pytest.mark.parametrize("amount", ["1e3", "0.00000001", "-1", "1,5", "0", "nan"])
def test_an_amount_is_exact_or_refused(
    village: Path, capsys: pytest.CaptureFixture[str], amount: str
) -> None:
    status, said, error = say(
        capsys, village, "cash", "take", "house-01", f" {amount}", "--cashier", "amina"
    )
    assert (status, said) == (1, "")
    assert re.search("is no amount|is no payment", error)


def test_the_same_key_counts_cash_once(village: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("cash", "take", "house-01", "1", "--cashier", "amina", "--key", "page-3-line-7")
    assert say(capsys, village, *words)[0] == 0
    assert "nothing was counted again" in say(capsys, village, *words)[1]
    assert "1 ELECTRIC in 1 payment\n" in say(capsys, village, "credits", "list")[1]


def test_the_same_cash_typed_twice_is_asked_about(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = ("cash", "take", "house-01")
    by = ("--cashier", "amina")
    for amount in ("1", "2"):
        assert "same money?" not in say(capsys, village, *take, amount, *by)[1]
    said = say(capsys, village, *take, "1", *by)[1]
    assert "receipt 1-000001 is of the same amount for the same meter" in said
    assert "take this one back: `gateway cash void 1-000003`\n" in said
    for number in ("1", "3"):
        say(capsys, village, "cash", "void", number, "--by", "bola", "--reason", "twice")
    assert "same money?" not in say(capsys, village, *take, "1", *by)[1]


def test_cash_is_taken_back_on_paper(village: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(capsys, village, "cash", "take", "house-01", "1", "--cashier", "amina")
    words = ("cash", "void", "1", "--by", "bola", "--reason", "wrong house")
    slip = say(capsys, village, *words)[1]
    assert "State: TAKEN BACK." in slip
    assert "TAKEN BACK: NO MONEY" in slip
    assert "RECEIPT" not in slip
    assert "Keep this receipt" not in slip
    shown = say(capsys, village, "cash", "receipt", "2")[1]
    assert "1-000002" in shown
    assert "waiting here   0 ELECTRIC in 0 payments" in say(capsys, village, "credits", "list")[1]
    assert "there is no receipt 7" in say(capsys, village, "cash", "receipt", "7")[2]


def test_a_token_is_sold_entered_once_and_shown(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said, warned = say(capsys, village, "token", "issue", "house-01", "30")
    assert status == 0
    assert warned.startswith("warning: whoever has the keys file makes money")
    found = re.fullmatch(r"house-01: 30 units, token ([0-9 ]{11}) \(count 2\)\n", said)
    assert found is not None
    enter = ("token", "enter", "house-01", *found[1].split())
    assert say(capsys, village, *enter)[1] == (
        "house-01: 30 units, 3 ELECTRIC, count now (receipt 1-000001)\n"
    )
    assert say(capsys, village, *enter)[2] == (
        "This token was used already: it counted when it was entered first.\n"
    )
    assert re.search(
        r"house-01 +2  \d{4}-\d\d-\d\d +30 +0  are taken",
        say(capsys, village, "token", "status")[1],
    )
    again = say(capsys, village, "token", "issue", "house-01", "30", "--keypad-1234")[1]
    assert re.search(r"token [1-4 ]{19} \(count 4\)", again)


def test_after_a_restore_the_operator_reconciles(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = say(capsys, village, "token", "issue", "house-01", "30")[1].split("token ")[1][:11]
    asyncio.run(make_ready(village.parent / "usage.db", "restored", START_S * 1000))
    assert (
        "The token is still good" in say(capsys, village, "token", "enter", "house-01", digits)[2]
    )
    assert "wait: see `reconcile`" in say(capsys, village, "token", "status")[1]
    done = say(capsys, village, "token", "reconcile", "house-01", "0", "--by", "amina")
    assert done[1] == "house-01: tokens up to count 0 are used; later ones count again\n"
    assert say(capsys, village, "token", "enter", "house-01", digits)[0] == 0


def test_a_damaged_count_file_sells_nothing(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (village.parent / "tokens.counts").write_text("{")
    status, said, error = say(capsys, village, "token", "issue", "house-01", "30")
    assert (status, said) == (1, "")
    assert "is no count file: restore it" in error


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("house-01 abc 1", "line 1: write LABEL, 32 hex digits"),
        ("house-01 " + "ab" * 16 + " 0", "line 1: write LABEL, 32 hex digits"),
        (
            "house-01 " + "ab" * 16 + " 1\nhouse-01 " + "ab" * 16 + " 1",
            "line 2: house-01 has a key",
        ),
    ],
)
def test_a_wrong_keys_file_is_named_by_line_and_never_shown(
    village: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    (village.parent / "tokens").write_text(line)
    error = say(capsys, village, "token", "enter", "house-01", "123456789")[2]
    assert sentence in error
    assert "abab" not in error


def test_a_keys_file_that_others_may_read_is_refused(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (village.parent / "tokens").chmod(0o644)
    assert "others may read" in say(capsys, village, "token", "enter", "house-01", "1" * 9)[2]


def test_there_is_nothing_to_adopt_while_the_chain_is_where_it_was_left(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = say(capsys, village, "credits", "adopt", "--by", "amina", "--none")[2]
    assert "there is nothing to adopt" in error


def test_a_receipt_of_another_series_is_another_paper(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was taken between backup and restore is not here; its number is given again."""
    asyncio.run(make_ready(village.parent / "usage.db", "restored", START_S * 1000))
    say(capsys, village, "cash", "take", "house-01", "1", "--cashier", "amina")
    words = ("cash", "void", "1-000001", "--by", "bola", "--reason", "wrong house")
    status, said, error = say(capsys, village, *words)
    assert (status, said) == (1, "")
    assert "number 1 is 2-000001, another paper" in error
    for name in ("1", "2-000001"):
        assert "2-000001" in say(capsys, village, "cash", "receipt", name)[1]
    for name in ("x-1", "1-", "\u0663", "9" * 30):
        assert "is no receipt's number" in say(capsys, village, "cash", "receipt", name)[2]
    assert "waiting here   1 ELECTRIC in 1 payment\n" in say(capsys, village, "credits", "list")[1]


def test_one_backup_restored_twice_gives_no_number_twice(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = str(village.parent / "b.db")
    assert say(capsys, village, "backup", backup)[0] == 0
    papers = []
    for _ in range(2):
        assert say(capsys, village, "restore", "--yes", backup)[0] == 0
        said = say(capsys, village, "cash", "take", "house-01", "1", "--cashier", "amina")[1]
        papers += re.findall(r"No +([0-9-]+)\n", said)
    assert papers == ["2-000001", "3-000001"]


@pytest.mark.parametrize("receipt", ["99999999999999999999", "12", "1-000012", "-"])
def test_payments_to_adopt_are_named_as_on_the_paper(
    village: Path, capsys: pytest.CaptureFixture[str], receipt: str
) -> None:
    words = ("credits", "adopt", "--by", "amina", "--on-chain", receipt)
    status, said, error = say(capsys, village, *words)
    assert (status, said) == (1, "")
    assert re.search("there is no receipt|is no receipt's number", error)


@pytest.mark.parametrize(
    "words", [("credits", "adopt", "--none"), ("token", "reconcile", "house-01", "0")]
)
@pytest.mark.parametrize("name", ["\x1b[2Jamina", "a" * 300, "am\u202eina", " "])
def test_a_name_is_one_short_line_without_control_characters(
    village: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], name: str
) -> None:
    status, said, error = say(capsys, village, *words, "--by", name)
    assert (status, said) == (1, "")
    assert error.startswith("--by ")
    assert "\x1b" not in error


@pytest.mark.parametrize("name", ["tokens.counts.lock", "tokens.counts.new"])
def test_selling_writes_through_no_link(
    village: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    other = village.parent / "other"
    other.write_text("somebody else's")
    (village.parent / name).symlink_to(other)
    status, said, error = say(capsys, village, "token", "issue", "house-01", "30")
    assert (status, said) == (1, "")
    assert "can't be used" in error
    assert other.read_text() == "somebody else's"


def test_an_interrupted_cashier_looks_before_typing_again(
    village: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(work: Coroutine[object, object, str]) -> str:
        work.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run", interrupted)
    status, said, error = say(
        capsys, village, "cash", "take", "house-01", "1", "--cashier", "amina"
    )
    assert (status, said) == (130, "")
    assert error.startswith("interrupted: see `gateway cash list` before you type it again\n")
