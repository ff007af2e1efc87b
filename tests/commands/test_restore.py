"""``gateway restore``: the backup is in place, or nothing was changed; nothing is ever lost."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway import app
from gateway.__main__ import main
from gateway.domain.groups import compress, expand
from gateway.store.database import Database, newest_schema
from gateway.store.points import find_points
from tests.commands.lines import answer
from tests.commands.stored import gateway, watch, write_config
from tests.commands.test_backup import dump, fatten
from tests.store.chained import DAY_S, ask, change, flushes, keep, live
from tests.village import START_S, kept_in

Restore = Callable[..., tuple[int, str]]
LATER_S = START_S + 2 * DAY_S


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of three houses and half a day."""
    folder = tmp_path_factory.mktemp("lived")
    path = folder / "usage.db"
    asyncio.run(live(path, 0.5))
    change(path, "INSERT INTO node_command VALUES ('meter-003', 41)")
    assert main(["backup", "--config", str(write_config(folder, path)), str(folder / "b.db")]) == 0
    return folder / "b.db"


@pytest.fixture
def backup(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "b.db"))


async def go_on(path: Path) -> None:
    """It is read for an hour more, and dies with the newest readings in its log."""
    database = await Database.open(path)
    await keep(database, flushes(await find_points(database), LATER_S, LATER_S + 3_600))
    for side in ("", "-wal"):
        shutil.copy(f"{path}{side}", f"{path}{side}.dead")
    await database.close()
    for side in ("", "-wal"):
        Path(f"{path}{side}.dead").rename(f"{path}{side}")


@pytest.fixture
def path(backup: Path, tmp_path: Path) -> Path:
    """A store that has gone on since."""
    (tmp_path / "site").mkdir()
    path = Path(shutil.copy(backup, tmp_path / "site" / "usage.db"))
    asyncio.run(go_on(path))
    path.chmod(0o640)
    return path


