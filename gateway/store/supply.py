"""Supply in the store: the facts of every meter point. Reads only, and decides nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.chain_drop import NOTHING, Drop
from gateway.domain.credit import ContractRecord, pause_of
from gateway.domain.facts import facts
from gateway.domain.reasons import Reason, SupplyState
from gateway.domain.supply_facts import SettlementMode, SupplyFacts
from gateway.store.database import Database, Row
from gateway.store.standing_acts import NOTHING_STANDS, Standing, read_standing
from gateway.store.unsettled import Found, UnsettledUsage
from gateway.store.village import Village, read_village

_REGISTERED = 1
_DEACTIVATED = 1 << 1
_WINDOW_PLANS = frozenset({1, 2})  # daily, weekly


class Output(StrEnum):
    """What the meter shows of a relay; the values are stored."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNCONFIRMED = "unconfirmed"


@facts(frozen=True, slots=True)
class PointSupply:
    """One meter point as supply control sees it.

    Args:
        meter_point_id: its row.
        label: what people call it.
        relay: 'gpio:LINE', 'node:NAME' or 'none'.
        facts: what a decision rests on.
        switched_ms: when its relay was last commanded (unix milliseconds); None: never.
        output: what the meter showed since.
        heard_ms: when the meter last said anything (unix milliseconds); None: never.
        node_online_s: since when the relay's node is online (unix seconds); None: it is not.
        feeder: the feeder on which it hangs, as signs call it; None: on none.
        counted_wh: all usage counted at it, Wh.
        is_changed: its record is another one than :mod:`gateway.store.chain_looks` has seen.
        low_credit: the level of low credit that was told last, see :mod:`gateway.domain.credit`.
    """

    meter_point_id: int
    label: str
    relay: str
    facts: SupplyFacts
    switched_ms: int | None
    output: Output
    heard_ms: int | None
    node_online_s: int | None
    feeder: str | None = None
    counted_wh: int = 0
    is_changed: bool = False
    low_credit: int = 0

    @property
    def has_relay(self) -> bool:
        """Whether anything here switches it; without one it is only measured."""
        return self.relay != "none"


_POINTS = """
SELECT p.meter_point_id, p.label, p.relay, p.settlement_mode, p.critical, p.slot, p.load_limit_w,
       c.balance, c.remainder_milli, c.paid_until_s, c.plan, c.flags,
       MAX(c.as_of_s, IFNULL(q.as_of_s, 0)) AS as_of_s, c.market_credit_wh, c.paid_from_s,
       s.state, s.reason, s.switched_ms, s.output, s.overloads, s.tripped_ms, s.low_credit,
       r.power_mw, MAX(r.read_ms, IFNULL(r.candidate_ms, 0)) AS heard_ms,
       n.since_s AS node_online_s,
       IFNULL(p.feeder, IFNULL(:only, IIF(i.address LIKE 'node/%', NULL,
              SUBSTR(i.address, 1, INSTR(i.address, '/') - 1)))) AS feeder,
       IFNULL(i.carried_wh, 0) + IFNULL(r.cumulative_wh, 0) AS counted_wh,
       l.drop_stroops, l.drop_market_wh, l.drop_until_s,
       (c.balance, c.market_credit_wh, c.paid_until_s)
           IS NOT (l.balance, l.market_wh, l.paid_until_s) AS is_changed,
       w.credit_stroops
FROM meter_point p
CROSS JOIN (SELECT MAX(as_of_s) AS as_of_s FROM chain_cursor) q
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN status n ON n.name = p.relay AND n.state = 'online'
LEFT JOIN chain_look l ON l.meter_point_id = p.meter_point_id
LEFT JOIN (SELECT meter_point_id, SUM(amount_stroops) AS credit_stroops
           FROM local_credit WHERE state = 'local' GROUP BY meter_point_id) w
    ON w.meter_point_id = p.meter_point_id
WHERE p.kind = 'supply'
ORDER BY p.site, p.slot
"""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """What is known of the time.

    Args:
        trusted: whether it is known to be right.
        untrusted_s: for how long it is not, by the monotonic clock, s.
    """

    trusted: bool = True
    untrusted_s: int = 0


TRUSTED = ClockFacts()


