"""A simulated ESP32 node: reads its meter, speaks MQTT, switches its relay when rightly told to.

It does what the firmware does, against the real broker: keeps every reading until the gateway has
acknowledged it, and believes no command that it cannot check.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import aiomqtt

from gateway.clock import Clock
from gateway.simulation.broker import BrokerAddress
from gateway.simulation.household import Household
from gateway.wire import nodes, registers, relays
from gateway.wire.errors import WireError
from gateway.wire.nodes import Acknowledgement, NodeReading
from gateway.wire.registers import PZEM_004T_V3
from gateway.wire.relays import RelayCommand, RelayReport, Switch
from gateway.wire.topics import Channel, topic

_log = logging.getLogger(__name__)
_RSSI_DBM = -60
_MAX_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How one node behaves.

    Args:
        name: its name and MQTT user.
        password: for the broker.
        key: signs its relay commands, at least 16 bytes.
        read_every_s: between readings, whole s of village time.
        buffer_size: how many readings it can keep; the oldest is lost first.
        resend_after_s: sends again what is not acknowledged for so long, s of wall time; twice as
            long after each time in vain.
        reconnect_after_s: between attempts to reach the broker, s of wall time.
    """

    name: str
    password: str
    key: bytes
    read_every_s: int = 10
    buffer_size: int = 20_000
    resend_after_s: float = 30.0
    reconnect_after_s: float = 0.5


