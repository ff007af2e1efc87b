"""Nodes that report and are no meter point's: what is known of them until a person decides.

A few figures per name, never a reading: a stranger's readings stay with the stranger, who keeps
them until they are acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.points import MeterPoint, PointSetting, add_point, find_point
from gateway.store.status import append_event

MOST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that nobody knows, and what its last message said.

    Args:
        name: how it calls itself; the broker has checked it.
        first_s: when it was first heard (unix seconds).
        last_s: when it was last heard (unix seconds).
        messages: how many messages of its were heard.
        read_ms: its last message's own date, unchecked (unix milliseconds).
        energy_wh: cumulative register, Wh.
        voltage_mv: RMS voltage, mV.
        current_ma: RMS current, mA.
        power_mw: active power, mW.
        power_factor_milli: power factor, thousandths.
        rssi_dbm: strength of the Wi-Fi signal, dBm.
    """

    name: str
    first_s: int
    last_s: int
    messages: int
    read_ms: int
    energy_wh: int
    voltage_mv: int
    current_ma: int
    power_mw: int
    power_factor_milli: int
    rssi_dbm: int


async def find_candidates(database: Database) -> list[Candidate]:
    """Every one of them, by when it was first heard."""
    rows = await database.fetch_all("SELECT * FROM node_candidate ORDER BY first_s, name")
    return [_candidate(row) for row in rows]


async def save_candidates(database: Database, heard: Sequence[Candidate]) -> None:
    """Add what was heard; ``messages`` counts those since the last time.

    At most :data:`MOST_CANDIDATES` names are kept, those heard last.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            """INSERT INTO node_candidate
               VALUES (:name, :first_s, :last_s, :messages, :read_ms, :energy_wh, :voltage_mv,
                       :current_ma, :power_mw, :power_factor_milli, :rssi_dbm)
               ON CONFLICT (name) DO UPDATE SET last_s = excluded.last_s,
                   messages = messages + excluded.messages, read_ms = excluded.read_ms,
                   energy_wh = excluded.energy_wh, voltage_mv = excluded.voltage_mv,
                   current_ma = excluded.current_ma, power_mw = excluded.power_mw,
                   power_factor_milli = excluded.power_factor_milli,
                   rssi_dbm = excluded.rssi_dbm""",
            [{name: getattr(one, name) for name in Candidate.__slots__} for one in heard],
        )
        await connection.execute(
            """DELETE FROM node_candidate WHERE name NOT IN
                   (SELECT name FROM node_candidate ORDER BY last_s DESC, name LIMIT :most)""",
            {"most": MOST_CANDIDATES},
        )


async def forget_candidate(database: Database, name: str) -> bool:
    """Drop one from the list; returns whether it was there. It comes back if it reports again."""
    async with database.transaction() as connection:
        cursor = await connection.execute(
            "DELETE FROM node_candidate WHERE name = :name", {"name": name}
        )
        return cursor.rowcount > 0


async def accept_candidate(
    database: Database, name: str, setting: PointSetting, now_s: int
) -> MeterPoint:
    """Make a candidate's meter the meter of a new meter point, in one transaction.

    Its installation begins when it was first heard, so that what it kept since then counts.

    Args:
        name: the candidate's.
        setting: the meter point; its address is the node's.
        now_s: the time (unix seconds).

    Raises:
        Permanent: nobody of that name was heard, or label, slot or meter are taken.
    """
    async with database.transaction() as connection:
        async with connection.execute(
            "SELECT * FROM node_candidate WHERE name = :name", {"name": name}
        ) as cursor:
            row = await cursor.fetchone()
        if row is None:
            raise Permanent(
                f"no unknown node {name} has been heard: see `gateway node list`; is it connected "
                "to this gateway's broker, and under this name?"
            )
        await add_point(connection, setting, min(row["first_s"], now_s))
        await connection.execute("DELETE FROM node_candidate WHERE name = :name", {"name": name})
        await append_event(
            connection,
            "node-accepted",
            f"node {name} was accepted as the meter of {setting.label}, slot {setting.slot}",
            now_s * 1000,
        )
    point = await find_point(database, setting.label)
    if point is None:  # it was just written
        raise AssertionError
    return point


def heard_again(known: Candidate, newer: Candidate) -> Candidate:
    """The newer of two, counting the messages of both."""
    return replace(newer, first_s=known.first_s, messages=known.messages + newer.messages)


def _candidate(row: Row) -> Candidate:
    return Candidate(**{name: row[name] for name in Candidate.__slots__})
