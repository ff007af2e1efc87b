"""One connection to the broker, and everything that ends with it.

Each connection is a client object of its own: an acknowledgement that comes late can then never
reach the next connection, where the same packet id may belong to another message.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

import gmqtt  # type: ignore[import-untyped]

from gateway.broker.inbox import Inbox, Receive
from gateway.errors import GatewayError, Transient

CONNECT_TIMEOUT_S = 5.0
PUBLISH_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
AT_LEAST_ONCE = 1
LARGEST_PACKET = 16_384
"""Bytes: what is larger the broker keeps from us, or one sender could fill the memory."""
_REFUSED = 0x80
_NO_RECONNECT = {"reconnect_retries": -2}  # -1 is for ever, and 0 still tries once


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


class Link:
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
        self._inbox = Inbox(receive, self._give_up, self._send)
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
        """Send a message; with QoS 1, return once the broker has it.

        Raises:
            Transient: it did not confirm in time.
        """
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
