"""What a command answers fits on a terminal, and is left alone everywhere else."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.__main__ import main
from gateway.commands.showing import fit, show, table

WORDS = st.lists(st.text("abcdefg-/.", min_size=1, max_size=30), min_size=1, max_size=40)


class Terminal(io.StringIO):
    """Somebody looks on, 80 columns wide."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@given(WORDS, st.integers(0, 6))
def test_no_word_is_broken_or_lost_and_no_line_is_too_long(words: list[str], blanks: int) -> None:
    line = " " * blanks + " ".join(words)
    fitted = fit(line, 80)
    assert fitted.split() == words
    assert all(len(one) <= 80 for one in fitted.split("\n"))
    if len(line) <= 80:
        assert fitted == line


def test_only_a_terminal_is_told_in_short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = "a long sentence " * 10
    file, terminal = io.StringIO(), Terminal()
    show(answer, file)
    show(answer, terminal)
    assert file.getvalue() == answer + "\n"
    assert [len(line) <= 80 for line in terminal.getvalue().splitlines()] == [True] * 3


def test_a_table_is_as_wide_as_its_cells() -> None:
    assert table(["name", ">Wh"], [["house-01", "5"], ["clinic", "1200"]]) == (
        "name        Wh\nhouse-01     5\nclinic    1200"
    )


def test_what_is_wrong_with_a_line_fits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(SystemExit) as ended:
        main(["supply", "lock-out"])
    assert ended.value.code == 2
    said = terminal.getvalue()
    assert said.startswith("usage: gateway supply lock-out ")
    assert "the following arguments are required: label, --by," in said
    assert all(len(line) <= 80 for line in said.splitlines())
