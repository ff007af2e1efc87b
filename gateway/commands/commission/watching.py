"""What every meter of the village shows right now, on buses and behind nodes. Stores nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from gateway.broker import Broker, Reach
from gateway.commands.target import ask
from gateway.errors import Permanent, Transient
from gateway.sources.line import RefusedError, SerialLine, SilenceError
from gateway.wire.errors import FrameError, WireError
from gateway.wire.nodes import NodeReading, decode_reading
from gateway.wire.registers import decode, read_request
from gateway.wire.tables import RegisterMap
from gateway.wire.topics import Channel, parse_topic, topic_filter

READINGS = (topic_filter(Channel.READING),)
BROKER_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What a meter showed.

    Args:
        power_mw: active power, mW.
        energy_wh: its register, Wh.
    """

    power_mw: int
    energy_wh: int


@dataclass(frozen=True, slots=True)
class BusPlace:
    """Where a meter hangs.

    Args:
        line: the open line.
        unit: its unit id.
        table: its register map.
    """

    line: SerialLine
    unit: int
    table: RegisterMap


class NodeReadings:
    """The newest reading of each node, heard beside the gateway's own session.

    Whatever is acknowledged here is still the gateway's: the broker has another copy for it, and
    the node keeps its own until the gateway says that it is stored.

    Args:
        broker: not running yet; nobody else listens to it.
    """

    def __init__(self, broker: Broker) -> None:
        self._newest: dict[str, NodeReading] = {}
        self._online = asyncio.Event()
        self._complaint = "the broker does not answer: start Mosquitto"
        broker.listen(READINGS, self._receive, self._report)

    async def wait_online(self) -> None:
        """Wait for the broker.

        Raises:
            Permanent: it is away.
        """
        try:
            async with asyncio.timeout(BROKER_WAIT_S):
                await self._online.wait()
        except TimeoutError:
            raise Permanent(self._complaint) from None

    def find(self, node: str, since: datetime) -> Sight | None:
        """What a node read after an instant; None: nothing yet."""
        reading = self._newest.get(node)
        if reading is None or reading.read_at <= since:
            return None
        return Sight(reading.power_mw, reading.energy_wh)

    async def _receive(self, topic_text: str, payload: bytes) -> None:
        with suppress(WireError):  # the gateway tells about such
            name, _ = parse_topic(topic_text)
            reading = decode_reading(payload)
            newest = self._newest.get(name)
            if newest is None or newest.read_at < reading.read_at:
                self._newest[name] = reading

    async def _report(self, reach: Reach, message: str) -> None:
        if reach == "online":
            self._online.set()
        else:
            self._complaint = message


class Watcher:
    """Looks at meters by the labels of their meter points.

    Args:
        on_buses: who hangs on a bus.
        behind_nodes: the node of who does not.
        readings: of nodes; None when there are none.
    """

    def __init__(
        self,
        on_buses: Mapping[str, BusPlace],
        behind_nodes: Mapping[str, str],
        readings: NodeReadings | None,
    ) -> None:
        self._on_buses = on_buses
        self._behind_nodes = behind_nodes
        self._readings = readings

    @property
    def labels(self) -> Collection[str]:
        """Every meter point that has a meter."""
        return [*self._on_buses, *self._behind_nodes]

    async def look(self, labels: Iterable[str], since: datetime) -> dict[str, Sight]:
        """What these meters show; one that does not answer is left out.

        Args:
            labels: whose.
            since: a node's reading counts only when it was taken after this.
        """
        lines: dict[SerialLine, list[str]] = {}
        seen: dict[str, Sight] = {}
        for label in labels:
            place = self._on_buses.get(label)
            if place is not None:
                lines.setdefault(place.line, []).append(label)
            elif self._readings is not None:
                sight = self._readings.find(self._behind_nodes[label], since)
                if sight is not None:
                    seen[label] = sight
        for found in await asyncio.gather(*(self._ask(there) for there in lines.values())):
            seen |= found
        return seen

    async def _ask(self, labels: Iterable[str]) -> dict[str, Sight]:
        """Read the meters of one line, one after the other."""
        seen = {}
        for label in labels:
            place = self._on_buses[label]
            with suppress(SilenceError, FrameError, RefusedError, WireError):
                words = await ask(place.line, read_request(place.table, place.unit))
                measured = decode(place.table, words)
                seen[label] = Sight(measured.power_mw or 0, measured.energy_wh)
        return seen


async def open_lines(lines: Iterable[SerialLine]) -> None:
    """Take every port.

    Raises:
        Permanent: one can't be had; none is kept.
    """
    taken = []
    try:
        for line in lines:
            await line.open()
            taken.append(line)
    except Transient as error:
        for line in taken:
            line.close()
        raise Permanent(str(error)) from error
