"""Messages as they come in, and when each is acknowledged to the broker.

In place of gmqtt's own handling, which makes a task and a write of its own for every message:
those that wait for the same future are acknowledged together, with one write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

Receive = Callable[[str, bytes], Awaitable[object] | None]
"""Takes a message's topic and payload; the message is acknowledged when what it returns is done.

None: at once. A coroutine becomes a task, which ends with the connection; a future is only waited
for. A GatewayError ends the connection: a Transient one is tried again, a Permanent one ends
:meth:`Broker.run`.
"""
_PUBACK = b"\x40\x02"  # without a reason code: success (OASIS mqtt-v5.0, 3.4.2.1)


class Inbox:
    """Messages as they come in, and which of them are still to be acknowledged.

    Args:
        receive: gets every message.
        give_up: told when one cannot be handled.
        send: writes packets to the connection.
    """

    def __init__(
        self,
        receive: Receive,
        give_up: Callable[[GatewayError], None],
        send: Callable[[bytes], None],
    ) -> None:
        self._receive = receive
        self._give_up = give_up
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        self._owed: dict[asyncio.Future[object], bytearray] = {}
        self._tasks: set[asyncio.Future[object]] = set()
        self._ready = bytearray()

    def take(self, header: int, packet: bytes) -> None:
        """Take one PUBLISH packet of MQTT 5 (OASIS mqtt-v5.0, 3.3) with QoS 0 or 1.

        Args:
            header: its first byte.
            packet: what follows the remaining length.
        """
        if not self._is_open:
            return
        at = 2 + int.from_bytes(packet[:2])
        topic = packet[2:at].decode("utf-8", "replace")
        identifier = packet[at : at + 2] if header & 0x06 else b""
        at += len(identifier)
        length, at = _variable_byte_integer(packet, at)
        try:
            done = self._receive(topic, packet[at + length :])
        except GatewayError as error:
            self._give_up(error)
        except Exception:
            log.exception("a message could not be handled topic=%s", topic)
        else:
            self._owe(identifier, done)

    def close(self) -> None:
        """Acknowledge nothing from now on."""
        self._is_open = False
        self._owed.clear()
        for task in self._tasks:
            task.cancel()

    def _owe(self, identifier: bytes, done: Awaitable[object] | None) -> None:
        acknowledgement = _PUBACK + identifier if identifier else b""
        if done is None:
            self._acknowledge(acknowledgement)
            return
        future = done if isinstance(done, asyncio.Future) else self._task(done)
        owed = self._owed.get(future)
        if owed is None:
            owed = self._owed[future] = bytearray()
            future.add_done_callback(self._settle)
        owed += acknowledgement

    def _task(self, done: Awaitable[object]) -> asyncio.Future[object]:
        task = asyncio.ensure_future(done)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _settle(self, future: asyncio.Future[object]) -> None:
        """Acknowledge everything that waited for this; if it failed, nothing."""
        owed = self._owed.pop(future, None)
        error = None if future.cancelled() else future.exception()
        if owed is None or future.cancelled():
            return
        match error:
            case None:
                self._acknowledge(owed)
            case GatewayError():
                self._give_up(error)
            case _:
                log.error("a message could not be handled", exc_info=error)

    def _acknowledge(self, packets: bytes | bytearray) -> None:
        """Write in one go what became ready in one turn of the loop."""
        if packets and not self._ready:
            self._loop.call_soon(self._write)
        self._ready += packets

    def _write(self) -> None:
        if self._is_open:
            self._send(bytes(self._ready))
        self._ready.clear()


def _variable_byte_integer(packet: bytes, at: int) -> tuple[int, int]:
    """A length and where it ends (OASIS mqtt-v5.0, 1.5.5)."""
    value = shift = 0
    while True:
        byte = packet[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
        shift += 7
