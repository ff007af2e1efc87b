"""Which usage is spoken for: given back when a batch is refused, taken up when books are adopted.

What a batch or a take-over claims is written beside it part by part, so that every claimed Wh of
every quarter-hour can be said by name (:mod:`gateway.domain.parts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiosqlite

from gateway.domain.parts import Part, Use, decode_parts, encode_parts

_SENT = "off_peak_wh + i.standard_wh + i.peak_wh + i.included_wh + i.market_wh"


async def give_back(connection: aiosqlite.Connection, outbox_id: int) -> None:
    """Free what a refused batch had sent; what it absorbed or withheld stays as it was booked.

    Args:
        connection: of the caller's transaction.
        outbox_id: the batch.
    """
    rows = list(
        await connection.execute_fetchall(
            "SELECT meter_point_id, parts FROM batch_item WHERE outbox_id = :outbox_id",
            {"outbox_id": outbox_id},
        )
    )
    if any(row["parts"] is None for row in rows):  # composed before parts were kept
        await _give_back_newest(connection, outbox_id)
        return
    await connection.executemany(
        """UPDATE usage SET claimed_wh = claimed_wh - :wh
           WHERE start_s = :start_s AND meter_point_id = :point""",
        [
            {"wh": part.usage_wh, "start_s": part.start_s, "point": row["meter_point_id"]}
            for row in rows
            for part in decode_parts(row["parts"])
            if part.use.is_column
        ],
    )


async def _give_back_newest(connection: aiosqlite.Connection, outbox_id: int) -> None:
    rows = await connection.execute_fetchall(
        f"""SELECT i.meter_point_id, u.claimed_wh - (i.{_SENT}) AS settled_wh
            FROM batch_item i
            JOIN (SELECT meter_point_id, SUM(claimed_wh) AS claimed_wh
                  FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
            WHERE i.outbox_id = :outbox_id""",
        {"outbox_id": outbox_id},
    )
    await _say_anew(connection, {row["meter_point_id"]: row["settled_wh"] for row in rows})


async def adopt_totals(connection: aiosqlite.Connection, site: int, outbox_id: int) -> None:
    """Let claims follow the chain's totals, and write down what was adopted of each meter.

    Own claims stay as they are and the rest is claimed oldest first. Where the chain has counted
    less than was claimed here, all claims of that meter are said anew, oldest first.

    Args:
        connection: of the caller's transaction; the chain's records are in it already.
        site: the village's number on chain.
        outbox_id: the take-over.
    """
    rows = await connection.execute_fetchall(
        """SELECT c.*, c.total_wh + COALESCE(s.residue_wh - s.adopted_wh, 0) AS settled_wh,
                  COALESCE(u.usage_wh, 0) AS usage_wh, COALESCE(u.claimed_wh, 0) AS claimed_wh
           FROM chain_meter c JOIN meter_point p USING (meter_point_id)
           LEFT JOIN settlement s USING (meter_point_id)
           LEFT JOIN (SELECT meter_point_id, SUM(usage_wh) AS usage_wh,
                             SUM(claimed_wh) AS claimed_wh
                      FROM usage GROUP BY meter_point_id) u USING (meter_point_id)
           WHERE p.site = :site""",
        {"site": site},
    )
    for row in rows:
        point, settled_wh = row["meter_point_id"], row["settled_wh"]
        parts: bytes | None = None
        if settled_wh < row["claimed_wh"]:
            await _say_anew(connection, {point: settled_wh})
        else:
            left_wh = settled_wh - row["claimed_wh"]
            parts = encode_parts(await _claim_rest(connection, point, left_wh))
        ahead_wh = max(0, settled_wh - row["usage_wh"])
        await connection.execute(
            """INSERT INTO settlement (meter_point_id, ahead_wh) VALUES (:point, :ahead_wh)
               ON CONFLICT (meter_point_id) DO UPDATE SET ahead_wh = excluded.ahead_wh""",
            {"point": point, "ahead_wh": ahead_wh},
        )
        await connection.execute(
            """INSERT INTO adopted VALUES (:outbox_id, :point, :total_wh, :balance,
                   :remainder_milli, :ahead_wh, :parts)""",
            {
                "outbox_id": outbox_id,
                "point": point,
                "total_wh": row["total_wh"],
                "balance": row["balance"],
                "remainder_milli": row["remainder_milli"],
                "ahead_wh": ahead_wh,
                "parts": parts,
            },
        )


async def _claim_rest(connection: aiosqlite.Connection, point: int, left_wh: int) -> list[Part]:
    """Claim a meter point's free usage, oldest first, up to so many Wh."""
    parts: list[Part] = []
    if left_wh:
        rows = await connection.execute_fetchall(
            """SELECT start_s, usage_wh - claimed_wh AS free_wh FROM usage INDEXED BY usage_open
               WHERE open = 1 AND meter_point_id = :point AND usage_wh > claimed_wh
               ORDER BY start_s""",
            {"point": point},
        )
        for row in rows:
            taken_wh = min(left_wh, row["free_wh"])
            if not taken_wh:
                break
            parts.append(Part(row["start_s"], Use.ADOPTED, taken_wh))
            left_wh -= taken_wh
    await connection.executemany(
        """UPDATE usage SET claimed_wh = claimed_wh + :wh
           WHERE start_s = :start_s AND meter_point_id = :point""",
        [{"wh": part.usage_wh, "start_s": part.start_s, "point": point} for part in parts],
    )
    return parts


async def _say_anew(connection: aiosqlite.Connection, settled_wh: Mapping[int, int]) -> None:
    """Claim each meter point's usage, oldest first, up to a total (Wh by meter point)."""
    await connection.execute(
        """WITH target AS (
               SELECT CAST(key AS INTEGER) AS meter_point_id, value AS settled_wh
               FROM json_each(:targets)
           ), running AS (
               SELECT start_s, meter_point_id, usage_wh, settled_wh - (SUM(usage_wh) OVER (
                          PARTITION BY meter_point_id ORDER BY start_s) - usage_wh) AS left_wh
               FROM usage JOIN target USING (meter_point_id)
           ), claim AS (
               SELECT start_s, meter_point_id, MAX(0, MIN(usage_wh, left_wh)) AS claimed_wh
               FROM running
           )
           UPDATE usage SET claimed_wh = claim.claimed_wh FROM claim
           WHERE usage.start_s = claim.start_s
             AND usage.meter_point_id = claim.meter_point_id
             AND usage.claimed_wh <> claim.claimed_wh""",
        {"targets": json.dumps(settled_wh)},
    )
