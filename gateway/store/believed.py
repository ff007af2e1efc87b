"""What a meter point's meter was believed to show last."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.store.database import Database
from gateway.store.points import MeterPoint


@dataclass(frozen=True, slots=True)
class Believed:
    """What a meter point's meter was believed to show last.

    Args:
        read_ms: when (unix milliseconds); of a meter never read, when it was installed.
        energy_wh: its register, Wh; None: nobody knows.
        others_from_ms: since when other meters hung there before it; None: there were none.
        others_to_ms: until when.
    """

    read_ms: int
    energy_wh: int | None
    others_from_ms: int | None = None
    others_to_ms: int | None = None

    def covers(self, at_ms: int) -> bool:
        """Whether another meter was installed at an instant (unix milliseconds)."""
        if self.others_from_ms is None or self.others_to_ms is None:
            return False
        return self.others_from_ms <= at_ms < self.others_to_ms


async def find_believed(database: Database, point: MeterPoint) -> Believed:
    """What the meter installed now was believed to show last, as far as it is committed."""
    row = await database.fetch_one(
        """SELECT (SELECT MIN(from_s) * 1000 FROM installation
                   WHERE meter_point_id = :point AND to_s IS NOT NULL) AS others_from_ms,
                  (SELECT MAX(to_s) * 1000 FROM installation
                   WHERE meter_point_id = :point AND to_s IS NOT NULL) AS others_to_ms,
                  (SELECT read_ms FROM register WHERE meter_id = :meter) AS read_ms,
                  (SELECT energy_wh FROM register WHERE meter_id = :meter) AS energy_wh""",
        {"point": point.meter_point_id, "meter": point.meter_id},
    )
    if row is None:  # it has no FROM: there is always one
        raise AssertionError
    if row["read_ms"] is None:
        read_ms, energy_wh = point.installed_s * 1000, point.first_register_wh
    else:
        read_ms, energy_wh = row["read_ms"], row["energy_wh"]
    return Believed(read_ms, energy_wh, row["others_from_ms"], row["others_to_ms"])
