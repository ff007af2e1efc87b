"""What the contract last said, as of which ledger; and how far this database itself has settled.

Written by the ledger room, read by everyone. An older answer never replaces a newer one, so a
lagging node does no harm. Prices follow the chain: a version that was withdrawn before it came
into force goes, and what its number was given out for again takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.batches import Head, Price, Receipt
from gateway.domain.credits import Float
from gateway.domain.pages import MeterRecord
from gateway.store.database import Database, Row
from gateway.store.floats import Seen, book_float


@dataclass(frozen=True, slots=True)
class ChainState:
    """One answer about a site, all of one ledger.

    Args:
        ledger: the ledger's sequence number.
        as_of_s: close time of that ledger or of one shortly before it (unix seconds).
        receipt: the site's last receipt, or None when it never settled.
        records: by slot, every meter that the contract knows among those asked for.
        prices: every version, ascending.
        witnesses: how many RPC servers say so.
        site_float: what the operator has paid in ahead; None: it was not asked for.
    """

    ledger: int
    as_of_s: int
    receipt: Receipt | None
    records: Mapping[int, MeterRecord]
    prices: tuple[Price, ...]
    witnesses: int = 1
    site_float: Float | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the contract's events were read.

    Args:
        cursor: the RPC's own mark.
        ledger: the newest ledger looked at.
        as_of_s: its close time (unix seconds).
    """

    cursor: str
    ledger: int
    as_of_s: int


async def find_head(database: Database, site: int) -> Head | None:
    """The last batch settled by this database, or None before the first."""
    return _head(await database.fetch_one(_HEAD, {"key": _head_key(site)}))


async def read_head(connection: aiosqlite.Connection, site: int) -> Head | None:
    """The same inside the caller's transaction."""
    async with connection.execute(_HEAD, {"key": _head_key(site)}) as cursor:
        return _head(await cursor.fetchone())


_HEAD = "SELECT value FROM meta WHERE key = :key"


def _head(row: Row | None) -> Head | None:
    if row is None:
        return None
    value = json.loads(row["value"])
    return Head(value["sequence"], bytes.fromhex(value["digest"]), value["to_s"])


