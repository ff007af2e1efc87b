"""The rows that a bill's trail is read from, out of one snapshot: batches, receipts, claims.

Reads only, and takes nothing for granted: a figure that can't be what it should be (hex digits that
are none) comes out as one that agrees with nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.domain.batches import Batch, Price, SlotUsage
from gateway.domain.groups import GroupError, by_meter, decode, expand
from gateway.domain.parts import Part, PartsError, decode_parts
from gateway.domain.readings import Reading
from gateway.domain.statement import Adoption, Books, Item, Quarter
from gateway.domain.trail import KeptReceipt, Link

HOUR_MS = 3_600_000
_COLUMNS = "i.off_peak_wh, i.standard_wh, i.peak_wh, i.included_wh, i.market_wh"


@dataclass(frozen=True, slots=True)
class Point:
    """A meter point on its trail.

    Args:
        meter_point_id: its row.
        label: what it is called.
        site: the village's number.
        slot: its number there.
        mode: who charges its usage.
    """

    meter_point_id: int
    label: str
    site: int
    slot: int
    mode: str


@dataclass(frozen=True, slots=True)
class Register:
    """What a meter showed at both ends of a period.

    Args:
        serial: the meter's.
        first_ms: its first reading in the period (unix milliseconds).
        first_wh: its register then.
        last_ms: its last reading.
        last_wh: its register then.
    """

    serial: str
    first_ms: int
    first_wh: int
    last_ms: int
    last_wh: int


def find_point(connection: sqlite3.Connection, label: str) -> Point | None:
    """The meter point with this label, if households are settled by it."""
    row = connection.execute(
        """SELECT meter_point_id, label, site, slot, settlement_mode FROM meter_point
           WHERE label = :label AND kind = 'supply'""",
        {"label": label},
    ).fetchone()
    return None if row is None else Point(*row)


def read_links(connection: sqlite3.Connection, site: int, from_sequence: int) -> Iterator[Link]:
    """The site's batches from a number on, ascending; refused ones are none of the chain."""
    rows = connection.execute(
        """SELECT b.*, o.state, o.message, o.tx_hash FROM batch b JOIN outbox o USING (outbox_id)
           WHERE b.site = :site AND b.sequence >= :sequence AND b.refused = 0
           ORDER BY b.sequence""",
        {"site": site, "sequence": from_sequence},
    ).fetchall()
    for row in rows:
        yield _link(connection, row)


def _link(connection: sqlite3.Connection, row: sqlite3.Row) -> Link:
    items = connection.execute(
        f"""SELECT p.slot, {_COLUMNS}, i.parts, i.accepted
            FROM batch_item i JOIN meter_point p USING (meter_point_id)
            WHERE i.outbox_id = :outbox_id ORDER BY p.slot""",
        {"outbox_id": row["outbox_id"]},
    ).fetchall()
    receipt = connection.execute(
        f"{_KEPT} WHERE outbox_id = :outbox_id", {"outbox_id": row["outbox_id"]}
    ).fetchone()
    return Link(
        batch=Batch(
            site=row["site"],
            writer=_hash(row["writer"]),
            sequence=row["sequence"],
            from_s=row["from_s"],
            to_s=row["to_s"],
            price_version=row["price_version"],
            root=None if row["root"] is None else _hash(row["root"]),
            slots=tuple(SlotUsage(*item[:6]) for item in items),
        ),
        previous_digest=_hash(row["previous_digest"]),
        digest=_hash(row["digest"]),
        contract=row["contract"],
        network_id=row["network_id"],
        commitment=row["commitment"],
        parts={item["slot"]: item["parts"] for item in items},
        accepted={item["slot"]: _flag(item["accepted"]) for item in items},
        state=row["state"],
        message=row["message"],
        tx_hash=row["tx_hash"],
        receipt=None if receipt is None else KeptReceipt(*receipt),
    )


_KEPT = """
SELECT sequence, digest, root, to_s, accepted_wh, residue_wh, total_wh, total_residue_wh,
       closed_s, ledger
FROM kept_receipt
"""


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def read_adopted(connection: sqlite3.Connection, site: int) -> list[KeptReceipt]:
    """The receipts that take-overs adopted, in the order in which they did."""
    rows = connection.execute(
        f"""{_KEPT} WHERE site = :site
              AND outbox_id IN (SELECT outbox_id FROM outbox WHERE kind = 'take_over')
            ORDER BY outbox_id""",
        {"site": site},
    )
    return [KeptReceipt(*row) for row in rows]


