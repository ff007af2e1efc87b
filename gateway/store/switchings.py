"""What was decided, switched and observed: verdicts, the journal of relays, their outputs.

Decides nothing. A verdict is stored before its relay is switched and the switching is recorded
after, so whoever is killed between the two finds the verdict again and asserts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.supply import Reason, Verdict
from gateway.store.database import Database
from gateway.store.status import append_event
from gateway.store.supply import Output, PointSupply


class Command(StrEnum):
    """What a relay was told; the values are stored."""

    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    ASSERT = "assert"


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


OVERLOADS_FORGOTTEN_MS = 86_400_000
"""An overload so long after the last one is the first again."""


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
            _SAVE_VERDICT,
            [
                {
                    "point": point,
                    "state": verdict.state.value,
                    "reason": verdict.reason.value,
                    "now_ms": now_ms,
                    "by_chain": verdict.chain_alone,
                    "overloads_from_ms": now_ms - OVERLOADS_FORGOTTEN_MS,
                }
                for point, verdict in verdicts
            ],
        )


# On the right of SET every column is as it was: a trip is of a supply that was connected.
_SAVE_VERDICT = """
INSERT INTO supply (meter_point_id, state, reason, decided_ms, output, output_ms)
VALUES (:point, :state, :reason, :now_ms, 'unconfirmed', :now_ms)
ON CONFLICT (meter_point_id) DO UPDATE SET
    reason = excluded.reason,
    decided_ms = IIF(state = excluded.state, decided_ms, excluded.decided_ms),
    chain_cut_s = IIF(state = 'connected' AND :by_chain, :now_ms / 1000, chain_cut_s),
    overloads = IIF(state = 'connected' AND excluded.reason = 'overload',
                    IIF(tripped_ms > :overloads_from_ms, overloads, 0) + 1, overloads),
    tripped_ms = IIF(state = 'connected' AND excluded.reason = 'overload', :now_ms, tripped_ms),
    state = excluded.state
"""


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


async def save_levels(
    database: Database, levels: Sequence[tuple[PointSupply, int, int | None]], now_ms: int
) -> None:
    """Store levels of low credit that have changed; each change is an event, once.

    Args:
        database: the store.
        levels: meter point, its new level, and what is left there (stroops), if that counts down.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        for point, level, left_stroops in levels:
            await connection.execute(
                "UPDATE supply SET low_credit = :level WHERE meter_point_id = :point",
                {"level": level, "point": point.meter_point_id},
            )
            left = "" if left_stroops is None else f": {left_stroops} stroops left"
            await append_event(
                connection,
                "low_credit",
                f"{point.label}: credit is {_LEVELS[level]}{left}",
                now_ms,
                meter_point_id=point.meter_point_id,
            )


_LEVELS = ("no longer low", "low", "very low")


async def take_counter(database: Database, node: str, spare: int = 0) -> int:
    """The next counter for a command to this node, durable before it is returned.

    Args:
        database: the store.
        node: its name.
        spare: so many counters after it are taken as well, and are nobody else's.

    Raises:
        Transient: the disk did not take it; the command must not be sent.
    """
    async with (
        database.transaction() as connection,
        connection.execute(
            """INSERT INTO node_command (node, counter) VALUES (:node, 1 + :spare)
               ON CONFLICT (node) DO UPDATE SET counter = counter + 1 + :spare
               RETURNING counter""",
            {"node": node, "spare": spare},
        ) as cursor,
    ):
        row = await cursor.fetchone()
    if row is None:  # an upsert with RETURNING always has a row
        raise AssertionError
    return int(row["counter"]) - spare


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    Args:
        at_ms: when (unix milliseconds).
        command: what the relay was told.
        reason: why.
        outcome: 'done' or 'failed'.
        detail: the figures behind it.
    """

    at_ms: int
    command: str
    reason: str
    outcome: str
    detail: str


async def find_journal(database: Database, label: str, most: int) -> list[Entry]:
    """The newest switchings of a meter point's relay, newest first."""
    rows = await database.fetch_all(
        """SELECT j.at_ms, j.command, j.reason, j.outcome, j.detail
           FROM switch_journal j JOIN meter_point p USING (meter_point_id)
           WHERE p.label = :label ORDER BY j.switch_id DESC LIMIT :most""",
        {"label": label, "most": most},
    )
    return [Entry(*row) for row in rows]
