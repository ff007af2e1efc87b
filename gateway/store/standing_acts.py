"""What people have decided about supplies and still stands; mostly nothing does. Reads only."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.supply_facts import Hold, Override


@dataclass(slots=True)
class Standing:
    """What stands at one meter point.

    Args:
        locked_out: somebody's lock hangs.
        disputed_stroops: what is disputed.
        override: what an operator ordered.
        emergency_stroops: emergency credit that is not paid back.
        hold: what became of a disconnection that waits for a person.
        added_wh: usage that people added to what registers moved, Wh.
    """

    locked_out: bool = False
    disputed_stroops: int = 0
    override: Override | None = None
    emergency_stroops: int = 0
    hold: Hold | None = None
    added_wh: int = 0


NOTHING_STANDS = Standing()

_STANDING = """
SELECT meter_point_id, 'lock' AS kind, 1 AS value, NULL AS until_s FROM lock_out
WHERE released_s IS NULL
UNION ALL SELECT meter_point_id, 'dispute', SUM(stroops), NULL FROM dispute
          WHERE closed_s IS NULL GROUP BY meter_point_id
UNION ALL SELECT meter_point_id, 'order', connected, until_s FROM override WHERE until_s > :now_s
UNION ALL SELECT meter_point_id, 'emergency', stroops, NULL FROM emergency_credit
UNION ALL SELECT meter_point_id, 'hold', answer, NULL FROM chain_hold
UNION ALL SELECT meter_point_id, 'added', SUM(energy_wh), NULL FROM edit
          WHERE kind <> 'reshape' AND kind <> 'reject' GROUP BY meter_point_id
"""


def read_standing(connection: sqlite3.Connection, now_s: int) -> Mapping[int, Standing]:
    """What stands, by meter point, inside :meth:`Database.read`.

    Args:
        connection: the reader's.
        now_s: the time (unix seconds): an order that has ended does not stand.
    """
    found: defaultdict[int, Standing] = defaultdict(Standing)
    for point_id, kind, value, until_s in connection.execute(_STANDING, {"now_s": now_s}):
        standing = found[point_id]
        match kind:
            case "lock":
                standing.locked_out = True
            case "dispute":
                standing.disputed_stroops = value
            case "order":
                standing.override = Override(bool(value), until_s)
            case "emergency":
                standing.emergency_stroops = value
            case "hold":
                standing.hold = Hold(value)
            case _:
                standing.added_wh = value
    return found
