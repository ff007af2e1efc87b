"""``gateway supply``: what people on site and operators type, and what is answered."""

from __future__ import annotations

import asyncio
import os
import shlex
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway import app
from gateway.__main__ import main
from gateway.app.settings import supply_settings
from gateway.config import load
from gateway.relays import SupplyControl
from tests.commands.lines import journal, write_config
from tests.commands.stored import gateway, unshared
from tests.relays.village import Contactors
from tests.village import CHAIN_METER


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two houses whose credit is used up, with 300 stroops of emergency credit each."""
    path = write_config(tmp_path, "/dev/nowhere", ["gpio:17", "gpio:27"])
    supply = "[supply]\nemergency_credit_stroops = 300\nmin_switch_s = 0\n[[bus]]"
    path.write_text(path.read_text().replace("[[bus]]", supply, 1))
    asyncio.run(prepare(path))
    return path


async def prepare(path: Path) -> None:
    async with app.opened(load(path)) as (database, _, points), database.transaction() as write:
        await write.executemany(
            f"""INSERT INTO {CHAIN_METER}
               VALUES (?, 0, 0, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100, ?)""",
            [(point.meter_point_id, int(time.time())) for point in points],
        )


def live(path: Path, relays: Contactors) -> None:
    """What the field part does once."""

    async def tick() -> None:
        config = load(path)
        async with app.opened_store(config) as (database, clock):
            settings = supply_settings(config)
            control = SupplyControl(settings, database, clock, {"gpio": relays})
            await control.tick(clock.now())

    asyncio.run(tick())


def say(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> tuple[int, str]:
    status = main(["supply", words[0], "--config", str(path), *words[1:]])
    said = capsys.readouterr()
    return status, said.out + said.err


BY = ("--by", "Amina", "--reason", "works on the line")


def test_a_lock_out_is_typed_shown_and_released_by_its_person(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = say(capsys, config, "lock-out", "house-01", *BY)
    assert (status, "NOT YET DEAD: wait until `gateway supply list` says that" in out) == (0, True)
    _, out = say(capsys, config, "list")
    assert "It is being locked out; start field if it does not run." in out
    live(config, Contactors())
    _, out = say(capsys, config, "list")
    assert (
        "house-01     off     The supply was locked out on site, for safety. Its meter "
        "has not confirmed it: test before you touch."
    ) in out
    assert "house-02     off     The credit is used up." in out
    other = ("--by", "Boss", "--reason", "I want light")
    status, out = say(capsys, config, "release", "house-01", *other)
    assert (status, out) == (
        1,
        "house-01 was locked out by Amina: only Amina can release it, on site\n",
    )
    _, out = say(capsys, config, "show", "house-01")
    assert "way back: Only the person who locked it can release it, on site." in out
    assert "by Amina (works on the line)" in out
    assert say(capsys, config, "release", "house-01", *BY)[0] == 0
    live(config, Contactors())
    _, out = say(capsys, config, "show", "house-01")
    assert "released " in out
    assert "assert (no_credit, done): 0 stroops left of 0" in out
    assert [kind for kind, _, _ in journal(config.parent)] == ["lock_out", "lock_out"]


def test_a_lock_that_the_disk_does_not_take_is_not_said_to_hang(
    config: Path, tmp_path: Path
) -> None:
    disk, moved = tmp_path / "disk", tmp_path / "moved.toml"
    disk.mkdir()
    moved.write_text(config.read_text().replace(f"{tmp_path}/usage.db", f"{disk}/usage.db"))
    act = shlex.join(
        map(str, gateway("supply", "lock-out", "house-01", *BY, "--config", str(moved)))
    )
    steps = f"cp usage.db {disk}; dd if=/dev/zero of={disk}/film bs=4k 2> film.log; {act}"
    done = subprocess.run(
        unshared("4m", disk, ["sh", "-c", f"cd {tmp_path}; {steps}"]),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("NOT LOCKED OUT: open its breaker by hand and lock that\n")


def test_an_order_says_until_when_and_switches(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    relays = Contactors()
    status, out = say(capsys, config, "order", "house-01", "on", "--for", "2h", *BY)
    assert status == 0
    assert "house-01: ordered on for 120 min by Amina: works on the line; until " in out
    live(config, relays)
    assert relays.history == [("17", True), ("27", False)]
    _, out = say(capsys, config, "show", "house-01")
    assert "ordered on until " in out
    assert say(capsys, config, "end-order", "house-01", *BY)[0] == 0
    live(config, relays)
    assert relays.history[2:] == [("17", False), ("27", False)]


def test_an_order_says_who_keeps_the_supply_dead(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, config, "lock-out", "house-01", *BY)
    other = ("--by", "Bola", "--reason", "light")
    _, out = say(capsys, config, "order", "house-01", "on", "--for", "1h", *other)
    assert out.endswith("; it stays off: locked out by Amina\n")
    say(capsys, config, "release", "house-01", *BY)
    _, out = say(capsys, config, "order", "house-01", "on", "--for", "1h", *other)
    assert "it stays off" not in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("order", "house-01", "on", "--for", "2"), "--for '2' is no duration: write 30min, 4h"),
        (("order", "house-01", "on", "--for", "2d"), "an override lasts from 1 s to 24 h"),
        (("lock-out", "house-99"), "house-99 is no meter point: see `gateway supply list`"),
        (("reconnect", "house-01"), "was not disconnected for overload"),
        (("settle", "house-01"), "nothing is disputed there"),
        (("dispute", "house-01", "--stroops", "0"), "say what is disputed"),
    ],
)
def test_what_can_not_be_done_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    status, out = say(capsys, config, *words, *BY)
    assert status == 1
    assert sentence in out
    assert journal(config.parent) == []


def test_emergency_credit_is_given_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    relays = Contactors()
    status, out = say(capsys, config, "emergency-credit", "house-02", *BY)
    assert (status, "emergency credit of 300 stroops was taken" in out) == (0, True)
    live(config, relays)
    assert relays.history == [("17", False), ("27", True)]
    status, out = say(capsys, config, "emergency-credit", "house-02", *BY)
    assert (status, "has taken its emergency credit and owes it" in out) == (1, True)


def test_disputes_are_shown(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(capsys, config, "dispute", "house-01", "--stroops", "70", *BY)[0] == 0
    _, out = say(capsys, config, "show", "house-01")
    assert "by Amina: 70 stroops (works on the line)" in out


@pytest.mark.parametrize(
    ("option", "figure", "sentence"),
    [
        ("--stroops", 10**15, "1000000000000070 stroops in dispute"),
        ("--wh", 10**9 + 1, "at most 1000000000 Wh can be disputed at once"),
    ],
)
def test_a_dispute_beyond_reason_does_not_stop_supply_control(
    config: Path, capsys: pytest.CaptureFixture[str], option: str, figure: int, sentence: str
) -> None:
    """Sums beyond 64 bits can't be read, and supply control would end at each look."""
    assert say(capsys, config, "dispute", "house-01", "--stroops", "70", *BY)[0] == 0
    status, out = say(capsys, config, "dispute", "house-01", option, str(figure), *BY)
    assert (status, sentence in out) == (1, True)
    with pytest.raises(SystemExit):
        say(capsys, config, "dispute", "house-01", option, str(2**63 - 1), *BY)
    live(config, Contactors())
    assert "70 stroops" in say(capsys, config, "show", "house-01")[1]


