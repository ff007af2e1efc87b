"""``gateway verify``: whatever is changed in the file is found, and the sentence says where."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.domain.groups import compress, expand
from gateway.store.database import Database
from gateway.store.deciding import release
from gateway.store.edits import Act
from gateway.store.points import apply_settings, find_points
from tests.store.chained import DAY_S, EVERY_S, ask, change, flushes, keep, live, reading
from tests.store.metering import tier_at
from tests.village import FEEDER, START_S, houses, settle_in

Verify = Callable[..., tuple[int, str]]
N = 50
"""The group that is tampered with; its readings were made N * EVERY_S after the start."""
DAY_ONE, DAY_TWO, DAY_THREE = 143, 287, 353
"""The groups after which day heads were written."""
HEADS = "its readings are not those that were stored"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three houses and two and a half days."""
    path = tmp_path_factory.mktemp("lived") / "usage.db"
    asyncio.run(live(path, 2.5))
    return path


@pytest.fixture
def path(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "usage.db"))


@pytest.fixture
def verify(path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(*more: str) -> tuple[int, str]:
        status = main(["verify", "--database", str(path), *more])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_an_untouched_store_is_proved(verify: Verify) -> None:
    status, said = verify()
    assert status == 0, said
    assert said == (
        "359 groups with 1077 readings and 0 gaps of 3 meters, "
        "2026-01-01 00:10:00 to 2026-01-03 11:50:00 UTC; 3 counted again: every hash fits\n"
    )


def at(sequence: int) -> str:
    """What the sentence says of the time of a group."""
    minutes = sequence * EVERY_S // 60
    day, (hour, minute) = minutes // 1440, divmod(minutes % 1440, 60)
    instant = f"2026-01-{day + 1:02d} {hour:02d}:{minute:02d}:00"
    return f"({instant} to {instant} UTC)"


def blob(path: Path, sequence: int) -> bytes:
    found = ask(path, "SELECT readings FROM reading_group WHERE sequence = ?", sequence)[0][0]
    assert isinstance(found, bytes)
    return found


def put(path: Path, sequence: int, readings: bytes) -> None:
    change(path, "UPDATE reading_group SET readings = ? WHERE sequence = ?", readings, sequence)


def test_the_day_heads_are_where_these_tests_believe_them(path: Path) -> None:
    found = ask(path, "SELECT DISTINCT sequence FROM chain_head ORDER BY 1")
    assert found == [(DAY_ONE,), (DAY_TWO,), (DAY_THREE,)]


@pytest.mark.parametrize("position", [0, 1, 2, 30, -1])
def test_a_changed_byte_in_a_blob_is_found(path: Path, verify: Verify, position: int) -> None:
    damaged = bytearray(blob(path, N))
    damaged[position] ^= 0x40
    put(path, N, bytes(damaged))
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N)}: its bytes are damaged" in said
    assert said.count("group ") == 1
    assert "of house-01, house-02, house-03" in said


@pytest.mark.parametrize("meter", [1, 2, 3])
def test_a_changed_reading_is_found_and_its_meter_named(
    path: Path, verify: Verify, meter: int
) -> None:
    """Unpacked, one register made smaller, packed again as we pack it."""
    records = bytearray(expand(blob(path, N)))
    records[(meter - 1) * len(records) // 3 + 12] ^= 1
    put(path, N, compress(bytes(records)))
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N)}: {HEADS}; of house-{meter:02d}\n" in said
    assert said.count("group ") == 1


