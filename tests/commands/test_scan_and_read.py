"""Finding and reading meters from the command line, on a paced line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from gateway.__main__ import main
from gateway.simulation.bus import Bus
from gateway.simulation.pzem import Fault
from tests.sources.stage import house, line_with

Output = pytest.CaptureFixture[str]


@pytest.fixture
def bus() -> Iterator[Bus]:
    line = line_with([house(1), house(2), house(3)])
    line.start()
    yield line
    line.stop()


def test_scan_lists_the_meters_it_finds(bus: Bus, capsys: Output) -> None:
    bus.meter(2).set_fault(Fault.ABSENT)
    assert main(["scan", bus.path, "--to", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["unit", "1", "3", "2"]
    assert lines[1].startswith("   1  PZEM-004T v3, PZEM-014 or PZEM-016 ")
    assert lines[1].endswith("1.001 kWh")
    assert lines[-1].startswith("2 found. Add a [[meter_point]] for each one, with its bus")
    assert bus.counters.gap_violations == 0


def test_scan_names_a_unit_id_that_two_meters_share(bus: Bus, capsys: Output) -> None:
    bus.meter(3).unit = 1
    assert main(["scan", bus.path, "--to", "1"]) == 1
    out = capsys.readouterr().out
    assert "   1  garbled: two meters with this unit id, or bad wiring?" in out
    assert out.endswith("None can be read: put right what the rows above say.\n")


def test_scan_forgives_one_damaged_frame(bus: Bus, capsys: Output) -> None:
    bus.meter(2).set_fault(Fault.CORRUPT_CRC, replies=1)
    assert main(["scan", bus.path, "--from", "2", "--to", "2"]) == 0
    assert "1.002 kWh" in capsys.readouterr().out


def test_scan_names_a_meter_that_refuses(bus: Bus, capsys: Output) -> None:
    bus.meter(2).set_fault(Fault.EXCEPTION)
    assert main(["scan", bus.path, "--from", "2", "--to", "3"]) == 0
    out = capsys.readouterr().out
    assert "   2  not supported: it has other registers (exception 4)" in out
    assert "1 found." in out


def test_scan_that_finds_nothing_says_what_to_check(bus: Bus, capsys: Output) -> None:
    assert main(["scan", bus.path, "--from", "9", "--to", "10"]) == 1
    out = capsys.readouterr().out
    assert f"No meter answered on {bus.path} between units 9 and 10." in out
    assert "--baud" in out


def test_scan_refuses_a_range_that_is_upside_down(bus: Bus, capsys: Output) -> None:
    assert main(["scan", bus.path, "--from", "9", "--to", "3"]) == 1
    assert capsys.readouterr().err == "--from 9 is above --to 3: swap them\n"


@pytest.mark.parametrize("words", [["scan", "{port}"], ["read", "{port}", "1"]])
def test_a_port_in_use_is_left_alone(bus: Bus, capsys: Output, words: list[str]) -> None:
    with serial.Serial(bus.path, exclusive=True):
        assert main([word.format(port=bus.path) for word in words]) == 1
    assert "is in use by another program: stop that first" in capsys.readouterr().err
    assert bus.counters.requests == 0


@pytest.mark.parametrize("words", [["scan", "{port}"], ["read", "{port}", "1"]])
def test_a_missing_port_is_named(tmp_path: Path, capsys: Output, words: list[str]) -> None:
    assert main([word.format(port=tmp_path / "ttyUSB0") for word in words]) == 1
    assert "isn't there: plug in the adapter" in capsys.readouterr().err


def test_read_prints_one_reading_with_its_units(bus: Bus, capsys: Output) -> None:
    assert main(["read", bus.path, "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"unit 2 on {bus.path}"
    assert [line.split() for line in lines[2:5]] == [
        ["current", "0.000", "A"],
        ["power", "0.0", "W"],
        ["energy", "1.002", "kWh"],
    ]


def test_read_forgives_one_damaged_frame(bus: Bus, capsys: Output) -> None:
    bus.meter(2).set_fault(Fault.CORRUPT_CRC, replies=1)
    assert main(["read", bus.path, "2"]) == 0
    assert "1.002 kWh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault.ABSENT, "doesn't answer: check its mains supply, its A/B wires and its unit id"),
        (Fault.CORRUPT_CRC, "can't be understood: the checksum does not match"),
        (Fault.EXCEPTION, "refuses to be read (exception 4): is it another model?"),
    ],
)
def test_read_says_why_there_is_no_reading(
    bus: Bus, capsys: Output, fault: Fault, sentence: str
) -> None:
    bus.meter(2).set_fault(fault)
    assert main(["read", bus.path, "2"]) == 1
    assert f"unit 2 on {bus.path} {sentence}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["/dev/ttyUSB0", "248"], "'248' is no unit id: give 1 to 247"),
        (["/dev/ttyUSB0", "x"], "'x' is no unit id: give 1 to 247"),
        (["a", "b", "c"], "give PORT and UNIT, or the LABEL of one meter point"),
    ],
)
def test_read_explains_a_wrong_command_line(
    capsys: Output, words: list[str], sentence: str
) -> None:
    assert main(["read", *words]) == 1
    assert capsys.readouterr().err == sentence + "\n"


CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "/var/lib/gateway/usage.db"
[chain]
rpc = ["https://soroban-testnet.stellar.org"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "/etc/gateway/keys/signing"
[mqtt]
password_file = "/etc/gateway/keys/mqtt"
node_keys_file = "/etc/gateway/keys/nodes"
[[bus]]
name = "main"
port = "{port}"
[[meter_point]]
label = "house-03"
slot = 0
bus = "main"
unit_id = 3
[[meter_point]]
label = "school"
slot = 1
node = "meter-007"
"""


@pytest.fixture
def config(bus: Bus, tmp_path: Path) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.format(port=bus.path))
    return str(path)


def test_read_finds_a_meter_by_its_label(config: str, capsys: Output) -> None:
    assert main(["read", "--config", config, "house-03"]) == 0
    assert "1.003 kWh" in capsys.readouterr().out


def test_read_sends_people_to_the_page_for_a_node(config: str, capsys: Output) -> None:
    assert main(["read", "--config", config, "school"]) == 1
    assert capsys.readouterr().err == (
        "school reports by itself, through node meter-007: see the page\n"
    )


def test_read_names_the_labels_it_knows(config: str, capsys: Output) -> None:
    assert main(["read", "--config", config, "house-99"]) == 1
    err = capsys.readouterr().err
    assert "house-99 is no meter point" in err
    assert "known: house-03, school" in err
