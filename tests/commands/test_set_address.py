"""Giving a new meter its unit id, on a paced line: one at a time, proven, recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Pzem
from gateway.wire.frames import Reply, Request, WriteReply
from gateway.wire.meters import PZEM_017, SDM120
from gateway.wire.tables import RegisterMap
from tests.commands.lines import answer, journal, write_config
from tests.sources.stage import NOW_MS, house, line_with

Output = pytest.CaptureFixture[str]


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = line_with([house(1)])
    line.start()
    yield line
    line.stop()


def test_the_one_meter_gets_its_unit_id_and_is_told_what_to_write(
    bus: Bus, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "y")
    assert main(["set-address", bus.path, "5", "--sticker", "A-0005"]) == 0
    assert bus.meters[0].unit == 5
    out = capsys.readouterr().out
    assert "Change the PZEM-004T v3, PZEM-014 or PZEM-016 from unit 1 to unit 5? [y/N]" in out
    assert "meter 'A-0005' (PZEM-004T v3, PZEM-014 or PZEM-016)" in out
    assert "was unit 1 and is unit 5 now; its register shows 1001 Wh" in out
    assert '    unit_id = 5\n    model = "PZEM-016"' in out
    assert '    serial = "A-0005"\n    first_register_wh = 1001\n' in out
    assert bus.counters.gap_violations == 0


@pytest.mark.parametrize("words", [[], ["n"], ["whatever"]])
def test_without_a_yes_nothing_is_changed(
    bus: Bus, capsys: Output, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    answer(monkeypatch, *words)
    assert main(["set-address", bus.path, "5"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert bus.meters[0].unit == 1


def test_it_is_recorded_in_the_journal(bus: Bus, tmp_path: Path, capsys: Output) -> None:
    config = write_config(tmp_path, bus.path, ["none"])
    assert main(["set-address", bus.path, "7", "--yes", "--config", str(config)]) == 0
    assert journal(tmp_path) == [
        (
            "address-set",
            1001,
            f"meter 'unit 7' (PZEM-004T v3, PZEM-014 or PZEM-016) on {bus.path} was unit 1 and is "
            "unit 7 now; its register shows 1001 Wh",
        )
    ]
    assert "recorded in the journal" in capsys.readouterr().out


def test_a_dc_meter_is_given_its_unit_id_too(capsys: Output) -> None:
    bus = Bus([Pzem(1, house(1), PZEM_017)], lambda: NOW_MS)
    bus.start()
    assert main(["set-address", bus.path, "9", "--yes"]) == 0
    bus.stop()
    assert bus.meters[0].unit == 9
    assert "(PZEM-003 or PZEM-017)" in capsys.readouterr().out


def test_it_refuses_when_two_meters_are_on_the_line(capsys: Output) -> None:
    bus = line_with([house(1), house(2)])
    bus.meter(2).unit = 1
    bus.start()
    assert main(["set-address", bus.path, "5", "--yes"]) == 1
    bus.stop()
    assert [meter.unit for meter in bus.meters] == [1, 1]
    err = capsys.readouterr().err
    assert f"more than one meter answers on {bus.path}" in err
    assert "leave only the one to be changed on the line" in err


def test_it_refuses_a_unit_id_at_which_somebody_answers(capsys: Output) -> None:
    """An Eastron does not hear the general address, so only asking at the new unit id finds it."""
    bus = Bus([Pzem(1, house(1)), Pzem(5, house(2), SDM120)], lambda: NOW_MS)
    bus.start()
    assert main(["set-address", bus.path, "5", "--yes"]) == 1
    bus.stop()
    assert [meter.unit for meter in bus.meters] == [1, 5]
    assert "unit 5 is taken: another meter answers there" in capsys.readouterr().err


@pytest.mark.parametrize("table", [None, SDM120], ids=["nobody", "an Eastron"])
def test_it_says_so_when_no_pzem_answers(capsys: Output, table: RegisterMap | None) -> None:
    bus = Bus([Pzem(1, house(1), table)] if table else [], lambda: NOW_MS)
    bus.start()
    assert main(["set-address", bus.path, "5", "--yes"]) == 1
    bus.stop()
    err = capsys.readouterr().err
    assert f"no PZEM answers on {bus.path}: check its mains supply" in err
    assert "an Eastron is given its address with its own button" in err


def test_a_meter_that_has_the_unit_id_already_is_left_alone(bus: Bus, capsys: Output) -> None:
    assert main(["set-address", bus.path, "1", "--yes"]) == 0
    assert "was unit 1 and is unit 1 now" in capsys.readouterr().out


class Deaf(Pzem):
    """Echoes every write and obeys none."""

    def answer(self, request: Request, now_ms: int) -> Reply:
        """As ever, and then it is as before."""
        unit = self.unit
        reply = super().answer(request, now_ms)
        self.unit = unit
        return reply


class Mumbling(Pzem):
    """Obeys every write and echoes something else."""

    def answer(self, request: Request, now_ms: int) -> Reply:
        """As ever, but for the echo."""
        reply = super().answer(request, now_ms)
        return replace(reply, value=0) if isinstance(reply, WriteReply) else reply


def test_an_echo_alone_is_not_believed(capsys: Output) -> None:
    bus = Bus([Deaf(1, house(1))], lambda: NOW_MS)
    bus.start()
    assert main(["set-address", bus.path, "5", "--yes"]) == 1
    bus.stop()
    assert "does not answer at unit 5" in capsys.readouterr().err


def test_a_spoiled_echo_is_no_failure_when_the_meter_obeyed(capsys: Output) -> None:
    bus = Bus([Mumbling(1, house(1))], lambda: NOW_MS)
    bus.start()
    assert main(["set-address", bus.path, "5", "--yes"]) == 0
    bus.stop()
    assert bus.meters[0].unit == 5
    assert "is unit 5 now" in capsys.readouterr().out


@pytest.mark.parametrize("unit", ["0", "248", "x"])
def test_what_is_no_unit_id_is_refused(capsys: Output, unit: str) -> None:
    with pytest.raises(SystemExit):
        main(["set-address", "/dev/ttyUSB0", unit])
    assert f"'{unit}' is no unit id: give 1 to 247" in capsys.readouterr().err
