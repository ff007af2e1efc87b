"""The site's float: what the chain last said of it, and what that means for payments here.

A payment counts here as long as the contract's records, as they are stored, do not hold it; both
change in one transaction (:func:`book_float`), so at no moment does it count twice or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.credits import FIRST, Credit, CreditHead, Float
from gateway.domain.credits import find_refused as refused_slots
from gateway.domain.pages import MeterRecord
from gateway.errors import Permanent, Transient
from gateway.store.database import Database, Row
from gateway.store.edits import fetch_one
from gateway.store.outbox import close_outgoing
from gateway.store.status import append_event

REFUSED = "the contract does not know the meter, or its balance is full: the float keeps the money"


@dataclass(frozen=True, slots=True)
class Seen:
    """The float and the records of one and the same ledger.

    Args:
        site_float: the float.
        records: by slot.
        ledger: the ledger's number.
        as_of_s: its close time (unix seconds).
    """

    site_float: Float
    records: Mapping[int, MeterRecord]
    ledger: int
    as_of_s: int


@dataclass(frozen=True, slots=True)
class StoredCredit:
    """A composed credit as it was written; composing is never repeated.

    Args:
        outbox_id: its row of the outbox.
        credit: what it says.
        digest: its own, 32 bytes.
        is_applied: whether the contract's float was seen with it.
    """

    outbox_id: int
    credit: Credit
    digest: bytes
    is_applied: bool

    @property
    def head(self) -> CreditHead:
        """What the contract's float shows once it is in."""
        return CreditHead(self.credit.sequence, self.digest)


async def find_credit_head(database: Database, site: int) -> CreditHead:
    """The last credit that this database knows to be in."""
    return _head(await database.fetch_one(_HEAD, {"key": _head_key(site)}))


async def read_credit_head(connection: aiosqlite.Connection, site: int) -> CreditHead:
    """The same inside the caller's transaction."""
    return _head(await fetch_one(connection, _HEAD, key=_head_key(site)))


ITEMS = """
SELECT p.slot, i.amount_stroops FROM credit_item i JOIN meter_point p USING (meter_point_id)
WHERE i.outbox_id = :outbox_id ORDER BY p.slot
"""


def stored_credit(row: Row, items: Iterable[Row]) -> StoredCredit:
    """A credit from its row and its items."""
    amounts = tuple((item["slot"], item["amount_stroops"]) for item in items)
    return StoredCredit(
        row["outbox_id"],
        Credit(row["site"], row["sequence"], amounts),
        bytes.fromhex(row["digest"]),
        row["state"] == "applied",
    )


async def book_float(connection: aiosqlite.Connection, site: int, seen: Seen) -> None:
    """Store the float with the records of its ledger, inside the transaction that stores those.

    Payments that the records hold by now stop counting here; those that the contract refused say
    so. An answer older than the stored one changes nothing.

    Raises:
        Transient: the float says that a meter was credited which the answer does not have.
    """
    stored = await fetch_one(
        connection, "SELECT ledger FROM chain_float WHERE site = :site", site=site
    )
    if stored is not None and seen.ledger < stored["ledger"]:
        return
    found = seen.site_float
    await _save_float(connection, site, seen)
    row = await fetch_one(
        connection,
        """SELECT * FROM credit WHERE site = :site AND state = 'open'
           AND sequence = :sequence AND digest = :digest""",
        site=site,
        sequence=found.sequence,
        digest=found.digest.hex(),
    )
    if row is None:
        return
    items = await connection.execute_fetchall(ITEMS, {"outbox_id": row["outbox_id"]})
    await _book(connection, stored_credit(row, items), seen)


