"""The books of settlement: what the contract took, what it refused, and who settles.

Each change is one transaction, and each keeps the law of :mod:`gateway.domain.composition`, per
meter::

    claimed + ahead + adopted = chain total + residue + sent

so that what is pending never depends on how many transactions it took to get here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aiosqlite

from gateway.domain.batches import Head
from gateway.store.batches import StoredBatch, add_residue
from gateway.store.chain import ChainState, find_head, save_head, save_state
from gateway.store.claims import adopt_totals, give_back
from gateway.store.database import Database, Row
from gateway.store.floats import adopt_if_clear
from gateway.store.outbox import Applied, close_outgoing, insert_outgoing
from gateway.store.receipts import keep_receipt
from gateway.store.status import append_event

HELD_BACK_S = 86_400
"""More waiting than the connection can carry in so long, beyond the next batch, is told."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A meter whose books and chain disagree; only a take-over may bring them together.

    Args:
        label: its meter point.
        books_wh: what the chain should have counted.
        chain_wh: what it has counted.
    """

    label: str
    books_wh: int
    chain_wh: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A meter that has used more than the contract lets its connection carry, for long.

    Args:
        label: its meter point.
        slot: its number within the site.
        waiting_wh: usage from before the end of the last batch that no batch carries.
        max_power_w: the most the connection can carry, as the contract has it.
    """

    label: str
    slot: int
    waiting_wh: int
    max_power_w: int


async def confirm_batch(
    database: Database, stored: StoredBatch, state: ChainState, applied: Applied, now_s: int
) -> bool:
    """The contract has taken the batch: store receipt and records, and mark what it refused.

    Args:
        stored: the batch.
        state: the chain at or after the batch; its receipt is the batch's.
        applied: where it was applied.
        now_s: village time (unix seconds).

    Returns:
        False when another process had confirmed it.
    """
    # Nobody claims anything while the batch is open, so the long sum needs no lock.
    rows = await database.fetch_all(_ITEMS, {"outbox_id": stored.outbox_id})
    async with database.transaction() as connection:
        if not await close_outgoing(
            connection, stored.outbox_id, "confirmed", now_s, applied=applied
        ):
            return False
        await _mark_items(connection, rows, stored, state, now_s)
        await save_state(connection, stored.batch.site, state)
        await keep_receipt(connection, stored.outbox_id, stored.batch.site, state)
        head = Head(stored.batch.sequence, stored.digest, stored.batch.to_s)
        await save_head(connection, stored.batch.site, head)
    return True


_ITEMS = """
SELECT p.slot, p.meter_point_id,
       i.off_peak_wh + i.standard_wh + i.peak_wh + i.included_wh + i.market_wh AS sent_wh,
       COALESCE(s.ahead_wh + s.adopted_wh - s.residue_wh, 0) + COALESCE(u.claimed_wh, 0)
         AS after_wh
FROM batch_item i JOIN meter_point p USING (meter_point_id)
LEFT JOIN settlement s USING (meter_point_id)
LEFT JOIN (SELECT meter_point_id, SUM(claimed_wh) AS claimed_wh
           FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
WHERE i.outbox_id = :outbox_id
"""


async def _mark_items(
    connection: aiosqlite.Connection,
    rows: Iterable[Row],
    stored: StoredBatch,
    state: ChainState,
    now_s: int,
) -> None:
    """Tell accepted from refused by the chain's totals; neither leaves NULL, and a drift."""
    for row in rows:
        record = state.records.get(row["slot"])
        total_wh = record.total_wh if record else 0
        accepted: int | None = None
        if total_wh == row["after_wh"]:
            accepted = 1
        elif total_wh == row["after_wh"] - row["sent_wh"]:
            accepted = 0
            why = f"in batch {stored.batch.sequence} were refused by the contract"
            await add_residue(connection, row["meter_point_id"], row["sent_wh"], why, now_s)
        await connection.execute(
            """UPDATE batch_item SET accepted = :accepted, total_wh = :total_wh,
                   balance = :balance, remainder_milli = :remainder_milli
               WHERE outbox_id = :outbox_id AND meter_point_id = :point""",
            {
                "accepted": accepted,
                "total_wh": record.total_wh if record else None,
                "balance": record.balance if record else None,
                "remainder_milli": record.remainder_milli if record else None,
                "outbox_id": stored.outbox_id,
                "point": row["meter_point_id"],
            },
        )


