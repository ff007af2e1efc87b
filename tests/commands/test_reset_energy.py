"""Setting a meter's register to 0, on a paced line: guarded, proven, journaled before and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from gateway.__main__ import main
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Fault, Pzem
from gateway.wire.meters import PZEM_017, SDM120
from tests.commands.lines import answer, journal, write_config
from tests.sources.stage import NOW_MS, house, line_with

Output = pytest.CaptureFixture[str]


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = line_with([house(1), house(2)])
    line.start()
    yield line
    line.stop()


@pytest.fixture
def config(bus: Bus, tmp_path: Path) -> str:
    return str(write_config(tmp_path, bus.path, ["none", "none"]))


def test_the_label_typed_sets_the_register_to_0_and_the_journal_has_both_figures(
    bus: Bus,
    config: str,
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, "house-02")
    assert main(["reset-energy", "house-02", "--config", config]) == 0
    assert bus.meter(2).household.register_wh(NOW_MS) == 0
    assert bus.meter(1).household.register_wh(NOW_MS) == 1001
    assert journal(tmp_path) == [
        ("energy-reset", 1002, "house-02: the register shows 1002 Wh and is about to be set to 0"),
        ("energy-reset", 1002, "house-02: the register showed 1002 Wh and shows 0 Wh now"),
    ]
    out = capsys.readouterr().out
    assert "the register of house-02 shows 1.002 kWh. What it counted since the gateway last" in out
    assert (
        "house-02: the register showed 1002 Wh and shows 0 Wh now; both are in the journal" in out
    )
    assert bus.counters.gap_violations == 0


@pytest.mark.parametrize(
    ("typed", "options"), [((), []), (("house-01",), []), ((), ["--yes", "house-01"])]
)
def test_anything_but_its_label_changes_nothing(
    bus: Bus,
    config: str,
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
    *,
    typed: tuple[str, ...],
    options: list[str],
) -> None:
    answer(monkeypatch, *typed)
    assert main(["reset-energy", "house-02", "--config", config, *options]) == 1
    assert "nothing was changed: that is not house-02" in capsys.readouterr().err
    assert bus.meter(2).household.register_wh(NOW_MS) == 1002
    assert not (tmp_path / "usage.db").exists()


def test_the_label_as_an_option_is_enough(bus: Bus, config: str) -> None:
    assert main(["reset-energy", "house-02", "--config", config, "--yes", "house-02"]) == 0
    assert bus.meter(2).household.register_wh(NOW_MS) == 0


def test_a_dc_meter_is_reset_too(tmp_path: Path) -> None:
    bus = Bus([Pzem(1, house(1), PZEM_017)], lambda: NOW_MS)
    bus.start()
    config = write_config(tmp_path, bus.path, ["none"], PZEM_017.model)
    assert main(["reset-energy", "house-01", "--config", str(config), "--yes", "house-01"]) == 0
    bus.stop()
    assert bus.meters[0].household.register_wh(NOW_MS) == 0


def test_a_model_that_has_no_such_command_is_refused(tmp_path: Path, capsys: Output) -> None:
    config = write_config(tmp_path, "/dev/ttyUSB0", ["none"], SDM120.model)
    assert main(["reset-energy", "house-01", "--config", str(config), "--yes", "house-01"]) == 1
    assert "the register of a SDM120 can't be set to 0 from outside" in capsys.readouterr().err


class Stubborn(Pzem):
    """Says that it did and does not."""

    def __init__(self, unit: int) -> None:
        super().__init__(unit, house(unit))
        self.household.reset_energy = lambda at_ms: None  # type: ignore[method-assign]  # noqa: ARG005


def test_a_meter_that_does_not_obey_is_found_out(tmp_path: Path, capsys: Output) -> None:
    bus = Bus([Stubborn(1)], lambda: NOW_MS)
    bus.start()
    config = write_config(tmp_path, bus.path, ["none"])
    assert main(["reset-energy", "house-01", "--config", str(config), "--yes", "house-01"]) == 1
    bus.stop()
    sentence = "house-01: the register showed 1001 Wh and shows 1001 Wh now"
    assert f"{sentence}: it was not set to 0" in capsys.readouterr().err
    assert [kind for kind, _, _ in journal(tmp_path)] == ["energy-reset", "energy-reset-failed"]
    assert journal(tmp_path)[1] == ("energy-reset-failed", 1001, sentence)


def test_a_meter_that_cannot_be_read_is_not_touched(
    bus: Bus, config: str, tmp_path: Path, capsys: Output
) -> None:
    bus.meter(2).set_fault(Fault.ABSENT)
    assert main(["reset-energy", "house-02", "--config", config, "--yes", "house-02"]) == 1
    assert "doesn't answer: check its mains supply" in capsys.readouterr().err
    assert bus.meter(2).household.register_wh(NOW_MS) == 1002
    assert not (tmp_path / "usage.db").exists()


def test_while_the_gateway_holds_the_line_it_refuses(bus: Bus, config: str, capsys: Output) -> None:
    with serial.Serial(bus.path, exclusive=True):
        assert main(["reset-energy", "house-02", "--config", config, "--yes", "house-02"]) == 1
    assert "is in use by another program: stop that first (is it the gateway?)" in (
        capsys.readouterr().err
    )
