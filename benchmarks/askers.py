"""Who reads the meters of one line side by side: the gateway, and its peers on the same work.

Another peer is a function (path, tally) more in :data:`PEERS`.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import minimalmodbus  # type: ignore[import-untyped]
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from benchmarks.field import poll
from benchmarks.line import METERS, TIMEOUT_S, Asker, Tally
from benchmarks.peers import thingsboard


def gateway(path: str, tally: Tally) -> None:
    """Everything that the field process does with a bus: poll, check, store in groups."""
    began_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        stamps = asyncio.run(poll([path], METERS, Path(folder), tally.seconds, read_every_s=0))
    tally.cpu_s = time.process_time() - began_s
    tally.replied_s = [at_s for at_s, _ in stamps]


def pymodbus(path: str, tally: Tally) -> None:
    """The loop of pymodbus' own examples, with a sensible timeout; keeps nothing."""

    async def ask() -> None:
        client = AsyncModbusSerialClient(path, baudrate=9600, timeout=TIMEOUT_S, retries=0)
        await client.connect()
        for unit in _units(tally.seconds):
            with suppress(ModbusIOException):
                await client.read_input_registers(0, count=10, device_id=unit)
                tally.replied_s.append(time.monotonic())
        client.close()

    began_s = time.process_time()
    asyncio.run(ask())
    tally.cpu_s = time.process_time() - began_s


def minimal(path: str, tally: Tally) -> None:
    """The same with minimalmodbus, blocking; keeps nothing."""
    instruments = [minimalmodbus.Instrument(path, unit) for unit in range(1, METERS + 1)]
    instruments[0].serial.baudrate = 9600
    instruments[0].serial.timeout = TIMEOUT_S
    began_s = time.process_time()
    for unit in _units(tally.seconds):
        with suppress(minimalmodbus.ModbusException):
            instruments[unit - 1].read_registers(0, 10, functioncode=4)
            tally.replied_s.append(time.monotonic())
    tally.cpu_s = time.process_time() - began_s
    instruments[0].serial.close()


def thingsboard_gateway(path: str, tally: Tally) -> None:
    """ThingsBoard's gateway with its best configuration, a block of ten registers per request."""
    polled = thingsboard.poll_bus(path, range(1, METERS + 1), tally.seconds, TIMEOUT_S)
    tally.replied_s, tally.cpu_s, tally.in_packs = list(polled.readings_s), polled.cpu_s, True


PEERS: Mapping[str, Asker] = {
    "pymodbus loop": pymodbus,
    "minimalmodbus": minimal,
    "ThingsBoard gateway": thingsboard_gateway,
}


def _units(seconds: float) -> Iterator[int]:
    """Unit ids in turn until time is up."""
    end_s = time.monotonic() + seconds
    for unit in itertools.cycle(range(1, METERS + 1)):
        if time.monotonic() >= end_s:
            return
        yield unit
