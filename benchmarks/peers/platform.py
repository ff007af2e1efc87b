"""A stand-in for the ThingsBoard server: a Mosquitto of its own, and a client that plays the rest.

It grants every session's limits and notes when each device's telemetry arrives. Listens on
loopback only. See https://thingsboard.io/docs/reference/gateway-mqtt-api/.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from gateway.simulation.broker import Broker, BrokerAddress

_LIMITS = json.dumps(
    {
        "maxPayloadSize": 65536,
        "maxInflightMessages": 100,
        "rateLimits": {},
        "gatewayRateLimits": {},
    }
)
"""What a server answers that limits nothing; sizes are the server's defaults."""
_RPC_REQUEST = "v1/devices/me/rpc/request/"
_RPC_RESPONSE = "v1/devices/me/rpc/response/"
_TELEMETRY = "v1/gateway/telemetry"


class _OpenBroker(Broker):
    """The village's Mosquitto, but one that anybody on this machine may use for any topic."""

    def _configuration(self) -> str:
        locked = ("allow_anonymous", "password_file", "acl_file")
        lines = [
            one for one in super()._configuration().splitlines() if one.split()[0] not in locked
        ]
        return "\n".join([*lines, "allow_anonymous true"]) + "\n"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Values of one device at one time.

    Args:
        at_s: when they came, s of the monotonic clock.
        device: its name.
        ts_ms: the time they are said to be of, unix ms.
        values: by name.
    """

    at_s: float
    device: str
    ts_ms: int
    values: dict[str, object]


class Platform:
    """The server; it can go away and be back.

    Args:
        folder: for its broker's files.
    """

    def __init__(self, folder: Path) -> None:
        self.arrivals: list[Arrival] = []
        self._broker = _OpenBroker(folder, {"gateway": "unused"})
        self._playing: asyncio.Task[None] | None = None

    @property
    def address(self) -> BrokerAddress:
        """Where it listens, or will."""
        return self._broker.address

    async def start(self) -> None:
        """Be there."""
        await self._broker.start()
        ready = asyncio.Event()
        self._playing = asyncio.create_task(self._play(ready))
        await ready.wait()

    async def leave(self) -> None:
        """Be gone at once; does nothing when it is not there."""
        if self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError):
                await self._playing
            self._playing = None
        await self._broker.kill()

    async def _play(self, ready: asyncio.Event) -> None:
        async with aiomqtt.Client(self.address.host, self.address.port) as client:
            await client.subscribe([(_RPC_REQUEST + "+", 1), (_TELEMETRY, 1)])
            ready.set()
            async for message in client.messages:
                to = message.topic.value
                if to.startswith(_RPC_REQUEST):
                    answer_to = _RPC_RESPONSE + to.removeprefix(_RPC_REQUEST)
                    await client.publish(answer_to, _LIMITS, qos=1)
                elif isinstance(message.payload, bytes):
                    self._note(message.payload)

    def _note(self, payload: bytes) -> None:
        at_s = time.monotonic()
        for device, entries in json.loads(payload).items():
            self.arrivals += [
                Arrival(at_s, device, entry["ts"], entry["values"]) for entry in entries
            ]
