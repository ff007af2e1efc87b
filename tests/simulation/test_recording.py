"""Recorded households: played back exactly, and every bad file refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Permanent
from gateway.simulation.household import MW_MS_PER_WH, Household
from gateway.simulation.recording import RecordedLoad, Recording
from tests.simulation.world import START_S

HEADER = "time,voltage_v,current_a,power_w\n"
ROWS = (
    "2006-12-16T17:24,234.840,18.400,4216\n"
    "2006-12-16T17:25,233.630,23.000,5360\n"
    "2006-12-16T17:26,233.290,23.000,5374.5\n"
)


def recording(folder: Path, text: str) -> Recording:
    path = folder / "house.csv"
    path.write_text(text, encoding="utf-8")
    return Recording.load(path)


def test_each_minute_draws_its_row_from_the_offset_on(tmp_path: Path) -> None:
    load = RecordedLoad(recording(tmp_path, HEADER + ROWS), offset=1, scale_permille=500)

    assert [load.power_mw(minute) for minute in range(4)] == [
        2_680_000,
        2_687_250,
        2_108_000,
        2_680_000,
    ]
    assert load.ends_at_minute is None


def test_without_wrapping_nothing_is_drawn_after_the_last_row(tmp_path: Path) -> None:
    load = RecordedLoad(recording(tmp_path, HEADER + ROWS), offset=1, wraps=False)

    assert [load.power_mw(minute) for minute in range(4)] == [5_360_000, 5_374_500, 0, 0]
    assert load.ends_at_minute == 2


@given(
    powers_mw=st.lists(st.integers(0, 10**7), min_size=1, max_size=30),
    scale=st.integers(0, 3000),
    seconds=st.integers(0, 7200),
    data=st.data(),
)
def test_the_register_is_the_floor_of_the_recorded_sum(
    powers_mw: list[int], scale: int, seconds: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, len(powers_mw) - 1))
    load = RecordedLoad(Recording("test", tuple(powers_mw)), offset, scale)
    house = Household("house", load, START_S * 1000)

    expected_mw_ms = sum(
        powers_mw[(offset + second // 60) % len(powers_mw)] * scale // 1000 * 1000
        for second in range(seconds)
    )

    assert house.register_wh((START_S + seconds) * 1000) == expected_mw_ms // MW_MS_PER_WH
    assert house.energy_mw_ms == expected_mw_ms


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: the column time is missing: the first line must be time,voltage_v"),
        ("time,voltage_v,power_w\n", "line 1: the column current_a is missing"),
        (HEADER, "holds no row: add one per minute"),
        (HEADER + ROWS + "2006-12-16T17:27,1,2,many\n", "line 5: power_w is 'many': write a num"),
        (HEADER + ROWS + "2006-12-16T17:27,?,2,3\n", "line 5: voltage_v is '?': write a number"),
        (HEADER + ROWS + "2006-12-16T17:27,1,2\n", "line 5: power_w is None: write a number"),
        (HEADER + ROWS + "2006-12-16T17:27,1,2,-3\n", "line 5: power_w is -3: use 0 to 1000000"),
        (HEADER + ROWS + "2006-12-16T17:27,1,2,nan\n", "line 5: power_w is nan: use 0 to"),
        (HEADER + ROWS + "yesterday,1,2,3\n", "line 5: time is 'yesterday': write it like 2026"),
        (HEADER + ROWS + "2006-12-16T17:28,1,2,3\n", "2006-12-16T17:27:00 was expected: fill"),
        (HEADER + ROWS + "2006-12-16T17:26,1,2,3\n", "2006-12-16T17:27:00 was expected"),
        (HEADER + ROWS + "2006-12-16T17:27Z,1,2,3\n", "line 5: write every time with an offset"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_what_to_do(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(Permanent) as caught:
        recording(tmp_path, text)

    assert sentence in str(caught.value)


def test_a_gap_is_joined_only_on_request_and_named(tmp_path: Path) -> None:
    path = tmp_path / "house.csv"
    path.write_text(HEADER + ROWS + "2006-12-16T17:29,230,1,246\n")

    joined = Recording.load(path, joins_gaps=True)

    assert joined.powers_mw == (4_216_000, 5_360_000, 5_374_500, 246_000)
    assert joined.gaps == (f"{path} line 5: 2 minutes are missing before 2006-12-16T17:29:00",)


@pytest.mark.parametrize("time", ["2006-12-16T17:26", "2006-12-16T17:27:30"])
def test_a_time_that_goes_back_or_off_the_minute_is_never_joined(tmp_path: Path, time: str) -> None:
    path = tmp_path / "house.csv"
    path.write_text(HEADER + ROWS + f"{time},230,1,246\n")

    with pytest.raises(Permanent, match=r"line 5: .* was expected"):
        Recording.load(path, joins_gaps=True)


def test_a_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"nowhere.csv cannot be read as CSV"):
        Recording.load(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("offset", [-1, 3])
def test_an_offset_outside_the_recording_is_refused(offset: int) -> None:
    with pytest.raises(Permanent, match=f"offset {offset} is outside test: use 0 to 2"):
        RecordedLoad(Recording("test", (1, 2, 3)), offset)
