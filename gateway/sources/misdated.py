"""Readings whose own date can't be right: a node without time boots in the year 2000.

The energy in them is real, and so is the time between two of them; only the node's idea of now is
wrong. They are held until their burst is over, then dated by the gateway: the newest at its
arrival, the others before it. An old register never looks like a reset: what shows less than was
believed last is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.sources.dating import clock_error, date_back
from gateway.sources.journal import Journal
from gateway.sources.known_node import KnownNode
from gateway.store.believed import Believed, find_believed
from gateway.store.database import Database
from gateway.wire.nodes import NodeReading

BURST_OVER_S = 0.3
"""Wall seconds without another one, after which a burst is over."""
MOST_HELD = 2_000
"""Readings of one node held at a time: five hours of one every ten seconds."""
RETRY_S = 1.0

Offer = Callable[[KnownNode, NodeReading, datetime], asyncio.Future[None]]
"""Takes a reading with the date that it was given; raises like ``Intake.offer``."""


class Misdated:
    """Holds such readings, dates them and passes them on.

    Args:
        offer: takes them.
        settle: acknowledges one that was refused.
        journal: tells people.
        database: what was believed last.
        clock: the time.
    """

    def __init__(
        self,
        offer: Offer,
        settle: Callable[[str, NodeReading], None],
        journal: Journal,
        database: Database,
        clock: Clock,
    ) -> None:
        self._offer = offer
        self._settle = settle
        self._journal = journal
        self._database = database
        self._clock = clock
        self._holding: set[KnownNode] = set()

    def hold(self, node: KnownNode, message: NodeReading) -> asyncio.Future[None]:
        """Keep one; what this returns is done when it is durable or refused."""
        node.held.append(message)
        node.arrived_ms = int(self._clock.now_s() * 1000)
        if node.dating is None:
            self._holding.add(node)
            node.dating = asyncio.ensure_future(self._date_when_over(node))
        return node.dating

    def drop(self) -> None:
        """Let go of what is held: the broker delivers it again."""
        for node in tuple(self._holding):
            if node.dating is not None:
                node.dating.cancel()
            self._release(node)

    def _release(self, node: KnownNode) -> list[NodeReading]:
        held, node.held, node.dating = node.held, [], None
        self._holding.discard(node)
        return held

    async def _date_when_over(self, node: KnownNode) -> None:
        count = 0
        while count < len(node.held) < MOST_HELD:
            count = len(node.held)
            await asyncio.sleep(BURST_OVER_S)
        arrived_ms, held = node.arrived_ms, self._release(node)
        error = clock_error(_milliseconds(held[-1]), arrived_ms)
        what = f"sends dates that can't be right: its clock is {error}; let it fetch the time"
        await self._journal.tell_seldom("node-clock", node.sender, what)
        if node.newest is not None:
            await asyncio.wait([node.newest])
        believed = await find_believed(self._database, node.point)
        await self._pass_on(node, held, arrived_ms, believed)

    async def _pass_on(
        self, node: KnownNode, held: list[NodeReading], arrived_ms: int, believed: Believed
    ) -> None:
        dates = date_back([_milliseconds(one) for one in held], arrived_ms, believed.read_ms)
        least_wh, durable = believed.energy_wh, set()
        for message, date_ms in zip(held, dates, strict=True):
            try:
                _check(message, believed, least_wh)
                durable.add(await self._offer_patiently(node, message, date_ms))
            except Permanent as error:
                self._settle(node.name, message)
                await self._journal.refuse(node.sender, str(error))
            else:
                least_wh = message.energy_wh
        if durable:
            await asyncio.wait(durable)

    async def _offer_patiently(
        self, node: KnownNode, message: NodeReading, date_ms: int
    ) -> asyncio.Future[None]:
        while True:
            try:
                return self._offer(node, message, datetime.fromtimestamp(date_ms / 1000, UTC))
            except Transient:
                await asyncio.sleep(RETRY_S)


def _check(message: NodeReading, believed: Believed, least_wh: int | None) -> None:
    """Raise Permanent when it must not be counted, whatever its date."""
    if believed.covers(_milliseconds(message)):
        raise Permanent(
            f"dated {message.read_at:%Y-%m-%d %H:%M}, when another meter was installed there; "
            "what that one showed last was counted at the exchange"
        )
    if least_wh is not None and message.energy_wh < least_wh:
        raise Permanent(
            f"dated {message.read_at:%Y-%m-%d %H:%M}, and its register of {message.energy_wh} Wh "
            f"is below the {least_wh} Wh read before: an old reading? let it fetch the time again"
        )


def _milliseconds(message: NodeReading) -> int:
    return int(message.read_at.timestamp() * 1000)
