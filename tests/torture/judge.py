"""The verdict on a run, by a reader of its own: registers, the store's file, raw ledger entries.

Shares no code with what it judges. Per meter, in exact Wh::

    on chain + pending + residue = register end - register start

and, when everything has been drained, nothing is pending.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.simulation.kept import kept_readings
from tests.ledger.verdict import page_bytes
from tests.torture.chain import announced_batches, find_entry
from tests.torture.ground import HOUR_S, METERS, RATES, SITE, Stage, first_wh

FIRST_LEDGER = 2
_HEADER_BYTES = 8
_RECORD_BYTES = 48
_DIGEST_BYTES = 32
_WAITING = """
SELECT 'transactions', count(*) FROM outbox WHERE state IN ('pending', 'signed', 'sent')
UNION ALL SELECT 'payments', count(*) FROM local_credit WHERE state = 'local'
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong after a run; nothing, it is hoped.

    Args:
        problems: one sentence each.
        wrong_wh: lost or doubled, over all meters, Wh.
        settled_wh: on chain, over all meters, Wh.
        residue_wh: refused and flagged, Wh.
        batches: that the contract has announced.
    """

    problems: tuple[str, ...]
    wrong_wh: int
    settled_wh: int
    residue_wh: int
    batches: int


@dataclass(frozen=True, slots=True)
class _Books:
    """One meter in the store's file, Wh."""

    usage_wh: int
    unclaimed_wh: int
    on_the_way_wh: int
    residue_wh: int
    charge_milli: int


def connect(path: Path) -> sqlite3.Connection:
    """The store's file, for looking only."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def unsettled_wh(path: Path) -> int:
    """What is counted and in no answered batch, Wh; 0: drained."""
    with closing(connect(path)) as file:
        return sum(one.unclaimed_wh + one.on_the_way_wh for one in _books(file).values())


def is_drained(path: Path) -> bool:
    """Whether everything is answered: no usage, no payment, nothing in the outbox waits."""
    with closing(connect(path)) as file:
        waiting = sum(row[1] for row in file.execute(_WAITING))
    return not waiting and not unsettled_wh(path)


def count_keeps(path: Path) -> int:
    """How often the contract's life was prolonged."""
    with closing(connect(path)) as file:
        sql = "SELECT count(*) FROM outbox WHERE kind = 'keep' AND state = 'confirmed'"
        return int(file.execute(sql).fetchone()[0])


def _books(file: sqlite3.Connection) -> dict[int, _Books]:
    rates = " ".join(f"WHEN {tier} THEN {rate}" for tier, rate in enumerate(RATES))
    rows = file.execute(
        f"""SELECT p.slot, IFNULL(SUM(usage_wh), 0), IFNULL(SUM(usage_wh - claimed_wh), 0),
              (SELECT IFNULL(SUM(off_peak_wh + standard_wh + peak_wh + included_wh + market_wh), 0)
               FROM batch_item i JOIN outbox USING (outbox_id)
               WHERE i.meter_point_id = p.meter_point_id
                 AND state IN ('pending', 'signed', 'sent')),
              (SELECT IFNULL(SUM(residue_wh), 0) FROM settlement s
               WHERE s.meter_point_id = p.meter_point_id),
              IFNULL(SUM(usage_wh * CASE tier {rates} END), 0)
            FROM meter_point p LEFT JOIN usage USING (meter_point_id) GROUP BY p.slot"""
    )
    return {row[0]: _Books(*row[1:]) for row in rows}


