"""Which meters hang on which feeder, and the newest that each of them said. Reads only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from gateway.domain.readings import Reading
from gateway.domain.signs import MeterFacts
from gateway.domain.supply import SupplyState
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.groups import entries_of
from gateway.store.slots import FEEDER

NODE = "node"
FIRST_GROUPS = 30
"""Looked at by who begins to look."""
MOST_GROUPS = 200
"""Looked at in one go by who was away; the registers have what is older."""

_METERS = """
SELECT p.meter_point_id, p.label, p.kind, p.feeder, p.relay, i.meter_id, i.address,
       i.from_s, r.read_ms, r.energy_wh, r.candidate_ms, r.candidate_wh, r.voltage_mv, r.power_mw,
       s.state, s.decided_ms, s.switched_ms, l.state AS line_state, b.state AS broker_state
FROM meter_point p
JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
LEFT JOIN status l ON l.name = IIF(i.address LIKE 'node/%', 'node:' || SUBSTR(i.address, 6),
                                   'bus:' || SUBSTR(i.address, 1, INSTR(i.address, '/') - 1))
LEFT JOIN status b ON b.name = 'broker'
WHERE i.address NOT LIKE '-/%'
ORDER BY p.site, p.slot
"""


@dataclass(frozen=True, slots=True)
class FeederMeter:
    """One meter and what is known of it.

    Args:
        meter_point_id: the meter point that it measures.
        label: what people call that.
        is_feeder: it measures a feeder, and is nobody's supply.
        feeder: the feeder that the configuration names for it; None: none.
        address: 'BUS/UNIT' or 'node/NAME'.
        line_state: of its bus, or of its node: 'online', 'offline'; None: not known.
        broker_state: of the broker.
        facts: the newest of it.
    """

    meter_point_id: int
    label: str
    is_feeder: bool
    feeder: str | None
    address: str
    line_state: str | None
    broker_state: str | None
    facts: MeterFacts

    @property
    def line(self) -> str:
        """The bus's name, or 'node'."""
        return self.address.partition("/")[0]

    def feeder_name(self, only: str | None) -> str | None:
        """The feeder on which it hangs, as signs call it; None: a node's that is on none.

        Args:
            only: the name of the only feeder; None: there are several, or none.
        """
        return self.feeder or only or (self.line if self.line != NODE else None)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest reading of each meter, and the group up to which was looked.

    Args:
        sequence: of the newest group seen; None: none yet.
        readings: by meter.
    """

    sequence: int | None
    readings: dict[int, Reading]


async def find_newest(database: Database, before: Newest) -> Newest:
    """Go on from where the last look ended.

    Args:
        before: what the last look found.
    """
    rows = await database.fetch_all(
        """SELECT * FROM reading_group
           WHERE sequence > IFNULL(:seen, (SELECT MAX(sequence) FROM reading_group) - :first)
           ORDER BY sequence DESC LIMIT :most""",
        {"first": FIRST_GROUPS, "seen": before.sequence, "most": MOST_GROUPS},
    )
    if not rows:
        return before
    readings = dict(before.readings)
    for row in reversed(rows):
        with suppress(Permanent):  # a damaged group is told by who rolls it up
            for entry in entries_of(row):
                known = readings.get(entry.meter_id)
                if isinstance(entry, Reading) and (known is None or entry.at_ms >= known.at_ms):
                    readings[entry.meter_id] = entry
    return Newest(rows[0]["sequence"], readings)


async def find_feeder_meters(database: Database, newest: Newest) -> list[FeederMeter]:
    """Every meter that is read, by site and slot.

    Args:
        newest: readings that are newer than the registers or know more than they do.
    """
    return [
        FeederMeter(
            meter_point_id=row["meter_point_id"],
            label=row["label"],
            is_feeder=row["kind"] == FEEDER,
            feeder=row["feeder"],
            address=row["address"],
            line_state=row["line_state"],
            broker_state=row["broker_state"],
            facts=_facts(row, newest.readings.get(row["meter_id"])),
        )
        for row in await database.fetch_all(_METERS)
    ]


def _facts(row: Row, reading: Reading | None) -> MeterFacts:
    """A meter that was never read is mute since it was installed, not since ever."""
    heard_ms = max(row["read_ms"] or 0, row["candidate_ms"] or 0, row["from_s"] * 1000)
    connected, switched_ms = _commanded(row)
    voltage_mv, power_mw, current_ma = row["voltage_mv"], row["power_mw"], None
    if reading is not None and reading.at_ms >= heard_ms:
        heard_ms, voltage_mv = reading.at_ms, reading.voltage_mv
        power_mw, current_ma = reading.power_mw, reading.current_ma
    return MeterFacts(
        meter_id=row["meter_id"],
        seen_s=heard_ms // 1000,
        voltage_mv=voltage_mv,
        current_ma=current_ma,
        power_mw=power_mw,
        connected=connected,
        switched_s=None if switched_ms is None else switched_ms // 1000,
        behind_wh=_behind_wh(row),
    )


def _commanded(row: Row) -> tuple[bool | None, int | None]:
    """Whether its supply is commanded to be on, and since when (unix milliseconds).

    A decision that no relay has taken up yet says nothing about power.
    """
    if row["relay"] == "none" or row["state"] is None:
        return None, None
    state, switched_ms = SupplyState(row["state"]), row["switched_ms"]
    if state is SupplyState.DISCONNECTED and (switched_ms or 0) < row["decided_ms"]:
        return False, None
    return state is SupplyState.CONNECTED, switched_ms


def _behind_wh(row: Row) -> int:
    """How far the register has gone back, see :class:`gateway.domain.usage.Checkpoint`."""
    if row["candidate_wh"] is None or row["candidate_ms"] != row["read_ms"]:
        return 0
    return int(row["energy_wh"] - row["candidate_wh"])