def test_nothing_to_confirm_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("confirm", "reject"):
        status, out = say(capsys, config, action, "--by", "Amina")
        said = "no disconnection waits for that answer: see `gateway supply list`\n"
        assert (status, out) == (1, said)


def test_a_supply_without_a_relay_takes_no_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_config(tmp_path, "/dev/nowhere", ["none"])
    asyncio.run(prepare(path))
    status, out = say(capsys, path, "order", "house-01", "on", "--for", "1h", *BY)
    assert (status, "has no relay, so nothing here can switch it" in out) == (1, True)
    assert journal(tmp_path) == []


def test_a_restored_backup_keeps_the_locks_that_hang_now(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = config.parent / "b.db"
    say(capsys, config, "lock-out", "house-02", *BY)
    assert main(["backup", "--config", str(config), str(backup)]) == 0
    say(capsys, config, "lock-out", "house-01", *BY)
    say(capsys, config, "release", "house-02", *BY)
    capsys.readouterr()
    assert main(["restore", "--config", str(config), "--yes", str(backup)]) == 0
    assert "still locked out on site: house-01\n" in capsys.readouterr().out
    relays = Contactors()
    say(capsys, config, "order", "house-01", "on", "--for", "1h", *BY)
    live(config, relays)
    # That of house-02 came off after the backup, and hangs again: the safe side.
    assert relays.history == [("17", False), ("27", False)]
    with closing(sqlite3.connect(config.parent / "usage.db")) as database:
        hanging = database.execute("SELECT COUNT(*) FROM lock_out WHERE released_s IS NULL")
        assert hanging.fetchone() == (2,)


def test_a_restore_beside_an_unreadable_file_says_that_locks_are_unknown(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = config.parent / "b.db"
    assert main(["backup", "--config", str(config), str(backup)]) == 0
    for path in config.parent.glob("usage.db*"):
        path.unlink()
    (config.parent / "usage.db").write_bytes(b"no database at all")
    capsys.readouterr()
    assert main(["restore", "--config", str(config), "--yes", str(backup)]) == 0
    assert "locks that were hung since the backup are not known" in capsys.readouterr().out


def test_what_the_file_says_is_what_supply_control_is_told(config: Path) -> None:
    text = config.read_text().replace(
        "[supply]\n",
        """[supply]
no_disconnect = ["mon-fri 20:00-06:00", "sun 00:00-24:00"]
overdraft_stroops = 7
low_credit_stroops = 500
very_low_credit_stroops = 100
stagger_s = 30
""",
    )
    config.write_text(text.replace("slot = 1\n", "slot = 1\nload_limit_w = 800\n"))
    settings = supply_settings(load(config))
    assert settings.warn_stroops == (500, 100)
    assert (settings.policy.overdraft_stroops, settings.policy.stagger_s) == (7, 30)
    first, second = settings.policy.quiet_hours.spans
    assert (sorted(first.days), first.start.hour, first.end.hour) == ([0, 1, 2, 3, 4], 20, 6)
    assert (sorted(second.days), second.start.hour, second.end.hour) == ([6], 0, 0)

    async def limits() -> list[int | None]:
        async with app.opened(load(config)) as (_, _, points):
            return [point.load_limit_w for point in points]

    assert asyncio.run(limits()) == [800, None]