async def refuse_batch(database: Database, stored: StoredBatch, message: str, now_s: int) -> bool:
    """Give up a batch that can never be applied; its usage is free for the next one.

    Args:
        stored: the batch; no envelope of it may be alive.
        message: why, in words.
        now_s: village time (unix seconds).

    Returns:
        False when another process had answered it.
    """
    async with database.transaction() as connection:
        if not await _close_refused(connection, stored.outbox_id, message, now_s):
            return False
        await give_back(connection, stored.outbox_id)
    return True


async def _close_refused(
    connection: aiosqlite.Connection, outbox_id: int, message: str, now_s: int
) -> bool:
    if not await close_outgoing(connection, outbox_id, "refused", now_s, message=message):
        return False
    await connection.execute(
        "UPDATE batch SET refused = 1 WHERE outbox_id = :outbox_id", {"outbox_id": outbox_id}
    )
    return True


async def begin_take_over(database: Database, writer: str, now_s: int) -> int:
    """Give this database a new id and put the take-over in the outbox, in one transaction.

    An open take-over is used again, with the id it was begun with.

    Args:
        writer: 32 hex digits, freshly drawn.
        now_s: village time (unix seconds).

    Returns:
        The outbox row.
    """
    async with database.transaction() as connection:
        async with connection.execute(
            """SELECT outbox_id FROM outbox
               WHERE kind = 'take_over' AND state IN ('pending', 'signed', 'sent')"""
        ) as cursor:
            row = await cursor.fetchone()
        if row is not None:
            return int(row["outbox_id"])
        await connection.execute(
            "UPDATE meta SET value = :writer WHERE key = 'writer'", {"writer": writer}
        )
        return await insert_outgoing(connection, "take_over", now_s)


async def cancel_take_over(database: Database, outbox_id: int, message: str, now_s: int) -> None:
    """Give up a take-over that the contract will never accept."""
    async with database.transaction() as connection:
        await close_outgoing(connection, outbox_id, "refused", now_s, message=message)


async def adopt(
    database: Database,
    outbox_id: int,
    *,
    site: int,
    state: ChainState,
    open_batch: StoredBatch | None,
    applied: Applied,
    now_s: int,
) -> bool:
    """The chain names us its writer: take its sequence, digest and totals for our own.

    Args:
        outbox_id: the take-over.
        site: the village's number on chain.
        state: the chain after the take-over; it has a receipt.
        open_batch: what the former writer had not heard of yet; the receipt says what became
            of it.
        applied: where the take-over was applied.
        now_s: village time (unix seconds).

    Returns:
        False when another process had done it.
    """
    receipt = state.receipt
    if receipt is None:
        raise ValueError("a take-over leaves a receipt")
    async with database.transaction() as connection:
        if not await close_outgoing(connection, outbox_id, "confirmed", now_s, applied=applied):
            return False
        if open_batch is not None:
            if open_batch.digest == receipt.digest:
                await close_outgoing(connection, open_batch.outbox_id, "confirmed", now_s)
                values = {"outbox_id": open_batch.outbox_id}
                rows = await connection.execute_fetchall(_ITEMS, values)
                await _mark_items(connection, rows, open_batch, state, now_s)
                await keep_receipt(connection, open_batch.outbox_id, site, state)
            else:
                message = "given up in a take-over"
                await _close_refused(connection, open_batch.outbox_id, message, now_s)
                await give_back(connection, open_batch.outbox_id)
        await save_state(connection, site, state)
        await adopt_totals(connection, site, outbox_id)
        await keep_receipt(connection, outbox_id, site, state)
        await adopt_if_clear(connection, site)
        await save_head(connection, site, Head.of(receipt))
        detail = f"took over at batch {receipt.sequence}"
        await append_event(connection, "take-over", detail, now_s * 1000)
    return True


