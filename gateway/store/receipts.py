"""The contract's receipts, kept: the contract itself remembers only the last one."""

from __future__ import annotations

from dataclasses import asdict

import aiosqlite

from gateway.domain.trail import kept_of
from gateway.store.chain import ChainState


async def keep_receipt(
    connection: aiosqlite.Connection, outbox_id: int, site: int, state: ChainState
) -> None:
    """Write down the receipt of a batch, or the one that a take-over adopted.

    Args:
        connection: of the caller's transaction.
        outbox_id: the batch or the take-over.
        site: the village's number on chain.
        state: the chain at or after it; nothing is kept of a site without a receipt.
    """
    if state.receipt is None:
        return
    kept = asdict(kept_of(state.receipt, state.ledger))
    await connection.execute(
        """INSERT OR REPLACE INTO kept_receipt
           VALUES (:outbox_id, :site, :sequence, :digest, :root, :to_s, :accepted_wh, :residue_wh,
               :total_wh, :total_residue_wh, :closed_s, :ledger)""",
        {"outbox_id": outbox_id, "site": site, **kept},
    )
