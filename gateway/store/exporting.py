"""What leaves the store as a table: readings with their gaps, usage, rollups; row by row.

Units are in the columns' names, instants are aware, verdicts are words. Nothing is held but one
group of readings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache

from gateway.domain.groups import HOUR_MS
from gateway.domain.readings import Doubt, Gap, Quality, Reading, at_milliseconds
from gateway.domain.rollups import SPANS_S
from gateway.domain.tariffs import INTERVAL_S, Tier
from gateway.store.groups import entries_of

Value = str | int | datetime | None
Progress = Callable[[int, int], None]


class Of(Enum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows.

    Args:
        from_ms: first instant (unix milliseconds).
        to_ms: first instant after them.
        labels: of these meter points; None: of all.
    """

    from_ms: int
    to_ms: int
    labels: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of export.

    Args:
        columns: their names with units, and what they hold.
        rows: yields one tuple per row, each as long as ``columns``; tells how far it is.
    """

    columns: tuple[tuple[str, Of], ...]
    rows: Callable[[sqlite3.Connection, Chosen, Progress], Iterator[tuple[Value, ...]]]


class Places:
    """Which meter point a meter belonged to at an instant."""

    def __init__(self, connection: sqlite3.Connection, labels: Collection[str] | None) -> None:
        self._labels = labels
        self._places: dict[int, list[tuple[int, str, str]]] = {}
        for row in connection.execute(
            """SELECT i.meter_id, i.from_s, p.label, m.serial FROM installation i
               JOIN meter_point p USING (meter_point_id) JOIN meter m USING (meter_id)
               ORDER BY i.from_s DESC"""
        ):
            place = (row["from_s"] * 1000, row["label"], row["serial"])
            self._places.setdefault(row["meter_id"], []).append(place)

    def find(self, meter_id: int, at_ms: int) -> tuple[str, str] | None:
        """The meter point's label and the meter's serial; None: it isn't asked for."""
        places = self._places.get(meter_id, [])
        for from_ms, label, serial in places:
            # Readings may be dated a little before the installation: those are the first one's.
            if at_ms >= from_ms or from_ms == places[-1][0]:
                is_wanted = self._labels is None or label in self._labels
                return (label, serial) if is_wanted else None
        return None


def _readings(
    connection: sqlite3.Connection, chosen: Chosen, progress: Progress
) -> Iterator[tuple[Value, ...]]:
    """In the order in which they were stored; late ones after their neighbours in time."""
    places = Places(connection, chosen.labels)
    values = {"from_ms": chosen.from_ms, "to_ms": chosen.to_ms, "span": HOUR_MS}
    where = "from_ms > :from_ms - :span AND from_ms < :to_ms AND to_ms >= :from_ms"
    total = connection.execute(
        f"SELECT COUNT(*) FROM reading_group WHERE {where}", values
    ).fetchone()[0]
    groups = connection.execute(
        f"SELECT sequence, readings FROM reading_group WHERE {where} ORDER BY sequence", values
    )
    for number, row in enumerate(groups):
        progress(number, total)
        for entry in entries_of(row):
            place = places.find(entry.meter_id, entry.at_ms)
            if place is not None and chosen.from_ms <= entry.at_ms < chosen.to_ms:
                yield _gap(entry, place) if isinstance(entry, Gap) else _reading(entry, place)


def _reading(one: Reading, place: tuple[str, str]) -> tuple[Value, ...]:
    return (
        one.read_at,
        *place,
        one.energy_wh,
        one.export_wh,
        one.voltage_mv,
        one.current_ma,
        one.power_mw,
        one.frequency_mhz,
        one.power_factor_milli,
        one.quality.name.lower(),
        doubts_in_words(one.doubts),
        None,
    )


def _gap(one: Gap, place: tuple[str, str]) -> tuple[Value, ...]:
    nothing = (None,) * 7
    since = at_milliseconds(one.from_ms)
    quality = Quality.MISSING.name.lower()
    return (at_milliseconds(one.at_ms), *place, *nothing, quality, "gap", since)


@lru_cache(maxsize=256)
def doubts_in_words(doubts: Doubt) -> str:
    """Every doubt by its name, in small letters, with spaces between; '' for none."""
    return " ".join(one.name.lower() for one in Doubt if one in doubts and one.name)


