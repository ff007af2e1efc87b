"""Supply in the store: the facts of every meter point, what was decided, and what was switched.

Decides nothing: rows in, rows out. A verdict is stored before its relay is switched and the
switching is recorded after, so whoever is killed between the two finds the verdict again and
asserts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.supply import (
    ContractRecord,
    Reason,
    SettlementMode,
    SupplyFacts,
    SupplyState,
    Verdict,
)
from gateway.errors import Transient
from gateway.store.database import Database, Row
from gateway.store.status import append_event
from gateway.store.unsettled import UnsettledUsage, Usage

_REGISTERED = 1
_DEACTIVATED = 1 << 1
_WINDOW_PLANS = frozenset({1, 2})  # daily, weekly
_TRIES = 20


class Output(StrEnum):
    """What the meter shows of a relay; the values are stored."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNCONFIRMED = "unconfirmed"


class Command(StrEnum):
    """What a relay was told; the values are stored."""

    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    ASSERT = "assert"


@dataclass(frozen=True, slots=True)
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
    """

    meter_point_id: int
    label: str
    relay: str
    facts: SupplyFacts
    switched_ms: int | None
    output: Output
    heard_ms: int | None
    node_online_s: int | None


@dataclass(frozen=True, slots=True)
class Switching:
    """One command to a relay and how it went.

    Args:
        meter_point_id: whose relay.
        command: what it was told.
        reason: why.
        done: False: the relay did not take it.
        detail: the figures behind the decision, or what went wrong.
    """

    meter_point_id: int
    command: Command
    reason: Reason
    done: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a meter shows of its relay now.

    Args:
        point: the meter point.
        output: what was concluded from its readings.
    """

    point: PointSupply
    output: Output


_POINTS = """
SELECT p.meter_point_id, p.label, p.relay, p.settlement_mode, p.critical,
       c.balance, c.remainder_milli, c.paid_until_s, c.plan, c.flags,
       MAX(c.as_of_s, IFNULL(q.as_of_s, 0)) AS as_of_s, c.market_credit_wh,
       s.state, s.reason, s.switched_ms, s.output,
       r.power_mw, MAX(r.read_ms, IFNULL(r.candidate_ms, 0)) AS heard_ms,
       n.since_s AS node_online_s, l.credit_stroops
FROM meter_point p
CROSS JOIN (SELECT MAX(as_of_s) AS as_of_s FROM chain_cursor) q
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN status n ON n.name = p.relay AND n.state = 'online'
LEFT JOIN (SELECT meter_point_id, SUM(amount_stroops) AS credit_stroops
           FROM local_credit WHERE state = 'local' GROUP BY meter_point_id) l
    ON l.meter_point_id = p.meter_point_id
WHERE p.kind = 'supply'
ORDER BY p.site, p.slot
"""