async def save_head(connection: aiosqlite.Connection, site: int, head: Head) -> None:
    """Move the head, inside the transaction that settles or adopts."""
    value = {"sequence": head.sequence, "digest": head.digest.hex(), "to_s": head.to_s}
    await connection.execute(
        """INSERT INTO meta (key, value) VALUES (:key, :value)
           ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
        {"key": _head_key(site), "value": json.dumps(value)},
    )


def _head_key(site: int) -> str:
    return f"head:{site}"


async def find_slots(database: Database, site: int) -> list[int]:
    """The slots of the site's meter points, ascending."""
    rows = await database.fetch_all(
        """SELECT slot FROM meter_point WHERE site = :site AND kind = 'supply' ORDER BY slot""",
        {"site": site},
    )
    return [row["slot"] for row in rows]


async def find_records(database: Database, site: int) -> dict[int, MeterRecord]:
    """What the contract last said of each meter point of a site, by slot."""
    rows = await database.fetch_all(
        """SELECT p.slot, c.* FROM chain_meter c JOIN meter_point p USING (meter_point_id)
           WHERE p.site = :site""",
        {"site": site},
    )
    return {row["slot"]: _record(row) for row in rows}


def _record(row: Row) -> MeterRecord:
    return MeterRecord(
        total_wh=row["total_wh"],
        balance=row["balance"],
        paid_from_s=row["paid_from_s"],
        paid_until_s=row["paid_until_s"],
        last_read_s=row["last_read_s"],
        market_credit_wh=row["market_credit_wh"],
        remainder_milli=row["remainder_milli"],
        max_power_w=row["max_power_w"],
        plan=row["plan"],
        flags=row["flags"],
        version=row["version"],
    )


async def count_prices(database: Database) -> int:
    """The number of the newest price version known."""
    row = await database.fetch_one("SELECT COALESCE(MAX(version), 0) AS newest FROM chain_price")
    return int(row["newest"]) if row else 0


async def find_cursor(database: Database, contract: str) -> Cursor | None:
    """How far a contract's events were read, or None before the first time."""
    row = await database.fetch_one(
        "SELECT * FROM chain_cursor WHERE name = :name", {"name": contract}
    )
    return Cursor(row["cursor"], row["ledger"], row["as_of_s"]) if row else None


async def save_refresh(
    database: Database, site: int, contract: str, state: ChainState, cursor: Cursor
) -> None:
    """Store a fresh answer and the cursor that it belongs to, in one transaction."""
    async with database.transaction() as connection:
        await save_state(connection, site, state)
        await _save_cursor(connection, contract, cursor)


async def save_answer(database: Database, site: int, state: ChainState) -> None:
    """Store a fresh answer that no cursor belongs to."""
    async with database.transaction() as connection:
        await save_state(connection, site, state)


async def save_quiet(database: Database, contract: str, cursor: Cursor) -> None:
    """Nothing happened up to the cursor's ledger: what is stored is true as of then.

    The cursor alone says so. Whoever asks how old a record is takes the younger of the two, which
    spares the card a village of rows at each look.
    """
    async with database.transaction() as connection:
        await _save_cursor(connection, contract, cursor)


async def _save_cursor(connection: aiosqlite.Connection, contract: str, cursor: Cursor) -> None:
    await connection.execute(
        """INSERT INTO chain_cursor (name, cursor, ledger, as_of_s)
           VALUES (:name, :cursor, :ledger, :as_of_s)
           ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor,
               ledger = excluded.ledger, as_of_s = excluded.as_of_s""",
        {
            "name": contract,
            "cursor": cursor.cursor,
            "ledger": cursor.ledger,
            "as_of_s": cursor.as_of_s,
        },
    )


async def save_state(connection: aiosqlite.Connection, site: int, state: ChainState) -> None:
    """Store records, receipt, prices and float inside the caller's transaction.

    Whatever the float says is in these records stops counting as paid on site in the same moment.

    Raises:
        Transient: the answer contradicts itself.
    """
    if state.ledger >= await _newest_ledger(connection):
        await _save_prices(connection, state.prices)
    rows = [
        {
            "site": site,
            "slot": slot,
            "total_wh": record.total_wh,
            "balance": record.balance,
            "remainder_milli": record.remainder_milli,
            "paid_from_s": record.paid_from_s,
            "paid_until_s": record.paid_until_s,
            "last_read_s": record.last_read_s,
            "market_credit_wh": record.market_credit_wh,
            "max_power_w": record.max_power_w,
            "plan": record.plan,
            "flags": record.flags,
            "version": record.version,
            "ledger": state.ledger,
            "as_of_s": state.as_of_s,
            "witnesses": state.witnesses,
        }
        for slot, record in state.records.items()
    ]
    await connection.executemany(_SAVE_WITNESS, rows)
    await connection.executemany(_SAVE_METER, rows)
    if state.receipt is not None:
        await _save_receipt(connection, site, state, state.receipt)
    if state.site_float is not None:
        seen = Seen(state.site_float, state.records, state.ledger, state.as_of_s)
        await book_float(connection, site, seen)


async def _newest_ledger(connection: aiosqlite.Connection) -> int:
    """The newest ledger that anything stored is of; prices carry none of their own."""
    async with connection.execute(
        """SELECT MAX(ledger) AS newest FROM (
               SELECT ledger FROM chain_meter UNION ALL SELECT ledger FROM chain_receipt
               UNION ALL SELECT ledger FROM chain_cursor)"""
    ) as cursor:
        row = await cursor.fetchone()
    return (row["newest"] or 0) if row else 0


async def _save_prices(connection: aiosqlite.Connection, prices: Sequence[Price]) -> None:
    """Let the stored prices be those of the chain, but for versions that charged a batch."""
    values = [
        {
            "version": price.version,
            "effective_from_s": price.effective_from_s,
            "off_peak": price.off_peak,
            "standard": price.standard,
            "peak": price.peak,
            "daily": price.daily,
            "weekly": price.weekly,
        }
        for price in prices
    ]
    known = json.dumps([price.version for price in prices])
    await connection.execute(_FORGET_PRICES, {"known": known})
    await connection.executemany(_SAVE_PRICE, values)


async def _save_receipt(
    connection: aiosqlite.Connection, site: int, state: ChainState, receipt: Receipt
) -> None:
    await connection.execute(
        _SAVE_RECEIPT,
        {
            "site": site,
            "writer": receipt.writer.hex(),
            "sequence": receipt.sequence,
            "previous_digest": receipt.previous_digest.hex(),
            "digest": receipt.digest.hex(),
            "from_s": receipt.from_s,
            "to_s": receipt.to_s,
            "price_version": receipt.price_version,
            "accepted_wh": receipt.accepted_wh,
            "residue_wh": receipt.residue_wh,
            "total_wh": receipt.total_wh,
            "total_residue_wh": receipt.total_residue_wh,
            "closed_s": receipt.closed_s,
            "ledger": state.ledger,
            "as_of_s": state.as_of_s,
        },
    )


# What two servers have said stays said by two until a server says something else.
_SAVE_WITNESS = """
INSERT INTO chain_witness (meter_point_id, witnesses)
SELECT p.meter_point_id, :witnesses
FROM meter_point p LEFT JOIN chain_meter c USING (meter_point_id)
LEFT JOIN chain_witness w USING (meter_point_id)
WHERE p.site = :site AND p.slot = :slot AND p.kind = 'supply' AND :ledger >= IFNULL(c.ledger, 0)
  AND IFNULL(w.witnesses, 0) <> :witnesses
  AND (IFNULL(w.witnesses, 0) < :witnesses
       OR (c.total_wh, c.balance, c.paid_until_s, c.flags)
          <> (:total_wh, :balance, :paid_until_s, :flags))
ON CONFLICT (meter_point_id) DO UPDATE SET witnesses = excluded.witnesses
"""

_SAVE_METER = """
INSERT INTO chain_meter (meter_point_id, total_wh, balance, remainder_milli, paid_from_s,
    paid_until_s, last_read_s, market_credit_wh, max_power_w, plan, flags, version, ledger, as_of_s)
SELECT meter_point_id, :total_wh, :balance, :remainder_milli, :paid_from_s, :paid_until_s,
    :last_read_s, :market_credit_wh, :max_power_w, :plan, :flags, :version, :ledger, :as_of_s
FROM meter_point WHERE site = :site AND slot = :slot AND kind = 'supply'
ON CONFLICT (meter_point_id) DO UPDATE SET total_wh = excluded.total_wh,
    balance = excluded.balance, remainder_milli = excluded.remainder_milli,
    paid_from_s = excluded.paid_from_s, paid_until_s = excluded.paid_until_s,
    last_read_s = excluded.last_read_s, market_credit_wh = excluded.market_credit_wh,
    max_power_w = excluded.max_power_w, plan = excluded.plan, flags = excluded.flags,
    version = excluded.version, ledger = excluded.ledger, as_of_s = excluded.as_of_s
WHERE excluded.ledger >= chain_meter.ledger
"""

_SAVE_RECEIPT = """
INSERT INTO chain_receipt (site, writer, sequence, previous_digest, digest, from_s, to_s,
    price_version, accepted_wh, residue_wh, total_wh, total_residue_wh, closed_s, ledger, as_of_s)
VALUES (:site, :writer, :sequence, :previous_digest, :digest, :from_s, :to_s,
    :price_version, :accepted_wh, :residue_wh, :total_wh, :total_residue_wh, :closed_s, :ledger,
    :as_of_s)
ON CONFLICT (site) DO UPDATE SET writer = excluded.writer, sequence = excluded.sequence,
    previous_digest = excluded.previous_digest, digest = excluded.digest,
    from_s = excluded.from_s, to_s = excluded.to_s, price_version = excluded.price_version,
    accepted_wh = excluded.accepted_wh, residue_wh = excluded.residue_wh,
    total_wh = excluded.total_wh, total_residue_wh = excluded.total_residue_wh,
    closed_s = excluded.closed_s, ledger = excluded.ledger, as_of_s = excluded.as_of_s
WHERE excluded.ledger >= chain_receipt.ledger
"""

# Whatever is in force stays so for ever; and no batch was composed at a price that was not.
_FORGET_PRICES = """
DELETE FROM chain_price
WHERE version NOT IN (SELECT value FROM json_each(:known))
  AND NOT EXISTS (SELECT 1 FROM batch b
                  WHERE b.price_version = chain_price.version AND b.refused = 0)
"""

_SAVE_PRICE = """
INSERT INTO chain_price (version, effective_from_s, off_peak, standard, peak, daily, weekly)
VALUES (:version, :effective_from_s, :off_peak, :standard, :peak, :daily, :weekly)
ON CONFLICT (version) DO UPDATE SET effective_from_s = excluded.effective_from_s,
    off_peak = excluded.off_peak, standard = excluded.standard, peak = excluded.peak,
    daily = excluded.daily, weekly = excluded.weekly
WHERE NOT EXISTS (SELECT 1 FROM batch b
                  WHERE b.price_version = excluded.version AND b.refused = 0)
"""
