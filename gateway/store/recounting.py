"""What was counted, held against the readings that it was counted from.

Two proofs: where all readings of a meter are kept, its count is made again from them; and for
every meter point the quarter-hours add up to what its meters counted, over all exchanges.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway.domain.readings import Reading, at_milliseconds
from gateway.domain.recount import Recount

_AHEAD_MS = 600_000
"""Readings may be dated some minutes ahead of when they were stored."""
_INSTALLATIONS = """
SELECT i.installation_id, i.meter_id, p.label, i.from_s, i.to_s, i.first_register_wh,
       i.last_register_wh, IFNULL(x.estimated_wh, 0) AS estimated_wh,
       IFNULL(i.counted_wh, r.cumulative_wh) + IFNULL(i.flagged_wh, r.flagged_wh) AS counted_wh,
       IIF(i.to_s IS NULL, r.read_ms, NULL) AS read_ms
FROM installation i JOIN meter_point p USING (meter_point_id)
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN exchange x ON x.old_installation_id = i.installation_id
ORDER BY i.from_s
"""
_SUMS = """
SELECT p.label,
       IFNULL((SELECT SUM(usage_wh) FROM usage u
               WHERE u.meter_point_id = p.meter_point_id), 0)
       + IFNULL((SELECT SUM(usage_wh) FROM feeder_usage f
                 WHERE f.meter_point_id = p.meter_point_id), 0) AS usage_wh,
       IFNULL((SELECT SUM(counted_wh) FROM installation o
               WHERE o.meter_point_id = p.meter_point_id AND o.to_s IS NOT NULL), 0)
       -- a file that began in the place of a lost one carries the estimate that it began with
       + IFNULL((SELECT f.carried_wh FROM installation f JOIN settlement s USING (meter_point_id)
                 WHERE f.meter_point_id = p.meter_point_id AND s.adopted_wh > 0
                 ORDER BY f.from_s, f.installation_id LIMIT 1), 0) AS before_wh,
       i.carried_wh, IFNULL(r.cumulative_wh, 0) AS cumulative_wh,
       IFNULL((SELECT added_wh FROM added a
               WHERE a.meter_point_id = p.meter_point_id), 0) AS added_wh
FROM meter_point p JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
ORDER BY p.site, p.slot
"""


@dataclass(frozen=True, slots=True)
class Miscount:
    """What was counted is not what the readings say.

    Args:
        label: the meter point.
        sentence: how they differ.
    """

    label: str
    sentence: str


@dataclass(slots=True)
class _Place:
    """A meter where it hung, and its count."""

    row: sqlite3.Row
    count: Recount

    def has(self, at_ms: int) -> bool:
        """Whether the meter hung here at an instant (unix milliseconds)."""
        end_s = self.row["to_s"]
        return at_ms >= self.row["from_s"] * 1000 - _AHEAD_MS and (
            end_s is None or at_ms <= end_s * 1000
        )


class Recounter:
    """Counts every meter again while its readings pass.

    Args:
        connection: of a snapshot.
        labels: of these meter points; None: of all.
    """

    def __init__(self, connection: sqlite3.Connection, labels: Collection[str] | None) -> None:
        self._labels = labels
        self._places: dict[int, list[_Place]] = {}
        for row in connection.execute(_INSTALLATIONS):
            base_wh = row["first_register_wh"]
            place = _Place(row, Recount(base_wh, base_wh or 0))
            self._places.setdefault(row["meter_id"], []).append(place)
        self._moves = {
            (row["meter_id"], row["at_ms"]): str(row["kind"])
            for row in connection.execute(
                """SELECT meter_id, at_ms, kind FROM event
                   WHERE kind IN ('reset', 'rollover', 'jump') AND meter_id IS NOT NULL"""
            )
        }
        oldest = connection.execute(
            "SELECT sequence, from_ms, to_ms FROM reading_group ORDER BY sequence LIMIT 1"
        ).fetchone()
        self._all_kept = oldest is None or oldest["sequence"] == 1
        self._oldest_ms = int(oldest["from_ms"]) if oldest else 0
        self._since_ms = int(oldest["to_ms"]) if oldest else 0
        self.recounted = 0

    def label_of(self, meter_id: int, at_ms: int) -> str | None:
        """The meter point of a meter at an instant (unix milliseconds), if it is asked for."""
        place = self._place(meter_id, at_ms)
        return None if place is None else str(place.row["label"])

    def take(self, reading: Reading) -> None:
        """The next reading, in the order in which they were stored."""
        at_ms = reading.at_ms
        place = self._place(reading.meter_id, at_ms)
        if place is not None:
            moved = self._moves.get((reading.meter_id, at_ms))
            place.count.take(at_ms, reading.energy_wh, reading.doubts, moved)

    def _place(self, meter_id: int, at_ms: int) -> _Place | None:
        """The latest place that fits: two may meet in one instant."""
        for place in reversed(self._places.get(meter_id, [])):
            if place.has(at_ms):
                return self._wanted(place)
        return None

    def _wanted(self, place: _Place) -> _Place | None:
        return place if self._labels is None or place.row["label"] in self._labels else None

    def judge(self) -> Iterator[Miscount]:
        """Every meter whose count is another one."""
        for place in (one for places in self._places.values() for one in places):
            if self._wanted(place) is None or place.row["counted_wh"] is None:
                continue
            yield from self._tail(place)
            is_kept = self._all_kept or place.row["from_s"] * 1000 > self._since_ms + _AHEAD_MS
            if is_kept and place.count.is_open:
                self.recounted += 1
                yield from _compare(place)

    def _tail(self, place: _Place) -> Iterator[Miscount]:
        """The register was counted up to a reading, and that one must be there."""
        read_ms = place.row["read_ms"]
        if read_ms is None or read_ms <= max(place.row["from_s"] * 1000, self._oldest_ms):
            return
        if place.count.newest_ms < read_ms:
            end = (
                f"its readings end at {_instant(place.count.newest_ms)}"
                if place.count.newest_ms
                else "none of its readings is there"
            )
            yield Miscount(
                place.row["label"], f"its register was counted up to {_instant(read_ms)}, and {end}"
            )


def _compare(place: _Place) -> Iterator[Miscount]:
    row, count = place.row, place.count
    if row["to_s"] is not None and row["last_register_wh"] is not None:
        count.close(row["last_register_wh"])
    found_wh = count.total_wh + row["estimated_wh"]
    if found_wh != row["counted_wh"]:
        yield Miscount(
            row["label"],
            f"its readings make {found_wh} Wh, and {row['counted_wh']} Wh were counted and flagged",
        )


def check_sums(
    connection: sqlite3.Connection, labels: Collection[str] | None
) -> Iterator[Miscount]:
    """Meter points whose quarter-hours do not add up to what their meters counted.

    Args:
        connection: of a snapshot.
        labels: only these; None: all.
    """
    for row in connection.execute(_SUMS):
        if labels is not None and row["label"] not in labels:
            continue
        counted_wh = row["carried_wh"] + row["cumulative_wh"] + row["added_wh"]
        if row["usage_wh"] != counted_wh:
            yield Miscount(
                row["label"],
                f"its quarter-hours add up to {row['usage_wh']} Wh, and its meters counted "
                f"{counted_wh} Wh",
            )
        if row["before_wh"] != row["carried_wh"]:
            yield Miscount(
                row["label"],
                f"its earlier meters counted {row['before_wh']} Wh, and {row['carried_wh']} Wh "
                "were carried on",
            )


def _instant(at_ms: int) -> str:
    return f"{at_milliseconds(at_ms):%Y-%m-%d %H:%M:%S} UTC"
