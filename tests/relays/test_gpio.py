"""GPIO relays: the real rpi-lgpio on a chip that is not there, and the real lgpio without one."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import pytest

from gateway import app
from gateway.config import load
from gateway.errors import Permanent, Transient
from gateway.relays import GpioDriver
from gateway.simulation.fake_lgpio import FOLDER
from gateway.simulation.pins import PinChange, Pins
from tests.commands.lines import write_config
from tests.relays.conftest import OpenVillage
from tests.relays.village import at
from tests.village import CHAIN_METER

ROOT = Path(__file__).parents[2]


class Chip(Protocol):
    """What the fake chip remembers."""

    outputs: dict[int, int]
    history: list[tuple[str, int, int]]
    busy: set[int]


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    names = ("lgpio", "RPi", "RPi.GPIO")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("RPI_LGPIO_REVISION", "c03115")  # a Pi 4
    monkeypatch.delenv("VILLAGE_PINS", raising=False)
    yield cast("Chip", importlib.import_module("lgpio").CHIP)
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


async def test_the_first_command_claims_the_line_at_its_level_without_a_glitch(chip: Chip) -> None:
    driver = GpioDriver()
    await driver.switch("17", connected=True)
    await driver.switch("27", connected=False)
    assert chip.history == [("output", 17, 1), ("output", 27, 0)]


async def test_later_commands_write_and_never_let_the_line_go(chip: Chip) -> None:
    driver = GpioDriver()
    for connected in (True, False, False, True):
        await driver.switch("17", connected=connected)
    assert [verb for verb, _, _ in chip.history] == ["output", "write", "write", "write"]
    assert chip.outputs == {17: 1}


async def test_a_relay_board_that_connects_on_low_is_driven_the_other_way(chip: Chip) -> None:
    driver = GpioDriver(active_low=True)
    await driver.switch("17", connected=False)
    assert chip.outputs == {17: 1}
    await driver.switch("17", connected=True)
    assert chip.outputs == {17: 0}


async def test_a_line_that_another_program_owns_is_said_and_works_once_it_is_free(
    chip: Chip,
) -> None:
    driver = GpioDriver()
    chip.busy.add(17)
    with pytest.raises(Transient, match="GPIO line 17 is in use by another program: stop"):
        await driver.switch("17", connected=True)
    await driver.switch("27", connected=True)
    chip.busy.clear()
    await driver.switch("17", connected=True)
    assert chip.outputs == {27: 1, 17: 1}


@pytest.mark.parametrize("name", ["28", "-1", "x", "", "1.5", "9999999999999999999"])
async def test_a_line_that_the_header_has_not_is_refused(chip: Chip, name: str) -> None:
    with pytest.raises(Permanent, match=r"there is no GPIO line .*: the header has 0 to 27"):
        await GpioDriver().switch(name, connected=True)
    assert chip.history == []


async def test_a_busy_line_does_not_stop_the_other_houses(
    chip: Chip, open_village: OpenVillage
) -> None:
    village = await open_village("gpio:5", "gpio:6", "gpio:7")
    await village.set_balance(100)
    chip.busy.add(6)
    await village.control({"gpio": GpioDriver()}).tick(at(0))
    assert chip.outputs == {5: 1, 7: 1}
    assert [outcome for _, _, _, outcome in await village.journal()] == ["done", "failed", "done"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_a_process_that_is_stopped_leaves_every_line_as_it_is(
    how: signal.Signals, tmp_path: Path, open_village: OpenVillage
) -> None:
    """The whole field part, real rpi-lgpio, and a chip in another process that sees every call."""
    village = await open_village()
    await village.database.close()
    pins = Pins(tmp_path, lambda _line, _level: None)
    pins.start()
    config = write_config(tmp_path, str(tmp_path / "no-port"), ["gpio:17", "gpio:27"])
    await asyncio.to_thread(prepare, config)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway", "run", "--only", "field", "--config", str(config)),
        cwd=tmp_path,
        env=_with_path(pins.environment),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while len(pins.history) < 2:  # noqa: ASYNC110 - what is waited for is at the edge
                await asyncio.sleep(0.02)
        process.send_signal(how)
        await process.wait()
        for _ in range(10):
            await asyncio.sleep(0)  # one datagram of its last each time
        assert pins.history == [PinChange("output", 17, 1), PinChange("output", 27, 0)]
        assert (pins.level(17), pins.level(27)) == (1, 0)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        pins.stop()


def _with_path(environment: dict[str, str]) -> dict[str, str]:
    path = f"{environment['PYTHONPATH']}:{ROOT}"
    return os.environ | environment | {"PYTHONPATH": path}


def prepare(config: Path) -> None:
    """The first house has credit, the second has none."""

    async def fill() -> None:
        async with app.opened(load(config)) as (database, _, points), database.transaction() as it:
            await it.executemany(
                f"""INSERT INTO {CHAIN_METER}
                   VALUES (?, 0, ?, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100, 1)""",
                [(points[0].meter_point_id, 1000), (points[1].meter_point_id, 0)],
            )

    asyncio.run(fill())


@pytest.mark.parametrize(
    ("revision", "sentence"),
    [
        (None, "this computer has no Raspberry Pi header for GPIO relays"),
        ("c03115", "the GPIO chip can't be opened: add the gateway's user to the group gpio"),
    ],
)
def test_without_a_pi_or_without_its_chip_a_sentence_says_what_to_do(
    revision: str | None, sentence: str, tmp_path: Path
) -> None:
    """With the real lgpio: chip 99 is on no computer."""
    script = """
import asyncio
from gateway.errors import Permanent
from gateway.relays import GpioDriver

try:
    asyncio.run(GpioDriver().switch("17", connected=True))
except Permanent as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RPI_LGPIO_CHIP": "99"}
    environment |= {"LG_WD": str(tmp_path)}
    environment.pop("RPI_LGPIO_REVISION", None)
    if revision:
        environment["RPI_LGPIO_REVISION"] = revision
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sentence in done.stdout
