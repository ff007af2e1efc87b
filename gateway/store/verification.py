"""Proves a store file from its own readings: the chains of groups, and what was counted of them.

Reads one snapshot, group by group, in bounded memory. Each kind of proof is a function of its own
that yields what it finds; the batches and receipts that rest on the chains come beside them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.domain.groups import GroupError, decode, span
from gateway.domain.proof import Break, Follower, Group, Kind, Start
from gateway.domain.readings import Gap
from gateway.store.recounting import Miscount, Recounter, check_sums

DAY_S = 86_400
DAY_MS = DAY_S * 1000
NEVER_MS = 1 << 62
"""Later than any reading (unix milliseconds)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be proved.

    Args:
        labels: gaps and counts of these meter points only; None: of all.
        from_ms: since when (unix milliseconds), or a day head before it.
        to_ms: until when, or a day head after it.
    """

    labels: frozenset[str] | None = None
    from_ms: int = 0
    to_ms: int = NEVER_MS

    @property
    def is_whole(self) -> bool:
        """Whether everything that is kept is looked at."""
        return self.from_ms <= 0 and self.to_ms >= NEVER_MS


@dataclass(frozen=True, slots=True)
class Silence:
    """A gap: the signed statement that nothing was read.

    Args:
        label: the meter point.
        from_ms: the last reading before it (unix milliseconds).
        to_ms: the first one after it.
    """

    label: str
    from_ms: int
    to_ms: int


Finding = Break | Silence | Miscount


@dataclass(slots=True)
class Summary:
    """What was looked at.

    Args:
        groups: how many.
        readings: in them.
        gaps: in them.
        recounted: meters whose usage was counted again from their readings.
        from_ms: the oldest reading (unix milliseconds); None: there is none.
        to_ms: the newest.
        meters: rows of the meters that have readings.
    """

    groups: int = 0
    readings: int = 0
    gaps: int = 0
    recounted: int = 0
    from_ms: int | None = None
    to_ms: int | None = None
    meters: set[int] = field(default_factory=set)


Tell = Callable[[Finding], None]
"""Told of everything that is found, as it is found."""
Progress = Callable[[int, int], None]
"""Told how many groups are done, and how many there are."""


def verify(
    connection: sqlite3.Connection, wanted: Wanted, tell: Tell, progress: Progress | None = None
) -> Summary:
    """Prove a store; tell of everything that does not hold, and of every gap.

    Args:
        connection: of a snapshot.
        wanted: what is to be proved.
        tell: told of each finding.
        progress: told of groups.
    """
    recounter = Recounter(connection, wanted.labels)
    reader = _Reader(recounter, tell)
    is_sound = True
    for found in _follow(connection, wanted, reader, progress):
        is_sound = False
        tell(found)
    if wanted.is_whole and is_sound:
        for miscount in recounter.judge():
            tell(miscount)
        reader.summary.recounted = recounter.recounted
    for miscount in check_sums(connection, wanted.labels):
        tell(miscount)
    return reader.summary


class _Reader:
    """Looks into each group on its way: counts, gaps, registers."""

    def __init__(self, recounter: Recounter, tell: Tell) -> None:
        self.summary = Summary()
        self._recounter = recounter
        self._tell = tell

    def look(self, group: Group, records: bytes) -> None:
        """A group whose bytes are sound."""
        summary = self.summary
        summary.groups += 1
        oldest_ms, newest_ms = span(records)
        summary.from_ms = oldest_ms if summary.from_ms is None else min(summary.from_ms, oldest_ms)
        summary.to_ms = newest_ms if summary.to_ms is None else max(summary.to_ms, newest_ms)
        try:
            for entry in decode(records):
                summary.meters.add(entry.meter_id)
                if isinstance(entry, Gap):
                    summary.gaps += 1
                    self._note(entry)
                else:
                    summary.readings += 1
                    self._recounter.take(entry)
        except GroupError:
            place = (group.sequence, group.sequence, group.from_ms, group.to_ms)
            self._tell(Break(Kind.DAMAGED, *place))

    def _note(self, gap: Gap) -> None:
        label = self._recounter.label_of(gap.meter_id, gap.at_ms)
        if label is not None:
            self._tell(Silence(label, gap.from_ms, gap.at_ms))


def _follow(
    connection: sqlite3.Connection, wanted: Wanted, reader: _Reader, progress: Progress | None
) -> Iterator[Break]:
    """The chain from the oldest group that is kept, or from the day head before what is wanted."""
    first, last = _extent(connection, wanted)

    def heads_after(sequence: int) -> dict[int, bytes]:
        rows = connection.execute(
            "SELECT meter_id, head FROM chain_head WHERE sequence = :sequence",
            {"sequence": sequence},
        )
        return {row["meter_id"]: row["head"] for row in rows}

    groups = _groups(connection, first, last, progress)
    start = Start()
    anchor = heads_after(first) if first > 1 else {}
    if anchor and (head := next(groups, None)) is not None:
        # Its hash and the heads are where the chain begins; its readings rest on nothing older.
        yield from Follower(Start(first, None, None), lambda _: {}, reader.look).follow([head])
        start = Start(first + 1, anchor, head.hash)
    elif first > 1:
        start = Start(1, None, None)
    follower = Follower(start, heads_after, reader.look)
    yield from follower.follow(groups)
    if wanted.to_ms >= NEVER_MS:
        yield from follower.missing(*_newest_spoken_of(connection))


def meter_labels(connection: sqlite3.Connection) -> dict[int, str]:
    """The meter point of each meter, the latest where there were several."""
    rows = connection.execute(
        """SELECT i.meter_id, p.label FROM installation i JOIN meter_point p USING (meter_point_id)
           ORDER BY i.from_s"""
    )
    return {row["meter_id"]: row["label"] for row in rows}


def _extent(connection: sqlite3.Connection, wanted: Wanted) -> tuple[int, int]:
    """The first and the last group to look at; the first may be a day head's."""
    row = connection.execute(
        """SELECT IFNULL(MIN(sequence), 1) AS oldest, IFNULL(MAX(sequence), 0) AS newest,
                  (SELECT MAX(h.sequence) FROM chain_head h JOIN reading_group USING (sequence)
                   WHERE h.day_s + :day_s <= :from_ms / 1000) AS before,
                  (SELECT MIN(sequence) FROM chain_head
                   WHERE day_s >= :to_ms / 1000 - :day_s) AS after
           FROM reading_group""",
        {"day_s": DAY_S, "from_ms": wanted.from_ms, "to_ms": wanted.to_ms},
    ).fetchone()
    first = row["oldest"] if row["before"] is None else row["before"]
    return first, row["newest"] if row["after"] is None else row["after"]


def _groups(
    connection: sqlite3.Connection, first: int, last: int, progress: Progress | None
) -> Iterator[Group]:
    rows = connection.execute(
        """SELECT sequence, from_ms, to_ms, readings, hash FROM reading_group
           WHERE sequence BETWEEN :first AND :last ORDER BY sequence""",
        {"first": first, "last": last},
    )
    for row in rows:
        if progress is not None:
            progress(row["sequence"] - first, last - first + 1)
        yield Group(*row)


def _newest_spoken_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """The newest group that a day head or a consumer has seen, and when a register last moved."""
    row = connection.execute(
        """SELECT MAX(IFNULL((SELECT MAX(sequence) FROM chain_head), 0),
                      IFNULL((SELECT MAX(sequence) FROM reading_cursor), 0)) AS sequence,
                  IFNULL((SELECT MAX(read_ms) FROM register), 0) AS read_ms"""
    ).fetchone()
    return row["sequence"], row["read_ms"]
