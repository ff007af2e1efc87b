"""Groups of readings in the file: appended, chained, found again by time.

Only the field process appends. Heads of chains are kept in memory and written once an hour, which
spares the card; a process that starts reads the last ones written and follows the groups since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aiosqlite

from gateway.domain.groups import (
    HOUR_MS,
    NO_HEAD,
    GroupError,
    by_meter,
    compress,
    decode,
    expand,
    extend,
    in_hours,
    seal,
)
from gateway.domain.readings import Gap, Reading
from gateway.errors import Permanent
from gateway.store.database import Database, Row

DAY_S = 86_400

Entry = tuple[int, int, bytes]
"""A meter, the time of its reading (unix milliseconds), and the packed record."""


@dataclass(slots=True)
class Chains:
    """Where every meter's chain stands.

    Args:
        sequence: of the newest group; 0: there is none.
        hash: its hash, 32 bytes.
        heads: of each meter, 32 bytes.
        hour: hours since 1970 of the newest reading; heads are written when it changes.
    """

    sequence: int = 0
    hash: bytes = NO_HEAD
    heads: dict[int, bytes] = field(default_factory=dict)
    hour: int = 0

    def copy(self) -> Chains:
        """A copy to go on from, in case the transaction fails."""
        return Chains(self.sequence, self.hash, dict(self.heads), self.hour)


async def follow(connection: aiosqlite.Connection, known: Chains) -> Chains:
    """The chains as the file has them: what is known already, or read anew."""
    async with connection.execute(
        "SELECT sequence, hash FROM reading_group ORDER BY sequence DESC LIMIT 1"
    ) as cursor:
        row = await cursor.fetchone()
    newest = (row["sequence"], row["hash"]) if row else (0, NO_HEAD)
    if newest == (known.sequence, known.hash):
        return known
    return await _load(connection)


async def _load(connection: aiosqlite.Connection) -> Chains:
    """The heads that were written last, and whatever was appended since.

    A damaged group is passed over: metering goes on, and ``gateway verify`` says where it is.
    """
    chains = Chains()
    for row in await connection.execute_fetchall(
        """SELECT meter_id, sequence, head FROM chain_head
           WHERE sequence = (SELECT MAX(sequence) FROM chain_head)"""
    ):
        chains.sequence = row["sequence"]
        chains.heads[row["meter_id"]] = row["head"]
    async with connection.execute(
        "SELECT * FROM reading_group WHERE sequence >= :from ORDER BY sequence",
        {"from": chains.sequence},
    ) as cursor:
        async for row in cursor:
            if row["sequence"] > chains.sequence:
                with suppress(Permanent):
                    for meter_id, records in by_meter(records_of(row)):
                        head = extend(chains.heads.get(meter_id, NO_HEAD), records)
                        chains.heads[meter_id] = head
            chains.sequence, chains.hash = row["sequence"], row["hash"]
            chains.hour = max(chains.hour, row["to_ms"] // HOUR_MS)
    return chains


def records_of(row: Row) -> bytes:
    """The records of a row of ``reading_group``.

    Raises:
        Permanent: they are damaged; the sentence says which group.
    """
    try:
        return expand(row["readings"])
    except GroupError as error:
        raise Permanent(f"group {row['sequence']}: {error}") from None


async def append_groups(
    connection: aiosqlite.Connection, entries: Sequence[Entry], chains: Chains
) -> None:
    """Store what one flush brought and move the chains, inside the caller's transaction.

    Args:
        entries: in any order.
        chains: as :func:`follow` gave them; changed.
    """
    for hour in in_hours(entries):
        now = hour[0][1] // HOUR_MS
        if chains.sequence and now > chains.hour:
            await _save_heads(connection, chains)
        chains.hour = max(chains.hour, now)
        records = b"".join([record for _, _, record in hour])
        changed = [
            (meter_id, extend(chains.heads.get(meter_id, NO_HEAD), own))
            for meter_id, own in by_meter(records)
        ]
        chains.heads.update(changed)
        chains.sequence += 1
        chains.hash = seal(chains.hash, changed)
        times = [at_ms for _, at_ms, _ in hour]
        await connection.execute(
            "INSERT INTO reading_group VALUES (:sequence, :from_ms, :to_ms, :readings, :hash)",
            {
                "sequence": chains.sequence,
                "from_ms": min(times),
                "to_ms": max(times),
                "readings": compress(records),
                "hash": chains.hash,
            },
        )


async def _save_heads(connection: aiosqlite.Connection, chains: Chains) -> None:
    """An hour is over: write where the chains stood, over the same day's hour before."""
    day_s = chains.hour * 3600 // DAY_S * DAY_S
    await connection.executemany(
        """INSERT OR REPLACE INTO chain_head (day_s, meter_id, sequence, head)
           VALUES (?, ?, ?, ?)""",
        [(day_s, meter_id, chains.sequence, head) for meter_id, head in chains.heads.items()],
    )


async def find_groups(database: Database, from_ms: int, to_ms: int) -> list[int]:
    """Sequences of the groups that may hold readings of [from_ms, to_ms), in order of commit."""
    rows = await database.fetch_all(
        """SELECT sequence FROM reading_group
           WHERE from_ms > :from_ms - :span AND from_ms < :to_ms AND to_ms >= :from_ms
           ORDER BY sequence""",
        {"from_ms": from_ms, "to_ms": to_ms, "span": HOUR_MS},
    )
    return [row["sequence"] for row in rows]


async def stream_entries(
    database: Database, from_ms: int, to_ms: int, meter_ids: Collection[int] | None = None
) -> AsyncIterator[Reading | Gap]:
    """Readings and gaps of [from_ms, to_ms) in the order in which they were stored.

    Args:
        database: the store; nothing of it is held between two groups.
        from_ms: first instant (unix milliseconds).
        to_ms: first instant after it; a gap belongs to its end.
        meter_ids: only these meters; None: all.

    Raises:
        Permanent: a group is damaged.
    """
    for sequence in await find_groups(database, from_ms, to_ms):
        row = await database.fetch_one(
            "SELECT * FROM reading_group WHERE sequence = :sequence", {"sequence": sequence}
        )
        if row is None:  # pruned meanwhile
            continue
        for entry in entries_of(row, meter_ids):
            if from_ms <= entry.at_ms < to_ms:
                yield entry


def entries_of(row: Row, meter_ids: Collection[int] | None = None) -> Iterator[Reading | Gap]:
    """What a row of ``reading_group`` says, by meter and time.

    Args:
        row: the whole row.
        meter_ids: only these meters; None: all.

    Raises:
        Permanent: it is damaged.
    """
    try:
        for meter_id, records in by_meter(records_of(row)):
            if meter_ids is None or meter_id in meter_ids:
                yield from decode(records)
    except GroupError as error:
        raise Permanent(f"group {row['sequence']}: {error}") from None


async def read_readings(
    database: Database, meter_id: int, from_ms: int, to_ms: int
) -> list[Reading]:
    """One meter's readings of [from_ms, to_ms) by time, each once.

    Args:
        database: the store.
        meter_id: the meter.
        from_ms: first instant (unix milliseconds).
        to_ms: first instant after it.

    Raises:
        Permanent: a group is damaged.
    """
    found = {
        entry.at_ms: entry
        async for entry in stream_entries(database, from_ms, to_ms, (meter_id,))
        if isinstance(entry, Reading)
    }
    return [found[at_ms] for at_ms in sorted(found)]
