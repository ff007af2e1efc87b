"""``gateway backup`` and ``restore`` are killed before each thing that they do to a file."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.commands.stored import write_config
from tests.store.chained import DAY_S, ask, flushes, keep, live
from tests.village import START_S, kept_in

TOUCHES = {"open", "os.rename", "os.remove", "os.link", "os.chmod", "os.chown", "sqlite3.connect"}
LATER_S = START_S + 2 * DAY_S
UNTIL_DONE = 500


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose store went on after its backup was made, and died with readings in its log."""
    site = tmp_path_factory.mktemp("lived") / "site"
    site.mkdir()
    path = site / "usage.db"
    asyncio.run(live(path, 0.25))
    config = write_config(site, path)
    assert main(["backup", "--config", str(config), str(site / "b.db")]) == 0
    asyncio.run(_go_on(path))
    return site


async def _go_on(path: Path) -> None:
    database = await Database.open(path)
    await keep(database, flushes(await find_points(database), LATER_S, LATER_S + 1_800))
    for side in ("", "-wal"):
        shutil.copy(f"{path}{side}", f"{path}{side}.dead")
    await database.close()
    for side in ("", "-wal"):
        Path(f"{path}{side}.dead").rename(f"{path}{side}")


def _killed_at(number: int, site: Path, arguments: list[str]) -> bool:
    """Run a command that dies before it touches a file of the site for the n-th time."""
    child = os.fork()
    if child == 0:
        touched = 0

        def die(event: str, what: tuple[object, ...]) -> None:
            nonlocal touched
            if event in TOUCHES and any(str(site) in str(one) for one in what):
                touched += 1
                if touched == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - what dup2 wants is its number
            os.dup2(nowhere.fileno(), 1)
        os._exit(main(arguments))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def _kills(lived: Path, folder: Path, *arguments: str) -> Iterator[Path]:
    """The site after each death, a fresh one for each; the last one lived."""
    for number in range(1, UNTIL_DONE):
        site = folder / f"{number}"
        shutil.copytree(lived, site)
        config = write_config(site, site / "usage.db")
        words = [word.format(site=site) for word in arguments]
        is_killed = _killed_at(number, site, [words[0], "--config", str(config), *words[1:]])
        yield site
        shutil.rmtree(site)
        if not is_killed:
            assert number > len(TOUCHES), "it was killed too seldom to prove anything"
            return
    pytest.fail("it never got to its end")


def _is_whole(path: Path) -> bool:
    return ask(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_restore_that_is_killed_has_lost_neither_file(lived: Path, tmp_path: Path) -> None:
    backup, before = kept_in(lived / "b.db"), kept_in(lived / "usage.db")
    assert len(backup) < len(before)
    seen = set()
    for site in _kills(lived, tmp_path, "restore", "--yes", "{site}/b.db"):
        path = site / "usage.db"
        held = kept_in(path)
        assert _is_whole(path)
        assert held in (backup, before)
        seen.add(held == backup)
        if held == backup:
            (kept,) = site.glob("usage.db.before-restore-*Z")
            assert kept_in(kept) == before
        config = str(site / "gateway.toml")
        assert main(["restore", "--yes", "--config", config, str(site / "b.db")]) == 0
        assert kept_in(path) == backup
        assert not list(site.glob("*.restoring*"))
    assert seen == {True, False}


def test_a_backup_that_is_killed_has_made_a_whole_copy_or_none(lived: Path, tmp_path: Path) -> None:
    older, before = (lived / "b.db").read_bytes(), kept_in(lived / "usage.db")
    seen = set()
    for site in _kills(lived, tmp_path, "backup", "--replace", "{site}/b.db"):
        assert kept_in(site / "usage.db") == before
        is_old = (site / "b.db").read_bytes() == older
        assert is_old or (_is_whole(site / "b.db") and kept_in(site / "b.db") == before)
        seen.add(is_old)
        config = str(site / "gateway.toml")
        assert main(["backup", "--replace", "--config", config, str(site / "b.db")]) == 0
        assert not list(site.glob("*.partial*"))
    assert seen == {True, False}
