"""Supply control: gather, decide, store, switch, journal, verify - from the store alone.

A verdict is committed before its relay is switched, and every relay is told its intended state
once at start, so whatever happened in between is healed. Nothing is switched again because a
meter shows no load.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from gateway.clock import Clock
from gateway.domain.supply import Reason, SupplyPolicy
from gateway.errors import Transient
from gateway.relays.deciding import Decided, Decisions
from gateway.relays.drivers import Driver
from gateway.relays.output import OutputSettings, observe
from gateway.relays.switches import Order, Switches, SwitchSettings
from gateway.store.database import Database
from gateway.store.status import find_status, mark_status
from gateway.store.supply import Output, PointSupply
from gateway.store.switchings import (
    Observation,
    Switching,
    save_outputs,
    save_switchings,
)
from gateway.store.unsettled import UnsettledUsage

log = logging.getLogger(__name__)

POLL_S = 0.2
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
MOST_NAMED = 5
HELD = "supply:held"
"""What the status of disconnections that wait for a person is called."""
_STATUS = "relay:"


@dataclass(frozen=True, slots=True)
class SupplySettings:
    """How supply is controlled.

    Args:
        policy: what the operator allows.
        switching: how patient one is with relays.
        output: how readings are taken for proof.
        every_s: how often it is decided anew though nothing was stored, wall s: time passes too.
        warn_stroops: below the first credit is low, below the second very low; 0: no warning.
        only_feeder: the feeder of meter points that name none; None: there are several, or none.
    """

    policy: SupplyPolicy = field(default_factory=SupplyPolicy)
    switching: SwitchSettings = field(default_factory=SwitchSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    every_s: float = 5.0
    warn_stroops: tuple[int, int] = (0, 0)
    only_feeder: str | None = None


class SupplyControl:
    """Keeps every relay in the state that was decided for it.

    Args:
        settings: how supply is controlled.
        database: facts, verdicts and journal.
        clock: the village's time.
        drivers: by kind of relay: what stands before the colon, 'gpio' or 'node'.
        unsettled: of that database, shared by all in this process; None: one of its own.
    """

    def __init__(
        self,
        settings: SupplySettings,
        database: Database,
        clock: Clock,
        drivers: Mapping[str, Driver],
        *,
        unsettled: UnsettledUsage | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._decisions = Decisions(
            database,
            clock,
            settings.policy,
            settings.warn_stroops,
            settings.only_feeder,
            unsettled=unsettled,
        )
        self._switches = Switches(settings.switching, drivers)
        self._unsaved: list[tuple[int, list[Switching]]] = []
        self._alarms: set[str] | None = None
        self._held = False

    async def tick(self, now: datetime) -> None:
        """Decide for every meter point and act on what differs.

        Args:
            now: the time, aware.

        Raises:
            Transient: the store could not be read or written; what is not stored is not switched,
                but for a lock-out.
        """
        now_ms = int(now.timestamp() * 1000)
        try:
            await self._journal()
            decided = await self._decisions.make(now_ms)
        except Transient:
            await self._open_locked(now_ms)
            raise
        orders = [order for one in decided if (order := self._switches.order(*one))]
        if orders:
            await self._act(orders, now_ms)
        acted = {order.point.meter_point_id for order in orders}
        points = [point for point, _ in decided]
        await self._verify([one for one in points if one.meter_point_id not in acted], now_ms)
        await self._raise_alarms(points, now_ms // 1000)
        await self._call_for_a_person(decided, now_ms // 1000)

    async def _open_locked(self, now_ms: int) -> None:
        """A lock-out waits for no disk: it is stored itself, and its journal follows."""
        locked = await self._decisions.find_locked(now_ms)
        orders = [order for one in locked if (order := self._switches.order(*one))]
        if orders:
            with suppress(Transient):
                await self._act(orders, now_ms)

    async def _act(self, orders: Sequence[Order], now_ms: int) -> None:
        """Switch all at once, then journal: a relay that takes its time delays only the entry."""
        started_s = self._clock.now_s()
        results = await asyncio.gather(*(self._switches.execute(order) for order in orders))
        done_ms = now_ms + int((self._clock.now_s() - started_s) * 1000)
        if done := [one for one in results if one]:
            self._unsaved.append((done_ms, done))
        await self._journal()

    async def _journal(self) -> None:
        """Save what was switched, and when; what the disk does not take is kept for later."""
        while self._unsaved:
            done_ms, done = self._unsaved[0]
            await save_switchings(self._database, done, done_ms)
            del self._unsaved[0]

    async def _verify(self, points: Sequence[PointSupply], now_ms: int) -> None:
        changed = [
            Observation(point, output)
            for point in points
            if self._switches.obeyed(point)
            and (output := observe(point, self._settings.output)) is not point.output
        ]
        if changed:
            await save_outputs(self._database, changed, now_ms)

    async def _raise_alarms(self, points: Sequence[PointSupply], now_s: int) -> None:
        """One alarm per relay that fails or is contradicted, and its end."""
        if self._alarms is None:
            stored = await find_status(self._database)
            self._alarms = {
                one.name for one in stored if one.name.startswith(_STATUS) and one.state == "alarm"
            }
            self._held = any(one.name == HELD and one.state == "alarm" for one in stored)
        for point in points:
            name = _STATUS + point.label
            problem = self._problem(point)
            if problem:
                self._alarms.add(name)
                await mark_status(self._database, name, "alarm", problem, now_s)
            elif name in self._alarms:
                self._alarms.discard(name)
                message = f"{point.label}: its relay obeys again"
                await mark_status(self._database, name, "online", message, now_s)

    async def _call_for_a_person(self, decided: Decided, now_s: int) -> None:
        """One alarm for all disconnections that wait for a person, and its end."""
        waiting = [point.label for point, verdict in decided if verdict.reason is Reason.CHAIN_HELD]
        if not waiting and not self._held:
            return
        self._held = bool(waiting)
        if waiting:
            message = (
                f"{len(waiting)} supplies would be disconnected because the chain says so, and "
                f"wait for a person on site ({', '.join(waiting[:MOST_NAMED])}): look at `gateway "
                "supply list`, then `gateway supply confirm` or `gateway supply reject`"
            )
            await mark_status(self._database, HELD, "alarm", message, now_s)
        else:
            message = "no disconnection waits for a person any more"
            await mark_status(self._database, HELD, "online", message, now_s)

    def _problem(self, point: PointSupply) -> str:
        failure = self._switches.problem(point)
        if failure:
            return f"{point.label}: its relay did not switch ({failure}); it is tried again"
        if not self._switches.obeyed(point):
            return ""
        if observe(point, self._settings.output) is Output.CONTRADICTED:
            return (
                f"{point.label}: power flows although the supply is disconnected; "
                "look for a stuck relay or a bypass"
            )
        return ""

    async def run(self) -> None:
        """Decide whenever something was stored, and every few seconds because time passes."""
        retry_s, version, due_s = FIRST_RETRY_S, -1, 0.0
        while True:
            try:
                seen = await self._database.data_version()
                if seen != version or time.monotonic() >= due_s:
                    await self.tick(self._clock.now())
                    version, due_s = seen, time.monotonic() + self._settings.every_s
                if retry_s > FIRST_RETRY_S:
                    log.info("supply control is back")
                    retry_s = FIRST_RETRY_S
                await asyncio.sleep(POLL_S)
            except Transient as error:
                if retry_s == FIRST_RETRY_S:
                    log.error("supply control waits: %s", error)  # noqa: TRY400 - no traceback
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
