"""What nodes are told: which of their readings are durable, so that they may forget them.

A node that numbers its readings is told unbroken ranges of them; sequences of two boots can't be
compared. Everything that waits for one commit becomes one message per node.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from gateway.broker import Broker
from gateway.errors import Transient
from gateway.wire.nodes import Acknowledgement, NodeReading, encode_ack
from gateway.wire.topics import Channel, topic

Key = tuple[str, str | None]
"""A node's name and its boot."""


@dataclass(slots=True)
class _Span:
    """An unbroken range of one boot's readings; no sequences: everything up to ``read_at``."""

    first: int | None
    last: int | None
    read_at: datetime

    def takes(self, other: _Span) -> bool:
        """Grow by another range, unless something is missing between the two."""
        if self.first is None or self.last is None or other.first is None or other.last is None:
            if self.first is not other.first:
                return False
            self.read_at = max(self.read_at, other.read_at)
            return True
        if other.first > self.last + 1 or self.first > other.last + 1:
            return False
        self.first = min(self.first, other.first)
        if other.last >= self.last:
            self.last, self.read_at = other.last, other.read_at
        return True


@dataclass(slots=True)
class _Waiting:
    """What waits for one commit."""

    count: int = 0
    spans: dict[Key, list[_Span]] = field(default_factory=dict)


class Acknowledgements:
    """Collects what is owed to nodes and sends it when it is true.

    Args:
        broker: sends it.
    """

    def __init__(self, broker: Broker) -> None:
        self.uncommitted = 0
        self.ready = asyncio.Event()
        self._broker = broker
        self._waiting: dict[asyncio.Future[None], _Waiting] = {}
        self._owed: dict[Key, deque[_Span]] = {}

    def owe_after(self, done: asyncio.Future[None], name: str, message: NodeReading) -> None:
        """Acknowledge a reading when ``done`` is; many readings may share it."""
        waiting = self._waiting.get(done)
        if waiting is None:
            waiting = self._waiting[done] = _Waiting()
            done.add_done_callback(self._settle)
        waiting.count += 1
        self.uncommitted += 1
        sequence = message.sequence
        key = (name, message.boot_id)
        spans = waiting.spans.get(key)
        if spans is None:
            spans = waiting.spans[key] = []
        elif sequence is not None and spans[-1].last == sequence - 1:  # nearly always
            spans[-1].last = sequence
            spans[-1].read_at = message.read_at
            return
        span = _Span(sequence, sequence, message.read_at)
        if not spans or not spans[-1].takes(span):
            spans.append(span)

    def owe(self, name: str, message: NodeReading) -> None:
        """Acknowledge a reading that was dealt with for good; only if it has a number.

        Else it would be told by its timestamp, which may be the very thing that is wrong.
        """
        if message.sequence is not None:
            span = _Span(message.sequence, message.sequence, message.read_at)
            self._add((name, message.boot_id), span)

    async def send(self) -> None:
        """Send everything that is owed.

        Raises:
            Transient: the broker is away; what was not sent is kept.
        """
        while self._owed:
            key = next(iter(self._owed))
            spans = self._owed.pop(key)
            while spans:
                ack = Acknowledgement(spans[0].read_at, spans[0].last, key[1], spans[0].first)
                try:
                    await self._broker.publish(topic(key[0], Channel.ACK), encode_ack(ack))
                except Transient:
                    spans.extend(self._owed.pop(key, ()))
                    self._owed[key] = spans
                    raise
                spans.popleft()

    @property
    def nodes_waiting(self) -> int:
        """How many boots of nodes are owed an acknowledgement."""
        return len(self._owed)

    def _settle(self, done: asyncio.Future[None]) -> None:
        waiting = self._waiting.pop(done)
        self.uncommitted -= waiting.count
        if done.cancelled() or done.exception() is not None:
            return
        for key, spans in waiting.spans.items():
            for span in spans:
                self._add(key, span)

    def _add(self, key: Key, span: _Span) -> None:
        spans = self._owed.setdefault(key, deque())
        if not spans or not spans[-1].takes(span):
            spans.append(span)
        self.ready.set()