@pytest.fixture
def restore(
    path: Path, backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Restore:
    config = write_config(tmp_path, path)

    def run(*more: str | Path, file: Path = backup) -> tuple[int, str]:
        status = main(["restore", "--config", str(config), *map(str, more), str(file)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def kept_beside(path: Path) -> Path:
    (kept,) = path.parent.glob("usage.db.before-restore-*Z")
    return kept


def test_the_backup_is_in_place_and_the_file_before_it_is_whole(
    path: Path, backup: Path, restore: Restore
) -> None:
    was = kept_in(path)
    assert len(was) > len(kept_in(backup))
    status, said = restore("--yes")
    assert status == 0, said
    assert kept_in(path) == kept_in(backup)
    assert kept_in(kept_beside(path)) == was
    assert path.stat().st_mode & 0o777 == 0o640
    assert (
        "the backup b.db has readings until 2026-01-01 12:50 WAT and no settled batch\n"
        "so far the database has readings until 2026-01-03 01:50 WAT and no settled batch\n"
    ) in said
    assert f"the file before it is kept as {kept_beside(path)}\n" in said
    assert "then run `gateway replace-gateway` once" in said
    assert ask(path, "SELECT kind FROM event")[-1] == ("restore",)
    assert ask(path, "SELECT counter FROM node_command") == [(1_000_041,)]
    assert not list(path.parent.glob("*.restoring*"))
    assert not list(path.parent.glob("usage.db-*"))


def test_it_goes_on_where_the_backup_ends_and_the_time_between_is_a_gap(
    path: Path, restore: Restore
) -> None:
    assert restore("--yes")[0] == 0
    asyncio.run(go_on(path))
    assert main(["verify", "--gaps", "--database", str(path)]) == 0
    used = ask(path, "SELECT SUM(usage_wh) FROM usage WHERE meter_point_id = 1")
    assert used == ask(path, "SELECT cumulative_wh FROM register WHERE meter_id = 1")
    between = f"start_s BETWEEN {START_S + DAY_S} AND {LATER_S - 900}"
    sums = ask(path, f"SELECT SUM(usage_wh), SUM(estimated_wh) FROM usage WHERE {between}")
    assert sums[0][0] == sums[0][1]
    assert sums[0][0]


@pytest.mark.parametrize("part", app.PARTS)
def test_while_a_part_runs_it_refuses(path: Path, restore: Restore, part: str) -> None:
    before = path.read_bytes()
    with app.alone(path, [part]):
        status, said = restore("--yes")
    assert status == 1
    assert f"the part {part} runs already" in said
    assert path.read_bytes() == before


def test_a_person_is_asked_and_no_is_no(
    path: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    answer(monkeypatch, "n")
    status, said = restore()
    assert status == 1
    assert "nothing was changed" in said
    assert path.read_bytes() == before
    answer(monkeypatch, "y")
    assert restore()[0] == 0


def make_no_database(backup: Path) -> None:
    backup.write_bytes(b"this is a shopping list, not a database" * 100)


def make_empty(backup: Path) -> None:
    backup.write_bytes(b"")


def make_newer(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA user_version = 999")


def make_truncated(backup: Path) -> None:
    os.truncate(backup, backup.stat().st_size // 2)


def make_strange(backup: Path) -> None:
    backup.unlink()
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("CREATE TABLE shopping (item TEXT)")


def make_absent(backup: Path) -> None:
    backup.unlink()


def make_a_page_wrong(backup: Path) -> None:
    (root,), (size,) = (
        ask(backup, "SELECT rootpage FROM sqlite_schema WHERE name = 'usage'")[0],
        ask(backup, "PRAGMA page_size")[0],
    )
    assert isinstance(root, int)
    assert isinstance(size, int)
    with backup.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def make_a_reading_wrong(backup: Path) -> None:
    (blob,) = ask(backup, "SELECT readings FROM reading_group WHERE sequence = 9")[0]
    assert isinstance(blob, bytes)
    records = bytearray(expand(blob))
    records[12] ^= 1
    change(
        backup, "UPDATE reading_group SET readings = ? WHERE sequence = 9", compress(bytes(records))
    )


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (make_no_database, "is not a usable database"),
        (make_empty, "is no gateway's database: name another file"),
        (make_newer, "was written by a newer version (schema 999"),
        (make_truncated, "is not a usable database"),
        (make_strange, "is no gateway's database: name another file"),
        (make_absent, "isn't there"),
        (make_a_page_wrong, "is not a usable database"),
        (make_a_reading_wrong, "this backup's own proofs fail, so nothing was changed"),
    ],
)
def test_a_backup_that_is_none_changes_nothing(
    path: Path, backup: Path, restore: Restore, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(backup)
    before, was = path.read_bytes(), kept_in(path)
    status, said = restore("--yes")
    assert status == 1
    assert sentence in said
    assert kept_in(path) == was
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*restor*"))


def test_the_only_backup_there_is_can_be_forced(path: Path, backup: Path, restore: Restore) -> None:
    make_a_reading_wrong(backup)
    status, said = restore("--yes", "--broken-chains")
    assert status == 0, said
    assert "group 9 (" in said
    assert kept_in(path) == kept_in(backup)


def test_a_backup_of_an_older_version_is_brought_up_to_this_one(
    path: Path, backup: Path, restore: Restore
) -> None:
    older = backup.with_name("older.db")
    with closing(sqlite3.connect(older)) as connection:
        folder = Path(app.__file__).parents[1] / "store" / "migrations"
        for script in sorted(folder.glob("*.sql"))[:-1]:
            connection.executescript(script.read_text("utf-8"))
        connection.execute(f"PRAGMA user_version = {newest_schema() - 1}")
    status, said = restore("--yes", file=older)
    assert status == 0, said
    assert ask(path, "PRAGMA user_version") == [(newest_schema(),)]


def test_a_database_that_is_beyond_reading_is_kept_all_the_same(
    path: Path, backup: Path, restore: Restore
) -> None:
    path.write_bytes(b"\xff" * 5_000)
    log = Path(f"{path}-wal").read_bytes()
    status, said = restore("--yes")
    assert status == 0, said
    assert "so far the database can't be read, or isn't there" in said
    assert kept_beside(path).read_bytes() == b"\xff" * 5_000
    assert Path(f"{kept_beside(path)}-wal").read_bytes() == log
    assert kept_in(path) == kept_in(backup)


def test_on_a_new_card_there_is_nothing_to_keep(path: Path, backup: Path, restore: Restore) -> None:
    for one in path.parent.iterdir():
        one.unlink()
    status, said = restore("--yes")
    assert status == 0, said
    assert "is kept as" not in said
    assert kept_in(path) == kept_in(backup)


def test_the_database_cannot_be_its_own_backup(path: Path, restore: Restore) -> None:
    status, said = restore("--yes", file=path)
    assert status == 1
    assert "is the database itself" in said


def of_another_site(backup: Path) -> None:
    change(backup, "UPDATE meter_point SET site = 7")


def of_another_contract(backup: Path) -> None:
    change(backup, "INSERT INTO chain_cursor VALUES ('CANOTHER', '1', 1, 1)")


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        (of_another_site, "b.db is of site 7, and this configuration of site 1: nothing was"),
        (of_another_contract, "b.db was settled on another contract, CANOTHER: nothing was"),
    ],
)
def test_the_backup_of_another_village_is_refused(
    path: Path, backup: Path, restore: Restore, take: Callable[[Path], None], sentence: str
) -> None:
    take(backup)
    was = kept_in(path)
    status, said = restore("--yes")
    assert status == 1
    assert sentence in said
    assert kept_in(path) == was
    assert not list(path.parent.glob("*restor*"))


def test_the_backup_of_this_contract_is_taken(path: Path, backup: Path, restore: Restore) -> None:
    ours = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
    for contract in (ours, "CAMARKET"):
        change(backup, "INSERT INTO chain_cursor VALUES (?, '1', 1, 1)", contract)
    status, said = restore("--yes")
    assert status == 0, said
    assert kept_in(path) == kept_in(backup)


def test_while_somebody_reads_the_database_it_is_not_taken_from_its_log(
    path: Path, restore: Restore
) -> None:
    """Killed between the two, what is only in the log would be under no name."""
    was = kept_in(path)
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT COUNT(*) FROM event").fetchone()
        status, said = restore("--yes")
    assert status == 1
    assert "is in use by another command: end it, then restore again" in said
    assert kept_in(path) == was
    assert not list(path.parent.glob("*restor*"))


def test_without_second_names_the_file_before_it_is_copied_whole(
    path: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a stick with FAT; when it fails half-way, nothing looks like that file."""
    was = kept_in(path)

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def fail(_: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copy2", fail)
        status, said = restore("--yes")
    assert status == 1
    assert "the disk is full" in said
    assert kept_in(path) == was
    assert not list(path.parent.glob("*restor*"))
    assert restore("--yes")[0] == 0
    assert kept_in(kept_beside(path)) == was


def test_a_database_on_another_disk_stays_there(
    path: Path, backup: Path, restore: Restore, tmp_path: Path
) -> None:
    """What the file of settings names is a link to it."""
    was = kept_in(path)
    disk = tmp_path / "disk"
    path.parent.rename(disk)
    path.parent.mkdir()
    path.symlink_to(disk / "usage.db")
    status, said = restore("--yes")
    assert status == 0, said
    assert path.is_symlink()
    assert kept_in(disk / "usage.db") == kept_in(backup)
    assert kept_in(kept_beside(disk / "usage.db")) == was


def test_nobody_else_reads_along(
    path: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []

    def look(_: str = "") -> str:
        modes.append((path.parent / "usage.db.restoring").stat().st_mode & 0o777)
        return "n"

    monkeypatch.setattr("builtins.input", look)
    assert restore()[0] == 1
    assert modes == [0o600]


def test_a_database_of_another_users_is_left_to_that_user(
    path: Path, backup: Path, restore: Restore, tmp_path: Path
) -> None:
    """What root may is taken away here, as from any other user."""
    os.chown(path, 65_534, 65_534)
    was = kept_in(path)
    command = gateway("restore", "--yes", "--config", tmp_path / "gateway.toml", backup)
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-chown", "--inh-caps", "-all", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "belongs to another user: restore as that user, or with sudo" in done.stderr
    assert kept_in(path) == was
    assert restore("--yes")[0] == 0
    assert path.stat().st_uid == 65_534


def test_on_a_new_card_all_of_it_is_its_folders_owners(path: Path, restore: Restore) -> None:
    """Restored as root, and the gateway is another user."""
    for one in path.parent.iterdir():
        one.unlink()
    os.chown(path.parent, 65_534, 65_534)
    assert restore("--yes")[0] == 0
    assert {one.stat().st_uid for one in path.parent.iterdir()} == {65_534}
    assert path.stat().st_mode & 0o007 == 0


def test_killed_while_it_copies_it_has_changed_nothing(
    path: Path, backup: Path, restore: Restore, tmp_path: Path
) -> None:
    fatten(backup)
    was = kept_in(path)
    watched = watch(gateway("restore", "--yes", "--config", tmp_path / "gateway.toml", backup))
    watched.until("copying")
    watched.process.kill()
    watched.process.communicate()
    os.close(watched.terminal)
    assert kept_in(path) == was
    assert restore("--yes")[0] == 0
    assert dump(path)
    assert kept_in(path) == kept_in(backup)
    assert not list(path.parent.glob("*.restoring*"))