class SimulatedNode:
    """One node behind a household's meter.

    Args:
        settings: who it is.
        household: whose meter it reads and whose supply its relay switches.
        clock: village time.
        broker: where it connects to.
        boot_id: changes when the node restarts.
    """

    def __init__(
        self,
        settings: NodeSettings,
        household: Household,
        clock: Clock,
        broker: BrokerAddress,
        boot_id: str = "boot-1",
    ) -> None:
        self.settings = settings
        self.household = household
        self.lost = 0
        self._clock = clock
        self._broker = broker
        self._boot_id = boot_id
        self._sequence = 0
        self._counter = 0
        self._kept: deque[NodeReading] = deque()
        self._sent = 0  # how many of the kept ones went out on this connection
        self._progress = asyncio.Event()
        self._ending = False
        self._patience_s = settings.resend_after_s
        self._waiting_since_s = time.monotonic()

    @property
    def kept(self) -> tuple[NodeReading, ...]:
        """Readings that the gateway has not acknowledged yet, oldest first."""
        return tuple(self._kept)

    async def run(self) -> None:
        """Read and report until cancelled; a lost broker costs nothing but time."""
        # aiomqtt waits with asyncio.wait_for, which before Python 3.12 drops a cancellation that
        # comes together with the awaited result (bpo-42130); so the end is written down as well.
        self._ending = False
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_for_ever())
            group.create_task(self._report_for_ever())
            try:
                await asyncio.Event().wait()
            finally:
                self._ending = True

    def read(self, at_s: int) -> NodeReading:
        """Read the meter at a whole second of village time and keep the reading."""
        measured = registers.decode(
            PZEM_004T_V3,
            registers.encode(PZEM_004T_V3, self.household.measurement(at_s * 1000)),
        )
        self._sequence += 1
        reading = NodeReading(
            device_id=self.settings.name,
            read_at=datetime.fromtimestamp(at_s, UTC),
            voltage_mv=measured.voltage_mv or 0,
            current_ma=measured.current_ma or 0,
            power_mw=measured.power_mw or 0,
            energy_wh=measured.energy_wh,
            power_factor_milli=measured.power_factor_milli or 0,
            rssi_dbm=_RSSI_DBM,
            sequence=self._sequence,
            boot_id=self._boot_id,
            frequency_mhz=measured.frequency_mhz,
        )
        self._keep(reading)
        return reading

    def obey(self, payload: bytes) -> RelayReport:
        """Check a relay command and obey it when it is signed, new and not expired."""
        now = self._clock.now()
        try:
            command = relays.decode_command(payload, self.settings.name, self.settings.key)
        except WireError as error:
            return self.relay_report(str(error))
        refused = self._reason_to_refuse(command, now)
        if refused is None:
            self._counter = command.counter
            self.household.set_supply(
                connected=command.relay is Switch.ON, at_ms=round(now.timestamp() * 1000)
            )
        return self.relay_report(refused)

    def relay_report(self, refused: str | None = None) -> RelayReport:
        """The relay's position and the last command it obeyed."""
        state = Switch.ON if self.household.connected else Switch.OFF
        return RelayReport(state, self._counter, refused)

    def forget(self, ack: Acknowledgement) -> None:
        """Drop the readings that the gateway has committed."""
        if not self._kept:
            return
        oldest = self._kept[0]
        sent = [one for one in islice(self._kept, self._sent) if not ack.covers(one)]
        unsent = [one for one in islice(self._kept, self._sent, None) if not ack.covers(one)]
        self._kept, self._sent = deque(sent + unsent), len(sent)
        if not self._kept or self._kept[0] is not oldest:
            self._patience_s = self.settings.resend_after_s
            self._waiting_since_s = time.monotonic()

    def _reason_to_refuse(self, command: RelayCommand, now: datetime) -> str | None:
        if command.counter <= self._counter:
            return f"counter {command.counter} is not above {self._counter}: a replay"
        if command.expires_at <= now:
            return f"the command expired at {command.expires_at.isoformat()}"
        return None

    def _keep(self, reading: NodeReading) -> None:
        if len(self._kept) == self.settings.buffer_size:
            self._kept.popleft()
            self._sent = max(0, self._sent - 1)
            self.lost += 1
        self._kept.append(reading)
        self._progress.set()

    async def _read_for_ever(self) -> None:
        step_s = self.settings.read_every_s
        while True:
            due_s = int(self._clock.now_s() // step_s + 1) * step_s
            wait_s = self._clock.wall_duration_s(due_s - self._clock.now_s())
            await asyncio.sleep(max(0.0, wait_s))
            self.read(due_s)

    async def _report_for_ever(self) -> None:
        online = True  # so that the first failure is logged too
        while not self._ending:
            try:
                async with self._client() as client:
                    _log.info("node=%s broker=online", self.settings.name)
                    online = True
                    await self._talk(client)
            except* aiomqtt.MqttError as errors:
                if online:
                    why = errors.exceptions[0]
                    _log.warning("node=%s broker=offline error=%s", self.settings.name, why)
                online = False
            await asyncio.sleep(self.settings.reconnect_after_s)

    def _client(self) -> aiomqtt.Client:
        name = self.settings.name
        will = aiomqtt.Will(
            topic(name, Channel.STATUS), nodes.encode_status(online=False), qos=1, retain=True
        )
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=name,
            password=self.settings.password,
            identifier=name,
            clean_session=False,
            will=will,
        )

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Everything on one connection; ends with an MqttError when it breaks."""
        self._begin_again(self.settings.resend_after_s)
        await client.subscribe(topic(self.settings.name, Channel.RELAY_COMMAND), qos=1)
        await client.subscribe(topic(self.settings.name, Channel.ACK), qos=1)
        await self._publish(client, Channel.STATUS, nodes.encode_status(online=True), retain=True)
        await self._report_relay(client, self.relay_report())
        if self._ending:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(client))
            group.create_task(self._send_for_ever(client))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if message.topic.matches(topic(self.settings.name, Channel.RELAY_COMMAND)):
                await self._report_relay(client, self.obey(payload))
            else:
                self._take_ack(payload)
            if self._ending:
                return

    def _take_ack(self, payload: bytes) -> None:
        try:
            self.forget(nodes.decode_ack(payload))
        except WireError as error:
            _log.warning("node=%s ack=refused error=%s", self.settings.name, error)

    async def _send_for_ever(self, client: aiomqtt.Client) -> None:
        while not self._ending:
            while self._sent < len(self._kept) and not self._ending:
                reading = self._kept[self._sent]
                self._sent += 1
                await self._publish(client, Channel.READING, nodes.encode_reading(reading))
            self._progress.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self._progress.wait()
            if self._sent and time.monotonic() - self._waiting_since_s >= self._patience_s:
                self._begin_again(min(2 * self._patience_s, _MAX_PATIENCE_S))

    def _begin_again(self, patience_s: float) -> None:
        """Send everything kept once more, and wait so long for an acknowledgement."""
        self._sent = 0
        self._patience_s = patience_s
        self._waiting_since_s = time.monotonic()

    async def _report_relay(self, client: aiomqtt.Client, report: RelayReport) -> None:
        payload = relays.encode_relay_report(report)
        await self._publish(client, Channel.RELAY_STATE, payload, retain=True)

    async def _publish(
        self, client: aiomqtt.Client, channel: Channel, payload: bytes, *, retain: bool = False
    ) -> None:
        await client.publish(topic(self.settings.name, channel), payload, qos=1, retain=retain)