async def audit(database: Database, site: int) -> list[Drift]:
    """Meters whose books disagree with the chain; none while a batch is open and may be in or not.

    Asked in one statement, because another process may compose a batch at any moment.
    """
    rows = await database.fetch_all(
        """SELECT p.label, c.total_wh AS chain_wh,
                  COALESCE(s.ahead_wh + s.adopted_wh - s.residue_wh, 0)
                    + COALESCE(u.claimed_wh, 0) AS books_wh
           FROM meter_point p JOIN chain_meter c USING (meter_point_id)
           LEFT JOIN settlement s USING (meter_point_id)
           LEFT JOIN (SELECT meter_point_id, SUM(claimed_wh) AS claimed_wh
                      FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
           WHERE p.site = :site AND books_wh <> chain_wh
             AND NOT EXISTS (SELECT 1 FROM outbox
                             WHERE kind = 'batch' AND state IN ('pending', 'signed', 'sent'))
           ORDER BY p.slot""",
        {"site": site},
    )
    return [Drift(row["label"], row["books_wh"], row["chain_wh"]) for row in rows]


async def find_pending(database: Database, site: int) -> dict[int, int]:
    """Usage that the chain has neither counted nor refused, Wh by slot; negative: it is ahead.

    ``usage + adopted - chain total - residue``, never a sum over batches; true at any moment.
    """
    rows = await database.fetch_all(
        """SELECT p.slot, COALESCE(u.usage_wh, 0) - COALESCE(c.total_wh, 0)
                    - COALESCE(s.residue_wh - s.adopted_wh, 0) AS pending_wh
           FROM meter_point p LEFT JOIN chain_meter c USING (meter_point_id)
           LEFT JOIN settlement s USING (meter_point_id)
           LEFT JOIN (SELECT meter_point_id, SUM(usage_wh) AS usage_wh
                      FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
           WHERE p.site = :site AND p.kind = 'supply' ORDER BY p.slot""",
        {"site": site},
    )
    return {row["slot"]: row["pending_wh"] for row in rows}


async def find_uncounted(database: Database, site: int) -> list[str]:
    """Labels of meters with a total on chain of which this database has counted nothing.

    Their register's start is unknown, so what they use from now on would be taken for what the
    chain has counted already.
    """
    rows = await database.fetch_all(
        """SELECT p.label FROM meter_point p JOIN chain_meter c USING (meter_point_id)
           LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
           LEFT JOIN settlement s ON s.meter_point_id = p.meter_point_id
           WHERE p.site = :site AND c.total_wh > 0 AND i.first_register_wh IS NULL
             AND IFNULL(s.adopted_wh, 0) = 0
           ORDER BY p.slot""",
        {"site": site},
    )
    return [row["label"] for row in rows]


async def find_unregistered(database: Database, site: int) -> list[tuple[str, int]]:
    """Label and slot of the meter points that the contract does not know: their usage waits."""
    rows = await database.fetch_all(
        """SELECT p.label, p.slot FROM meter_point p LEFT JOIN chain_meter c USING (meter_point_id)
           WHERE p.site = :site AND p.kind = 'supply' AND c.meter_point_id IS NULL
           ORDER BY p.slot""",
        {"site": site},
    )
    return [(row["label"], row["slot"]) for row in rows]


async def find_held_back(database: Database, site: int) -> list[HeldBack]:
    """Meters with more waiting than the next batch and a further day can take, the most first.

    A little waits whenever a reading comes late, and goes by itself.
    """
    head = await find_head(database, site)
    if head is None:
        return []
    rows = await database.fetch_all(
        """SELECT p.label, p.slot, SUM(u.usage_wh - u.claimed_wh) AS waiting_wh, c.max_power_w
           FROM usage u INDEXED BY usage_open JOIN meter_point p USING (meter_point_id)
           JOIN chain_meter c USING (meter_point_id)
           WHERE u.open = 1 AND u.usage_wh > u.claimed_wh AND u.start_s < :to_s AND p.site = :site
           GROUP BY p.slot
           HAVING waiting_wh * 3600
               > c.max_power_w * (MAX(0, :to_s - c.last_read_s) + :held_back_s)
           ORDER BY waiting_wh DESC""",
        {"to_s": head.to_s, "site": site, "held_back_s": HELD_BACK_S},
    )
    return [HeldBack(*row) for row in rows]
