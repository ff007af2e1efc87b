"""Composing a batch in the store: read what no batch carries, claim it, put it in the outbox.

One transaction does all of it, and a batch is final once it was written; what became of it is
booked in :mod:`gateway.store.settlement`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import aiosqlite

from gateway.domain.batches import NO_DIGEST, Batch, Head, Price, SlotUsage
from gateway.domain.composition import (
    Composition,
    MeterState,
    Period,
    Sieve,
    UnclaimedUsage,
    compose,
    plan_period,
)
from gateway.domain.parts import encode_parts
from gateway.domain.tariffs import INTERVAL_S
from gateway.store.chain import ChainState, read_head
from gateway.store.database import Database, Row
from gateway.store.heads import collect_heads
from gateway.store.outbox import has_open, insert_outgoing
from gateway.store.status import append_event

MAX_ROWS = 20_000
"""Quarter-hours of usage that one batch takes up, a day of two hundred meters: the file is locked
for as long as they are claimed, and readings wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every batch of this gateway has in common.

    Args:
        site: the village's number on chain.
        contract: the contract's address.
        network_id: SHA-256 of the network's passphrase, 32 bytes.
        boundary_s: up to where usage may be settled (unix seconds, on the grid).
        max_slots: the most meters of one batch.
    """

    site: int
    contract: str
    network_id: bytes
    boundary_s: int
    max_slots: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A composed batch as it was written; composing is never repeated.

    Args:
        outbox_id: its row of the outbox.
        batch: what it says.
        previous_digest: the digest that it follows, 32 bytes.
        digest: its own, 32 bytes.
    """

    outbox_id: int
    batch: Batch
    previous_digest: bytes
    digest: bytes


async def compose_batch(
    database: Database, terms: Terms, state: ChainState, now_s: int
) -> StoredBatch | None:
    """Claim the next batch's usage and put the batch in the outbox, in one transaction.

    Args:
        terms: what it is composed under.
        state: the chain as it is now; the batch follows its receipt.
        now_s: village time (unix seconds).

    Returns:
        None when there is nothing to settle, something is open already, or the receipt is not
        where this database left off.
    """
    head = Head.of(state.receipt) if state.receipt else None
    async with database.transaction() as connection:
        if await has_open(connection) or await read_head(connection, terms.site) != head:
            return None
        meters = await _meter_states(connection, terms.site, state)
        from_s = head.to_s if head else await _first_usage_s(connection, terms.site, meters)
        if from_s is None:
            return None
        period = plan_period(from_s, terms.boundary_s, state.as_of_s, state.prices)
        if period is None:
            return None
        usage, period = await _unclaimed(connection, terms.site, period, meters)
        composition = compose(usage, meters, period, terms.max_slots)
        if not composition.slots:
            return None
        price = next(one for one in state.prices if one.version == period.price_version)
        stored = await _insert_batch(connection, terms, composition, (head, price), now_s)
        await _apply_claims(connection, terms.site, composition, now_s)
    return stored


async def _one(connection: aiosqlite.Connection, sql: str, **values: int | str) -> Row | None:
    async with connection.execute(sql, values) as cursor:
        return await cursor.fetchone()


async def _meter_states(
    connection: aiosqlite.Connection, site: int, state: ChainState
) -> dict[int, MeterState]:
    rows = await connection.execute_fetchall(
        """SELECT p.slot, COALESCE(s.ahead_wh, 0) AS ahead_wh,
                  COALESCE(MAX(r.read_ms) / 1000, 0) AS read_until_s
           FROM meter_point p
           LEFT JOIN settlement s USING (meter_point_id)
           LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
           LEFT JOIN register r ON r.meter_id = i.meter_id
           WHERE p.site = :site AND p.kind = 'supply' GROUP BY p.slot""",
        {"site": site},
    )
    return {
        row["slot"]: MeterState(state.records[row["slot"]], row["ahead_wh"], row["read_until_s"])
        for row in rows
        if row["slot"] in state.records
    }


