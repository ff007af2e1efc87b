"""Transactions to send, from composed to answered: pending, signed, sent, confirmed or refused.

At most one of each kind is open. A signed envelope is stored before it is sent, so whatever
happens, the program that starts again knows what may be out there. What a batch carries is in
:mod:`gateway.store.settlement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import aiosqlite

from gateway.store.database import Database, Row

Kind = Literal["batch", "take_over", "credit", "keep"]
State = Literal["pending", "signed", "sent", "confirmed", "refused"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction ready to send.

    Args:
        envelope: base64 XDR.
        tx_hash: its hash, hex.
        valid_until_s: its time bound, in ledger time (unix seconds).
    """

    envelope: str
    tx_hash: str
    valid_until_s: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One row of the outbox.

    Args:
        outbox_id: its row.
        kind: what it does.
        state: how far it is.
        signed: the envelope in the states 'signed' and 'sent'; else None.
        attempts: how often it was signed.
        message: the last error, in words.
    """

    outbox_id: int
    kind: Kind
    state: State
    signed: Signed | None
    attempts: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Applied:
    """Where a transaction ended up.

    Args:
        ledger: the ledger that applied it.
        fee_stroops: what it cost; None when the network no longer remembers.
    """

    ledger: int
    fee_stroops: int | None


async def find_open(database: Database) -> Outgoing | None:
    """What is to be sent next, or None. A take-over goes before the batch of the old writer."""
    row = await database.fetch_one(
        """SELECT * FROM outbox WHERE state IN ('pending', 'signed', 'sent')
           ORDER BY kind = 'take_over' DESC, outbox_id"""
    )
    return _outgoing(row) if row else None


async def has_open(connection: aiosqlite.Connection) -> bool:
    """Whether anything waits for an answer, inside the caller's transaction."""
    async with connection.execute(
        "SELECT 1 FROM outbox WHERE state IN ('pending', 'signed', 'sent')"
    ) as cursor:
        return await cursor.fetchone() is not None


async def find_outgoing(database: Database, outbox_id: int) -> Outgoing:
    """One row of the outbox.

    Raises:
        LookupError: there is no such row.
    """
    row = await database.fetch_one(
        "SELECT * FROM outbox WHERE outbox_id = :outbox_id", {"outbox_id": outbox_id}
    )
    if row is None:
        raise LookupError(f"the outbox has no row {outbox_id}")
    return _outgoing(row)


async def find_open_batch(database: Database) -> Outgoing | None:
    """The batch that waits for an answer, or None."""
    row = await database.fetch_one(
        """SELECT * FROM outbox WHERE state IN ('pending', 'signed', 'sent') AND kind = 'batch'
           ORDER BY outbox_id"""
    )
    return _outgoing(row) if row else None


def _outgoing(row: Row) -> Outgoing:
    signed = None
    if row["state"] in ("signed", "sent"):
        signed = Signed(row["envelope"], row["tx_hash"], row["valid_until_s"])
    return Outgoing(
        row["outbox_id"], row["kind"], row["state"], signed, row["attempts"], row["message"]
    )


async def insert_outgoing(connection: aiosqlite.Connection, kind: Kind, now_s: int) -> int:
    """Add a pending row inside the caller's transaction; returns its id."""
    row = await connection.execute_insert(
        """INSERT INTO outbox (kind, state, created_s, updated_s)
           VALUES (:kind, 'pending', :now_s, :now_s)""",
        {"kind": kind, "now_s": now_s},
    )
    if row is None:  # an INSERT that succeeded always has a row id
        raise AssertionError
    return int(row[0])


async def mark_signed(database: Database, outgoing: Outgoing, signed: Signed, now_s: int) -> bool:
    """Store an envelope before it is sent.

    A former envelope of the row must be dead, or use the same sequence number of the same account
    for the same thing and live no longer: then the network applies one of the two at most.

    Returns:
        False when another process was quicker: then nothing was stored and nothing may be sent.
    """
    return await _change(
        database,
        outgoing,
        """state = 'signed', envelope = :envelope, tx_hash = :tx_hash,
           valid_until_s = :valid_until_s, attempts = attempts + 1, message = NULL""",
        now_s,
        {
            "envelope": signed.envelope,
            "tx_hash": signed.tx_hash,
            "valid_until_s": signed.valid_until_s,
        },
    )


async def mark_sent(database: Database, outgoing: Outgoing, now_s: int) -> bool:
    """The network has the envelope; returns False when another process has moved the row."""
    return await _change(database, outgoing, "state = 'sent', message = NULL", now_s, {})


async def mark_message(database: Database, outgoing: Outgoing, message: str, now_s: int) -> None:
    """Note why it does not move, in words; the same words again write nothing."""
    if outgoing.message != message:
        await _change(database, outgoing, "message = :message", now_s, {"message": message})


async def _change(
    database: Database,
    outgoing: Outgoing,
    assignments: str,
    now_s: int,
    values: dict[str, str | int],
) -> bool:
    """Change a row only if it is still as it was read: two processes may hold the same row."""
    async with database.transaction() as connection:
        cursor = await connection.execute(
            f"""UPDATE outbox SET {assignments}, updated_s = :now_s
                WHERE outbox_id = :outbox_id AND state = :state AND attempts = :attempts""",
            values
            | {
                "now_s": now_s,
                "outbox_id": outgoing.outbox_id,
                "state": outgoing.state,
                "attempts": outgoing.attempts,
            },
        )
        return cursor.rowcount == 1


async def close_outgoing(
    connection: aiosqlite.Connection,
    outbox_id: int,
    state: Literal["confirmed", "refused"],
    now_s: int,
    *,
    applied: Applied | None = None,
    message: str | None = None,
) -> bool:
    """Answer a row for good, inside the caller's transaction.

    Returns:
        False when it had been answered before: the caller must leave everything as it is.
    """
    cursor = await connection.execute(
        """UPDATE outbox SET state = :state, message = :message, updated_s = :now_s,
               fee_stroops = :fee_stroops, ledger = :ledger
           WHERE outbox_id = :outbox_id AND state IN ('pending', 'signed', 'sent')""",
        {
            "state": state,
            "message": message,
            "now_s": now_s,
            "fee_stroops": applied.fee_stroops if applied else None,
            "ledger": applied.ledger if applied else None,
            "outbox_id": outbox_id,
        },
    )
    return cursor.rowcount == 1
