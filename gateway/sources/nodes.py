"""Nodes on MQTT: what they measured becomes readings, what they say of themselves a status.

A message is acknowledged to the broker only after its reading is durable, so a crash loses none;
what can never be stored is refused in words and acknowledged too, or it would come back for ever.
Sends nothing but acknowledgements: commands to relays are made elsewhere.

A reading takes no task and no wait of its own: it is decoded, checked and handed to the intake in
one go, and everything that waits for the same commit shares that commit's future.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.broker import Broker, Reach
from gateway.clock import Clock
from gateway.domain.readings import Doubt, Quality, Reading
from gateway.errors import Permanent, Transient
from gateway.sources.acknowledgements import Acknowledgements
from gateway.sources.intake import Intake
from gateway.sources.journal import Journal
from gateway.sources.known_node import KnownNode
from gateway.sources.misdated import Misdated
from gateway.sources.ranges import check_ranges
from gateway.sources.strangers import STRANGER, Strangers
from gateway.sources.undated import MOST_AHEAD
from gateway.store.database import Database
from gateway.store.points import MeterPoint
from gateway.wire.errors import WireError
from gateway.wire.meters import PZEM_004T_V3
from gateway.wire.nodes import NodeReading, decode_reading, decode_status
from gateway.wire.relays import decode_relay_report
from gateway.wire.topics import Channel, parse_topic, topic

if TYPE_CHECKING:
    from gateway.sources.node_tokens import NodeTokens  # loaded only where tokens are taken

log = logging.getLogger(__name__)

FILTERS = ("nodes/+/up/#",)
HURRY_AT = 1_000
"""Uncommitted readings from which on the next commit is not waited for."""
INTAKE_RETRY_S = 1.0
_MOST_AHEAD_S = MOST_AHEAD.total_seconds()
_ADDRESS = "node/"


class NodeSource:
    """Takes everything that nodes publish.

    Args:
        broker: the connection; this source becomes its listener.
        points: the meter points; those whose meter is at 'node/NAME' are listened to.
        intake: takes the readings.
        database: for statuses and events.
        clock: dates statuses and events; nodes date their own readings, as long as they can.
        strangers: hears the nodes that are no meter point's.
        tokens: takes the tokens that are typed at nodes; None: none is taken.
    """

    def __init__(
        self,
        broker: Broker,
        points: Sequence[MeterPoint],
        intake: Intake,
        database: Database,
        clock: Clock,
        *,
        strangers: Strangers,
        tokens: NodeTokens | None = None,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._strangers = strangers
        self._tokens = tokens
        self._journal = Journal(database, clock)
        self._acknowledgements = Acknowledgements(broker)
        self._misdated = Misdated(
            self._offer_dated, self._acknowledgements.owe, self._journal, database, clock
        )
        self._nodes: dict[str, KnownNode] = {}
        self._by_topic: dict[str, KnownNode] = {}
        self.learn(points)
        broker.listen(FILTERS, self._receive, self._report)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many readings were refused since the start, by who sent them."""
        return self._journal.refused

    def learn(self, points: Sequence[MeterPoint]) -> None:
        """Take over which nodes report for which meter points; what is known of them stays."""
        found: dict[str, KnownNode] = {}
        for point in points:
            if not point.address.startswith(_ADDRESS):
                continue
            name = point.address.removeprefix(_ADDRESS)
            found[name] = self._nodes.get(name) or KnownNode(name, point)
            found[name].point = point
            self._strangers.forget(name)
        self._nodes = found
        self._by_topic = {topic(name, Channel.READING): node for name, node in found.items()}

    async def tick(self, now: datetime) -> None:  # noqa: ARG002 - every service has this shape
        """Tell each node which of its readings are durable: one message for all of a commit.

        Raises:
            Transient: the broker is away; what was not sent is kept.
        """
        await self._acknowledgements.send()

    async def run(self) -> None:
        """Acknowledge after each commit until cancelled; run the broker beside it."""
        ready = self._acknowledgements.ready
        try:
            while True:
                await ready.wait()
                ready.clear()
                try:
                    await self.tick(self._clock.now())
                except Transient as error:  # sent when the broker is back, see _report
                    kept = self._acknowledgements.nodes_waiting
                    log.info("acknowledgements kept=%d: %s", kept, error)
        finally:
            self._misdated.drop()

    async def _report(self, reach: Reach, message: str) -> None:
        await self._journal.mark("broker", reach, message)
        if reach == "offline":
            self._misdated.drop()  # the broker delivers them again
            await self._forget_who_is_online()
        self._acknowledgements.ready.set()

    async def _forget_who_is_online(self) -> None:
        """No broker, no news of nodes; each that comes back is told its relay's state again."""
        for node in self._nodes.values():
            node.reach, node.lost_s = None, self._clock.now_s()
            message = f"{node.point.label} has not been heard since the broker was away"
            await self._journal.mark(f"node:{node.name}", "offline", message)

    def _receive(self, topic_text: str, payload: bytes) -> Awaitable[object] | None:
        """Take one message; it is acknowledged to the broker when what this returns is done."""
        node = self._by_topic.get(topic_text)
        if node is not None:
            return self._take_reading(node, payload)
        try:
            name, channel = parse_topic(topic_text)
        except WireError as error:
            return self._journal.refuse(STRANGER, str(error))
        known = self._nodes.get(name)
        if known is None:
            return self._take_stranger(name, channel, payload)
        return self._take_other(known, channel, payload)

    def _take_other(
        self, node: KnownNode, channel: Channel, payload: bytes
    ) -> Awaitable[object] | None:
        match channel:
            case Channel.RELAY_STATE:
                return self._take_relay(node, payload)
            case Channel.STATUS:
                return self._take_status(node, payload)
            case Channel.TOKEN if self._tokens is not None:
                return self._tokens.take(node, payload, self._journal)
            case _:  # ours, not subscribed; or not set up
                return None

    def _take_stranger(
        self, name: str, channel: Channel, payload: bytes
    ) -> Awaitable[object] | None:
        if channel is not Channel.READING:
            return None
        try:
            self._strangers.hear(_decode(name, payload))
        except WireError as error:
            return self._journal.refuse(STRANGER, str(error))
        return None

    def _take_reading(self, node: KnownNode, payload: bytes) -> Awaitable[object] | None:
        """The future of its commit, or what refuses it because it can never be stored."""
        try:
            message = _decode(node.name, payload)
        except WireError as error:
            return self._journal.refuse(node.sender, str(error))
        read_s = message.read_at.timestamp()
        ahead_s = read_s - self._clock.now_s()
        is_ahead = ahead_s > _MOST_AHEAD_S and self._clock.trusted  # else it may be we who are late
        if is_ahead or read_s < node.point.installed_s - _MOST_AHEAD_S:
            was, node.reach, node.lost_s = node.reach, "online", None  # whatever its date
            held = self._misdated.hold(node, message)
            return held if was == "online" else self._after_mark(node, held)
        try:
            done = self._offer(
                node, message, _checked(_reading(message, node.point)), own_date=True
            )
        except Permanent as error:
            return self._refuse(node, message, str(error))
        except Transient:
            return self._offer_patiently(node, message)
        if node.reach == "online" or (node.lost_s is not None and read_s <= node.lost_s):
            return done
        # A reading proves that a node lives, unless it was taken before the node was lost.
        node.reach, node.lost_s = "online", None
        return self._after_mark(node, done)

    def _offer(
        self, node: KnownNode, message: NodeReading, reading: Reading, *, own_date: bool = False
    ) -> asyncio.Future[None]:
        done = self._intake.offer(reading, own_date=own_date)
        node.newest = done
        self._acknowledgements.owe_after(done, node.name, message)
        if self._acknowledgements.uncommitted >= HURRY_AT:
            self._intake.hurry()
        return done

    async def _offer_patiently(self, node: KnownNode, message: NodeReading) -> None:
        """Wait until the intake has room: the broker and the node hold what is not taken."""
        while True:
            await asyncio.sleep(INTAKE_RETRY_S)
            try:
                reading = _checked(_reading(message, node.point))
                done = self._offer(node, message, reading, own_date=True)
            except Transient:
                continue
            except Permanent as error:
                await self._refuse(node, message, str(error))
                return
            await asyncio.shield(done)
            return

    def _offer_dated(
        self, node: KnownNode, message: NodeReading, read_at: datetime
    ) -> asyncio.Future[None]:
        """Take a reading that the gateway dated; raises like :meth:`Intake.offer`."""
        reading = Reading(
            node.point.meter_id,
            read_at,
            message.energy_wh,
            message.voltage_mv,
            message.current_ma,
            message.power_mw,
            message.frequency_mhz,
            message.power_factor_milli,
            None,
            Quality.SUSPECT,
            Doubt.CLOCK,
        )
        return self._offer(node, message, _checked(reading))

    async def _refuse(self, node: KnownNode, message: NodeReading, why: str) -> None:
        self._acknowledgements.owe(node.name, message)
        await self._journal.refuse(node.sender, why)

    async def _after_mark(self, node: KnownNode, done: asyncio.Future[None]) -> None:
        await self._mark(node)
        await asyncio.shield(done)  # a lost connection ends the waiting, never the commit

    async def _take_relay(self, node: KnownNode, payload: bytes) -> None:
        """Note the relay's position; being retained, the report proves no life by itself."""
        try:
            report = decode_relay_report(payload)
        except WireError as error:
            await self._journal.refuse(node.sender, str(error))
            return
        node.relay = report
        await self._mark(node)
        if report.refused is not None:
            what = f"did not obey a relay command: {report.refused}"
            await self._journal.tell_seldom("relay-refused", node.sender, what)

    def _take_status(self, node: KnownNode, payload: bytes) -> Awaitable[object]:
        try:
            online = decode_status(payload)
        except WireError as error:
            return self._journal.refuse(node.sender, str(error))
        node.reach = "online" if online else "offline"
        node.lost_s = None if online else self._clock.now_s()
        return self._mark(node)

    async def _mark(self, node: KnownNode) -> None:
        if node.reach is not None:
            await self._journal.mark(f"node:{node.name}", node.reach, node.message)


def _decode(name: str, payload: bytes) -> NodeReading:
    message = decode_reading(payload)
    if message.device_id != name:
        raise WireError("device_id", f"is {message.device_id!r}, sent as {name}: align them")
    return message


def _reading(message: NodeReading, point: MeterPoint) -> Reading:
    return Reading(
        point.meter_id,
        message.read_at,
        message.energy_wh,
        message.voltage_mv,
        message.current_ma,
        message.power_mw,
        message.frequency_mhz,
        message.power_factor_milli,
    )


def _checked(reading: Reading) -> Reading:
    """The reading itself.

    Raises:
        Permanent: no meter can have said that.
    """
    check_ranges(reading, PZEM_004T_V3.ranges)  # what nodes measure with
    return reading
