"""The real field process and the world around it: a bus, a broker, pins, nodes, a store to read.

Reads the store with a connection of its own, and compares it with the simulated registers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from gateway.clock import Clock
from gateway.simulation import broker as mosquitto
from gateway.simulation import nodes as simulation
from gateway.simulation.bus import Bus
from gateway.simulation.household import Household
from gateway.simulation.pins import Pins
from gateway.simulation.pzem import Pzem
from gateway.wire.nodes import NodeReading
from tests.simulation.world import SteadyLoad, passwords
from tests.village import CHAIN_METER, kept_in

START_S = 1_770_000_000
FACTOR = 60.0
DEADLINE_S = 20.0
NODES = ("meter-101", "meter-102")
PASSWORDS = passwords(*NODES)
LINES = (17, 27)
LOAD_MW = 2_000_000
FIRST_WH = 1_000
NODE_KEY = b"0123456789abcdef"
CONFIG = """
[gateway]
name = "Kijiji"
site = 1
database = "{folder}/usage.db"
flush_s = {flush_s}
[chain]
network = "local"
passphrase = "nowhere"
rpc = ["http://127.0.0.1:9"]
contract_id = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
key_file = "{folder}/signing"
[[bus]]
name = "main"
port = "{folder}/ttyBUS"
read_every_s = 0
[mqtt]
port = {broker}
password_file = "{folder}/mqtt"
node_keys_file = "{folder}/nodes"
[supply]
min_switch_s = 0
[clock]
origin_s = {origin_s}
wall_s = {wall_s}
factor = {factor}
"""


class RememberingNode(simulation.SimulatedNode):
    """A node that also remembers every reading it ever took."""

    def __init__(
        self,
        settings: simulation.NodeSettings,
        household: Household,
        clock: Clock,
        broker: mosquitto.BrokerAddress,
    ) -> None:
        super().__init__(settings, household, clock, broker)
        self.taken: list[NodeReading] = []

    def read(self, at_s: int) -> NodeReading:
        """Take a reading."""
        reading = super().read(at_s)
        self.taken.append(reading)
        return reading

    @property
    def acknowledged(self) -> set[tuple[int, int]]:
        """(unix ms, Wh) of every reading that the gateway said it has committed."""
        kept = {reading.sequence for reading in self.kept}
        return {
            (int(reading.read_at.timestamp() * 1000), reading.energy_wh)
            for reading in self.taken
            if reading.sequence not in kept
        }


class World:
    """Everything outside the process: two meters on a bus, two nodes on a broker.

    Args:
        folder: for all files; short, because of the socket in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "usage.db"
        self.clock = Clock(START_S, time.time(), FACTOR)
        self.broker = mosquitto.Broker(folder / "mosquitto", PASSWORDS)
        self.homes = [
            Household(
                f"house-{number}",
                SteadyLoad(LOAD_MW),
                START_S * 1_000,
                first_register_wh=FIRST_WH * number,
            )
            for number in range(1, 5)
        ]
        self.pins = Pins(folder, self._switch)
        self.bus = self._new_bus()
        self.nodes = [
            RememberingNode(
                simulation.NodeSettings(
                    name, PASSWORDS[name], NODE_KEY, read_every_s=1, resend_after_s=2.0
                ),
                home,
                self.clock,
                self.broker.address,
            )
            for name, home in zip(NODES, self.homes[2:], strict=True)
        ]
        self.process: asyncio.subprocess.Process | None = None

    def now_ms(self) -> int:
        """Village time, unix ms."""
        return int(self.clock.now_s() * 1000)

    def _new_bus(self) -> Bus:
        meters = [Pzem(unit, home) for unit, home in enumerate(self.homes[:2], start=1)]
        return Bus(meters, self.now_ms, turnaround_s=0.001, baud=115_200)

    def _switch(self, line: int, level: int) -> None:
        home = self.homes[LINES.index(line)]
        home.set_supply(connected=bool(level), at_ms=self.now_ms())

    def plug_in(self) -> None:
        """An adapter with its meters appears as ttyBUS."""
        self.bus = self._new_bus()
        port = self.folder / "ttyBUS"
        port.unlink(missing_ok=True)
        port.symlink_to(self.bus.start())

    def unplug(self) -> None:
        """The adapter disappears."""
        (self.folder / "ttyBUS").unlink()
        self.bus.stop()

    def write_files(self, flush_s: float = 0.1) -> None:
        """Configuration and secrets."""
        for name, text in (
            ("signing", ""),
            ("mqtt", PASSWORDS[mosquitto.GATEWAY_USER]),
            ("nodes", "".join(f"{name} {NODE_KEY.hex()}\n" for name in NODES)),
        ):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(text)
        text = CONFIG.format(
            folder=self.folder,
            broker=self.broker.address.port,
            flush_s=flush_s,
            origin_s=self.clock.origin_s,
            wall_s=self.clock.wall_s,
            factor=self.clock.factor,
        ).replace('name = "main"', 'name = "main"\nbaud = 115200')
        for number in (1, 2):
            text += (
                f'[[meter_point]]\nlabel = "house-{number}"\nslot = {number}\nbus = "main"\n'
                f'unit_id = {number}\nrelay = "gpio:{LINES[number - 1]}"\n'
                f"first_register_wh = {FIRST_WH * number}\n"
            )
        for number, node in enumerate(NODES, start=3):
            text += (
                f'[[meter_point]]\nlabel = "house-{number}"\nslot = {number}\nnode = "{node}"\n'
                f'relay = "node"\nfirst_register_wh = {FIRST_WH * number}\n'
            )
        self.config.write_text(text)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "gateway.toml"

    @property
    def log(self) -> str:
        """Everything that the field process has said so far."""
        path = self.folder / "field.log"
        return path.read_text() if path.exists() else ""

    async def start(self) -> None:
        """Start ``gateway run --only field``."""
        with (self.folder / "field.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "run", "--only", "field"),
                *("--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.pins.environment},
            )

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit status."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; returns the exit status."""
        process = self.process
        assert process is not None
        await self.until(lambda: process.returncode is not None, "the process ends by itself")
        return await process.wait()

    def give_credit(self) -> None:
        """As the settlement process does when the contract says so."""
        with closing(sqlite3.connect(self.database)) as store, store:
            store.execute(
                f"""INSERT INTO {CHAIN_METER}
                    SELECT meter_point_id, 0, 1000000000, 0, 0, 0, 0, 0, 5000, 3, 1, 1, 100,
                           {START_S}
                    FROM meter_point"""
            )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What is committed, read by a connection of our own; nothing before there is a store."""
        if not self.database.exists() or not self.database.stat().st_size:
            return []
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as store:
            return store.execute(sql).fetchall()

    def stored(self, label: str) -> set[tuple[int, int]]:
        """(unix ms, Wh) of every stored reading of a meter point."""
        if not self.rows("SELECT 1 FROM meter_point"):
            return set()
        meters = self.rows(
            "SELECT meter_id FROM installation JOIN meter_point USING (meter_point_id)"
            f" WHERE label = '{label}'"
        )
        return {
            (kept.read_ms, kept.energy_wh)
            for kept in kept_in(self.database)
            if (kept.meter_id,) in meters
        }

    def status(self, name: str) -> tuple[str, str]:
        """State and message; empty when there is none."""
        rows = self.rows(f"SELECT state, message FROM status WHERE name = '{name}'")
        return rows[0] if rows else ("", "")

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the world to change, but not for ever; the process must live."""
        deadline_s = time.monotonic() + DEADLINE_S
        while True:
            with suppress(sqlite3.OperationalError):
                if condition():
                    return
            assert time.monotonic() < deadline_s, f"in vain: {what}\n{self.log}"
            await asyncio.sleep(0.01)

    async def until_status(self, name: str, state: str) -> str:
        """Wait for a state; returns its sentence."""
        await self.until(lambda: self.status(name)[0] == state, f"{name} is {state}")
        return self.status(name)[1]

    async def until_more(self, *labels: str) -> None:
        """Wait until a new reading of each of these meter points is stored."""
        before = {label: len(self.stored(label)) for label in labels}
        await self.until(
            lambda: all(len(self.stored(label)) > count for label, count in before.items()),
            f"new readings of {labels}",
        )


AnyWorld = TypeVar("AnyWorld", bound=World)


@asynccontextmanager
async def world_in(folder: Path, kind: type[AnyWorld]) -> AsyncIterator[AnyWorld]:
    """A world with everything plugged in; the process is not started yet."""
    world = kind(folder)
    world.pins.start()
    await world.broker.start()
    world.plug_in()
    world.write_files()
    tasks = [asyncio.create_task(node.run()) for node in world.nodes]
    try:
        yield world
    finally:
        if world.process is not None and world.process.returncode is None:
            await world.end(signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        world.bus.stop()
        await world.broker.stop()
        world.pins.stop()
