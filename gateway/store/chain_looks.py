"""What the chain took without a reason known here, and disconnections that wait for a person.

Written when a record changes, when supply control holds something, and when a person answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.chain_drop import NOTHING, Drop, Look, unexplained
from gateway.domain.credit import effective_balance, market_energy_left
from gateway.domain.supply_facts import Hold
from gateway.errors import Permanent
from gateway.store.acts import one_line
from gateway.store.database import Database, Row
from gateway.store.status import append_event
from gateway.store.supply import PointSupply


@dataclass(frozen=True, slots=True)
class Held:
    """A disconnection that waits, or waited, for a person.

    Args:
        label: the meter point's.
        since_s: since when (unix seconds).
        detail: the figures behind it.
        answer: what a person said.
        answered_by: who; None: nobody yet.
    """

    label: str
    since_s: int
    detail: str
    answer: Hold
    answered_by: str | None


async def look(
    database: Database, points: Sequence[PointSupply], dearest_stroops_per_kwh: int
) -> dict[int, Drop]:
    """Hold records that have changed against what was left before, and remember it.

    Args:
        database: the store.
        points: those whose record has changed.
        dearest_stroops_per_kwh: the dearest rate of any price known.

    Returns:
        What is unexplained, by meter point.

    Raises:
        Transient: the disk did not take it.
    """
    drops = {}
    async with database.transaction() as connection:
        for point in points:
            record, facts = point.facts.record, point.facts
            if record is None:
                continue
            paid_stroops = record.balance_stroops + facts.credit_stroops
            now = Look(
                effective_balance(paid_stroops, record.remainder_milli, facts.unsettled),
                market_energy_left(record.market_credit_wh, facts.unsettled),
                record.paid_until_s,
                point.counted_wh,
            )
            before = await _before(connection, point.meter_point_id)
            drop = NOTHING
            if before is not None:
                drop = unexplained(before, now, dearest_stroops_per_kwh, facts.drop)
            drops[point.meter_point_id] = drop
            await connection.execute(
                """INSERT OR REPLACE INTO chain_look
                   VALUES (:point, :balance, :market_wh, :paid_until_s, :left, :left_wh,
                           :counted_wh, :drop, :drop_wh, :drop_until_s)""",
                {
                    "point": point.meter_point_id,
                    "balance": record.balance_stroops,
                    "market_wh": record.market_credit_wh,
                    "paid_until_s": now.paid_until_s,
                    "left": now.left_stroops,
                    "left_wh": now.market_wh,
                    "counted_wh": now.counted_wh,
                    "drop": drop.stroops,
                    "drop_wh": drop.market_wh,
                    "drop_until_s": drop.plan_until_s,
                },
            )
    return drops


async def _before(connection: aiosqlite.Connection, point_id: int) -> Look | None:
    async with connection.execute(
        """SELECT left_stroops, left_market_wh, paid_until_s, counted_wh FROM chain_look
           WHERE meter_point_id = ?""",
        (point_id,),
    ) as cursor:
        row: Row | None = await cursor.fetchone()
    return Look(*row) if row else None


async def save_holds(
    database: Database,
    held: Sequence[tuple[PointSupply, str]],
    over: Sequence[PointSupply],
    now_ms: int,
) -> None:
    """Remember which disconnections wait for a person from now on, and which no longer do.

    Args:
        database: the store.
        held: those that begin to wait, with the figures.
        over: those that were disconnected after a yes, or whose cause is gone.
        now_ms: the time (unix milliseconds).

    Raises:
        Transient: the disk did not take it.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            """INSERT INTO chain_hold (meter_point_id, since_s, detail, answer)
               VALUES (?, ?, ?, 'waiting') ON CONFLICT DO NOTHING""",
            [(point.meter_point_id, now_ms // 1000, detail) for point, detail in held],
        )
        await connection.executemany(
            "DELETE FROM chain_hold WHERE meter_point_id = ?",
            [(point.meter_point_id,) for point in over],
        )
        for point, detail in held:
            sentence = f"{point.label}: its disconnection waits for a person on site; {detail}"
            await append_event(
                connection, "chain_held", sentence, now_ms, meter_point_id=point.meter_point_id
            )


async def find_holds(database: Database) -> list[Held]:
    """Every disconnection that waits or was answered, by meter point."""
    rows = await database.fetch_all(
        """SELECT p.label, h.* FROM chain_hold h JOIN meter_point p USING (meter_point_id)
           ORDER BY p.site, p.slot"""
    )
    return [
        Held(row["label"], row["since_s"], row["detail"], Hold(row["answer"]), row["answered_by"])
        for row in rows
    ]


_LOOK = "see `gateway supply list`"


async def answer_holds(
    database: Database, author: str, answer: Hold, labels: Sequence[str], now_s: int
) -> list[str]:
    """A person on site confirms or rejects what waits.

    Args:
        database: the store.
        author: who answers for it.
        answer: yes or no.
        labels: for which meter points; empty: for all that wait.
        now_s: the time (unix seconds).

    Returns:
        The labels of those that are answered.

    Raises:
        Permanent: nobody is named, or nothing waits there.
    """
    author = one_line("--by", author)
    async with database.transaction() as connection:
        rows = await connection.execute_fetchall(
            """SELECT h.meter_point_id, p.label FROM chain_hold h
               JOIN meter_point p USING (meter_point_id)
               WHERE h.answer <> :answer
                 AND (:named OR h.answer = 'waiting'
                      OR (h.answer = 'confirmed' AND :answer = 'confirmed_on_one'))
               ORDER BY p.site, p.slot""",
            {"answer": answer.value, "named": bool(labels)},
        )
        waiting = {row["label"]: row["meter_point_id"] for row in rows}
        if missing := [label for label in labels if label not in waiting]:
            raise Permanent(
                f"{', '.join(missing)}: no disconnection waits for that answer; {_LOOK}"
            )
        if not waiting:
            raise Permanent(f"no disconnection waits for that answer: {_LOOK}")
        chosen = list(dict.fromkeys(labels or waiting))
        for label in chosen:
            await connection.execute(
                """UPDATE chain_hold SET answer = :answer, answered_by = :author,
                       answered_s = :now_s
                   WHERE meter_point_id = :point""",
                {
                    "answer": answer.value,
                    "author": author,
                    "now_s": now_s,
                    "point": waiting[label],
                },
            )
            said = "rejected" if answer is Hold.REJECTED else "confirmed"
            await append_event(
                connection,
                "chain_held",
                f"{label}: its disconnection was {said} by {author.strip()}",
                now_s * 1000,
                meter_point_id=waiting[label],
            )
    return chosen