async def _book(connection: aiosqlite.Connection, stored: StoredCredit, seen: Seen) -> None:
    found, credit = seen.site_float, stored.credit
    amounts = dict(credit.amounts)
    refused = refused_slots(amounts, seen.records, found.refused)
    if refused is None:  # never seen; the records are the truth, and hold what was taken
        refused = frozenset(slot for slot in amounts if slot not in seen.records)
        detail = (
            f"the contract kept {found.refused} stroops of credit {credit.sequence} back and "
            "does not say whose: compare the balances of its meters, and report it"
        )
        await append_event(connection, "credit-doubt", detail, seen.as_of_s * 1000)
    missing = [slot for slot in amounts if slot not in seen.records and slot not in refused]
    if missing:
        raise Transient(f"the RPC server's answer lacks meter {missing[0]}: it is asked again")
    await connection.execute(
        """UPDATE local_credit SET
               state = IIF(r.value IS NULL, 'on_chain', 'refused'),
               reason = IIF(r.value IS NULL, NULL, :reason)
           FROM meter_point p LEFT JOIN json_each(:refused) r ON r.value = p.slot
           WHERE p.meter_point_id = local_credit.meter_point_id
             AND local_credit.outbox_id = :outbox_id AND local_credit.state = 'local'""",
        {
            "refused": json.dumps(sorted(refused)),
            "reason": REFUSED,
            "outbox_id": stored.outbox_id,
        },
    )
    await connection.execute(
        "UPDATE credit SET state = 'applied' WHERE outbox_id = :outbox_id",
        {"outbox_id": stored.outbox_id},
    )
    for slot in sorted(refused):
        detail = f"{amounts[slot]} stroops for slot {slot} were refused: {REFUSED}"
        await append_event(connection, "credit-refused", detail, seen.as_of_s * 1000)
    await _save_head(connection, credit.site, stored.head)


async def _save_float(connection: aiosqlite.Connection, site: int, seen: Seen) -> None:
    found = seen.site_float
    await connection.execute(
        """INSERT OR REPLACE INTO chain_float (site, balance, sequence, previous_digest, digest,
               credited, refused, total_credited, closed_s, ledger, as_of_s)
           VALUES (:site, :balance, :sequence, :previous, :digest, :credited, :refused, :total,
               :closed_s, :ledger, :as_of_s)""",
        {
            "site": site,
            "balance": found.balance,
            "sequence": found.sequence,
            "previous": found.previous_digest.hex(),
            "digest": found.digest.hex(),
            "credited": found.credited,
            "refused": found.refused,
            "total": found.total_credited,
            "closed_s": found.closed_s,
            "ledger": seen.ledger,
            "as_of_s": seen.as_of_s,
        },
    )


async def give_up(
    connection: aiosqlite.Connection, outbox_id: int, message: str, now_s: int
) -> bool:
    """Free a credit's payments, inside the caller's transaction; False when it was answered."""
    row = await fetch_one(
        connection, "SELECT state FROM credit WHERE outbox_id = :outbox_id", outbox_id=outbox_id
    )
    if row is None or row["state"] != "open":
        return False
    if not await close_outgoing(connection, outbox_id, "refused", now_s, message=message):
        return False
    await connection.execute(
        "UPDATE credit SET state = 'given_up' WHERE outbox_id = :outbox_id",
        {"outbox_id": outbox_id},
    )
    await connection.execute(
        "UPDATE local_credit SET outbox_id = NULL WHERE outbox_id = :outbox_id AND state = 'local'",
        {"outbox_id": outbox_id},
    )
    return True


@dataclass(frozen=True, slots=True)
class CreditStanding:
    """Where the payments taken here are, stroops.

    Args:
        local: how many wait here.
        local_stroops: what they are together.
        on_chain_stroops: in the contract's balances.
        refused_stroops: what the contract would not have.
        float_stroops: what the operator has paid in ahead, as last seen.
        sequence: number of the last credit on chain, as last seen.
    """

    local: int
    local_stroops: int
    on_chain_stroops: int
    refused_stroops: int
    float_stroops: int
    sequence: int


