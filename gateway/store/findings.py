"""What checks of quarter-hours found: written once, however often it is found again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import aiosqlite

from gateway.domain.intervals import Finding, Interval, check_sum, join
from gateway.domain.readings import Doubt
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.points import MeterPoint
from gateway.store.status import append_event

WEIGHTY = Doubt.SPIKE | Doubt.HIGH | Doubt.SUM | Doubt.STUCK
"""Each new one of these is an event."""


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding as it is shown.

    Args:
        label: the meter point's.
        finding: what was found.
        found_s: when it was found first (unix seconds).
    """

    label: str
    finding: Finding
    found_s: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What one look at a meter point's quarter-hours ends with.

    Args:
        point: the meter point.
        to_s: up to where it is checked now (unix seconds, on an hour); None: as far as before.
        findings: what was found.
    """

    point: MeterPoint
    to_s: int | None
    findings: tuple[Finding, ...]


async def save_checked(database: Database, checked: Iterable[Checked], now_s: int) -> list[Finding]:
    """Write findings and how far was checked, in one transaction; returns the new findings.

    What overlaps an earlier finding of its kind is the same, which may have grown.

    Args:
        database: the store.
        checked: of different meter points.
        now_s: the time (unix seconds).

    Raises:
        Transient: the disk did not take it; nothing was written.
        Permanent: the store refuses it.
    """
    new: list[Finding] = []
    try:
        async with database.transaction() as connection:
            for one in checked:
                new += [
                    finding
                    for finding in one.findings
                    if await _save(connection, one.point, finding, now_s)
                ]
                if one.to_s is not None:
                    await _save_progress(connection, one.point, one.to_s)
    except sqlite3.IntegrityError as error:
        raise Permanent(f"what was found can't be written ({error})") from None
    return new


async def _save_progress(connection: aiosqlite.Connection, point: MeterPoint, to_s: int) -> None:
    await connection.execute(
        """INSERT INTO checked VALUES (:point, :to_s)
           ON CONFLICT (meter_point_id) DO UPDATE SET to_s = MAX(to_s, excluded.to_s)""",
        {"point": point.meter_point_id, "to_s": to_s},
    )


async def _save(
    connection: aiosqlite.Connection, point: MeterPoint, finding: Finding, now_s: int
) -> bool:
    """Write one; returns whether nothing like it was there."""
    known = await _earlier(connection, point, finding)
    joined = finding
    for row in known:
        joined = join(_finding(row), joined)
    if len(known) == 1 and joined == _finding(known[0]):
        return False
    for row in known:
        await connection.execute(
            "DELETE FROM finding WHERE finding_id = :id", {"id": row["finding_id"]}
        )
    await _insert(connection, point, joined, min([now_s, *(row["found_s"] for row in known)]))
    if not known and finding.kind & WEIGHTY:
        await append_event(
            connection,
            f"interval-{finding.kind.name}".lower(),
            f"{point.label}: {finding.reason}",
            finding.start_s * 1000,
            meter_point_id=point.meter_point_id,
            meter_id=point.meter_id,
            energy_wh=finding.usage_wh,
        )
    return not known


async def _earlier(
    connection: aiosqlite.Connection, point: MeterPoint, finding: Finding
) -> list[Row]:
    """Those of its kind that it overlaps, or, of runs, touches."""
    run = finding.kind in {Doubt.GAP, Doubt.EQUAL, Doubt.STUCK}
    return list(
        await connection.execute_fetchall(
            """SELECT * FROM finding WHERE meter_point_id = :point AND doubts = :doubts
               AND start_s < :end_s + :run AND end_s > :start_s - :run ORDER BY start_s""",
            {
                "point": point.meter_point_id,
                "doubts": int(finding.kind),
                "start_s": finding.start_s,
                "end_s": finding.end_s,
                "run": int(run),
            },
        )
    )


async def _insert(
    connection: aiosqlite.Connection, point: MeterPoint, finding: Finding, found_s: int
) -> None:
    await connection.execute(
        """INSERT INTO finding (meter_point_id, doubts, start_s, end_s, usage_wh, against_wh,
               reason, found_s)
           VALUES (:point, :doubts, :start_s, :end_s, :usage_wh, :against_wh, :reason, :found_s)""",
        {
            "point": point.meter_point_id,
            "doubts": int(finding.kind),
            "start_s": finding.start_s,
            "end_s": finding.end_s,
            "usage_wh": finding.usage_wh,
            "against_wh": finding.against_wh,
            "reason": finding.reason,
            "found_s": found_s,
        },
    )


async def find_findings(database: Database, label: str | None = None) -> list[StoredFinding]:
    """Findings of one meter point or of all, by meter point and time."""
    rows = await database.fetch_all(
        """SELECT f.*, p.label FROM finding f JOIN meter_point p USING (meter_point_id)
           WHERE p.label = IFNULL(:label, p.label) ORDER BY p.site, p.slot, f.start_s, f.doubts""",
        {"label": label},
    )
    return [StoredFinding(row["label"], _finding(row), row["found_s"]) for row in rows]


async def check_books(database: Database, now_s: int) -> dict[int, Finding]:
    """Meter points whose usage, or what they delivered, is not what was counted, by their row.

    To the Wh: ``SUM(usage_wh) = carried_wh + cumulative_wh + added_wh``, in one statement, because
    the field process counts on. It reads all usage there is, so once a day is often enough.

    Args:
        database: the store.
        now_s: the time (unix seconds).
    """
    rows = await database.fetch_all(
        """SELECT i.meter_point_id,
                  IFNULL(u.usage_wh, 0) + IFNULL(f.usage_wh, 0) AS usage_wh,
                  (SELECT MIN(from_s) FROM installation o
                   WHERE o.meter_point_id = i.meter_point_id) AS from_s,
                  i.carried_wh + IFNULL(r.cumulative_wh, 0) + IFNULL(a.added_wh, 0) AS counted_wh
           FROM installation i LEFT JOIN register r ON r.meter_id = i.meter_id
           LEFT JOIN added a ON a.meter_point_id = i.meter_point_id
           LEFT JOIN (SELECT meter_point_id, SUM(usage_wh) AS usage_wh FROM usage
                      GROUP BY meter_point_id) u ON u.meter_point_id = i.meter_point_id
           LEFT JOIN (SELECT meter_point_id, SUM(usage_wh) AS usage_wh FROM feeder_usage
                      GROUP BY meter_point_id) f ON f.meter_point_id = i.meter_point_id
           WHERE i.to_s IS NULL"""
    )
    found: dict[int, Finding] = {}
    for row in rows:
        from_s = min(row["from_s"], now_s - 1)
        whole = (Interval(from_s, row["usage_wh"]),)
        for finding in check_sum(whole, from_s, now_s, row["counted_wh"]):
            found[row["meter_point_id"]] = finding
    return found


def _finding(row: Row) -> Finding:
    return Finding(
        Doubt(row["doubts"]),
        row["start_s"],
        row["end_s"],
        row["reason"],
        row["usage_wh"],
        row["against_wh"],
    )
