"""Nodes on MQTT: what they measured becomes readings, what they say of themselves a status.

A message is acknowledged to the broker only after its reading is durable, so a crash loses none;
what can never be stored is refused in words and acknowledged too, or it would come back for ever.
Sends nothing but acknowledgements: commands to relays are made elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.broker import Broker, Reach
from gateway.clock import Clock
from gateway.domain.readings import Reading
from gateway.errors import Permanent, Transient
from gateway.sources.intake import Intake
from gateway.sources.journal import Journal, Sender
from gateway.sources.ranges import judge
from gateway.store.database import Database
from gateway.wire.errors import WireError
from gateway.wire.meters import PZEM_004T_V3
from gateway.wire.nodes import (
    Acknowledgement,
    NodeReading,
    decode_reading,
    decode_status,
    encode_ack,
)
from gateway.wire.relays import RelayReport, decode_relay_report
from gateway.wire.topics import Channel, parse_topic, topic

log = logging.getLogger(__name__)

FILTERS = ("nodes/+/up/#",)
HURRY_AT = 500
"""Uncommitted readings from which on the next commit is not waited for."""
INTAKE_RETRY_S = 1.0
_STRANGER = Sender("an unknown node")  # one sender for all of them: names are theirs to invent


@dataclass(frozen=True, slots=True)
class MeterOfNode:
    """The meter that a node reports for.

    Args:
        meter_id: its row in the store.
        meter_point_id: the row of the meter point that it measures.
        label: what people call that meter point.
    """

    meter_id: int
    meter_point_id: int
    label: str


class NodeSource:
    """Takes everything that nodes publish.

    Args:
        broker: the connection; this source becomes its listener.
        nodes: the known nodes, by name.
        intake: takes the readings.
        database: for statuses and events.
        clock: dates statuses and events; nodes date their own readings.
    """

    def __init__(
        self,
        broker: Broker,
        nodes: Mapping[str, MeterOfNode],
        intake: Intake,
        database: Database,
        clock: Clock,
    ) -> None:
        self._broker = broker
        self._nodes = nodes
        self._intake = intake
        self._clock = clock
        self._journal = Journal(database, clock)
        self._states: dict[str, _State] = {name: _State() for name in nodes}
        self._uncommitted = 0
        self._acks: dict[tuple[str, str | None], deque[Acknowledgement]] = {}
        self._committed = asyncio.Event()
        broker.listen(FILTERS, self._receive, self._report)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many readings were refused since the start, by who sent them."""
        return self._journal.refused

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Tell each node which of its readings are durable: one message for all of a commit.

        Raises:
            Transient: the broker is away; what was not sent is kept.
        """
        while self._acks:
            key = next(iter(self._acks))
            acks = self._acks.pop(key)
            while acks:
                try:
                    await self._broker.publish(topic(key[0], Channel.ACK), encode_ack(acks[0]))
                except Transient:
                    acks.extend(self._acks.pop(key, ()))
                    self._acks[key] = acks
                    raise
                acks.popleft()

    async def run(self) -> None:
        """Acknowledge after each commit until cancelled; run the broker beside it."""
        while True:
            await self._committed.wait()
            self._committed.clear()
            try:
                await self.tick(self._clock.now())
            except Transient as error:  # sent when the broker is back, see _report
                log.info("acknowledgements kept=%d: %s", len(self._acks), error)

    async def _report(self, reach: Reach, message: str) -> None:
        await self._journal.mark("broker", reach, message)
        if reach == "offline":
            await self._forget_who_is_online()
        self._committed.set()

    async def _forget_who_is_online(self) -> None:
        """No broker, no news of nodes; each that comes back is told its relay's state again."""
        for name, state in self._states.items():
            state.reach, state.lost_at = None, self._clock.now()
            label = self._nodes[name].label
            message = f"{label} has not been heard since the broker was away"
            await self._journal.mark(f"node:{name}", "offline", message)

    async def _receive(self, topic_text: str, payload: bytes) -> None:
        """Take one message; returning acknowledges it to the broker."""
        try:
            name, channel = parse_topic(topic_text)
        except WireError as error:
            await self._journal.refuse(_STRANGER, str(error))
            return
        if name not in self._nodes:
            why = f"{name} is not in the configuration: add a meter_point with its name as node"
            await self._journal.refuse(_STRANGER, why)
            return
        match channel:
            case Channel.READING:
                await self._take_reading(name, payload)
            case Channel.RELAY_STATE:
                await self._take_relay(name, payload)
            case Channel.STATUS:
                await self._take_status(name, payload)
            case Channel.RELAY_COMMAND | Channel.ACK:  # ours, not subscribed
                return

    async def _take_reading(self, name: str, payload: bytes) -> None:
        """Return when the reading is durable, or refused because it can never be stored."""
        try:
            message = decode_reading(payload)
            if message.device_id != name:
                raise WireError(
                    "device_id", f"is {message.device_id!r}, sent as {name}: align them"
                )
        except WireError as error:
            await self._refuse(name, error)
            return
        await self._seen(name, message.read_at)
        try:
            reading = judge(_reading(message, self._nodes[name]), PZEM_004T_V3.ranges)
            done = await self._offer(reading)
        except Permanent as error:
            await self._refuse(name, error)
            if message.sequence is not None:  # its timestamp may be the very thing that is wrong
                self._acknowledge(name, message)
            return
        await self._until_durable(done)
        self._acknowledge(name, message)

    async def _until_durable(self, done: asyncio.Future[None]) -> None:
        self._uncommitted += 1
        if self._uncommitted >= HURRY_AT:
            self._intake.hurry()
        try:
            await asyncio.wait([done])  # a lost connection ends the waiting, never the commit
        finally:
            self._uncommitted -= 1

    async def _offer(self, reading: Reading) -> asyncio.Future[None]:
        """Wait until the intake has room: the broker and the node hold what is not taken."""
        while True:
            try:
                return self._intake.offer(reading)
            except Transient:
                await asyncio.sleep(INTAKE_RETRY_S)

    def _acknowledge(self, name: str, message: NodeReading) -> None:
        number = message.sequence
        ack = Acknowledgement(message.read_at, number, message.boot_id, number)
        # Sequences of two boots can't be compared.
        acks = self._acks.setdefault((name, message.boot_id), deque())
        both = _joined(acks[-1], ack) if acks else None
        if both is not None:
            acks.pop()
        acks.append(both or ack)
        self._committed.set()

    async def _seen(self, name: str, read_at: datetime) -> None:
        """A reading proves that a node lives, unless it was taken before the node was lost."""
        state = self._states[name]
        if state.lost_at is None or read_at > state.lost_at:
            state.reach, state.lost_at = "online", None
            await self._mark(name)

    async def _take_relay(self, name: str, payload: bytes) -> None:
        """Note the relay's position; being retained, the report proves no life by itself."""
        try:
            report = decode_relay_report(payload)
        except WireError as error:
            await self._refuse(name, error)
            return
        self._states[name].relay = report
        await self._mark(name)
        if report.refused is not None:
            what = f"did not obey a relay command: {report.refused}"
            await self._journal.tell_seldom("relay-refused", self._sender(name), what)

    async def _take_status(self, name: str, payload: bytes) -> None:
        try:
            online = decode_status(payload)
        except WireError as error:
            await self._refuse(name, error)
            return
        state = self._states[name]
        state.reach = "online" if online else "offline"
        state.lost_at = None if online else self._clock.now()
        await self._mark(name)

    async def _mark(self, name: str) -> None:
        state, label = self._states[name], self._nodes[name].label
        match state.reach:
            case "online":
                relay = f"; its relay is {state.relay.state}" if state.relay else ""
                message = f"{label} reports{relay}"
            case "offline":
                message = f"{label} lost its connection: check its node's Wi-Fi and mains supply"
            case None:
                return
        await self._journal.mark(f"node:{name}", state.reach, message)

    async def _refuse(self, name: str, error: Permanent) -> None:
        await self._journal.refuse(self._sender(name), str(error))

    def _sender(self, name: str) -> Sender:
        meter = self._nodes[name]
        return Sender(f"node {name} ({meter.label})", meter.meter_point_id, meter.meter_id)


