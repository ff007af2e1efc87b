"""From facts to stored verdicts: what the whole village has in common, then one point at a time.

Everything is committed before it is returned, so nothing is switched that the store does not know.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from gateway.clock import Clock
from gateway.domain.credit import low_credit
from gateway.domain.supply import Reason, SupplyPolicy, Verdict, decide
from gateway.store.chain_looks import look, save_holds
from gateway.store.database import Database
from gateway.store.supply import ClockFacts, PointSupply, SupplyBook
from gateway.store.supply_acts import repay
from gateway.store.switchings import save_levels, save_verdicts
from gateway.store.unsettled import UnsettledUsage
from gateway.store.village import save_blackouts

log = logging.getLogger(__name__)

_BY_PEOPLE = frozenset({Reason.LOCKED_OUT, Reason.OVERRIDE})
"""Reasons beside which neither the contract nor the account was looked at."""

Decided = Sequence[tuple[PointSupply, Verdict]]


class Decisions:
    """Decides for every meter point, and stores what has changed.

    Args:
        database: facts and verdicts.
        clock: how far the time is to be trusted.
        policy: what the operator has set.
        warn_stroops: below the first credit is low, below the second very low; 0: no warning.
        only_feeder: the feeder of meter points that name none; None: there are several, or none.
        unsettled: of that database, shared by all in this process; None: one of its own.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: SupplyPolicy,
        warn_stroops: tuple[int, int] = (0, 0),
        only_feeder: str | None = None,
        *,
        unsettled: UnsettledUsage | None = None,
    ) -> None:
        self._database = database
        self._policy = policy
        self._warn_stroops = warn_stroops
        self._book = SupplyBook(database, only_feeder, unsettled)
        self._clock = clock

    async def make(self, now_ms: int) -> Decided:
        """Decide for every meter point.

        Args:
            now_ms: the time (unix milliseconds).

        Raises:
            Transient: the store could not be read or written; nothing may be switched.
        """
        now_s = now_ms // 1000
        points = await self._book.find(now_s, ClockFacts(*self._clock.trust()))
        if await save_blackouts(self._database, self._book.village, now_s):
            points = await self._book.find(now_s, ClockFacts(*self._clock.trust()))
        points = await self._looked_at(points)
        decided = self._decide(points, now_s)
        await self._store(decided, now_ms)
        await self._hold(decided, now_ms)
        await self._warn(decided, now_ms)
        owing = [
            point
            for point, verdict in decided
            if point.facts.emergency_stroops and (verdict.left_stroops or 0) > 0
        ]
        if owing:
            await repay(self._database, owing, now_ms)
        return decided

    async def find_locked(self, now_ms: int) -> Decided:
        """Supplies that are locked out, with their verdicts; stores nothing.

        Args:
            now_ms: the time (unix milliseconds).

        Raises:
            Transient: the store could not be read.
        """
        now_s = now_ms // 1000
        points = await self._book.find(now_s, ClockFacts(*self._clock.trust()))
        locked = [one for one in points if one.facts.locked_out]
        return [(one, decide(one.facts, self._policy, now_s)) for one in locked]

    async def _looked_at(self, points: list[PointSupply]) -> list[PointSupply]:
        changed = [one for one in points if one.is_changed]
        if not changed:
            return points
        dearest = self._book.village.dearest_stroops_per_kwh
        drops = await look(self._database, changed, dearest)
        return [
            replace(one, facts=replace(one.facts, drop=drops[one.meter_point_id]))
            if one.meter_point_id in drops
            else one
            for one in points
        ]

    def _decide(self, points: Sequence[PointSupply], now_s: int) -> Decided:
        """One after the other: each disconnection by the chain counts for those after it."""
        cuts = self._book.village.chain_cuts
        decided = []
        for point in points:
            facts, before = point.facts, cuts if point.has_relay else 0
            if facts.chain_cuts != before:
                facts = replace(facts, chain_cuts=before)
            verdict = decide(facts, self._policy, now_s)
            if verdict.chain_alone and not point.has_relay:
                # Nobody sits in the dark for it, so it makes no other disconnection wait.
                verdict = replace(verdict, chain_alone=False)
            if verdict.chain_alone and facts.connected:
                cuts += 1
            decided.append((point, verdict))
        return decided

    async def _store(self, decided: Decided, now_ms: int) -> None:
        changed = [
            (point, verdict)
            for point, verdict in decided
            if (point.facts.state, point.facts.reason) != (verdict.state, verdict.reason)
        ]
        if not changed:
            return
        rows = [(point.meter_point_id, verdict) for point, verdict in changed]
        await save_verdicts(self._database, rows, now_ms)
        for point, verdict in changed:
            log.info(
                "supply decided point=%s state=%s reason=%s detail=%r",
                point.label,
                verdict.state,
                verdict.reason,
                verdict.detail,
            )

    async def _hold(self, decided: Decided, now_ms: int) -> None:
        held = [
            (point, verdict.detail)
            for point, verdict in decided
            if verdict.reason is Reason.CHAIN_HELD and point.facts.hold is None
        ]
        over = [
            point
            for point, verdict in decided
            if point.facts.hold is not None
            and verdict.reason is not Reason.CHAIN_HELD
            and verdict.reason not in _BY_PEOPLE
        ]
        if held or over:
            await save_holds(self._database, held, over, now_ms)

    async def _warn(self, decided: Decided, now_ms: int) -> None:
        levels = [
            (point, level, verdict.left_stroops)
            for point, verdict in decided
            if verdict.reason not in _BY_PEOPLE
            and (level := low_credit(point.low_credit, verdict.left_stroops, self._warn_stroops))
            != point.low_credit
        ]
        if levels:
            await save_levels(self._database, levels, now_ms)