class SupplyBook:
    """Finds the facts of a whole village in a handful of statements.

    Args:
        database: where everything is.
        only_feeder: the feeder of meter points that name none; None: there are several, or none.
        unsettled: of that database, shared by all in this process; None: one of its own.
    """

    def __init__(
        self,
        database: Database,
        only_feeder: str | None = None,
        unsettled: UnsettledUsage | None = None,
    ) -> None:
        self._database = database
        self._only_feeder = only_feeder
        self._unsettled = unsettled or UnsettledUsage(database)
        self._village = Village(
            0,
            0,
            chain_doubted=False,
            witnessed=frozenset(),
            brown_outs=frozenset(),
            dead={},
            blackouts={},
        )

    @property
    def village(self) -> Village:
        """What is the whole village's, as of the last look."""
        return self._village

    async def find(self, now_s: int, clock: ClockFacts = TRUSTED) -> list[PointSupply]:
        """Every meter point, by site and slot; all facts from one and the same commit.

        Args:
            now_s: the time (unix seconds).
            clock: what is known of it.

        Raises:
            Transient: the file is busy.
        """

        def look(connection: sqlite3.Connection) -> list[PointSupply]:
            around = _Around(
                self._unsettled.look(connection, now_s),
                read_standing(connection, now_s),
                read_village(connection, now_s),
                clock,
                now_s,
            )
            self._village = around.village
            rows = connection.execute(_POINTS, {"only": self._only_feeder})
            return [_point(row, around) for row in rows]

        return await self._database.read(look)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is looked up for each meter point."""

    unsettled: Found
    standing: Mapping[int, Standing]
    village: Village
    clock: ClockFacts
    now_s: int


# Looking a member up by its value takes longer than all the rest of it.
_MODES = {one.value: one for one in SettlementMode}
_STATES: dict[str | None, SupplyState | None] = {None: None} | {
    one.value: one for one in SupplyState
}
_REASONS: dict[str | None, Reason | None] = {None: None} | {one.value: one for one in Reason}
_OUTPUTS = {None: Output.UNCONFIRMED} | {one.value: one for one in Output}


def _point(row: Row, around: _Around) -> PointSupply:
    # By position, in the order of _POINTS: looking up each name would double the time.
    point_id, label, relay, mode, critical, slot, load_limit_w, *rest = row
    record, paid_from_s, rest = _record(rest[:7]), rest[7], rest[8:]
    state, reason, switched_ms, output, overloads, tripped_ms, low_credit, *rest = rest
    power_mw, heard_ms, online_s, feeder, counted_wh, *lost, is_changed, credit_stroops = rest
    village, clock = around.village, around.clock
    standing = around.standing.get(point_id, NOTHING_STANDS)
    feeder_dead, back_s, paused_s = False, None, 0
    if feeder is not None:
        dead_since_s = village.dead.get(feeder)
        # A meter that has spoken since knows better than a sign that nobody has ended yet.
        feeder_dead = dead_since_s is not None and (heard_ms or 0) // 1000 <= dead_since_s
        if feeder in village.blackouts:
            back_s = village.back_s(feeder)
            if record is not None and record.paid_until_s:
                times = paid_from_s, record.paid_until_s, around.now_s
                paused_s = pause_of(*times, village.blackouts[feeder])
    found = SupplyFacts(
        mode=_MODES[mode],
        critical=bool(critical),
        record=record,
        unsettled=around.unsettled.usage.get(point_id, ()),
        credit_stroops=credit_stroops or 0,
        state=_STATES[state],
        reason=_REASONS[reason],
        switched_s=None if switched_ms is None else switched_ms // 1000,
        power_mw=power_mw,
        load_limit_w=load_limit_w,
        overloads=overloads or 0,
        tripped_s=None if tripped_ms is None else tripped_ms // 1000,
        locked_out=standing.locked_out,
        slot=slot,
        override=standing.override,
        emergency_stroops=standing.emergency_stroops,
        estimated=around.unsettled.estimated.get(point_id, ()),
        disputed_stroops=standing.disputed_stroops,
        brown_out=feeder in village.brown_outs,
        feeder_dead=feeder_dead,
        feeder_back_s=back_s,
        paused_s=paused_s,
        drop=Drop(*lost) if any(lost) else NOTHING,
        hold=standing.hold,
        chain_cuts=village.chain_cuts,
        endpoints_agree=village.endpoints_agree(point_id),
        clock_trusted=clock.trusted,
        untrusted_s=clock.untrusted_s,
    )
    return PointSupply(
        point_id,
        label,
        relay,
        found,
        switched_ms,
        _OUTPUTS[output],
        heard_ms,
        online_s,
        feeder,
        counted_wh + standing.added_wh,
        bool(is_changed),
        low_credit or 0,
    )


def _record(values: Sequence[int]) -> ContractRecord | None:
    balance_stroops, remainder_milli, paid_until_s, plan, flags, as_of_s, market_credit_wh = values
    if not as_of_s:
        return None
    return ContractRecord(
        balance_stroops,
        remainder_milli,
        paid_until_s,
        plan in _WINDOW_PLANS,
        bool(flags & _REGISTERED),
        bool(flags & _DEACTIVATED),
        as_of_s,
        market_credit_wh,
    )
