"""Contracts that nobody paid rent for: said to be archived, brought back by whatever uses them."""

from __future__ import annotations

from pathlib import Path

from tests.commands.admin.laptop import DAY_S, opened


def test_what_was_left_alone_for_200_days_is_brought_back(tmp_path: Path) -> None:
    with opened(tmp_path) as laptop:
        laptop.done("deploy", "token", "meter")
        laptop.done("site", "add", "7")
        laptop.done("meter", "register", "7/0", "--max-power=2000")
        assert "archived" not in laptop.admin("status").out
        laptop.localnet.leave_alone(200 * DAY_S)
        status = laptop.admin("status")
        assert status.status == 0, status
        assert "`gateway admin extend meter` brings it back" in status.out
        dry = laptop.admin("meter", "register", "7/1", "--max-power=2000", "--dry-run")
        assert dry.status == 0, dry
        laptop.done("extend")
        assert "archived" not in laptop.admin("status").out
        laptop.done("meter", "register", "7/1", "--max-power=2000")
        assert "max power      2000 W" in laptop.admin("meter", "show", "7/0").out
