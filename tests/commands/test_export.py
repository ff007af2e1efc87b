"""``gateway export``: every row that is asked for, in words and units, whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet
import pytest

from gateway.__main__ import main
from gateway.clock import Clock
from gateway.domain.readings import Doubt
from gateway.store.database import Database
from gateway.store.exporting import TABLES, Chosen, doubts_in_words
from gateway.store.housekeeping import Housekeeper
from gateway.store.points import find_points
from gateway.store.retention import Retention
from gateway.store.snapshot import snapshot
from tests.commands.stored import gateway, unshared, watch, write_config
from tests.store.chained import DAY_S, ask, change, flushes, keep, live, reading
from tests.village import START_S, kept_in, settle_in

Export = Callable[..., tuple[int, str]]


async def grow(path: Path) -> None:
    """Three houses and half a day, a gap, a reading in doubt, and everything rolled up."""
    await live(path, 0.5)
    database = await Database.open(path)
    later_s = START_S + DAY_S
    await keep(database, [[reading(2, later_s), reading(3, later_s, 900_000)]])
    now = datetime.fromtimestamp(later_s, UTC)
    await Housekeeper(database, Clock(), Retention(room_mb=0)).tick(now)
    await database.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lived") / "usage.db"
    asyncio.run(grow(path))
    return path


@pytest.fixture
def path(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "usage.db"))


@pytest.fixture
def export(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    config = write_config(tmp_path, path)

    def run(*more: str | Path) -> tuple[int, str]:
        output = tmp_path / "out"
        status = main(["export", "--config", str(config), "-o", str(output), *map(str, more)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "out").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_reading_is_there_once_with_its_units(
    path: Path, export: Export, tmp_path: Path
) -> None:
    status, said = export()
    assert status == 0, said
    found = rows(tmp_path)
    assert said == f"{tmp_path / 'out'}: {len(found)} rows\n"
    assert found[0] == {
        "read_at": "2026-01-01T01:10:00.000+01:00",
        "meter_point": "house-01",
        "meter": "PZEM-0001",
        "energy_wh": "1050",
        "export_wh": "",
        "voltage_mv": "230000",
        "current_ma": "",
        "power_mw": "300000",
        "frequency_mhz": "",
        "power_factor_milli": "",
        "quality": "valid",
        "doubts": "",
        "gap_since": "",
    }
    stored = sorted((kept.read_ms, kept.energy_wh) for kept in kept_in(path))
    exported = sorted(
        (int(datetime.fromisoformat(row["read_at"]).timestamp() * 1000), int(row["energy_wh"]))
        for row in found
        if row["energy_wh"]
    )
    assert exported == stored


def test_gaps_and_doubts_are_words(export: Export, tmp_path: Path) -> None:
    assert export("--utc", "--from", "2026-01-02T00:00+00:00")[0] == 0
    found = {(row["meter_point"], row["quality"]): row for row in rows(tmp_path)}
    assert set(found) == {
        ("house-02", "missing"),
        ("house-02", "valid"),
        ("house-03", "missing"),
        ("house-03", "suspect"),
    }
    gap = found["house-02", "missing"]
    assert (gap["gap_since"], gap["read_at"]) == (
        "2026-01-01T11:50:00.000+00:00",
        "2026-01-02T00:00:00.000+00:00",
    )
    assert (gap["energy_wh"], gap["doubts"]) == ("", "gap")
    assert found["house-02", "valid"]["doubts"] == "gap"
    assert found["house-03", "suspect"]["doubts"] == "register"
    both = Doubt.POWER_FACTOR | Doubt.VOLTAGE
    assert doubts_in_words(both) == "voltage power_factor"


def test_a_period_is_half_open_and_in_village_time(export: Export, tmp_path: Path) -> None:
    assert export("--from", "2026-01-01T02:00", "--to", "2026-01-01T02:20")[0] == 0
    assert {row["read_at"] for row in rows(tmp_path)} == {
        "2026-01-01T02:00:00.000+01:00",
        "2026-01-01T02:10:00.000+01:00",
    }


def test_meters_are_chosen_by_their_meter_points(export: Export, tmp_path: Path) -> None:
    assert export("--meter", "house-01", "--meter", "house-03")[0] == 0
    assert {row["meter_point"] for row in rows(tmp_path)} == {"house-01", "house-03"}
    status, said = export("--replace", "--meter", "house-9")
    assert status == 1
    assert "house-9: no such meter point" in said


def test_usage_adds_up_to_what_was_counted(path: Path, export: Export, tmp_path: Path) -> None:
    assert export("--what", "usage", "--meter", "house-02")[0] == 0
    found = rows(tmp_path)
    counted = ask(path, "SELECT cumulative_wh FROM register WHERE meter_id = 2")
    assert [(sum(int(row["usage_wh"]) for row in found),)] == counted
    assert found[0] == {
        "from": "2026-01-01T01:00:00.000+01:00",
        "to": "2026-01-01T01:15:00.000+01:00",
        "meter_point": "house-02",
        "tier": "standard",
        "usage_wh": found[0]["usage_wh"],
        "estimated_wh": "0",
        "in_batches_wh": "0",
    }


@pytest.mark.parametrize(
    ("what", "minutes"), [("rollup-15m", 15), ("rollup-hour", 60), ("rollup-day", 1_440)]
)
def test_rollups_hold_every_reading(
    path: Path, export: Export, tmp_path: Path, what: str, minutes: int
) -> None:
    assert export("--what", what)[0] == 0
    found = rows(tmp_path)
    assert sum(int(row["readings"]) for row in found) == len(kept_in(path))
    for row in found:
        begin, end = (datetime.fromisoformat(row[name]) for name in ("from", "to"))
        assert end - begin == timedelta(minutes=minutes)
        assert begin <= datetime.fromisoformat(row["first_read_at"]) < end
    assert found[0]["mean_power_mw"] == "300000"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_a_label_is_never_a_formula(path: Path, export: Export, tmp_path: Path, begin: str) -> None:
    label = f"{begin}cmd|' /C calc'!A0"
    change(path, "UPDATE meter_point SET label = ? WHERE label = 'house-01'", label)
    assert export()[0] == 0
    assert rows(tmp_path)[0]["meter_point"] == f"'{label}"


def test_what_flows_back_stays_a_number(path: Path, tmp_path: Path, export: Export) -> None:
    change(path, "UPDATE rollup SET max_power_mw = -5")
    assert export("--what", "rollup-day")[0] == 0
    assert rows(tmp_path)[0]["max_power_mw"] == "-5"


@pytest.mark.parametrize("what", TABLES)
def test_parquet_holds_what_csv_holds(export: Export, tmp_path: Path, what: str) -> None:
    assert export("--what", what, "--utc")[0] == 0
    said = rows(tmp_path)
    assert export("--what", what, "--format", "parquet", "--replace")[0] == 0
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.column_names == list(said[0])
    assert [
        {
            name: value.astimezone(UTC).isoformat(timespec="milliseconds")
            if isinstance(value, datetime)
            else ""
            if value is None
            else str(value)
            for name, value in row.items()
        }
        for row in table.to_pylist()
    ] == said
    first = table.to_pylist()[0][table.column_names[0]]
    assert first.utcoffset() == timedelta(hours=1)


def test_parquet_of_nothing_has_its_columns(export: Export, tmp_path: Path) -> None:
    assert export("--format", "parquet", "--from", "2030-01-01", "--to", "2030-01-02")[0] == 0
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.num_rows == 0
    assert table.num_columns == 13


def test_without_the_library_it_says_how_to_get_it(path: Path, tmp_path: Path) -> None:
    """``-S`` leaves out what is installed; a folder with what the command needs stays."""
    config = write_config(tmp_path, path)
    (tmp_path / "hidden" / "pyarrow").mkdir(parents=True)
    (tmp_path / "hidden" / "pyarrow" / "__init__.py").write_text("raise ImportError")
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path / 'hidden'}:{os.environ.get('PYTHONPATH', '')}"
    }
    done = subprocess.run(
        gateway("export", "--config", config, "--format", "parquet", "-o", tmp_path / "out"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "`pip install pyarrow`" in done.stderr
    assert not list(tmp_path.glob("out*"))


def test_a_file_that_is_there_is_kept_unless_asked(export: Export, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    status, said = export()
    assert status == 1
    assert "is there already" in said
    assert (tmp_path / "out").read_text() == "precious"
    assert export("--replace")[0] == 0


@pytest.mark.parametrize("name", ["usage.db", "usage.db-wal", "link"])
def test_the_database_is_never_written_over(
    path: Path, export: Export, tmp_path: Path, name: str
) -> None:
    (tmp_path / "link").symlink_to(path)
    before = path.read_bytes()
    status, said = export("--replace", "-o", tmp_path / name)
    assert status == 1
    assert "database" in said
    assert "name another file" in said
    assert path.read_bytes() == before


def test_a_full_disk_is_named_and_left_empty(path: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    config = write_config(tmp_path, path)
    command = gateway("export", "--config", config, "-o", stick / "out")
    shell = ["sh", "-c", '"$@"; status=$?; ls -A "$0"; exit $status', str(stick), *command]
    done = subprocess.run(unshared("8k", stick, shell), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert done.stdout == ""


async def read_much(path: Path, readings: int) -> None:
    database = await Database.open(path)
    await settle_in(database, 1)
    points = await find_points(database)
    every = list(flushes(points, START_S + 10, START_S + 10 * readings, 10))
    await keep(
        database,
        [
            [one for flush in every[at : at + 500] for one in flush]
            for at in range(0, len(every), 500)
        ],
    )
    await database.close()


def test_interrupted_it_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    asyncio.run(read_much(path, 20_000))
    config = write_config(tmp_path, path)
    watched = watch(gateway("export", "--config", config, "-o", tmp_path / "out"))
    watched.until("exporting")
    watched.process.send_signal(signal.SIGTERM)
    assert "stopped before it was done" in watched.until("begin again")
    watched.process.communicate()
    os.close(watched.terminal)
    assert watched.process.returncode == 1
    assert not list(tmp_path.glob("out*"))


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """The peak of a process that exports ten times as much."""
    peaks_kb = []
    for readings in (2_000, 20_000):
        path = tmp_path / f"{readings}.db"
        asyncio.run(read_much(path, readings))
        config = write_config(tmp_path, path)
        command = ["export", "--config", str(config), "-o", str(tmp_path / f"{readings}.csv")]
        code = (
            "import resource, sys\n"
            "from gateway.__main__ import main\n"
            "assert main(sys.argv[1:]) == 0\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
        )
        peaks_kb.append(int(done.stdout.split()[-1]))
    assert peaks_kb[1] < peaks_kb[0] + 2_000


@pytest.mark.parametrize("what", ["usage", "rollup-15m"])
def test_how_far_it_is_begins_at_the_first_row(path: Path, what: str) -> None:
    """Not in 1970, of which a few months more would be one percent."""
    told: list[float] = []
    newest_ms = max(kept.read_ms for kept in kept_in(path))
    with snapshot(path) as connection:
        chosen = Chosen(0, newest_ms + 900_000)
        list(TABLES[what].rows(connection, chosen, lambda done, all_: told.append(done / all_)))
    assert told[0] < 0.1
    assert told[-1] > 0.9
