"""A node that reports for a meter point, and what is known of it since the start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.broker import Reach
from gateway.sources.journal import Sender
from gateway.store.points import MeterPoint
from gateway.wire.nodes import NodeReading
from gateway.wire.relays import RelayReport


@dataclass(slots=True, eq=False)
class KnownNode:
    """One node.

    Args:
        name: as the broker knows it.
        point: the meter point that it measures.
        reach: None until it said so itself, or the broker did in its last will.
        lost_s: when we heard its last will (unix seconds); None while it lives.
        relay: its last report.
        newest: done when its newest reading is durable.
        held: readings that wait for a date.
        arrived_ms: when the last of those came (unix milliseconds).
        dating: done when those are durable.
    """

    name: str
    point: MeterPoint
    reach: Reach | None = None
    lost_s: float | None = None
    relay: RelayReport | None = None
    newest: asyncio.Future[None] | None = None
    held: list[NodeReading] = field(default_factory=list)
    arrived_ms: int = 0
    dating: asyncio.Task[None] | None = None

    @property
    def sender(self) -> Sender:
        """Who it is to people."""
        point = self.point
        name = f"node {self.name} ({point.label})"
        return Sender(name, point.meter_point_id, point.meter_id)

    @property
    def message(self) -> str:
        """How it is, in a sentence for the operator."""
        if self.reach == "online":
            relay = f"; its relay is {self.relay.state}" if self.relay else ""
            return f"{self.point.label} reports{relay}"
        return f"{self.point.label} lost its connection: check its node's Wi-Fi and mains supply"
