"""The verdict on a run, from the world and not from the gateway's own sums.

It reads the simulated meters' registers, the store file and the raw pages of the contract, with
code of its own: it shares nothing with what it judges but the layouts.
"""

from __future__ import annotations

import csv
import math
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from gateway.simulation.households import recorded_offset, recorded_scale_permille
from gateway.simulation.kept import Kept, kept_readings

_HEADER_BYTES = 8
_RECORD_BYTES = 48
_PAGE_SLOTS = 64


@dataclass(frozen=True, slots=True)
class Household:
    """What the simulated world knows of one meter point.

    Args:
        label: its label.
        slot: its number in the contract.
        start_wh: its register when the run began.
        end_wh: its register when the run ended.
        disconnects: how often its supply was really cut.
        reconnects: how often it really came back after a cut.
    """

    label: str
    slot: int
    start_wh: int
    end_wh: int
    disconnects: int
    reconnects: int


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What the ledger holds, raw.

    Args:
        pages: the contract's pages of the site, by number.
        sequence: of the site's receipt; 0 when there is none.
        total_residue_wh: of the site's receipt.
        batch_sequences: of every batch event of the site, in ledger order.
    """

    pages: Mapping[int, bytes]
    sequence: int
    total_residue_wh: int
    batch_sequences: Sequence[int]

    def total_wh(self, slot: int) -> int:
        """The contract's total of one slot, cut out of its page; 0 when it has no record."""
        page = self.pages.get(slot // _PAGE_SLOTS, b"")
        start = _HEADER_BYTES + _RECORD_BYTES * (slot % _PAGE_SLOTS)
        if len(page) < start + _RECORD_BYTES:
            return 0
        return int(struct.unpack_from(">Q", page, start)[0])


@dataclass(frozen=True, slots=True)
class Verdict:
    """The numbers of a run; energy in Wh.

    Args:
        meters: meter points in the village.
        readings_stored: rows in the store.
        readings_refused: readings turned away, with an event each or a counted one.
        batches_confirmed: batches that the contract announced.
        wh_metered: what the registers moved.
        wh_on_chain: what the contract has accepted.
        wh_pending: read, and not yet settled.
        wh_residue: what the contract has refused, or would refuse, for good.
        disconnects: supplies that were really cut.
        reconnects: supplies that really came back after a cut.
        outage_backlog_max: quarter-hours of usage that waited to be settled, at the worst.
        problems: everything that should not be; empty when all is well.
    """

    meters: int
    readings_stored: int
    readings_refused: int
    batches_confirmed: int
    wh_metered: int
    wh_on_chain: int
    wh_pending: int
    wh_residue: int
    disconnects: int
    reconnects: int
    outage_backlog_max: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """The object that ``gateway demo --json`` prints."""
        return asdict(self) | {"ok": self.ok}


def count_backlog(database: Path) -> int:
    """Quarter-hours of usage, over all meter points, that no confirmed batch holds yet."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(
            connection.execute(
                """SELECT count(*) FROM usage WHERE usage_wh > 0 AND start_s >= COALESCE(
                       (SELECT max(to_s) FROM batch JOIN outbox USING (outbox_id)
                        WHERE state = 'confirmed'), 0)"""
            ).fetchone()[0]
        )


def count_unsettled(database: Path) -> int:
    """Usage that is counted and in no confirmed batch, Wh; 0 says that the store is drained."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        waiting_wh = _number(connection, "SELECT sum(usage_wh - claimed_wh) FROM usage")
        on_its_way_wh = _number(
            connection,
            """SELECT sum(off_peak_wh + standard_wh + peak_wh + included_wh + market_wh)
               FROM batch_item JOIN outbox USING (outbox_id)
               WHERE state IN ('pending', 'signed', 'sent')""",
        )
    return waiting_wh + on_its_way_wh


def records_cached(database: Path) -> int:
    """Meter points of which the gateway knows the contract's record; 0 before there is a file."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return _number(connection, "SELECT count(*) FROM chain_meter")
    except sqlite3.OperationalError:
        return 0


def recorded_wh(path: Path, slot: int, minutes: int) -> int:
    """What a slot's register must move when a recording is played on it, Wh.

    Reads the file itself: each row is one minute of constant power, and the register is the
    floor of the sum.

    Args:
        path: CSV with a column ``power_w``.
        slot: whose offset and scale apply.
        minutes: how many rows are played.
    """
    with path.open(encoding="utf-8", newline="") as file:
        powers_w = [Fraction(row["power_w"]) for row in csv.DictReader(file)]
    first = recorded_offset(slot, len(powers_w))
    played_w = sum(powers_w[(first + minute) % len(powers_w)] for minute in range(minutes))
    return math.floor(played_w * recorded_scale_permille(slot) / 1000 / 60)


def shortfalls(households: Sequence[Household], database: Path) -> list[str]:
    """Meters whose last stored register is not what they show; one sentence each."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        last_wh = _last_registers_wh(connection)
        return [
            problem
            for house in households
            for problem in _house_problems(house, last_wh.get(house.label))
        ]


def judge(
    households: Sequence[Household],
    database: Path,
    chain: ChainFacts,
    backlog_max: int,
    problems_seen: Sequence[str] = (),
) -> Verdict:
    """Compare the three places where energy is counted.

    Args:
        households: the simulated world.
        database: the store file; nobody writes to it any more.
        chain: what the ledger holds.
        backlog_max: the largest :func:`count_backlog` seen.
        problems_seen: what went wrong during the run, one sentence each.
    """
    problems = list(problems_seen)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        last_wh = _last_registers_wh(connection)
        stored = sum(1 for _ in kept_readings(connection))
        refused = _number(connection, "SELECT count(*) FROM event WHERE kind = 'refused-reading'")
        confirmed = _number(
            connection,
            "SELECT count(*) FROM outbox WHERE kind = 'batch' AND state = 'confirmed'",
        )
        residue_wh = _number(connection, "SELECT sum(residue_wh) FROM settlement")
    for house in households:
        problems += _house_problems(house, last_wh.get(house.label))
    read_wh = sum(
        last - house.start_wh
        for house in households
        if (last := last_wh.get(house.label)) is not None
    )
    metered_wh = sum(house.end_wh - house.start_wh for house in households)
    on_chain_wh = sum(chain.total_wh(house.slot) for house in households)
    pending_wh = read_wh - on_chain_wh - residue_wh
    problems += _chain_problems(chain, confirmed)
    if metered_wh != on_chain_wh + pending_wh + residue_wh:
        problems.append(
            f"metered {metered_wh} Wh is not {on_chain_wh} Wh on chain + {pending_wh} Wh "
            f"pending + {residue_wh} Wh residue"
        )
    if residue_wh < chain.total_residue_wh:
        problems.append(f"{chain.total_residue_wh} Wh refused on chain, {residue_wh} Wh known here")
    if pending_wh < 0:
        problems.append(f"{-pending_wh} Wh more on chain than was ever read")
    return Verdict(
        meters=len(households),
        readings_stored=stored,
        readings_refused=refused,
        batches_confirmed=len(chain.batch_sequences),
        wh_metered=metered_wh,
        wh_on_chain=on_chain_wh,
        wh_pending=pending_wh,
        wh_residue=residue_wh,
        disconnects=sum(house.disconnects for house in households),
        reconnects=sum(house.reconnects for house in households),
        outage_backlog_max=backlog_max,
        problems=tuple(problems),
    )


def _number(connection: sqlite3.Connection, sql: str) -> int:
    """The query's one number; 0 for the sum of no rows."""
    return int(connection.execute(sql).fetchone()[0] or 0)


def _last_registers_wh(connection: sqlite3.Connection) -> dict[str, int]:
    """The register of each meter point's last reading, Wh, by label."""
    labels = dict(
        connection.execute(
            """SELECT meter_id, label FROM installation JOIN meter_point USING (meter_point_id)"""
        )
    )
    newest: dict[str, Kept] = {}
    for kept in kept_readings(connection):
        label = labels[kept.meter_id]
        if label not in newest or kept.read_ms > newest[label].read_ms:
            newest[label] = kept
    return {label: kept.energy_wh for label, kept in newest.items()}


def _house_problems(house: Household, last_wh: int | None) -> list[str]:
    if last_wh is None:
        return [f"{house.label} has no readings"]
    if last_wh != house.end_wh:
        return [f"{house.label}: last stored {last_wh} Wh, its meter shows {house.end_wh} Wh"]
    return []


def _chain_problems(chain: ChainFacts, confirmed: int) -> list[str]:
    found = []
    wanted = list(range(1, chain.sequence + 1))
    if list(chain.batch_sequences) != wanted:
        found.append(f"batches on chain {list(chain.batch_sequences)}, receipt {chain.sequence}")
    if confirmed != chain.sequence:
        found.append(f"{confirmed} batches confirmed here, {chain.sequence} on chain")
    return found
