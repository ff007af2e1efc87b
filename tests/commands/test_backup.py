"""``gateway backup``: while everything runs there is a whole, checked copy afterwards, or none."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.commands.stored import gateway, unshared, watch, write_config
from tests.store.chained import DAY_S, ask, change, flushes, keep, live
from tests.village import START_S

Backup = Callable[..., tuple[int, str]]
BIG_BYTES = 20_000_000


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three houses and a day and a half."""
    path = tmp_path_factory.mktemp("lived") / "usage.db"
    asyncio.run(live(path, 1.5))
    return path


@pytest.fixture
def path(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "usage.db"))


@pytest.fixture
def config(path: Path) -> Path:
    return write_config(path.parent, path)


@pytest.fixture
def backup(config: Path, capsys: pytest.CaptureFixture[str]) -> Backup:
    def run(*more: str | Path) -> tuple[int, str]:
        status = main(["backup", "--config", str(config), *map(str, more)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def files(folder: Path) -> set[str]:
    """What is there but for the store's own log, which whoever reads it may leave empty."""
    return {one.name for one in folder.iterdir()} - {"usage.db-wal", "usage.db-shm"}


def fatten(path: Path) -> None:
    """So large that copying takes a while."""
    change(path, "INSERT INTO meta VALUES ('fat', hex(zeroblob(?)))", BIG_BYTES // 2)


def test_a_copy_holds_everything_and_says_its_digest(
    path: Path, backup: Backup, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    status, said = backup(target)
    assert status == 0, said
    assert dump(target) == dump(path)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert f"{target}: {target.stat().st_size} bytes, checked\nsha256 {digest}\n" in said
    assert "it holds no keys" in said
    assert target.stat().st_mode & 0o077 == 0
    assert files(tmp_path) == {"usage.db", "copy.db", "gateway.toml"}


def test_a_folder_gets_a_dated_copy(backup: Backup, tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "usage-20260101T000000Z.db.partial").touch()  # of one that was killed
    status, said = backup(folder)
    assert status == 0, said
    (name,) = files(folder)
    assert name.startswith("usage-20")
    assert name.endswith("Z.db")


async def test_it_copies_one_instant_while_readings_are_stored(
    path: Path, config: Path, tmp_path: Path
) -> None:
    fatten(path)
    database = await Database.open(path)
    points = await find_points(database)
    target = tmp_path / "copy.db"
    watched = watch(gateway("backup", "--config", config, target))
    await asyncio.to_thread(watched.until, "copying")
    begin_s = START_S + 2 * DAY_S
    while watched.process.poll() is None:
        await keep(database, flushes(points, begin_s, begin_s + 1_800))
        begin_s += 1_800
    os.close(watched.terminal)
    said, _ = watched.process.communicate()
    assert watched.process.returncode == 0, said
    await database.close()
    assert begin_s > START_S + 2 * DAY_S
    newest = ask(path, "SELECT MAX(sequence) FROM reading_group")
    assert ask(target, "SELECT MAX(sequence) FROM reading_group") < newest
    assert main(["verify", "--database", str(target)]) == 0


def test_an_older_copy_is_replaced_only_when_asked(backup: Backup, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    status, said = backup(target)
    assert status == 1
    assert "is there already: name another file, or give --replace" in said
    assert target.read_text() == "precious"
    assert backup(target, "--replace")[0] == 0
    assert target.read_bytes().startswith(b"SQLite")


@pytest.mark.parametrize("name", ["usage.db", "link.db"])
def test_the_database_is_never_written_over(
    path: Path, backup: Backup, tmp_path: Path, name: str
) -> None:
    (tmp_path / "link.db").symlink_to(path)
    before = dump(path)
    status, said = backup(tmp_path / name, "--replace")
    assert status == 1
    assert "is the database itself" in said
    assert dump(path) == before


@pytest.mark.parametrize(
    "name", ["usage.db-wal", "usage.db.field.lock", "usage.db.before-restore-20260101T000000Z"]
)
def test_nothing_of_the_database_is_written_over(backup: Backup, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    status, said = backup(tmp_path / name, "--replace")
    assert status == 1
    assert "belongs to the database: name another file" in said
    assert (tmp_path / name).stat().st_size == 0


def test_a_pipe_is_no_file_to_replace(backup: Backup, tmp_path: Path) -> None:
    """Nor is a device: a rename would put the copy in its place."""
    os.mkfifo(tmp_path / "copy.db")
    status, said = backup(tmp_path / "copy.db", "--replace")
    assert status == 1
    assert "is a folder or a device: name a file" in said
    assert (tmp_path / "copy.db").is_fifo()


@pytest.mark.parametrize(
    "make",
    [Path.symlink_to, Path.hardlink_to, lambda one, _: os.mkfifo(one)],
    ids=["symlink", "hardlink", "pipe"],
)
def test_a_planted_link_never_leads_to_the_database(
    path: Path, backup: Backup, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    make(tmp_path / "copy.db.partial", path)
    before = dump(path)
    status, said = backup(tmp_path / "copy.db")
    assert status == 1
    assert "copy.db.partial is a link or no file at all: look what it is, and remove it" in said
    assert dump(path) == before
    assert "copy.db" not in files(tmp_path)


def test_what_others_left_under_its_name_gives_nothing_away(backup: Backup, tmp_path: Path) -> None:
    """Neither rights for everybody nor a journal that would be played into the copy."""
    for side in ("", "-journal", "-wal"):
        (tmp_path / f"copy.db.partial{side}").write_bytes(b"left" * 1_000)
        (tmp_path / f"copy.db.partial{side}").chmod(0o666)
    assert backup(tmp_path / "copy.db")[0] == 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == {"usage.db", "copy.db", "gateway.toml"}


def test_a_copy_that_was_just_finished_is_not_emptied_by_the_next_one(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one renames its file between the second one's opening and locking it."""
    (tmp_path / "copy.db.partial").write_text("whole")
    lock = fcntl.flock

    def lock_late(file: int, how: int) -> None:
        (tmp_path / "copy.db.partial").rename(tmp_path / "copy.db")
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    status, said = backup(tmp_path / "copy.db")
    assert status == 1
    assert "wait for it" in said
    assert (tmp_path / "copy.db").read_text() == "whole"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(
    path: Path, config: Path, tmp_path: Path, number: int
) -> None:
    fatten(path)
    watched = watch(gateway("backup", "--config", config, tmp_path / "copy.db"))
    watched.until("copying")
    watched.process.send_signal(number)
    assert "stopped before it was done" in watched.until("begin again")
    os.close(watched.terminal)
    watched.process.communicate()
    assert watched.process.returncode == 1
    assert files(tmp_path) == {"usage.db", "gateway.toml"}


def test_killed_it_leaves_no_copy_and_the_next_one_tidies_up(
    path: Path, config: Path, backup: Backup, tmp_path: Path
) -> None:
    fatten(path)
    before = dump(path)
    target = tmp_path / "copy.db"
    watched = watch(gateway("backup", "--config", config, target))
    watched.until("copying")
    watched.process.kill()
    watched.process.communicate()
    os.close(watched.terminal)
    assert not target.exists()
    assert "copy.db.partial" in files(tmp_path)
    assert dump(path) == before
    assert backup(target)[0] == 0
    assert dump(target) == before
    assert files(tmp_path) == {"usage.db", "copy.db", "gateway.toml"}


def test_a_full_disk_is_named_and_left_empty(path: Path, config: Path, tmp_path: Path) -> None:
    fatten(path)
    stick = tmp_path / "stick"
    stick.mkdir()
    script = [*gateway("backup", "--config", config, stick / "copy.db")]
    shell = ["sh", "-c", '"$@"; status=$?; ls -A "$0"; exit $status', str(stick), *script]
    done = subprocess.run(unshared("4m", stick, shell), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "free some space" in done.stderr
    assert done.stdout == ""


def test_two_backups_to_one_file_do_not_meet(path: Path, config: Path, tmp_path: Path) -> None:
    fatten(path)
    target = tmp_path / "copy.db"
    first = watch(gateway("backup", "--config", config, target))
    first.until("copying")
    first.process.send_signal(signal.SIGSTOP)
    done = subprocess.run(
        gateway("backup", "--config", config, target), capture_output=True, text=True, check=False
    )
    first.process.send_signal(signal.SIGCONT)
    assert done.returncode == 1
    assert "is being written by another command: wait for it" in done.stderr
    first.until("nothing, until it ends")
    first.process.communicate()
    os.close(first.terminal)
    assert first.process.returncode == 0
    assert dump(target) == dump(path)


def test_a_damaged_database_is_not_copied(path: Path, backup: Backup, tmp_path: Path) -> None:
    root = ask(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'rollup'")[0][0]
    page = ask(path, "PRAGMA page_size")[0][0]
    assert isinstance(root, int)
    assert isinstance(page, int)
    with path.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\x0d\x00\x00\x00\x09\x00\x00\x00" + b"\xff" * 20)
    status, said = backup(tmp_path / "copy.db")
    assert status == 1
    assert "restore it from a" in said
    assert "copy.db" not in files(tmp_path)


def test_a_database_whose_proofs_fail_is_copied_and_the_status_says_so(
    path: Path, backup: Backup, tmp_path: Path
) -> None:
    """It may be the only one there is."""
    change(path, "UPDATE register SET cumulative_wh = 1 WHERE meter_id = 1")
    status, said = backup(tmp_path / "copy.db")
    assert status == 1
    assert "the same is wrong in it as in the database" in said
    assert dump(tmp_path / "copy.db") == dump(path)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("/nowhere/copy.db", "the folder /nowhere isn't there: create it first"),
        ("/proc/copy.db", "/proc/copy.db.partial can't be written"),
    ],
)
def test_a_place_that_cannot_be_is_named(backup: Backup, target: str, sentence: str) -> None:
    status, said = backup(target)
    assert status == 1
    assert sentence in said


def test_without_a_database_it_says_so(path: Path, backup: Backup, tmp_path: Path) -> None:
    path.unlink()
    status, said = backup(tmp_path / "copy.db")
    assert status == 1
    assert "isn't there" in said
    assert files(tmp_path) == {"gateway.toml"}