def test_a_reading_that_was_cut_out_is_found(path: Path, verify: Verify) -> None:
    records = expand(blob(path, N))
    put(path, N, compress(records[: len(records) * 2 // 3]))
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N)}: {HEADS}; of house-03\n" in said


def test_a_changed_reading_of_the_running_day_is_found_before_its_day_head_is_written(
    path: Path, verify: Verify
) -> None:
    last = ask(path, "SELECT MAX(sequence) FROM reading_group")[0][0]
    assert isinstance(last, int)
    records = bytearray(expand(blob(path, last - 1)))
    records[12] ^= 1
    put(path, last - 1, compress(bytes(records)))
    status, said = verify()
    assert status == 1
    assert f"group {last - 1} {at(last - 1)}: {HEADS}; whose they are, the next day head" in said


def test_a_change_on_each_of_two_days_is_two_breaks(path: Path, verify: Verify) -> None:
    for sequence in (N, DAY_ONE + 9):
        records = bytearray(expand(blob(path, sequence)))
        records[12] ^= 1
        put(path, sequence, compress(bytes(records)))
    status, said = verify()
    assert status == 1
    assert said.count(f"{HEADS}; of house-01\n") == 2
    assert f"group {DAY_ONE + 9} " in said


def test_a_deleted_group_is_missing_with_its_time(path: Path, verify: Verify) -> None:
    change(path, "DELETE FROM reading_group WHERE sequence = ?", N)
    status, said = verify()
    assert status == 1
    before, after = at(N - 1)[:20], at(N + 1)[-25:]
    assert f"group {N} {before} to {after[after.index('2026') :]}: missing; of house-01," in said
    assert said.count("group ") == 1


def test_a_deleted_group_whose_number_was_taken_is_found(path: Path, verify: Verify) -> None:
    """All later ones moved up by one, and the day heads with them."""
    change(path, "DELETE FROM reading_group WHERE sequence = ?", N)
    for table in ("reading_group", "chain_head"):
        renumber(path, table, N, -1)
    change(path, "UPDATE reading_cursor SET sequence = 0")
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N + 1)}: {HEADS}; of house-01, house-02, house-03\n" in said
    assert said.count("group ") == 1


def renumber(path: Path, table: str, after: int, by: int) -> None:
    """Far away and back, because a number may not stand twice even for a moment."""
    far = 1_000_000
    change(path, f"UPDATE {table} SET sequence = sequence + {far} WHERE sequence > ?", after)
    change(path, f"UPDATE {table} SET sequence = sequence - {far - by} WHERE sequence > {far}")


def test_deleted_newest_groups_are_missing(path: Path, verify: Verify) -> None:
    change(path, "DELETE FROM reading_group WHERE sequence >= 350")
    status, said = verify()
    assert status == 1
    assert "groups 350-353" in said
    assert "missing" in said


def test_a_deleted_newest_group_that_nothing_else_speaks_of_is_missed_by_the_registers(
    path: Path, verify: Verify
) -> None:
    change(path, "DELETE FROM reading_group WHERE sequence = 359")
    status, said = verify()
    assert status == 1
    assert (
        "house-02: its register was counted up to 2026-01-03 11:50:00 UTC, and its readings end "
        "at 2026-01-03 11:40:00 UTC\n"
    ) in said


def test_deleted_oldest_groups_are_missing_unless_a_day_head_takes_their_place(
    path: Path, verify: Verify
) -> None:
    change(path, "DELETE FROM reading_group WHERE sequence < ?", N)
    status, said = verify()
    assert status == 1
    assert f"groups 1-{N - 1} " in said
    change(path, "DELETE FROM reading_group WHERE sequence < ?", DAY_ONE)
    status, said = verify()
    assert status == 0, said
    assert "217 groups" in said
    assert "0 counted again" in said


def test_swapped_groups_are_found(path: Path, verify: Verify) -> None:
    rows = ask(path, "SELECT * FROM reading_group WHERE sequence IN (?, ?) ORDER BY 1", N, N + 1)
    for sequence, row in ((N, rows[1]), (N + 1, rows[0])):
        change(
            path,
            """UPDATE reading_group SET from_ms = ?, to_ms = ?, readings = ?, hash = ?
               WHERE sequence = ?""",
            *(*row[1:], sequence),
        )
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N + 1)}: it stands before the one that it follows\n" in said
    assert said.count("group ") == 1


def test_swapped_blobs_are_found(path: Path, verify: Verify) -> None:
    one, other = blob(path, N), blob(path, N + 1)
    put(path, N, other)
    put(path, N + 1, one)
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N)}: it stands before the one that it follows\n" in said
    assert f"group {N} {at(N)}: its times are not those of its readings\n" in said
    assert said.count("group ") == 2


def test_an_inserted_group_is_found(path: Path, verify: Verify) -> None:
    for table in ("reading_group", "chain_head"):
        renumber(path, table, N - 1, 1)
    change(
        path,
        """INSERT INTO reading_group
           SELECT ?, from_ms, to_ms, readings, randomblob(32) FROM reading_group
           WHERE sequence = ?""",
        *(N, N + 5),
    )
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N + 4)}: it was inserted: the chain fits without it\n" in said
    assert said.count("group ") == 1


