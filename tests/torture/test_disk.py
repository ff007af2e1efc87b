"""Disks after a power cut: what was synced is there, and nothing that was never written."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.torture.disk import SECTOR_BYTES, Disk, Record

NAME = "usage.db"
SECTORS = 6
CALLS = st.lists(
    st.one_of(
        st.just("sync"),
        st.tuples(st.integers(0, SECTORS - 2), st.integers(1, 2), st.integers(1, 255)),
    ),
    max_size=30,
)


@given(calls=CALLS, seed=st.integers(0, 1_000))
def test_each_sector_is_as_it_was_synced_or_as_it_was_written_since(
    calls: list[str | tuple[int, int, int]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name, "before"), Path(name, "after")
        before.mkdir()
        after.mkdir()
        (before / NAME).write_bytes(bytes(SECTORS * SECTOR_BYTES))
        disk = Disk(before)
        possible = [{0} for _ in range(SECTORS)]
        newest = [0] * SECTORS
        for call in calls:
            if isinstance(call, tuple):
                first, count, value = call
                data = bytes([value]) * (count * SECTOR_BYTES)
                disk.follow(Record("W", "", NAME, first * SECTOR_BYTES, data))
                for sector in range(first, first + count):
                    possible[sector].add(value)
                    newest[sector] = value
            else:
                disk.follow(Record("S", "", NAME, 0, b""))
                possible = [{value} for value in newest]
        disk.cut(random.Random(seed), after)
        left = (after / NAME).read_bytes()
    for sector in range(SECTORS):
        part = left[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES]
        assert part == bytes([part[0]]) * SECTOR_BYTES
        assert part[0] in possible[sector]


def test_a_file_is_there_for_sure_once_its_folder_was_synced(tmp_path: Path) -> None:
    for synced in (False, True):
        there = set()
        for seed in range(20):
            disk = Disk(tmp_path)
            disk.follow(Record("C", "", "usage.db-wal", 0, b""))
            disk.follow(Record("W", "", "usage.db-wal", 0, b"x"))
            if synced:
                disk.follow(Record("D", "", "", 0, b""))
            with tempfile.TemporaryDirectory() as name:
                disk.cut(random.Random(seed), Path(name))
                there.add(Path(name, "usage.db-wal").exists())
        assert there == ({True} if synced else {True, False})
