"""What a village may have to do without: the way to the chain, the disk, the broker."""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.broker import Broker as Connection
from gateway.broker import BrokerSettings
from gateway.clock import Clock
from gateway.relays import Publisher
from gateway.simulation.broker import GATEWAY_USER, Broker
from gateway.simulation.household import Household
from gateway.simulation.nodes import NodeSettings, SimulatedNode
from gateway.wire.tables import Measurement
from tests.ledger.localnet import Localnet
from tests.ledger.wire import read_body
from tests.torture.field import fill_all, remount
from tests.torture.liar import Liar

NODE = "house-3"
KEY = bytes(range(32))
PATIENCE_S = 10.0
_TURN_S = 0.001
_PASSWORD = "a-node's"  # noqa: S105 - of a broker on loopback


async def until(come: Callable[[], bool], what: str) -> None:
    """Let everything else go on until something has come.

    Raises:
        AssertionError: it did not.
    """
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while not come():
        assert asyncio.get_running_loop().time() < deadline_s, f"never came: {what}"
        await asyncio.sleep(_TURN_S)  # others have their turn; how often does not matter


@dataclass(slots=True)
class Way:
    """The way to the chain: open, or nobody answers.

    Args:
        localnet: what is at its end.
        url: where it begins.
        is_silent: while it is away requests are taken and never answered; else they are refused.
    """

    localnet: Localnet
    url: str = ""
    is_silent: bool = False
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _liar: Liar = field(init=False)
    _server: asyncio.Server | None = None
    _port: int = 0

    def __post_init__(self) -> None:
        through = random.Random(0)
        self._liar = Liar(self.localnet.url, through, (), 0, self.localnet.advance, lambda: None)

    async def close(self, *, is_silent: bool) -> None:
        """Nobody answers from now on."""
        self.is_silent = is_silent
        self._open.clear()
        if not is_silent and self._server is not None:
            self._server.close()

    async def open(self) -> None:
        """Everything passes from now on."""
        self._open.set()
        if self._server is None or not self._server.is_serving():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{self._port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while body := await read_body(reader):
                if not self._open.is_set():
                    if self.is_silent:
                        await self._open.wait()
                    break
                writer.write(self._liar.answer(body) or b"")
                await writer.drain()
        writer.close()

    def end(self) -> None:
        """Let go of both ends."""
        self._open.set()
        self._liar.close()
        if self._server is not None:
            self._server.close()


@asynccontextmanager
async def way_to(localnet: Localnet) -> AsyncIterator[Way]:
    """An open way to a ledger, until the block ends."""
    way = Way(localnet)
    await way.open()
    try:
        yield way
    finally:
        way.end()


FULL = "disk full"
FAILING = "disk fails"
FULL_ONCE = "disk full but for what was set aside"
READ_ONLY = "disk read-only"


@dataclass(slots=True)
class Disk:
    """A disk, of its own file system where one can be mounted.

    Args:
        folder: where it is mounted.
        has_room: it is a file system of its own, that may be filled.
        trouble: what is wrong with it; empty: nothing.
    """

    folder: Path
    has_room: bool
    trouble: str = ""

    def spoil(self, trouble: str) -> None:
        """It takes nothing from now on; to be called again while it is full, as room turns up."""
        self.trouble = trouble
        match trouble:
            case "disk full" | "disk full but for what was set aside":
                fill_all(self.folder)
            case "disk read-only":
                remount(self.folder, "ro")
            case _:  # each write to a file of this process fails, as on a dying card
                _limit_files(0)

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Others write to other disks while this one fails."""
        if self.trouble == FAILING:
            _limit_files(resource.RLIM_INFINITY)
        yield
        if self.trouble == FAILING:
            _limit_files(0)

    def mend(self) -> None:
        """It is sound again."""
        match self.trouble:
            case "disk full" | "disk full but for what was set aside":
                (self.folder / "film.mp4").unlink()
            case "disk read-only":
                remount(self.folder, "rw")
            case "disk fails":
                _limit_files(resource.RLIM_INFINITY)
        self.trouble = ""


def _limit_files(most_bytes: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))


class Cottage(Household):
    """A household behind a node: its register is the village's, its relay is told by radio.

    Args:
        show: what its register shows, Wh.
    """

    def __init__(self, show: Callable[[], int]) -> None:  # draws nothing of its own
        super().__init__(NODE, _Nothing(), 0, connected=False)
        self.told: list[bool] = []
        self._show = show

    def measurement(self, now_ms: int) -> Measurement:  # noqa: ARG002 - it is read now
        """What its meter shows."""
        return Measurement(self._show(), 230_000, 0, 0, 50_000, 0)

    def set_supply(self, *, connected: bool, at_ms: int) -> None:  # noqa: ARG002 - it is now
        """Its relay was told."""
        self._connected = connected
        self.told.append(connected)


class _Nothing:
    def power_mw(self, minute: int) -> int:  # noqa: ARG002 - never anything
        return 0


class _Node(SimulatedNode):
    """A node that reads when it is told to."""

    async def run(self) -> None:
        """Report until cancelled."""
        await self._report_for_ever()


@dataclass(slots=True)
class Radio:
    """A real broker, and a node that it serves.

    Args:
        broker: Mosquitto.
        node: reads a meter and switches a relay.
        home: where both hang.
        is_here: the broker runs.
        sent: commands that the broker has taken.
    """

    broker: Broker
    node: SimulatedNode
    home: Cottage
    is_here: bool = True
    sent: int = 0
    _task: asyncio.Task[None] | None = None

    def connection(self) -> Connection:
        """A gateway's connection, not open yet."""
        address = self.broker.address
        settings = BrokerSettings(address.host, address.port, GATEWAY_USER, _PASSWORD)
        return Connection(settings)

    def counted(self, connection: Connection) -> Publisher:
        """What publishes commands, and counts those that the broker has taken."""

        async def publish(topic: str, payload: bytes, qos: int) -> None:
            await connection.publish(topic, payload, qos)
            self.sent += 1

        return publish

    async def away(self) -> None:
        """The broker ends."""
        await self.broker.stop()
        self.is_here = False

    async def back(self) -> None:
        """The broker starts again."""
        await self.broker.start()
        self.is_here = True

    async def start(self) -> None:
        """Start the broker and the node."""
        await self.broker.start()
        self._task = asyncio.create_task(self.node.run())

    async def end(self) -> None:
        """End both."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.broker.stop()


@asynccontextmanager
async def radio_of(folder: Path, clock: Clock, show: Callable[[], int]) -> AsyncIterator[Radio]:
    """A broker with a node, until the block ends.

    Args:
        folder: for the broker's files.
        clock: the node's time.
        show: what the node's register shows, Wh.
    """
    broker, home = Broker(folder, {GATEWAY_USER: _PASSWORD, NODE: _PASSWORD}), Cottage(show)
    settings = NodeSettings(NODE, _PASSWORD, KEY, reconnect_after_s=0.02)
    radio = Radio(broker, _Node(settings, home, clock, broker.address), home)
    await radio.start()
    try:
        yield radio
    finally:
        await radio.end()