async def find_standing(database: Database, site: int) -> CreditStanding:
    """Where the payments taken here are."""
    row = await database.fetch_one(
        """SELECT COUNT(*) FILTER (WHERE state = 'local') AS local,
                  IFNULL(SUM(amount_stroops) FILTER (WHERE state = 'local'), 0),
                  IFNULL(SUM(amount_stroops) FILTER (WHERE state = 'on_chain'), 0),
                  IFNULL(SUM(amount_stroops) FILTER (WHERE state = 'refused'), 0),
                  IFNULL((SELECT balance FROM chain_float WHERE site = :site), 0),
                  IFNULL((SELECT sequence FROM chain_float WHERE site = :site), 0)
           FROM local_credit""",
        {"site": site},
    )
    if row is None:  # an aggregate always has a row
        raise AssertionError
    return CreditStanding(*row)


@dataclass(frozen=True, slots=True)
class Adoption:
    """A person's word on which payments the chain holds already.

    Args:
        on_chain: receipts of payments that another gateway, or this one before it was restored,
            has put on chain.
        author: who answers for it.
        now_s: village time (unix seconds).
    """

    on_chain: Sequence[int]
    author: str
    now_s: int


async def adopt_float(database: Database, site: int, adoption: Adoption) -> CreditHead:
    """Go on crediting after what the chain shows; the other payments go on chain from here.

    Raises:
        Permanent: there is nothing to adopt, or a receipt is not one that waits.
    """
    async with database.transaction() as connection:
        row = await fetch_one(connection, "SELECT * FROM chain_float WHERE site = :site", site=site)
        head = await read_credit_head(connection, site)
        if row is None or (row["sequence"], row["digest"]) == (head.sequence, head.digest.hex()):
            raise Permanent("the chain is where this database left it: there is nothing to adopt")
        rows = await connection.execute_fetchall(
            """SELECT outbox_id FROM outbox
               WHERE kind = 'credit' AND state IN ('pending', 'signed', 'sent')"""
        )
        for one in rows:
            message = "given up: another gateway credits this site"
            await give_up(connection, one["outbox_id"], message, adoption.now_s)
        await _mark_found(connection, adoption)
        taken = CreditHead(row["sequence"], bytes.fromhex(row["digest"]))
        await _save_head(connection, site, taken)
        detail = (
            f"{adoption.author} goes on after credit {taken.sequence}; on chain already: "
            f"{', '.join(map(str, adoption.on_chain)) or 'no payment of this file'}"
        )
        await append_event(connection, "credits-adopted", detail, adoption.now_s * 1000)
    return taken


async def _mark_found(connection: aiosqlite.Connection, adoption: Adoption) -> None:
    for receipt in adoption.on_chain:
        cursor = await connection.execute(
            """UPDATE local_credit SET state = 'on_chain', reason = :reason
               WHERE receipt = :receipt AND state = 'local'""",
            {"reason": f"found on chain by {adoption.author}", "receipt": receipt},
        )
        if cursor.rowcount != 1:
            raise Permanent(f"receipt {receipt} does not wait: see `gateway credits list`")


async def adopt_if_clear(connection: aiosqlite.Connection, site: int) -> None:
    """In a take-over: go on after the chain's last credit, if no payment here could be in it."""
    await connection.execute(
        """INSERT INTO meta (key, value)
           SELECT :key, json_object('sequence', f.sequence, 'digest', f.digest)
           FROM chain_float f WHERE f.site = :site AND f.sequence > 0
             AND NOT EXISTS (SELECT 1 FROM local_credit WHERE state = 'local')
           ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
        {"key": _head_key(site), "site": site},
    )


_HEAD = "SELECT value FROM meta WHERE key = :key"


def _head(row: Row | None) -> CreditHead:
    if row is None:
        return FIRST
    value = json.loads(row["value"])
    return CreditHead(value["sequence"], bytes.fromhex(value["digest"]))


async def _save_head(connection: aiosqlite.Connection, site: int, head: CreditHead) -> None:
    value = {"sequence": head.sequence, "digest": head.digest.hex()}
    await connection.execute(
        """INSERT INTO meta (key, value) VALUES (:key, :value)
           ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
        {"key": _head_key(site), "value": json.dumps(value)},
    )


def _head_key(site: int) -> str:
    return f"credit_head:{site}"
