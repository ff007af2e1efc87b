"""The whole village: households, their meters on one bus or behind nodes, and what switches them.

Composes the other modules of this room. The gateway under test sees only what a real one sees: a
serial device, a broker, and GPIO lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.clock import Clock
from gateway.errors import Permanent
from gateway.simulation.broker import BrokerAddress
from gateway.simulation.bus import TURNAROUND_S, Bus
from gateway.simulation.feeder import Feeder, FeederMeter
from gateway.simulation.household import Household
from gateway.simulation.load import Load
from gateway.simulation.nodes import NodeSettings, SimulatedNode
from gateway.simulation.pins import Pins
from gateway.simulation.pzem import Pzem
from gateway.wire.registers import PZEM_004T_V3, RegisterMap


@dataclass(frozen=True, slots=True)
class BusMeter:
    """A meter on the village's bus.

    Args:
        unit: its unit id, 1-247.
        table: which model it is.
    """

    unit: int
    table: RegisterMap = PZEM_004T_V3


@dataclass(frozen=True, slots=True)
class GpioRelay:
    """A relay on a GPIO line; it keeps its position when nobody drives the line.

    Args:
        line: the line's number (BCM).
        active_low: whether level 0 connects the supply.
    """

    line: int
    active_low: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """One household of the village and how it is wired.

    A node has a relay of its own, which switches the household too.

    Args:
        label: its name, unique in the village.
        load: what it draws; minute 0 begins at the village's start.
        meter: where its meter is.
        relay: the GPIO relay in its supply, None when it has none.
        first_register_wh: what its meter shows at the start, Wh.
        connected: whether its supply is connected at the start.
    """

    label: str
    load: Load
    meter: BusMeter | NodeSettings
    relay: GpioRelay | None = None
    first_register_wh: int = 0
    connected: bool = True


class Village:
    """Households on one clock, reachable only as hardware would be.

    Args:
        folder: for the socket of the GPIO lines; exists, short path.
        clock: village time.
        start_s: when minute 0 of every load begins (unix seconds).
        homes: who lives there.
        broker: where nodes connect to; None when there are no nodes.
        turnaround_s: of the meters on the bus, s of wall time.
        feeders: feeders with a meter on the bus.

    Raises:
        Permanent: two homes share a label, a unit id, a node or a line, or a broker is missing.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        start_s: int,
        homes: Sequence[Home],
        broker: BrokerAddress | None = None,
        *,
        turnaround_s: float = TURNAROUND_S,
        feeders: Sequence[FeederMeter] = (),
    ) -> None:
        _check(homes, broker, feeders)
        self._clock = clock
        self.households = {home.label: _household(home, start_s) for home in homes}
        meters = [
            Pzem(home.meter.unit, self.households[home.label], home.meter.table)
            for home in homes
            if isinstance(home.meter, BusMeter)
        ]
        self.feeders = {
            one.name: Feeder(one, [self.households[label] for label in one.labels], start_s * 1000)
            for one in feeders
        }
        meters += [Pzem(one.unit, self.feeders[one.name], one.table) for one in feeders]
        self.bus = Bus(
            meters,
            self.now_ms,
            turnaround_s=turnaround_s,
        )
        self.nodes = {
            home.meter.name: SimulatedNode(home.meter, self.households[home.label], clock, broker)
            for home in homes
            if isinstance(home.meter, NodeSettings) and broker is not None
        }
        self.pins = Pins(folder, self._switch)
        self._relays = {
            home.relay.line: (home.relay, self.households[home.label])
            for home in homes
            if home.relay is not None
        }
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def bus_path(self) -> str:
        """The serial device on which the meters answer; empty before the start."""
        return self.bus.path

    def now_ms(self) -> int:
        """Village time, unix ms."""
        return int(self._clock.now_s() * 1000)

    def start(self) -> None:
        """Bring the bus, the lines and the nodes to life, on the running event loop."""
        self.pins.start()
        self.bus.start()
        self._tasks = [
            asyncio.create_task(node.run(), name=f"node {name}")
            for name, node in self.nodes.items()
        ]

    async def stop(self) -> None:
        """End everything; raises what a node died of, if one did."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await asyncio.to_thread(self.bus.stop)
        self.pins.stop()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def freeze(self) -> None:
        """Let every load be 0 from now on, for ever; meters still answer."""
        now_ms = self.now_ms()
        for household in self.households.values():
            household.freeze(now_ms)

    def registers(self) -> dict[str, int]:
        """What each meter's energy register shows now, Wh, by the household's label."""
        now_ms = self.now_ms()
        return {label: home.register_wh(now_ms) for label, home in self.households.items()}

    def _switch(self, line: int, level: int) -> None:
        if line in self._relays:
            relay, household = self._relays[line]
            household.set_supply(connected=bool(level) != relay.active_low, at_ms=self.now_ms())


def _household(home: Home, start_s: int) -> Household:
    return Household(
        home.label,
        home.load,
        start_s * 1000,
        first_register_wh=home.first_register_wh,
        connected=home.connected,
    )


def _check(
    homes: Sequence[Home], broker: BrokerAddress | None, feeders: Sequence[FeederMeter]
) -> None:
    _check_unique("label", [home.label for home in homes])
    units = [home.meter.unit for home in homes if isinstance(home.meter, BusMeter)]
    _check_unique("unit id", [*units, *(one.unit for one in feeders)])
    names = [home.meter.name for home in homes if isinstance(home.meter, NodeSettings)]
    _check_unique("node", names)
    _check_unique("GPIO line", [home.relay.line for home in homes if home.relay is not None])
    if names and broker is None:
        raise Permanent(f"node {names[0]} needs a broker: start one and pass its address")


def _check_unique(what: str, values: Sequence[str | int]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise Permanent(f"two homes have the {what} {value}: give each its own")