def judge(
    stage: Stage,
    shown_wh: Mapping[int, int],
    *,
    paid: Mapping[int, int] | None,
    lost: Mapping[int, int] | None = None,
    eras: Sequence[int] = (FIRST_LEDGER,),
) -> Verdict:
    """Compare the three places where energy is counted, after the end of a run.

    Args:
        stage: ledger and store; nobody writes to them any more.
        shown_wh: each meter's register at the end, by slot.
        paid: by slot, what was paid for each meter, stroops; None: plans make charges uneven.
        lost: by slot, what a backup that was put back may have forgotten of that, stroops; None:
            none was.
        eras: ledgers after which something happened; servers look through 10 000 at a time.
    """
    with closing(connect(stage.path)) as file:
        books, problems = _books(file), find_damage(file)
        confirmed = _sequences(file, "confirmed")
        waiting = dict(file.execute(_WAITING))
    problems += [f"{count} {what} still wait" for what, count in waiting.items() if count]
    page = page_bytes(stage.localnet, stage.contract, SITE)
    wrong_wh = settled_wh = 0
    for slot in range(METERS):
        total_wh, balance = struct.unpack_from(">Qq", page, _HEADER_BYTES + _RECORD_BYTES * slot)
        book, moved_wh = books[slot], shown_wh[slot] - first_wh(slot)
        pending_wh = book.unclaimed_wh + book.on_the_way_wh
        settled_wh += total_wh
        wrong_wh += abs(total_wh + pending_wh + book.residue_wh - moved_wh)
        if total_wh + pending_wh + book.residue_wh != moved_wh:
            problems.append(
                f"meter {slot} moved by {moved_wh} Wh: {total_wh} on chain, {pending_wh} pending, "
                f"{book.residue_wh} residue"
            )
        if pending_wh:
            problems.append(f"meter {slot}: {pending_wh} Wh not drained")
        if paid is not None and not book.residue_wh:
            left = _left(book, moved_wh, paid.get(slot, 0), None if lost is None else lost[slot])
            if balance not in left:
                problems.append(
                    f"meter {slot} has {balance} stroops on chain, not {left[0]} to {left[-1]}"
                )
    announced = [
        number
        for since in eras
        for number in announced_batches(stage.localnet, stage.contract, since)
    ]
    problems += _receipt_problems(
        stage, announced, confirmed, settled_wh, has_forgotten=lost is not None
    )
    residue_wh = sum(book.residue_wh for book in books.values())
    return Verdict(tuple(problems), wrong_wh, settled_wh, residue_wh, len(announced))