class SupplyBook:
    """Finds the facts of a whole village in a handful of statements.

    Args:
        database: where everything is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unsettled = UnsettledUsage(database)

    async def find(self, now_s: int) -> list[PointSupply]:
        """Every meter point, by site and slot; all facts from one and the same commit.

        Args:
            now_s: the time (unix seconds).

        Raises:
            Transient: others write so busily that no consistent view was had.
        """
        for _ in range(_TRIES):
            before = await self._database.data_version()
            usage = await self._unsettled.find(now_s)
            rows = await self._database.fetch_all(_POINTS)
            if await self._database.data_version() == before:
                return [_point(row, usage) for row in rows]
        raise Transient(f"{self._database.path} changes faster than it can be read")


def _point(row: Row, usage: Usage) -> PointSupply:
    # By position, in the order of _POINTS: looking up each name would double the time.
    point_id, label, relay, mode, critical, *rest = row
    record = rest[:7]
    state, reason, switched_ms, output, power_mw, heard_ms, online_s, credit_stroops = rest[7:]
    facts = SupplyFacts(
        mode=SettlementMode(mode),
        critical=bool(critical),
        record=_record(record),
        unsettled=usage.get(point_id, ()),
        credit_stroops=credit_stroops or 0,
        state=SupplyState(state) if state else None,
        reason=Reason(reason) if reason else None,
        switched_s=None if switched_ms is None else switched_ms // 1000,
        power_mw=power_mw,
    )
    seen = Output(output) if output else Output.UNCONFIRMED
    return PointSupply(point_id, label, relay, facts, switched_ms, seen, heard_ms, online_s)


def _record(values: Sequence[int | None]) -> ContractRecord | None:
    balance_stroops, remainder_milli, paid_until_s, plan, flags, as_of_s, market_credit_wh = (
        value or 0 for value in values
    )
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


async def save_verdicts(
    database: Database, verdicts: Sequence[tuple[int, Verdict]], now_ms: int
) -> None:
    """Store what was decided, all in one commit; ``decided_ms`` is since when the state holds.

    Args:
        verdicts: meter point and verdict, for those that have changed.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it; nothing may be switched.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            """INSERT INTO supply (meter_point_id, state, reason, decided_ms, output, output_ms)
               VALUES (:point, :state, :reason, :now_ms, 'unconfirmed', :now_ms)
               ON CONFLICT (meter_point_id) DO UPDATE SET
                   reason = excluded.reason,
                   decided_ms = IIF(state = excluded.state, decided_ms, excluded.decided_ms),
                   state = excluded.state""",
            [
                {
                    "point": point,
                    "state": verdict.state.value,
                    "reason": verdict.reason.value,
                    "now_ms": now_ms,
                }
                for point, verdict in verdicts
            ],
        )


async def save_switchings(database: Database, switchings: Sequence[Switching], now_ms: int) -> None:
    """Journal commands; those that were done also open a new observation of the output.

    Args:
        switchings: in the order they were given.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            """INSERT INTO switch_journal (at_ms, meter_point_id, command, reason, outcome, detail)
               VALUES (?, ?, ?, ?, ?, ?)""",
            [
                (
                    now_ms,
                    one.meter_point_id,
                    one.command.value,
                    one.reason.value,
                    "done" if one.done else "failed",
                    one.detail,
                )
                for one in switchings
            ],
        )
        await connection.executemany(
            """UPDATE supply SET switched_ms = :now_ms, output = 'unconfirmed', output_ms = :now_ms
               WHERE meter_point_id = :point""",
            [{"now_ms": now_ms, "point": one.meter_point_id} for one in switchings if one.done],
        )


async def save_outputs(
    database: Database, observations: Sequence[Observation], now_ms: int
) -> None:
    """Store what meters show of their relays; a contradiction is an event too.

    Args:
        observations: those that have changed.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        for one in observations:
            await connection.execute(
                """UPDATE supply SET output = :output, output_ms = :now_ms
                   WHERE meter_point_id = :point""",
                {
                    "output": one.output.value,
                    "now_ms": now_ms,
                    "point": one.point.meter_point_id,
                },
            )
            if one.output is Output.CONTRADICTED:
                await append_event(
                    connection,
                    "contradicted",
                    f"{one.point.label}: {one.point.facts.power_mw} mW flow although the supply "
                    "is disconnected",
                    one.point.heard_ms or now_ms,
                    meter_point_id=one.point.meter_point_id,
                )


async def take_counter(database: Database, node: str) -> int:
    """The next counter for a command to this node, durable before it is returned.

    Raises:
        Transient: the disk did not take it; the command must not be sent.
    """
    async with (
        database.transaction() as connection,
        connection.execute(
            """INSERT INTO node_command (node, counter) VALUES (:node, 1)
               ON CONFLICT (node) DO UPDATE SET counter = counter + 1
               RETURNING counter""",
            {"node": node},
        ) as cursor,
    ):
        row = await cursor.fetchone()
    if row is None:  # an upsert with RETURNING always has a row
        raise AssertionError
    return int(row["counter"])