async def _first_usage_s(
    connection: aiosqlite.Connection, site: int, meters: Mapping[int, MeterState]
) -> int | None:
    row = await _one(
        connection,
        """SELECT MIN(start_s) AS first_s FROM usage JOIN meter_point USING (meter_point_id)
           WHERE site = :site AND slot IN (SELECT value FROM json_each(:slots))""",
        site=site,
        slots=json.dumps(sorted(meters)),
    )
    return row["first_s"] if row else None


async def _unclaimed(
    connection: aiosqlite.Connection,
    site: int,
    period: Period,
    meters: Mapping[int, MeterState],
) -> tuple[list[UnclaimedUsage], Period]:
    """The usage a batch may take; the period ends earlier when there is more than fits memory.

    Only of meters that the contract knows, and only as much as it may believe of them: what waits
    must not fill the memory.
    """
    sieve = Sieve(meters, period)
    usage: list[UnclaimedUsage] = []
    async with connection.execute(
        """SELECT u.start_s, p.slot, u.tier, u.usage_wh - u.claimed_wh AS unclaimed_wh
           FROM usage u INDEXED BY usage_open
           JOIN meter_point p USING (meter_point_id)
           WHERE u.open = 1 AND u.usage_wh > u.claimed_wh AND u.start_s < :to_s AND p.site = :site
             AND p.slot IN (SELECT value FROM json_each(:slots))
           ORDER BY u.start_s""",
        {"to_s": period.to_s, "site": site, "slots": json.dumps(sorted(meters))},
    ) as cursor:
        while len(usage) < MAX_ROWS and (
            rows := list(await cursor.fetchmany(MAX_ROWS - len(usage)))
        ):
            usage += sieve.sift((row[0], row[1], row[2], row[3]) for row in rows)
    if len(usage) == MAX_ROWS:
        to_s = max(period.from_s + INTERVAL_S, usage[-1].start_s)
        return usage, replace(period, to_s=to_s)
    return usage, period


async def _insert_batch(
    connection: aiosqlite.Connection,
    terms: Terms,
    composition: Composition,
    rests_on: tuple[Head | None, Price],
    now_s: int,
) -> StoredBatch:
    head, price = rests_on
    writer = await _one(connection, "SELECT value FROM meta WHERE key = 'writer'")
    if writer is None:  # Database.writer_id has said so before
        raise AssertionError
    period = composition.period
    packed = {
        usage.slot: encode_parts(composition.parts[usage.slot]) for usage in composition.slots
    }
    commitment = await collect_heads(connection, price, packed)
    batch = Batch(
        site=terms.site,
        writer=bytes.fromhex(writer["value"]),
        sequence=head.sequence + 1 if head else 1,
        from_s=period.from_s,
        to_s=period.to_s,
        price_version=period.price_version,
        root=commitment.root,
        slots=composition.slots,
    )
    previous = head.digest if head else NO_DIGEST
    digest = batch.digest(previous, terms.network_id, terms.contract)
    stored = StoredBatch(await insert_outgoing(connection, "batch", now_s), batch, previous, digest)
    await connection.execute(
        """INSERT INTO batch (outbox_id, site, writer, sequence, from_s, to_s, price_version,
               previous_digest, digest, root, contract, network_id, commitment)
           VALUES (:outbox_id, :site, :writer, :sequence, :from_s, :to_s, :price_version,
               :previous_digest, :digest, :root, :contract, :network_id, :commitment)""",
        {
            "outbox_id": stored.outbox_id,
            "site": batch.site,
            "writer": batch.writer.hex(),
            "sequence": batch.sequence,
            "from_s": batch.from_s,
            "to_s": batch.to_s,
            "price_version": batch.price_version,
            "previous_digest": previous.hex(),
            "digest": digest.hex(),
            "root": commitment.root.hex(),
            "contract": terms.contract,
            "network_id": terms.network_id,
            "commitment": commitment.text,
        },
    )
    await _insert_items(connection, stored, packed)
    return stored


