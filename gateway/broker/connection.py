"""Stays connected to the broker: connects, subscribes, publishes, and says who can be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from gateway.broker.inbox import Receive
from gateway.broker.link import AT_LEAST_ONCE, BrokerSettings, Link
from gateway.errors import Transient

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0

Reach = Literal["online", "offline"]
Report = Callable[[Reach, str], Awaitable[None]]
"""Takes whether the broker can be reached, and a sentence for the operator."""


class Broker:
    """Stays connected, and forgets nothing that the broker still holds for us.

    Args:
        settings: where the broker is.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._filters: tuple[str, ...] = ()
        self._receive: Receive = _discard
        self._report: Report = _say_nothing
        self._link: Link | None = None
        self._said: tuple[Reach, str] | None = None

    def listen(self, filters: tuple[str, ...], receive: Receive, report: Report) -> None:
        """Name the one listener; call it before :meth:`run`.

        Args:
            filters: MQTT topic filters, subscribed with QoS 1.
            receive: gets every message; several run at a time.
            report: gets every change between online and offline.
        """
        self._filters, self._receive, self._report = filters, receive, report

    async def publish(self, topic: str, payload: bytes, qos: int = AT_LEAST_ONCE) -> None:
        """Hand a message to the broker; with QoS 1, return once it has it.

        Raises:
            Transient: the broker is away, or did not confirm in time.
        """
        if self._link is None:
            raise Transient(f"the broker at {self._settings.address} is away: {topic} not sent")
        await self._link.publish(topic, payload, qos)

    async def run(self) -> None:
        """Stay connected until cancelled.

        Raises:
            Permanent: the handler cannot go on until a person acts.
        """
        retry_s = FIRST_RETRY_S
        while True:
            since_s = time.monotonic()
            try:
                await self._connect()
                await self._stay()
            except Transient as error:
                await self._say("offline", str(error))
            if time.monotonic() - since_s > LONGEST_RETRY_S:  # else two of one id take turns fast
                retry_s = FIRST_RETRY_S
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    async def _connect(self) -> None:
        link = Link(self._settings, self._receive)
        try:
            await link.open(self._filters)
            self._link = link
            await self._say("online", f"connected to the broker at {self._settings.address}")
        except BaseException:
            self._link = None
            await link.close()
            raise

    async def _stay(self) -> None:
        link = self._link
        if link is None:
            raise AssertionError
        try:
            await link.lost.wait()
        finally:
            self._link = None
            await link.close()
        if link.failure is not None:
            raise link.failure
        raise Transient(
            f"the broker at {self._settings.address} hung up: is Mosquitto running, and is this "
            f"the only gateway that calls itself {self._settings.client_id}?"
        )

    async def _say(self, reach: Reach, message: str) -> None:
        if self._said == (reach, message):
            return
        self._said = (reach, message)
        await self._report(reach, message)


def _discard(_topic: str, _payload: bytes) -> None:
    """Receive when nobody listens."""


async def _say_nothing(_reach: Reach, _message: str) -> None:
    """Report when nobody listens."""
