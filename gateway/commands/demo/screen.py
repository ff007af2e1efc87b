"""The demo's screen: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from gateway.commands.demo.files import ZONE
from gateway.commands.demo.village import DemoVillage
from gateway.domain.supply import Reason

REDRAW_S = 1.0
LINE_EVERY_S = 10
STROOPS = 10_000_000
_CLEAR = "\x1b[H\x1b[J"

_ROWS = """
SELECT p.label, r.power_mw, r.cumulative_wh, c.total_wh, c.balance, c.plan, c.paid_until_s,
       s.state, s.reason
FROM meter_point p
LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
WHERE p.kind = 'supply'
ORDER BY p.slot
"""
_CHAIN = "SELECT state, message FROM status WHERE name = 'chain'"
_BATCHES = "SELECT count(*) FROM outbox WHERE kind = 'batch' AND state = 'confirmed'"


class Screen:
    """Shows a village from its store.

    Args:
        village: the run.
        out: where to write.
    """

    def __init__(self, village: DemoVillage, out: TextIO) -> None:
        self._village = village
        self._out = out

    def say(self, text: str) -> None:
        """One line for a person."""
        print(text, file=self._out, flush=True)

    async def run(self) -> None:
        """Show until cancelled."""
        on_terminal = self._out.isatty()
        told_s = 0
        while True:
            await asyncio.sleep(REDRAW_S)
            if on_terminal:
                width = shutil.get_terminal_size().columns
                lines = [line[:width] for line in self._table()]
                print(_CLEAR + "\n".join(lines), file=self._out, flush=True)
            elif self._village.wall_s - told_s >= LINE_EVERY_S:
                told_s = int(self._village.wall_s)
                self.say(self._line())

    def _table(self) -> list[str]:
        lines = [self._line(), f"the page: {self._village.page_url}   (Ctrl-C ends it)", ""]
        lines.append(
            f"{'meter point':<12}{'power W':>9}{'used Wh':>10}{'on chain':>10}"
            f"{'ELECTRIC':>10}  supply"
        )
        lines += [_row(row) for row in self._rows(_ROWS)]
        return lines

    def _line(self) -> str:
        local = self._village.clock.now().astimezone(ZoneInfo(ZONE))
        chain = self._rows(_CHAIN)
        reach = chain[0]["state"] if chain else "not asked yet"
        batches = self._rows(_BATCHES)[0][0]
        return (
            f"{local:%H:%M} in the village, {self._village.wall_s:.0f} s here   "
            f"chain {reach}   {batches} batches   "
            f"{self._village.backlog} quarter-hours waiting"
        )

    def _rows(self, sql: str) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(f"file:{self._village.database}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            return list(store.execute(sql))


def _row(row: sqlite3.Row) -> str:
    power = "-" if row["power_mw"] is None else f"{row['power_mw'] / 1000:.0f}"
    balance = "-" if row["balance"] is None else f"{row['balance'] / STROOPS:.2f}"
    until_s = row["paid_until_s"] or 0
    if row["plan"] in (1, 2) and until_s:
        end = datetime.fromtimestamp(until_s, UTC).astimezone(ZoneInfo(ZONE))
        balance = f"{end:%d %b}"
    supply = row["state"] or "not decided yet"
    why = f": {_why(row['reason'])}" if row["reason"] else ""
    return (
        f"{row['label']:<12}{power:>9}{row['cumulative_wh'] or 0:>10}{row['total_wh'] or 0:>10}"
        f"{balance:>10}  {supply}{why}"
    )


def _why(reason: str) -> str:
    try:
        return Reason(reason).sentence
    except ValueError:
        return reason
