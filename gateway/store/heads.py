"""The heads that a batch's root commits to, collected where they are kept, when it is composed."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiosqlite

from gateway.domain.batches import Price
from gateway.domain.commitments import (
    PRICE,
    READINGS,
    TOKENS,
    USAGE,
    Anchor,
    Commitment,
    price_anchor,
    tokens_anchor,
    usage_anchor,
)


async def collect_heads(
    connection: aiosqlite.Connection, price: Price, packed: Mapping[int, bytes]
) -> Commitment:
    """What the next batch commits to, inside the transaction that composes it.

    The one place where a further part of the root comes in: give it a name in
    :data:`gateway.domain.commitments.HEADS`, and its head a line here.

    Args:
        connection: of the caller's transaction.
        price: the version that the batch is charged at.
        packed: the packed parts of each of its items, by slot, ascending.
    """
    return Commitment.of(
        {
            READINGS: await _newest_group(connection),
            TOKENS: await _used_tokens(connection),
            PRICE: price_anchor(price),
            USAGE: usage_anchor(packed.items()),
        }
    )


async def _newest_group(connection: aiosqlite.Connection) -> Anchor:
    async with connection.execute(
        "SELECT sequence, hash FROM reading_group ORDER BY sequence DESC LIMIT 1"
    ) as cursor:
        row = await cursor.fetchone()
    return Anchor(row["sequence"], row["hash"]) if row else Anchor()


async def _used_tokens(connection: aiosqlite.Connection) -> Anchor:
    rows = await connection.execute_fetchall(
        """SELECT p.slot, t.counter, t.used FROM token_state t JOIN meter_point p
           USING (meter_point_id) WHERE t.counter > 0 ORDER BY p.slot"""
    )
    return tokens_anchor((row["slot"], row["counter"], json.loads(row["used"])) for row in rows)
