"""Payments on their way to the contract: chosen, put in the outbox as one credit, and answered.

When they stop counting here is not decided by what becomes of the transaction but by the records
that are stored, see :mod:`gateway.store.floats`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiosqlite

from gateway.domain.credits import Choice, Credit, CreditHead, Waiting, choose
from gateway.errors import Transient
from gateway.store.database import Database
from gateway.store.edits import fetch_one
from gateway.store.floats import ITEMS, Seen, StoredCredit, give_up, read_credit_head, stored_credit
from gateway.store.outbox import Applied, close_outgoing, has_open, insert_outgoing

MOST_WAITING = 10_000
"""Payments looked at for one credit: a hundred meters have fewer."""


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """What every credit of this gateway has in common.

    Args:
        site: the village's number on chain.
        contract: the contract's address.
        network_id: SHA-256 of the network's passphrase, 32 bytes.
        most_meters: the most meters of one credit.
    """

    site: int
    contract: str
    network_id: bytes
    most_meters: int


async def find_oldest(database: Database, site: int) -> tuple[int, int] | None:
    """When the oldest payment that nothing carries was taken, and for how many meters some wait.

    Returns:
        Unix seconds and meters; None when none waits.
    """
    row = await database.fetch_one(
        """SELECT MIN(at_s) AS at_s, COUNT(DISTINCT meter_point_id) AS meters
           FROM local_credit JOIN meter_point USING (meter_point_id)
           WHERE state = 'local' AND outbox_id IS NULL AND site = :site""",
        {"site": site},
    )
    return (row["at_s"], row["meters"]) if row and row["meters"] else None


async def compose_credit(
    database: Database, terms: CreditTerms, seen: Seen, now_s: int
) -> tuple[StoredCredit | None, Choice]:
    """Put the oldest payments in the outbox as the next credit, in one transaction.

    Args:
        database: the store.
        terms: what it is composed under.
        seen: the chain as it is now; the credit follows its float.
        now_s: village time (unix seconds).

    Returns:
        The credit, or None when nothing can go or something is open already; and the choice, which
        tells why.
    """
    nothing = Choice((), (), frozenset(), 0)
    before = CreditHead(seen.site_float.sequence, seen.site_float.digest)
    async with database.transaction() as connection:
        head = await read_credit_head(connection, terms.site)
        if await has_open(connection) or head != before:
            return None, nothing
        choice = choose(
            await _waiting(connection, terms.site),
            seen.records,
            seen.site_float.balance,
            terms.most_meters,
        )
        if not choice.receipts:
            return None, choice
        credit = Credit(terms.site, head.sequence + 1, choice.amounts)
        digest = credit.digest(head.digest, terms.network_id, terms.contract)
        outbox_id = await insert_outgoing(connection, "credit", now_s)
        await _insert(connection, outbox_id, credit, head.digest, digest)
        await connection.execute(
            """UPDATE local_credit SET outbox_id = :outbox_id
               WHERE receipt IN (SELECT value FROM json_each(:receipts))""",
            {"outbox_id": outbox_id, "receipts": json.dumps(choice.receipts)},
        )
    return StoredCredit(outbox_id, credit, digest, is_applied=False), choice


async def _waiting(connection: aiosqlite.Connection, site: int) -> list[Waiting]:
    rows = await connection.execute_fetchall(
        """SELECT l.receipt, p.slot, l.amount_stroops
           FROM local_credit l JOIN meter_point p USING (meter_point_id)
           WHERE l.state = 'local' AND l.outbox_id IS NULL AND p.site = :site
           ORDER BY l.receipt LIMIT :most""",
        {"site": site, "most": MOST_WAITING},
    )
    return [Waiting(*row) for row in rows]


async def _insert(
    connection: aiosqlite.Connection,
    outbox_id: int,
    credit: Credit,
    previous: bytes,
    digest: bytes,
) -> None:
    await connection.execute(
        """INSERT INTO credit (outbox_id, site, sequence, previous_digest, digest)
           VALUES (:outbox_id, :site, :sequence, :previous, :digest)""",
        {
            "outbox_id": outbox_id,
            "site": credit.site,
            "sequence": credit.sequence,
            "previous": previous.hex(),
            "digest": digest.hex(),
        },
    )
    await connection.executemany(
        """INSERT INTO credit_item (outbox_id, meter_point_id, amount_stroops)
           SELECT :outbox_id, meter_point_id, :stroops
           FROM meter_point WHERE site = :site AND slot = :slot""",
        [
            {"outbox_id": outbox_id, "site": credit.site, "slot": slot, "stroops": stroops}
            for slot, stroops in credit.amounts
        ],
    )


async def find_credit(database: Database, outbox_id: int) -> StoredCredit:
    """A composed credit, exactly as it was written.

    Raises:
        LookupError: the row is no credit.
    """
    row = await database.fetch_one(
        "SELECT * FROM credit WHERE outbox_id = :outbox_id", {"outbox_id": outbox_id}
    )
    if row is None:
        raise LookupError(f"outbox row {outbox_id} is no credit")
    return stored_credit(row, await database.fetch_all(ITEMS, {"outbox_id": outbox_id}))


async def close_credit(
    connection: aiosqlite.Connection, outbox_id: int, applied: Applied, now_s: int
) -> bool:
    """The credit is in and booked: answer its row, inside the caller's transaction.

    Returns:
        False when another process had answered it.

    Raises:
        Transient: it is not booked: the answer that was stored with this is an older one.
    """
    row = await fetch_one(
        connection, "SELECT state FROM credit WHERE outbox_id = :outbox_id", outbox_id=outbox_id
    )
    if row is None or row["state"] != "applied":
        raise Transient("the RPC server's answer is older than its last one: it lags behind")
    return await close_outgoing(connection, outbox_id, "confirmed", now_s, applied=applied)


async def give_up_credit(database: Database, outbox_id: int, message: str, now_s: int) -> bool:
    """Let the payments of a credit that can never be applied wait for another one.

    Args:
        database: the store.
        outbox_id: its row; no envelope of it may be alive.
        message: why, in words.
        now_s: village time (unix seconds).

    Returns:
        False when it was answered, or is applied.
    """
    async with database.transaction() as connection:
        return await give_up(connection, outbox_id, message, now_s)