async def _insert_items(
    connection: aiosqlite.Connection, stored: StoredBatch, packed: Mapping[int, bytes]
) -> None:
    await connection.executemany(
        """INSERT INTO batch_item (outbox_id, meter_point_id, off_peak_wh, standard_wh, peak_wh,
               included_wh, market_wh, parts)
           SELECT :outbox_id, meter_point_id, :off_peak, :standard, :peak, :included, :market,
               :parts
           FROM meter_point WHERE site = :site AND slot = :slot""",
        [
            {
                "outbox_id": stored.outbox_id,
                "site": stored.batch.site,
                "slot": usage.slot,
                "off_peak": usage.off_peak_wh,
                "standard": usage.standard_wh,
                "peak": usage.peak_wh,
                "included": usage.included_wh,
                "market": usage.market_wh,
                "parts": packed[usage.slot],
            }
            for usage in stored.batch.slots
        ],
    )


async def _apply_claims(
    connection: aiosqlite.Connection, site: int, composition: Composition, now_s: int
) -> None:
    points = {
        row["slot"]: row["meter_point_id"]
        for row in await connection.execute_fetchall(
            "SELECT slot, meter_point_id FROM meter_point WHERE site = :site", {"site": site}
        )
    }
    await connection.executemany(
        """UPDATE usage SET claimed_wh = claimed_wh + :claimed_wh
           WHERE start_s = :start_s AND meter_point_id = :point""",
        [
            {
                "claimed_wh": claim.claimed_wh,
                "start_s": claim.start_s,
                "point": points[claim.slot],
            }
            for claim in composition.claims
        ],
    )
    for slot, absorbed_wh in composition.absorbed_wh.items():
        await connection.execute(
            """UPDATE settlement SET ahead_wh = ahead_wh - :wh WHERE meter_point_id = :point""",
            {"wh": absorbed_wh, "point": points[slot]},
        )
    for slot, withheld_wh in composition.withheld_wh.items():
        why = "was read after its plan was settled and stays unbilled"
        await add_residue(connection, points[slot], withheld_wh, why, now_s)


async def add_residue(
    connection: aiosqlite.Connection, meter_point_id: int, residue_wh: int, why: str, now_s: int
) -> None:
    """Book usage that will never be on the chain, and say why, inside the caller's transaction."""
    await connection.execute(
        """INSERT INTO settlement (meter_point_id, residue_wh) VALUES (:point, :wh)
           ON CONFLICT (meter_point_id) DO UPDATE SET residue_wh = residue_wh + :wh""",
        {"point": meter_point_id, "wh": residue_wh},
    )
    await append_event(
        connection,
        "residue",
        f"{residue_wh} Wh {why}",
        now_s * 1000,
        meter_point_id=meter_point_id,
        energy_wh=residue_wh,
    )


async def find_batch(database: Database, outbox_id: int) -> StoredBatch:
    """A composed batch, exactly as it was written.

    Raises:
        LookupError: the row is no batch.
    """
    row = await database.fetch_one(
        "SELECT * FROM batch WHERE outbox_id = :outbox_id", {"outbox_id": outbox_id}
    )
    if row is None:
        raise LookupError(f"outbox row {outbox_id} is no batch")
    items = await database.fetch_all(
        """SELECT p.slot, i.off_peak_wh, i.standard_wh, i.peak_wh, i.included_wh,
                  i.market_wh
           FROM batch_item i JOIN meter_point p USING (meter_point_id)
           WHERE i.outbox_id = :outbox_id ORDER BY p.slot""",
        {"outbox_id": outbox_id},
    )
    batch = Batch(
        site=row["site"],
        writer=bytes.fromhex(row["writer"]),
        sequence=row["sequence"],
        from_s=row["from_s"],
        to_s=row["to_s"],
        price_version=row["price_version"],
        root=bytes.fromhex(row["root"]) if row["root"] else None,
        slots=tuple(SlotUsage(*item) for item in items),
    )
    return StoredBatch(
        outbox_id, batch, bytes.fromhex(row["previous_digest"]), bytes.fromhex(row["digest"])
    )
