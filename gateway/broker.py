"""The one MQTT connection of this process: connects, subscribes, publishes, hands on messages.

A message is acknowledged to the broker when what its handler returned is done, never before, so a
handler that returns the future of its commit loses nothing to a crash; if it fails, nothing is
acknowledged. Messages that wait for the same future are acknowledged with one write, and no task
is made for any of them. Each connection is a client object of its own: an acknowledgement that
comes late can then never reach the next connection, where the same packet id may belong to
another message. Knows no topic and no message's meaning.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import gmqtt  # type: ignore[import-untyped]

from gateway.errors import GatewayError, Transient

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0
CONNECT_TIMEOUT_S = 5.0
PUBLISH_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
AT_LEAST_ONCE = 1
LARGEST_PACKET = 16_384
"""Bytes: what is larger the broker keeps from us, or one sender could fill the memory."""
_REFUSED = 0x80
_PUBACK = b"\x40\x02"  # without a reason code: success (OASIS mqtt-v5.0, 3.4.2.1)
_NO_RECONNECT = {"reconnect_retries": -2}  # -1 is for ever, and 0 still tries once

Receive = Callable[[str, bytes], Awaitable[object] | None]
"""Takes a message's topic and payload; the message is acknowledged when what it returns is done.

None: at once. A coroutine becomes a task, which ends with the connection; a future is only waited
for. A GatewayError ends the connection: a Transient one is tried again, a Permanent one ends
:meth:`Broker.run`.
"""
Reach = Literal["online", "offline"]
Report = Callable[[Reach, str], Awaitable[None]]
"""Takes whether the broker can be reached, and a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is, and how we are known there.

    Args:
        host: its name or address.
        port: its TCP port.
        username: ours, None where the broker asks for none.
        password: goes with it.
        client_id: fixed, because the broker keeps our unacknowledged messages under it.
        keepalive_s: how often both sides prove to be there, s.
        session_expiry_s: how long the broker keeps messages for us while we are away, s.
        receive_maximum: how many messages may wait here for their commit.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = "gateway"
    keepalive_s: int = 20
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 5_000

    @property
    def address(self) -> str:
        """'HOST:PORT', for sentences."""
        return f"{self.host}:{self.port}"


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
        self._link: _Link | None = None
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
        link = _Link(self._settings, self._receive)
        try:
            await link.open(self._filters)
        except BaseException:
            await link.close()
            raise
        self._link = link
        await self._say("online", f"connected to the broker at {self._settings.address}")

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


class _Link:
    """One connection, and everything that ends with it."""

    def __init__(self, settings: BrokerSettings, receive: Receive) -> None:
        self.lost = asyncio.Event()
        self.failure: GatewayError | None = None
        self._settings = settings
        self._unconfirmed = _Unconfirmed()
        self._subscribed: asyncio.Future[tuple[int, ...]] = asyncio.Future()
        logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # the listener logs transitions
        self._client = gmqtt.Client(
            settings.client_id,
            clean_session=False,
            optimistic_acknowledgement=False,
            persistent_storage=self._unconfirmed,
            session_expiry_interval=settings.session_expiry_s,
            receive_maximum=settings.receive_maximum,
            maximum_packet_size=LARGEST_PACKET,
        )
        self._client.set_config(_NO_RECONNECT)
        self._inbox = _Inbox(receive, self._give_up, self._send)
        # gmqtt makes a task and a write of its own for every message; its handlers are looked up
        # by name, and version 0.8.0 is pinned.
        self._client._package_handler._handle_publish_packet = self._inbox.take  # noqa: SLF001
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        if settings.username is not None:
            self._client.set_auth_credentials(settings.username, settings.password)

    async def open(self, filters: tuple[str, ...]) -> None:
        """Connect and subscribe."""
        host, port = self._settings.host, self._settings.port
        where = f"the broker at {self._settings.address}"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._client.connect(host, port, keepalive=self._settings.keepalive_s)
                if not filters:
                    return
                self._client.subscribe(
                    [gmqtt.Subscription(one, qos=AT_LEAST_ONCE) for one in filters]
                )
                granted = await self._subscribed
        except TimeoutError:
            raise Transient(
                f"{where} doesn't answer: restart Mosquitto, or correct mqtt.port"
            ) from None
        except OSError as error:
            raise Transient(f"{where} can't be reached: start Mosquitto") from error
        except gmqtt.mqtt.handler.MQTTConnectError as error:
            raise Transient(
                f"{where} refuses us, {error}: check mqtt.username and its password file"
            ) from error
        if any(code >= _REFUSED for code in granted):
            raise Transient(f"{where} refuses the subscription: allow it in the broker's ACL")

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self._client.publish(topic, payload, qos=qos)
        if qos == 0:
            return
        confirmed = False
        with suppress(TimeoutError):
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                confirmed = await self._unconfirmed.newest
        if not confirmed:
            raise Transient(f"the broker at {self._settings.address} did not confirm {topic}")

    async def close(self) -> None:
        """Let go of the messages that are still being handled, and hang up.

        What they return acknowledges nothing any more, so the broker delivers them again. A broker
        that takes no more bytes is not waited for.
        """
        self.lost.set()
        self._inbox.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._client.disconnect()
        self._unconfirmed.give_up()

    def _send(self, packets: bytes) -> None:
        connection = self._client._connection  # noqa: SLF001 - gmqtt has no other way to send bytes
        if not connection.is_closing():
            connection.send_package(packets)

    def _give_up(self, error: GatewayError) -> None:
        """End the connection because a message could not be handled."""
        self.failure = self.failure or error
        self.lost.set()

    def _on_disconnect(self, _client: object, _packet: object, _error: object = None) -> None:
        self.lost.set()

    def _on_subscribe(
        self, _client: object, _packet_id: int, granted: tuple[int, ...], _properties: object
    ) -> None:
        if not self._subscribed.done():
            self._subscribed.set_result(granted)


class _Inbox:
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


class _Unconfirmed:
    """What we published and the broker has not confirmed, in the shape of gmqtt's storage.

    Nothing is ever replayed: whoever published was told that it failed, and decides anew.
    """

    is_empty = True

    def __init__(self) -> None:
        self.newest: asyncio.Future[bool] = asyncio.Future()
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    def push_message(self, packet_id: int, _packet: bytes) -> None:
        self.newest = asyncio.get_running_loop().create_future()
        self._waiting[packet_id] = self.newest

    def remove_message_by_mid(self, packet_id: int) -> None:
        confirmed = self._waiting.pop(packet_id, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(True)

    def clear(self) -> None:
        """A session that the broker forgot has nothing to replay either."""

    def get_all(self) -> list[tuple[int, bytes]]:
        return []

    async def wait_empty(self) -> None:
        return

    def give_up(self) -> None:
        for confirmed in self._waiting.values():
            if not confirmed.done():
                confirmed.set_result(False)
        self._waiting.clear()


def _discard(_topic: str, _payload: bytes) -> None:
    """Receive when nobody listens."""


async def _say_nothing(_reach: Reach, _message: str) -> None:
    """Report when nobody listens."""
