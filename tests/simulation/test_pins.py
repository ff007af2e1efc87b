"""Pins: the real RPi.GPIO library in processes of its own, and a world that outlives them."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest

from gateway.errors import Permanent
from gateway.simulation.fake_lgpio import FOLDER, SOCKET_VARIABLE
from gateway.simulation.pins import PinChange, Pins
from tests.simulation.world import until

PROGRAM = """
import sys
from RPi import GPIO
GPIO.setwarnings(False)
GPIO.setmode(GPIO.BCM)
"""
Levels = list[tuple[int, int]]


@pytest.fixture
def levels() -> Levels:
    return []


@pytest.fixture
async def pins(levels: Levels) -> AsyncIterator[Pins]:
    with tempfile.TemporaryDirectory() as folder:  # a short path: sockets have little room
        world = Pins(Path(folder), lambda line, level: levels.append((line, level)))
        world.start()
        yield world
        world.stop()


async def run(pins: Pins, program: str) -> tuple[int, str, str]:
    """Run a program on the real RPi.GPIO with the village's pins; its code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM + program,
        env=os.environ | pins.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode().strip(), errors.decode()


async def test_the_real_library_drives_the_villages_pins(pins: Pins, levels: Levels) -> None:
    code, _, errors = await run(
        pins, "GPIO.setup(17, GPIO.OUT, initial=1); GPIO.output(17, 0); GPIO.output(17, 1)"
    )

    assert (code, errors) == (0, "")
    await until(lambda: len(levels) == 3, "three levels arrive")
    assert levels == [(17, 1), (17, 0), (17, 1)]
    assert pins.history == [
        PinChange("output", 17, 1),
        PinChange("write", 17, 0),
        PinChange("write", 17, 1),
    ]


async def test_a_level_outlives_a_killed_process_and_the_next_one_finds_it(pins: Pins) -> None:
    code, _, _ = await run(
        pins,
        "GPIO.setup(17, GPIO.OUT, initial=1); import os; os.kill(os.getpid(), 9)",
    )
    assert code == -signal.SIGKILL
    await until(lambda: pins.level(17) == 1, "the level arrives")

    _, output, errors = await run(pins, "GPIO.setup(17, GPIO.OUT); print(GPIO.input(17))")

    assert (output, errors) == ("1", "")
    assert pins.level(17) == 1
    assert all(change.level == 1 for change in pins.history)


async def test_a_latching_relay_keeps_its_position_through_cleanup(pins: Pins) -> None:
    await run(pins, "GPIO.setup(4, GPIO.OUT, initial=1); GPIO.cleanup()")

    await until(lambda: len(pins.history) == 3, "the line is let go")
    assert [change.verb for change in pins.history] == ["output", "input", "free"]
    assert pins.level(4) == 1


async def test_pins_without_a_village_are_an_error_not_a_silence(pins: Pins) -> None:
    pins.stop()

    code, _, errors = await run(pins, "GPIO.setup(17, GPIO.OUT, initial=1)")

    assert code == 1
    assert f"no village listens on {pins.path}" in errors


async def test_stopping_removes_the_socket(pins: Pins) -> None:
    assert pins.path.exists()
    pins.stop()
    pins.stop()

    assert not pins.path.exists()


async def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()

    with pytest.raises(Permanent, match="choose a folder with a shorter path"):
        Pins(deep, lambda _line, _level: None).start()


@pytest.fixture
def fake_chip(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake on its own, loaded the way its folder is meant to be used."""
    monkeypatch.delenv(SOCKET_VARIABLE, raising=False)
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "lgpio", raising=False)
    spec = importlib.util.find_spec("lgpio")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lgpio", module)
    spec.loader.exec_module(module)
    return module


def test_without_a_socket_the_chip_remembers_by_itself(fake_chip: ModuleType) -> None:
    fake_chip.gpio_claim_output(0, 5, 1)
    fake_chip.gpio_write(0, 5, 0)
    fake_chip.gpio_free(0, 5)

    assert fake_chip.CHIP.history == [("output", 5, 1), ("write", 5, 0), ("free", 5, 0)]
    assert fake_chip.gpio_read(0, 5) == 0


def test_a_line_that_another_process_holds_is_busy(fake_chip: ModuleType) -> None:
    fake_chip.CHIP.busy.add(5)

    with pytest.raises(fake_chip.error, match="GPIO busy"):
        fake_chip.gpio_claim_output(0, 5, 1)
    with pytest.raises(fake_chip.error, match="GPIO not allocated"):
        fake_chip.gpio_write(0, 5, 1)
