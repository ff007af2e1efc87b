"""``gateway check``: every wrong setting is named and the status says so."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from gateway.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "gateway.example.toml"


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """A configuration that is right on this machine."""
    for name in ("signing", "mqtt", "nodes"):
        secret = tmp_path / name
        secret.touch(mode=0o600)
    (tmp_path / "nodes").write_text(f"meter-003 {'ab' * 16}\n")
    _, line = os.openpty()
    text = EXAMPLE.read_text()
    text = text.replace("/var/lib/gateway/usage.db", str(tmp_path / "usage.db"))
    text = text.replace("/etc/gateway/keys", str(tmp_path))
    text = text.replace("/dev/ttyUSB0", os.ttyname(line))
    text = text.replace("https://soroban-testnet.stellar.org", f"http://127.0.0.1:{free_port()}")
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(["check", "--config", str(path)])
    return status, capsys.readouterr().out


def test_a_right_configuration_passes_though_the_world_is_away(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = check(village, capsys)
    assert status == 0, said
    assert re.search(r"away: +the chain at http://127.0.0.1:\d+ can't be reached", said)
    assert "the configuration is right" in said


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ('port = "/dev/nowhere"', r"port = \"/dev/pts/\d+\"", "plug in the adapter or correct"),
        ('model = "abacus"', 'model = "PZEM-004T v3"', "'abacus' is not known: use one of"),
        ('database = "/nowhere/usage.db"', r"database = .*", "/nowhere isn't there: create it"),
        ('key_file = "/nowhere/key"', r"key_file = .*", "create it with mode 0600"),
        ("unknwon = 3", r"(?m)^first_register_wh = 0", "unknwon is not a setting"),
        ('port = "/etc/passwd"', r"port = \"/dev/pts/\d+\"", "/etc/passwd is no serial port"),
        ('database = "/etc"', r"database = .*", "/etc is no file: name one in a folder"),
        ('key_file = "/etc"', r"key_file = .*", "name the file that holds the secret"),
        ('node = "meter-4"', 'node = "meter-003"', "add a line 'meter-4 HEX' to"),
    ],
)
def test_a_wrong_setting_is_named(
    village: Path, capsys: pytest.CaptureFixture[str], wrong: str, right: str, sentence: str
) -> None:
    text, changes = re.subn(right, wrong, village.read_text(), count=1)
    assert changes == 1
    village.write_text(text)
    status, said = check(village, capsys)
    assert status == 1
    assert sentence in said


def test_a_secret_that_others_can_read_is_wrong(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (village.parent / "signing").chmod(0o644)
    status, said = check(village, capsys)
    assert status == 1
    assert "chmod 600" in said


def test_one_adapter_under_two_names_is_one_bus(
    village: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = village.read_text()
    port = re.search(r"port = \"(/dev/pts/\d+)\"", text)
    assert port is not None
    alias = village.parent / "ttyALIAS"
    alias.symlink_to(port[1])
    village.write_text(f'{text}\n[[bus]]\nname = "other"\nport = "{alias}"\n')
    status, said = check(village, capsys)
    assert status == 1
    assert "is the same adapter as that of bus main: put all its meters on one bus" in said


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("meter-003 abc\n", "line 1: write NAME, a space and at least 32 hex digits"),
        (f"a {'ab' * 16}\na {'cd' * 16}\n", "line 2: a has a key already; keep one"),
    ],
)
def test_a_key_file_that_is_wrong_is_named_without_its_keys(
    village: Path, capsys: pytest.CaptureFixture[str], keys: str, sentence: str
) -> None:
    (village.parent / "nodes").write_text(keys)
    status, said = check(village, capsys)
    assert status == 1
    assert sentence in said
    assert "abc" not in said
    assert "cdcd" not in said


@pytest.mark.parametrize(
    ("tokens", "secret", "sentence"),
    [
        (f"house-01 {'ab' * 16} 0\n", "x" * 32, "line 1: write LABEL, 32 hex digits"),
        (f"house-77 {'ab' * 16} 5\n", "x" * 32, "house-77 is no meter point of this file"),
        (f"house-01 {'ab' * 16} 5\n", "short", "give one line of 32 characters or more"),
    ],
)
def test_files_of_money_that_are_wrong_are_named_without_their_secrets(
    village: Path, capsys: pytest.CaptureFixture[str], tokens: str, secret: str, sentence: str
) -> None:
    for name, content in (("tokens", tokens), ("payments", secret)):
        (village.parent / name).write_text(content)
        (village.parent / name).chmod(0o600)
    village.write_text(
        f"""{village.read_text()}
[tokens]
keys_file = "{village.parent}/tokens"
unit_stroops = 1
[payments]
secret_file = "{village.parent}/payments"
"""
    )
    status, said = check(village, capsys)
    assert status == 1
    assert sentence in said
    assert "abab" not in said


def test_no_configuration_at_all_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = check(tmp_path / "none.toml", capsys)
    assert status == 1
    assert "copy the example file" in said
