"""Relays on nodes: each command is signed, counted, short-lived, and sent over the local broker.

A command that was recorded elsewhere is refused by the node: its counter is old, its time is
over, or its signature is for another node. Whether the node obeyed is seen by the meter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.store.database import Database
from gateway.store.switchings import take_counter
from gateway.wire.relays import RelayCommand, Switch, encode_command
from gateway.wire.topics import Channel, topic

SPARE = 9
"""Counters that each command takes besides its own, for those that a failing disk can't count."""


class Publisher(Protocol):
    """Hands a message to the broker."""

    async def __call__(self, topic: str, payload: bytes, qos: int) -> None:
        """Return once the broker has the message, or raise Transient."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How commands to nodes are made.

    Args:
        valid_s: how long a command may be obeyed, s.
    """

    valid_s: int = 120


class NodeDriver:
    """Sends signed relay commands to nodes.

    Args:
        settings: how commands are made.
        publish: hands a message to the broker.
        database: keeps the counters.
        clock: for the expiry.
        keys: the key shared with each node, by the node's name.
    """

    def __init__(
        self,
        settings: NodeSettings,
        publish: Publisher,
        database: Database,
        clock: Clock,
        keys: Mapping[str, bytes],
    ) -> None:
        self._settings = settings
        self._publish = publish
        self._database = database
        self._clock = clock
        self._keys = keys
        self._spare: dict[str, list[int]] = {}

    async def switch(self, name: str, *, connected: bool) -> None:
        """Send a command to a node's relay; its counter is durable before it is sent.

        A lock-out waits for no disk: where it takes no new counter, a spare one is used.

        Args:
            name: the node's name.
            connected: True: the relay shall conduct.

        Raises:
            Transient: the broker or the disk did not take it.
            Permanent: the node has no usable key.
        """
        key = self._keys.get(name)
        if key is None:
            raise Permanent(f"node {name} has no key: add a line '{name} HEX' to the key file")
        command = RelayCommand(
            node=name,
            relay=Switch.ON if connected else Switch.OFF,
            counter=await self._take_counter(name),
            expires_at=self._clock.now() + timedelta(seconds=self._settings.valid_s),
        )
        await self._publish(topic(name, Channel.RELAY_COMMAND), encode_command(command, key), 1)

    async def _take_counter(self, name: str) -> int:
        try:
            counter = await take_counter(self._database, name, SPARE)
        except Transient:
            if not self._spare.get(name):
                raise
            return self._spare[name].pop(0)
        self._spare[name] = list(range(counter + 1, counter + 1 + SPARE))
        return counter