def _left(book: _Books, moved_wh: int, paid: int, lost: int | None) -> range:
    """What a meter's balance may be, stroops.

    A backup that was put back spreads anew what flowed since, so its tiers are others than those
    that were charged, and it has forgotten payments that were not on chain.
    """
    if lost is None:
        owed = paid - book.charge_milli // 1_000
        return range(owed, owed + 1)
    dearest, cheapest = (-(-moved_wh * rate // 1_000) for rate in (max(RATES), min(RATES)))
    return range(paid - lost - dearest, paid - cheapest + 2)


def _receipt_problems(
    stage: Stage,
    announced: list[int],
    confirmed: list[int],
    settled_wh: int,
    *,
    has_forgotten: bool,
) -> list[str]:
    found = []
    if announced != list(range(1, len(announced) + 1)):
        found.append(f"the contract has announced batches {announced}")
    if has_forgotten:
        announced_here = [number for number in announced if number in confirmed]
        if confirmed != announced_here:
            found.append(f"batches {confirmed} are confirmed here, {announced} on chain")
    elif confirmed != announced:
        found.append(f"batches {confirmed} are confirmed here, {announced} on chain")
    receipt = find_entry(stage.localnet, stage.contract, "Receipt", SITE)
    if receipt is not None:
        if receipt["sequence"] != len(announced):
            found.append(f"receipt {receipt['sequence']} after {len(announced)} batches")
        if receipt["total_wh"] != settled_wh:
            found.append(f"the receipt says {receipt['total_wh']} Wh, the pages {settled_wh} Wh")
    elif announced:
        found.append("the contract has announced batches and has no receipt")
    return found


def _sequences(file: sqlite3.Connection, state: str) -> list[int]:
    return [
        row[0]
        for row in file.execute(
            """SELECT sequence FROM batch JOIN outbox USING (outbox_id) WHERE state = ?
               ORDER BY outbox_id""",
            (state,),
        )
    ]


def find_damage(file: sqlite3.Connection) -> list[str]:
    """What is wrong with the file in itself: its pages, its chains, its counters."""
    problems = [
        f"quick_check: {row[0]}" for row in file.execute("PRAGMA quick_check") if row[0] != "ok"
    ]
    problems += [f"dangling row: {row}" for row in file.execute("PRAGMA foreign_key_check")]
    return problems + _broken_chain(file) + _miscounted(file)


def _broken_chain(file: sqlite3.Connection) -> list[str]:
    """Whether each group's hash covers the one before and each meter's records, from the first."""
    heads: dict[int, bytes] = {}
    before, expected = bytes(_DIGEST_BYTES), 0
    pruned_to = file.execute("SELECT min(sequence) FROM reading_group").fetchone()[0] or 1
    if pruned_to > 1:
        heads = dict(
            file.execute("SELECT meter_id, head FROM chain_head WHERE sequence = ?", (pruned_to,))
        )
    for sequence, blob, digest in file.execute(
        "SELECT sequence, readings, hash FROM reading_group ORDER BY sequence"
    ):
        expected = expected + 1 if expected else pruned_to
        if sequence != expected:
            return [f"group {expected} is missing before {sequence}"]
        if sequence == pruned_to > 1:  # the anchor: its heads are written down
            before = digest
            continue
        changed = b""
        for meter_id, records in _by_meter(blob):
            head = hashlib.sha256(heads.get(meter_id, bytes(_DIGEST_BYTES)) + records).digest()
            heads[meter_id] = head
            changed += struct.pack("<I", meter_id) + head
        before = hashlib.sha256(before + changed).digest()
        if before != digest:
            return [f"the chain breaks at group {sequence}"]
    return []


def _by_meter(blob: bytes) -> list[tuple[int, bytes]]:
    parts: dict[int, bytes] = {}
    for meter_id, record in _records(blob):
        parts[meter_id] = parts.get(meter_id, b"") + record
    return sorted(parts.items())


def _records(blob: bytes) -> list[tuple[int, bytes]]:
    size = struct.calcsize("<IqqqIIiIhHBB")
    columns = zlib.decompress(blob[1:])
    count = len(columns) // size
    records = [columns[number::count] for number in range(count)]
    return [(struct.unpack_from("<I", record)[0], record) for record in records]


def _miscounted(file: sqlite3.Connection) -> list[str]:
    """Usage is what the register has moved, meter by meter, however far it got."""
    rows = file.execute(
        """SELECT p.slot, i.first_register_wh, r.energy_wh, r.flagged_wh,
             (SELECT IFNULL(SUM(usage_wh), 0) FROM usage u
              WHERE u.meter_point_id = p.meter_point_id)
           FROM register r JOIN installation i USING (meter_id) JOIN meter_point p
             USING (meter_point_id)"""
    )
    return [
        f"meter {slot} moved from {first} to {last} Wh and {usage_wh} Wh were counted"
        for slot, first, last, flagged_wh, usage_wh in rows
        if last - first != usage_wh + flagged_wh
    ]


def missing(path: Path, readings: Mapping[int, tuple[int, int, int]]) -> list[int]:
    """The numbers of readings that are neither in the file nor were counted and forgotten.

    Args:
        path: the store's file.
        readings: slot, instant (unix seconds) and register (Wh), by number.
    """
    with closing(connect(path)) as file:
        slots = dict(
            file.execute(
                "SELECT meter_id, slot FROM installation JOIN meter_point USING (meter_point_id)"
            )
        )
        kept = {
            (slots[one.meter_id], one.read_ms // 1_000, one.energy_wh)
            for one in kept_readings(file)
        }
        hours = {
            (slots[meter_id], start_s)
            for meter_id, start_s in file.execute(
                "SELECT meter_id, start_s FROM rollup WHERE span_s = 3600"
            )
        }
        is_whole = file.execute("SELECT min(sequence) FROM reading_group").fetchone()[0] in (
            None,
            1,
        )
    return [
        number
        for number, (slot, at_s, energy_wh) in readings.items()
        if (slot, at_s, energy_wh) not in kept
        and (is_whole or (slot, at_s - at_s % HOUR_S) not in hours)
    ]
