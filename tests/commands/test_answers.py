"""What every command answers when the world is not as it should be: one sentence, never a trace."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.commands.stored import gateway, write_config
from tests.store.chained import live

UNPRIVILEGED = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
READING = (("verify",), ("backup", "copy"), ("export", "-o", "copy"))
ASKING = (("edit", "list"), ("account", "list"), ("meter", "list"), ("node", "list"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    path = tmp_path / "site" / "usage.db"
    asyncio.run(live(path, 0.1))
    return write_config(tmp_path, path)


def said(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def with_config(words: tuple[str, ...], config: Path) -> list[str]:
    """Files are in its folder."""
    files = {"copy", "b.db"}
    rest = [str(config.parent / word) if word in files else word for word in words[1:]]
    return [words[0], "--config", str(config), *rest]


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_who_only_asks_begins_no_database(
    config: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "site" / "usage.db").unlink()
    assert main(with_config(words, config)) == 1
    assert (
        "usage.db isn't there yet, and field begins it: start it, then ask again"
        in capsys.readouterr().err
    )
    assert not list((config.parent / "site").iterdir())


@pytest.mark.parametrize("words", [*READING, *ASKING, ("restore", "--yes", "b.db")], ids=" ".join)
@pytest.mark.parametrize("hidden", ["file", "folder"])
def test_what_is_another_users_is_said_to_be(
    config: Path, words: tuple[str, ...], hidden: str, tmp_path: Path
) -> None:
    """What root may is taken away here, as from any other user."""
    site = tmp_path / "site"
    (tmp_path / "b.db").write_bytes((site / "usage.db").read_bytes())
    for one in site.iterdir():
        one.chmod(0o600)
        os.chown(one, 65_534, 65_534)
    os.chown(site, 65_534, 65_534)
    site.chmod(0o700 if hidden == "folder" else 0o755)
    status, answer = said([*UNPRIVILEGED, *gateway(*with_config(words, config))])
    assert status == 1
    assert answer.count("\n") == 1, answer
    assert "sudo" in answer


@pytest.mark.parametrize("words", [*READING, *ASKING], ids=" ".join)
def test_bytes_that_are_no_text_are_refused(config: Path, words: tuple[str, ...]) -> None:
    status, answer = said(gateway(*with_config((*words, "house-\udcff"), config)))
    assert status == 2
    assert answer == "'house-\\udcff' is no text in UTF-8: type it again\n"


def test_a_reader_who_has_enough_is_no_fault(config: Path) -> None:
    """Such as `| head`."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        gateway("verify", "--config", config),
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 141
    assert done.stderr == ""


def test_an_answer_that_does_not_fit_on_the_disk_is_a_fault(config: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a file object for the process
        done = subprocess.run(
            gateway("verify", "--config", config),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "the answer could not be written: No space left on device\n"


@pytest.mark.parametrize("command", ["backup", "export"])
def test_a_name_that_is_too_long_is_named(
    config: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-o"] if command == "export" else []
    assert main([command, "--config", str(config), *words, "n" * 300]) == 1
    assert "nnn: File name too long\n" in capsys.readouterr().err


def test_without_a_command_it_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "copy the database while everything runs" in capsys.readouterr().err