@dataclass(slots=True)
class _State:
    """What is known of a node since the start.

    Args:
        reach: None until it said so itself, or the broker did in its last will.
        lost_at: when we heard its last will; None while it lives.
        relay: its last report.
    """

    reach: Reach | None = None
    lost_at: datetime | None = None
    relay: RelayReport | None = None


def _joined(one: Acknowledgement, other: Acknowledgement) -> Acknowledgement | None:
    """One acknowledgement for two of the same boot; None when something is missing between."""
    newer = max(one, other, key=lambda ack: (ack.sequence or 0, ack.read_at))
    match (one.first_sequence, one.sequence), (other.first_sequence, other.sequence):
        case (None, None), (None, None):
            return newer
        case (int(first), int(last)), (int(other_first), int(other_last)) if (
            other_first <= last + 1 and first <= other_last + 1
        ):
            return replace(newer, first_sequence=min(first, other_first))
        case _:
            return None


def _reading(message: NodeReading, meter: MeterOfNode) -> Reading:
    return Reading(
        meter_id=meter.meter_id,
        read_at=message.read_at,
        energy_wh=message.energy_wh,
        voltage_mv=message.voltage_mv,
        current_ma=message.current_ma,
        power_mw=message.power_mw,
        frequency_mhz=message.frequency_mhz,
        power_factor_milli=message.power_factor_milli,
    )