def read_newest(connection: sqlite3.Connection, site: int) -> KeptReceipt | None:
    """The contract's receipt as it was last read; its root is that of its batch."""
    row = connection.execute(
        """SELECT sequence, digest, '', to_s, accepted_wh, residue_wh, total_wh, total_residue_wh,
                  closed_s, ledger FROM chain_receipt WHERE site = :site""",
        {"site": site},
    ).fetchone()
    if row is None:
        return None
    sequence, digest, root, *rest = row
    return KeptReceipt(sequence, _hash(digest), _hash(root), *rest)


def read_entries(connection: sqlite3.Connection, point: Point) -> list[Item | Adoption]:
    """Every batch item and adoption of a meter point, in the order in which they were made."""
    items = connection.execute(
        f"""SELECT i.outbox_id, b.sequence, b.from_s, b.to_s, b.price_version, {_COLUMNS}, i.parts,
                   o.state, o.message, i.accepted, i.total_wh, i.balance, i.remainder_milli
            FROM batch_item i JOIN batch b USING (outbox_id) JOIN outbox o USING (outbox_id)
            WHERE i.meter_point_id = :point""",
        {"point": point.meter_point_id},
    )
    entries: list[Item | Adoption] = [_item(row, point.slot) for row in items]
    adopted = connection.execute(
        """SELECT a.outbox_id, k.sequence, o.updated_s, a.total_wh, a.balance, a.remainder_milli,
                  a.ahead_wh, a.parts
           FROM adopted a JOIN outbox o USING (outbox_id) JOIN kept_receipt k USING (outbox_id)
           WHERE a.meter_point_id = :point""",
        {"point": point.meter_point_id},
    )
    entries += [
        Adoption(
            outbox_id=row["outbox_id"],
            sequence=row["sequence"],
            at_s=row["updated_s"],
            total_wh=row["total_wh"],
            balance=row["balance"],
            remainder_milli=row["remainder_milli"],
            ahead_wh=row["ahead_wh"],
            parts=_parts(row["parts"]),
        )
        for row in adopted
    ]
    return sorted(entries, key=lambda entry: entry.outbox_id)


def _item(row: sqlite3.Row, slot: int) -> Item:
    return Item(
        outbox_id=row["outbox_id"],
        sequence=row["sequence"],
        from_s=row["from_s"],
        to_s=row["to_s"],
        price_version=row["price_version"],
        usage=SlotUsage(slot, *row[5:10]),
        parts=_parts(row["parts"]),
        state=row["state"],
        message=row["message"],
        accepted=_flag(row["accepted"]),
        total_wh=row["total_wh"],
        balance=row["balance"],
        remainder_milli=row["remainder_milli"],
    )


def _parts(packed: bytes | None) -> tuple[Part, ...] | None:
    try:
        return None if packed is None else tuple(decode_parts(packed))
    except PartsError:
        return None


def read_quarters(
    connection: sqlite3.Connection, point: Point, from_s: int, to_s: int
) -> list[Quarter]:
    """A meter point's quarter-hours of [from_s, to_s), with what was changed in each."""
    edits: dict[int, list[str]] = {}
    for row in connection.execute(
        """SELECT x.start_s, e.kind, e.author, e.reason, x.after_wh - x.before_wh AS added_wh
           FROM edited_usage x JOIN edit e USING (edit_id)
           WHERE x.meter_point_id = :point AND x.start_s >= :from_s AND x.start_s < :to_s
           ORDER BY edit_id""",
        {"point": point.meter_point_id, "from_s": from_s, "to_s": to_s},
    ):
        said = f"{row['kind']} {row['added_wh']:+} Wh by {row['author']}: {row['reason']}"
        edits.setdefault(row["start_s"], []).append(said)
    rows = connection.execute(
        """SELECT start_s, tier, usage_wh, claimed_wh, estimated_wh FROM usage
           WHERE meter_point_id = :point AND start_s >= :from_s AND start_s < :to_s
           ORDER BY start_s""",
        {"point": point.meter_point_id, "from_s": from_s, "to_s": to_s},
    )
    return [replace(Quarter(*row), edits=tuple(edits.get(row["start_s"], ()))) for row in rows]


