"""The relays as this process knows them: what each was told, and what each was told in vain.

Nothing of this survives the process, which is why every relay is told its state at start. A relay
that fails waits longer each time, and keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.supply import SupplyState, Verdict, stagger_of
from gateway.errors import GatewayError
from gateway.relays.drivers import Driver
from gateway.store.supply import PointSupply
from gateway.store.switchings import Command, Switching

log = logging.getLogger(__name__)

NO_RELAY = "none"
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """How patient one is with relays.

    Args:
        timeout_s: how long a relay may take to obey, wall s.
        retry_s: the first wait after a failure, wall s; it doubles each time.
        longest_retry_s: the longest wait, wall s.
        stagger_s: supplies that are connected are told so one after the other over so long after
            the start, critical ones first, wall s; 0: at once. For a start with the power.
    """

    timeout_s: float = 6.0
    retry_s: float = 1.0
    longest_retry_s: float = 60.0
    stagger_s: int = 0


@dataclass(slots=True)
class _Relay:
    """One relay: the position wanted, the command it has not obeyed yet, its failures since."""

    wanted: bool | None = None
    pending: Command | None = None
    failures: int = 0
    retry_at_s: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What to tell a relay now.

    Args:
        point: whose relay.
        verdict: what was decided.
        command: what to journal it as.
    """

    point: PointSupply
    verdict: Verdict
    command: Command

    def switching(self, *, done: bool, detail: str) -> Switching:
        """The entry for the journal."""
        return Switching(self.point.meter_point_id, self.command, self.verdict.reason, done, detail)


class Switches:
    """All relays of a village.

    Args:
        settings: how patient one is.
        drivers: by kind of relay: what stands before the colon, 'gpio' or 'node'.
    """

    def __init__(self, settings: SwitchSettings, drivers: Mapping[str, Driver]) -> None:
        self._settings = settings
        self._drivers = drivers
        self._relays: dict[int, _Relay] = {}
        self._begun_s = time.monotonic()

    def order(self, point: PointSupply, verdict: Verdict) -> Order | None:
        """What to tell a relay now; None: it was told, there is none, or a retry is not due."""
        if point.relay == NO_RELAY:
            return None
        relay = self._relays.setdefault(point.meter_point_id, _Relay())
        wanted = verdict.connected
        if relay.wanted is not wanted:
            relay.wanted, relay.failures, relay.retry_at_s = wanted, 0, 0.0
            relay.pending = _command(point, wanted=wanted)
        elif relay.pending is None and _came_back(point):
            relay.pending = Command.ASSERT
        if relay.pending is None or time.monotonic() < relay.retry_at_s:
            return None
        if wanted and relay.pending is Command.ASSERT and not self._has_turn(point):
            return None
        return Order(point, verdict, relay.pending)

    async def execute(self, order: Order) -> Switching | None:
        """Switch one relay; None: it failed as it did before, which is not journaled again."""
        point = order.point
        problem = await self._switch(point.relay, connected=order.verdict.connected)
        relay = self._relays[point.meter_point_id]
        if problem:
            repeated = relay.failures > 0 and relay.problem == problem
            self._put_off(relay, problem)
            if repeated:
                return None
            log.error("relay failed point=%s relay=%s: %s", point.label, point.relay, problem)
            return order.switching(done=False, detail=problem)
        relay.pending, relay.failures, relay.problem = None, 0, ""
        log.info(
            "relay switched point=%s command=%s reason=%s",
            point.label,
            order.command,
            order.verdict.reason,
        )
        return order.switching(done=True, detail=order.verdict.detail)

    def problem(self, point: PointSupply) -> str:
        """Why the relay does not obey, or nothing."""
        relay = self._relays.get(point.meter_point_id)
        return relay.problem if relay and relay.failures else ""

    def obeyed(self, point: PointSupply) -> bool:
        """Whether there is a relay that took its last command: only then readings prove things."""
        relay = self._relays.get(point.meter_point_id)
        return relay is not None and relay.pending is None

    def _has_turn(self, point: PointSupply) -> bool:
        facts = point.facts
        wait_s = stagger_of(facts.slot, self._settings.stagger_s, critical=facts.critical)
        return time.monotonic() >= self._begun_s + wait_s

    def _put_off(self, relay: _Relay, problem: str) -> None:
        doubled_s = self._settings.retry_s * 2 ** min(relay.failures, _MOST_DOUBLINGS)
        relay.retry_at_s = time.monotonic() + min(doubled_s, self._settings.longest_retry_s)
        relay.failures += 1
        relay.problem = problem

    async def _switch(self, relay: str, *, connected: bool) -> str:
        """Command one relay; returns what went wrong, or nothing."""
        kind, _, name = relay.partition(":")
        driver = self._drivers.get(kind)
        if driver is None:
            return f"there is no driver for relay {relay!r}: set it to gpio:LINE, node or none"
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await driver.switch(name, connected=connected)
        except TimeoutError:
            return f"no answer within {self._settings.timeout_s:g} s"
        except GatewayError as error:
            return str(error)
        return ""


def _command(point: PointSupply, *, wanted: bool) -> Command:
    """Telling a relay what was decided before is an assert."""
    was_connected = point.facts.state is SupplyState.CONNECTED
    if was_connected == wanted:
        return Command.ASSERT
    return Command.RECONNECT if wanted else Command.DISCONNECT


def _came_back(point: PointSupply) -> bool:
    """Whether the relay's node came online after its last command: it may have missed it."""
    if point.node_online_s is None or point.switched_ms is None:
        return False
    return point.node_online_s * 1000 > point.switched_ms
