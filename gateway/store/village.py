"""What decides about supply and is the whole village's: feeders, blackouts, prices, disconnections.

Reads only, in one statement.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.signs import SignKind
from gateway.store.database import Database
from gateway.store.signs import parse_name

HOUR_S = 3600
REMEMBERED_S = 62 * 86_400
"""Blackouts older than this lengthen no plan."""

Blackout = tuple[int, int | None]
"""From when until when a feeder had no power (unix seconds); None: it still has none."""

_FACTS = """
SELECT 'dearest' AS kind, '' AS name, MAX(MAX(off_peak, standard, peak)) AS from_s, NULL AS to_s
FROM chain_price
UNION ALL SELECT 'cuts', '', COUNT(*), NULL FROM supply WHERE chain_cut_s > :hour_ago_s
UNION ALL SELECT 'doubted', '', since_s, NULL FROM status WHERE name = 'chain' AND state = 'alarm'
UNION ALL SELECT 'witnessed', '', meter_point_id, NULL
          FROM chain_hold JOIN chain_witness USING (meter_point_id) WHERE witnesses >= 2
UNION ALL SELECT 'sign', name, since_s, NULL FROM status WHERE name >= 'sign:' AND name < 'sign;'
UNION ALL SELECT 'dead', feeder, from_s, to_s FROM dead_time
          WHERE to_s IS NULL OR to_s > :since_s
ORDER BY from_s
"""


@dataclass(frozen=True, slots=True)
class Village:
    """Facts of the whole village.

    Args:
        dearest_stroops_per_kwh: the dearest rate of any price known.
        chain_cuts: disconnections from chain state alone in the last hour.
        chain_doubted: what RPC endpoints say now is not believed: they disagree, or are no good.
        witnessed: those whose disconnection waits and of whom two RPC endpoints say the same.
        brown_outs: feeders with too low a voltage.
        dead: feeders without power, and since when (unix seconds).
        blackouts: of each feeder, oldest first.
    """

    dearest_stroops_per_kwh: int
    chain_cuts: int
    chain_doubted: bool
    witnessed: frozenset[int]
    brown_outs: frozenset[str]
    dead: Mapping[str, int]
    blackouts: Mapping[str, tuple[Blackout, ...]]

    def endpoints_agree(self, meter_point_id: int) -> bool | None:
        """Whether two RPC endpoints say the same of a meter point; None: not known."""
        if self.chain_doubted:
            return False
        return True if meter_point_id in self.witnessed else None

    def back_s(self, feeder: str) -> int | None:
        """When a feeder last came back (unix seconds); None: it is dead, or never was lately."""
        blackouts = self.blackouts.get(feeder)
        return blackouts[-1][1] if blackouts else None


def read_village(connection: sqlite3.Connection, now_s: int) -> Village:
    """The facts as they are now, inside :meth:`Database.read`.

    Args:
        connection: the reader's.
        now_s: the time (unix seconds).
    """
    dearest, cuts, doubted = 0, 0, False
    witnessed: set[int] = set()
    signs: dict[SignKind, dict[str, int]] = {}
    blackouts: defaultdict[str, tuple[Blackout, ...]] = defaultdict(tuple)
    values = {"hour_ago_s": now_s - HOUR_S, "since_s": now_s - REMEMBERED_S}
    for kind, name, from_s, to_s in connection.execute(_FACTS, values):
        match kind:
            case "dearest":
                dearest = from_s or 0
            case "cuts":
                cuts = from_s
            case "doubted":
                doubted = True
            case "witnessed":
                witnessed.add(from_s)
            case "sign":
                if named := parse_name(name):
                    signs.setdefault(named[0], {})[named[1]] = from_s
            case _:
                blackouts[name] += ((from_s, to_s),)
    brown_outs = frozenset(signs.get(SignKind.BROWN_OUT, {}))
    dead = signs.get(SignKind.FEEDER_DEAD, {})
    return Village(dearest, cuts, doubted, frozenset(witnessed), brown_outs, dead, blackouts)


async def save_blackouts(database: Database, village: Village, now_s: int) -> bool:
    """Write down which feeders died and came back since; False: none did.

    Args:
        database: the store.
        village: as it was just found.
        now_s: the time (unix seconds).

    Raises:
        Transient: the disk did not take it; it is noticed again.
    """
    running = {name for name, them in village.blackouts.items() if them[-1][1] is None}
    died, back = village.dead.keys() - running, running - village.dead.keys()
    if not died and not back:
        return False
    async with database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO dead_time (feeder, from_s) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(feeder, village.dead[feeder]) for feeder in died],
        )
        await connection.executemany(
            """UPDATE dead_time SET to_s = MAX(from_s, :now_s)
               WHERE feeder = :feeder AND to_s IS NULL""",
            [{"feeder": feeder, "now_s": now_s} for feeder in back],
        )
    return True