def test_a_rewritten_hash_is_told_from_rewritten_readings(path: Path, verify: Verify) -> None:
    change(path, "UPDATE reading_group SET hash = randomblob(32) WHERE sequence = ?", N)
    status, said = verify()
    assert status == 1
    assert f"group {N} {at(N)}: its hash was rewritten" in said
    assert said.count("group ") == 1


@pytest.mark.parametrize("sequence", [DAY_ONE, DAY_TWO, DAY_THREE])
def test_a_rewritten_day_head_is_found(path: Path, verify: Verify, sequence: int) -> None:
    change(
        path,
        "UPDATE chain_head SET head = randomblob(32) WHERE sequence = ? AND meter_id = 2",
        sequence,
    )
    status, said = verify()
    assert status == 1
    assert f"group {sequence} {at(sequence)}: the day head was rewritten" in said
    assert "; of house-02\n" in said
    assert said.count("group ") == 1


def test_a_deleted_day_head_is_found(path: Path, verify: Verify) -> None:
    change(path, "DELETE FROM chain_head WHERE sequence = ? AND meter_id = 2", DAY_TWO)
    status, said = verify()
    assert status == 1
    assert f"group {DAY_TWO} {at(DAY_TWO)}: the day head is missing; of house-02\n" in said


def test_times_that_would_hide_a_group_are_found(path: Path, verify: Verify) -> None:
    change(path, "UPDATE reading_group SET from_ms = from_ms - 1 WHERE sequence = ?", N)
    status, said = verify()
    assert status == 1
    assert ": its times are not those of its readings\n" in said


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            "UPDATE register SET cumulative_wh = cumulative_wh - 5 WHERE meter_id = 2",
            "house-02: its readings make 35900 Wh, and 35895 Wh were counted and flagged\n",
        ),
        (
            "UPDATE usage SET usage_wh = usage_wh + 7 WHERE start_s = 1767226500 "
            "AND meter_point_id = 3",
            "house-03: its quarter-hours add up to 71807 Wh, and its meters counted 71800 Wh\n",
        ),
        (
            "DELETE FROM usage WHERE meter_point_id = 1",
            "house-01: its quarter-hours add up to 0 Wh, and its meters counted 17950 Wh\n",
        ),
        (
            "UPDATE installation SET carried_wh = 9 WHERE meter_point_id = 1",
            "house-01: its earlier meters counted 0 Wh, and 9 Wh were carried on\n",
        ),
    ],
)
def test_what_was_counted_is_held_against_the_readings(
    path: Path, verify: Verify, sql: str, sentence: str
) -> None:
    change(path, sql)
    status, said = verify()
    assert status == 1
    assert sentence in said
    assert verify("--meter", sentence[:8])[0] == 1
    others = {"house-01", "house-02", "house-03"} - {sentence[:8]}
    assert verify(*(part for label in others for part in ("--meter", label)))[0] == 0