def read_books(connection: sqlite3.Connection, point: Point) -> Books:
    """What is stored of a meter point beside its items."""
    row = connection.execute(
        """SELECT c.total_wh, c.balance, IFNULL(u.claimed_wh, 0), IFNULL(u.usage_wh, 0),
                  IFNULL(s.residue_wh, 0), IFNULL(s.ahead_wh, 0), IFNULL(s.adopted_wh, 0)
           FROM meter_point p LEFT JOIN chain_meter c USING (meter_point_id)
           LEFT JOIN settlement s USING (meter_point_id)
           LEFT JOIN (SELECT meter_point_id, SUM(claimed_wh) AS claimed_wh,
                             SUM(usage_wh) AS usage_wh
                      FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
           WHERE p.meter_point_id = :point""",
        {"point": point.meter_point_id},
    ).fetchone()
    return Books(*row)


def read_prices(connection: sqlite3.Connection) -> dict[int, Price]:
    """Every price version, by number."""
    rows = connection.execute(
        """SELECT version, effective_from_s, off_peak, standard, peak, daily, weekly
           FROM chain_price"""
    )
    return {row["version"]: Price(*row) for row in rows}


def group_hash(connection: sqlite3.Connection, sequence: int) -> bytes | None:
    """The hash of a group of readings; None: it is not (any more) there."""
    row = connection.execute(
        "SELECT hash FROM reading_group WHERE sequence = :sequence", {"sequence": sequence}
    ).fetchone()
    return None if row is None else bytes(row["hash"])


def group_extent(connection: sqlite3.Connection) -> tuple[int, int]:
    """The oldest and the newest group of readings that is kept; 0: there is none."""
    row = connection.execute(
        "SELECT IFNULL(MIN(sequence), 0), IFNULL(MAX(sequence), 0) FROM reading_group"
    ).fetchone()
    return row[0], row[1]


def read_registers(
    connection: sqlite3.Connection, point: Point, from_ms: int, to_ms: int
) -> list[Register]:
    """The registers at both ends of a period, of each meter that hung there in it.

    Args:
        connection: of a snapshot.
        point: the meter point.
        from_ms: first instant (unix milliseconds).
        to_ms: first instant after it.
    """
    found = []
    for row in connection.execute(
        """SELECT i.meter_id, m.serial, i.from_s, i.to_s FROM installation i JOIN meter m USING
           (meter_id) WHERE i.meter_point_id = :point ORDER BY i.from_s""",
        {"point": point.meter_point_id},
    ).fetchall():
        begin_ms = max(from_ms, row["from_s"] * 1000)
        end_ms = to_ms if row["to_s"] is None else min(to_ms, row["to_s"] * 1000 + 1)
        first = _end(connection, row["meter_id"], (begin_ms, end_ms), "ASC")
        last = _end(connection, row["meter_id"], (begin_ms, end_ms), "DESC")
        if first is not None and last is not None:
            ends = (first.at_ms, first.energy_wh, last.at_ms, last.energy_wh)
            found.append(Register(row["serial"], *ends))
    return found


def _end(
    connection: sqlite3.Connection, meter_id: int, span_ms: tuple[int, int], order: str
) -> Reading | None:
    """A meter's first (ASC) or last (DESC) reading of [from, to), in unix milliseconds."""
    from_ms, to_ms = span_ms
    best: Reading | None = None
    sign = 1 if order == "ASC" else -1
    for row in connection.execute(
        f"""SELECT readings, from_ms, to_ms FROM reading_group
            WHERE from_ms > :from_ms - {HOUR_MS} AND from_ms < :to_ms AND to_ms >= :from_ms
            ORDER BY from_ms {order}""",
        {"from_ms": from_ms, "to_ms": to_ms},
    ):
        if best is not None:
            if sign * (row["from_ms"] - best.at_ms) > HOUR_MS:
                break
            if (row["from_ms"] if sign > 0 else -row["to_ms"]) >= sign * best.at_ms:
                continue
        for one in _readings(row["readings"], meter_id):
            is_in = from_ms <= one.at_ms < to_ms
            if is_in and (best is None or (one.at_ms - best.at_ms) * sign < 0):
                best = one
    return best


def _readings(blob: bytes, meter_id: int) -> Iterator[Reading]:
    try:
        for meter, records in by_meter(expand(blob)):
            if meter == meter_id:
                yield from (one for one in decode(records) if isinstance(one, Reading))
    except GroupError:  # told by the proof of the chain
        return


def group_end_ms(connection: sqlite3.Connection, sequence: int) -> int:
    """The newest reading of a group (unix milliseconds); 0: it is not there."""
    row = connection.execute(
        "SELECT to_ms FROM reading_group WHERE sequence = :sequence", {"sequence": sequence}
    ).fetchone()
    return 0 if row is None else int(row["to_ms"])