def _usage(
    connection: sqlite3.Connection, chosen: Chosen, progress: Progress
) -> Iterator[tuple[Value, ...]]:
    first_s, last_s = _bounds_s(chosen)
    seen_s = None
    for row in connection.execute(
        """SELECT u.*, p.label FROM usage u JOIN meter_point p USING (meter_point_id)
           WHERE u.start_s >= :first AND u.start_s < :last ORDER BY u.start_s, p.label""",
        {"first": first_s, "last": last_s},
    ):
        seen_s = row["start_s"] if seen_s is None else seen_s
        progress(row["start_s"] - seen_s, last_s - seen_s)
        if chosen.labels is None or row["label"] in chosen.labels:
            yield (
                at_milliseconds(row["start_s"] * 1000),
                at_milliseconds((row["start_s"] + INTERVAL_S) * 1000),
                row["label"],
                Tier(row["tier"]).name.lower(),
                row["usage_wh"],
                row["estimated_wh"],
                row["claimed_wh"],
            )


def _rollups(
    span_s: int,
) -> Callable[[sqlite3.Connection, Chosen, Progress], Iterator[tuple[Value, ...]]]:
    def rows(
        connection: sqlite3.Connection, chosen: Chosen, progress: Progress
    ) -> Iterator[tuple[Value, ...]]:
        places = Places(connection, chosen.labels)
        first_s, last_s = _bounds_s(chosen)
        seen_s = None
        for row in connection.execute(
            """SELECT * FROM rollup WHERE span_s = :span_s
               AND start_s >= :first AND start_s < :last ORDER BY start_s, meter_id""",
            {"span_s": span_s, "first": first_s, "last": last_s},
        ):
            seen_s = row["start_s"] if seen_s is None else seen_s
            progress(row["start_s"] - seen_s, last_s - seen_s)
            place = places.find(row["meter_id"], row["last_ms"])
            if place is not None:
                yield _rollup(row, span_s, place)

    return rows


def _rollup(row: sqlite3.Row, span_s: int, place: tuple[str, str]) -> tuple[Value, ...]:
    return (
        at_milliseconds(row["start_s"] * 1000),
        at_milliseconds((row["start_s"] + span_s) * 1000),
        *place,
        row["readings"],
        row["valid"],
        doubts_in_words(Doubt(row["doubts"])),
        at_milliseconds(row["first_ms"]),
        row["first_wh"],
        at_milliseconds(row["last_ms"]),
        row["last_wh"],
        row["min_voltage_mv"],
        row["max_voltage_mv"],
        row["max_power_mw"],
        row["power_mw_sum"] // row["powers"] if row["powers"] else None,
    )


def _bounds_s(chosen: Chosen) -> tuple[int, int]:
    """Starts of periods in [from, to), unix seconds: both rounded up."""
    return -(-chosen.from_ms // 1000), -(-chosen.to_ms // 1000)


_ROLLUP_COLUMNS = (
    ("from", Of.INSTANT),
    ("to", Of.INSTANT),
    ("meter_point", Of.TEXT),
    ("meter", Of.TEXT),
    ("readings", Of.NUMBER),
    ("valid_readings", Of.NUMBER),
    ("doubts", Of.TEXT),
    ("first_read_at", Of.INSTANT),
    ("first_energy_wh", Of.NUMBER),
    ("last_read_at", Of.INSTANT),
    ("last_energy_wh", Of.NUMBER),
    ("min_voltage_mv", Of.NUMBER),
    ("max_voltage_mv", Of.NUMBER),
    ("max_power_mw", Of.NUMBER),
    ("mean_power_mw", Of.NUMBER),
)
TABLES = {
    "readings": Table(
        (
            ("read_at", Of.INSTANT),
            ("meter_point", Of.TEXT),
            ("meter", Of.TEXT),
            ("energy_wh", Of.NUMBER),
            ("export_wh", Of.NUMBER),
            ("voltage_mv", Of.NUMBER),
            ("current_ma", Of.NUMBER),
            ("power_mw", Of.NUMBER),
            ("frequency_mhz", Of.NUMBER),
            ("power_factor_milli", Of.NUMBER),
            ("quality", Of.TEXT),
            ("doubts", Of.TEXT),
            ("gap_since", Of.INSTANT),
        ),
        _readings,
    ),
    "usage": Table(
        (
            ("from", Of.INSTANT),
            ("to", Of.INSTANT),
            ("meter_point", Of.TEXT),
            ("tier", Of.TEXT),
            ("usage_wh", Of.NUMBER),
            ("estimated_wh", Of.NUMBER),
            ("in_batches_wh", Of.NUMBER),
        ),
        _usage,
    ),
    "rollup-15m": Table(_ROLLUP_COLUMNS, _rollups(SPANS_S[0])),
    "rollup-hour": Table(_ROLLUP_COLUMNS, _rollups(SPANS_S[1])),
    "rollup-day": Table(_ROLLUP_COLUMNS, _rollups(SPANS_S[2])),
}
"""What can be exported, by the name that a person gives it."""