def test_a_file_of_a_newer_version_and_one_that_is_no_store_are_refused(
    path: Path, verify: Verify
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert "newer version (schema 999" in verify()[1]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    assert "older version (schema 2" in verify()[1]
    path.write_bytes(b"no database" * 100)
    status, said = verify()
    assert status == 1
    assert "is not a usable database: restore it from a backup" in said
    path.unlink()
    assert "isn't there: name the database's file" in verify()[1]


async def test_a_gap_is_listed_as_the_statement_that_it_is(path: Path, verify: Verify) -> None:
    database = await Database.open(path)
    points = await find_points(database)
    await keep(database, [[reading(2, START_S + 3 * DAY_S)]])
    await database.close()
    status, said = verify("--gaps")
    assert status == 0, said
    assert (
        "gap: house-02: nothing was read from 2026-01-03 11:50:00 to 2026-01-04 00:00:00 UTC\n"
    ) in said
    assert "gap: " not in verify("--gaps", "--meter", points[0].label)[1]
    assert "1 gaps" in said


async def test_a_village_with_every_kind_of_register_is_counted_again_to_the_wh(
    path: Path, verify: Verify
) -> None:
    """A jump, a reset, a glitch, one gone back, late readings: the second count agrees."""
    database = await Database.open(path)
    begin_s = START_S + 3 * DAY_S
    shown = {
        1: [30_000, 30_010, 500_000, 500_100, 500_200, 900, 500_300],  # a jump, then a glitch
        2: [40_000, 40_010, 2, 40, 80, 120, 160],  # a reset
        3: [73_000, 73_100, 70_000, 70_050, 70_100, 70_150, 73_150],  # gone back a little
    }
    book = await keep(
        database,
        [
            [
                reading(meter, begin_s + number * EVERY_S, energy_wh=registers[number])
                for meter, registers in shown.items()
            ]
            for number in range(7)
        ],
    )
    late = [reading(1, begin_s + 90, energy_wh=30_001)]
    await keep(database, [late], book)
    kinds = {row[0] for row in ask(path, "SELECT kind FROM event")}
    await database.close()
    assert {"jump", "reset"} <= kinds
    status, said = verify()
    assert status == 0, said
    assert "3 counted again" in said


async def test_a_feeders_meter_is_held_against_what_it_delivered(tmp_path: Path) -> None:
    """It has quarter-hours of its own kind, for which nobody is charged."""
    path = tmp_path / "usage.db"
    database = await Database.open(path)
    points = await apply_settings(
        database, [*houses(2), replace(FEEDER, first_register_wh=1_000)], START_S
    )
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    await database.close()
    assert main(["verify", "--database", str(path)]) == 0
    change(path, "UPDATE feeder_usage SET usage_wh = usage_wh + 1 WHERE start_s = ?", START_S)
    assert main(["verify", "--database", str(path)]) == 1


async def test_what_people_decided_about_is_part_of_the_sum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usage.db"
    database = await Database.open(path)
    await settle_in(database)
    shown = (1_000, 51_000, 51_010)  # two readings confirm the jump, which is set aside
    await keep(
        database,
        [[reading(1, START_S + 10 * place, wh)] for place, wh in enumerate(shown, start=1)],
    )
    act = Act("house-01", 300, "the mill ran", "Amina", START_S + 3_600)
    await release(database, act, tier_at)
    await database.close()
    status = main(["verify", "--database", str(path)])
    assert status == 0, capsys.readouterr().out
    change(
        path,
        "UPDATE usage SET usage_wh = usage_wh + 1, estimated_wh = 0 WHERE start_s = ?",
        START_S + 3_600,
    )
    assert main(["verify", "--database", str(path)]) == 1


async def test_it_works_beside_a_gateway_that_goes_on_storing(path: Path, verify: Verify) -> None:
    database = await Database.open(path)
    points = await find_points(database)
    begin_s = START_S + 3 * DAY_S
    await keep(database, flushes(points, begin_s, begin_s + 7_200))
    status, said = verify()
    assert status == 0, said
    assert (path.parent / "usage.db-wal").stat().st_size
    await keep(database, flushes(points, begin_s + 7_200, begin_s + 14_400))
    assert verify()[0] == 0
    await database.close()


def test_a_period_is_proved_from_the_day_head_before_it(path: Path, verify: Verify) -> None:
    records = bytearray(expand(blob(path, N)))
    records[12] ^= 1
    put(path, N, compress(bytes(records)))
    status, said = verify("--from", "2026-01-02", "--to", "2026-01-03")
    assert status == 0, said
    assert "145 groups" in said
    assert verify("--from", "2026-01-01", "--to", "2026-01-02")[0] == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--meter", "house-77"], "house-77: no such meter point"),
        (["--from", "yesterday"], "--from 'yesterday' is no instant: write it like 2026-03-01"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "is not after --from"),
    ],
)
def test_a_wrong_option_is_named(verify: Verify, more: list[str], sentence: str) -> None:
    status, said = verify(*more)
    assert status == 1
    assert sentence in said


async def read_seldom(path: Path) -> None:
    database = await Database.open(path)
    await settle_in(database)
    gaps = [reading(1, START_S + number * 2 * EVERY_S) for number in range(1, 2_000)]
    await keep(database, [gaps])
    await database.close()


def test_it_can_be_interrupted_and_says_so(tmp_path: Path) -> None:
    """It lists more gaps than a pipe takes, so it is certainly not done when the signal comes."""
    path = tmp_path / "usage.db"
    asyncio.run(read_seldom(path))
    command = [sys.executable, "-m", "gateway", "verify", "--gaps", "--database", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("gap: house-01")
        process.terminate()
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complaint.startswith("stopped before it was done")
