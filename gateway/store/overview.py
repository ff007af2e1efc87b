"""What the page and the API show: one meter point with all that is known of it, or the village.

Reads only, and only what was committed. Every figure of a meter point comes from one statement,
so usage, receipt and balance belong together. Decides nothing and knows no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from gateway.domain.pages import MeterRecord
from gateway.domain.supply import SupplyState
from gateway.store.database import Database, Row
from gateway.store.losses import DAY_S, FeederDay, find_days
from gateway.store.status import Status, find_status

_U64_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Counted:
    """What the meter installed now last said, and what all meters of the meter point counted.

    Args:
        read_s: when the register was last believed (unix seconds).
        heard_s: when the meter last said anything, believed or not (unix seconds).
        usage_wh: all usage counted at the meter point, over all its meters, and what people
            added to it, Wh.
        power_mw: active power then, mW; None: the meter does not say.
    """

    read_s: int
    heard_s: int
    usage_wh: int
    power_mw: int | None


@dataclass(frozen=True, slots=True)
class OnChain:
    """The contract's record as it was last seen.

    Args:
        record: what the contract held.
        as_of_s: close time of the ledger in which it was seen (unix seconds).
    """

    record: MeterRecord
    as_of_s: int

    def is_active_at(self, now_s: int) -> bool:
        """Whether the contract lets energy flow, by what was last seen of it.

        Args:
            now_s: the instant to judge (unix seconds).
        """
        return self.record.is_active_at(now_s)


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """What was decided about a supply, and what the meter shows of it.

    Args:
        state: the logical state.
        reason: the stored value of a Reason.
        decided_s: since when (unix seconds).
        output: 'confirmed', 'contradicted' or 'unconfirmed'.
    """

    state: SupplyState
    reason: str
    decided_s: int
    output: Literal["confirmed", "contradicted", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class MeterOverview:
    """A meter point and the newest of everything about it; None: not known yet.

    Args:
        meter_point_id: its row.
        label: what people call it.
        chain_id: the contract's ``meter_id``.
        settlement_mode: 'prepaid', 'streaming' or 'postpaid'.
        critical: True: never cut for want of credit.
        relay: 'gpio:LINE', 'node:NAME' or 'none'.
        address: where its meter is read; None: no meter is installed.
        residue_wh: usage that the contract refused for good, Wh.
        paid_here_stroops: paid on site and not in the contract's balance yet.
    """

    meter_point_id: int
    label: str
    chain_id: int
    settlement_mode: str
    critical: bool
    relay: str
    address: str | None
    residue_wh: int
    counted: Counted | None
    on_chain: OnChain | None
    supply: SupplyRow | None
    paid_here_stroops: int = 0

    @property
    def pending_wh(self) -> int:
        """Usage that is neither on the chain nor refused by it, Wh.

        Zero while a chain that was ahead of a restored database is being caught up with.
        """
        counted_wh = self.counted.usage_wh if self.counted else 0
        chain_wh = self.on_chain.record.total_wh if self.on_chain else 0
        return max(0, counted_wh - chain_wh - self.residue_wh)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that is composed and not yet confirmed.

    Args:
        sequence: its number within the site.
        from_s: start of its usage (unix seconds).
        state: 'pending', 'signed' or 'sent'.
        attempts: how often it was tried.
        message: the last error in words, if there was one.
    """

    sequence: int
    from_s: int
    state: str
    attempts: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The contract's last receipt for a site, as far as it is shown.

    Args:
        site: the village's number on chain.
        sequence: of the last batch accepted.
        to_s: usage before this instant is settled (unix seconds).
        closed_s: ledger close time of the batch (unix seconds).
    """

    site: int
    sequence: int
    to_s: int
    closed_s: int


@dataclass(frozen=True, slots=True)
class VillageOverview:
    """Everything on the operator's page.

    Args:
        meters: by site and slot.
        today_wh: usage of the day, Wh, by ``chain_id``; who used nothing may be missing.
        statuses: what the gateway itself is doing.
        receipts: by site; empty: nothing was ever settled.
        open_batches: oldest first.
        unclaimed_from_s: start of the oldest usage in no batch (unix seconds); None: there is none.
        chain_seen_s: close time of the newest ledger looked at (unix seconds); None: never.
        feeder_days: the newest balance of each feeder with a meter, of the last week.
    """

    meters: tuple[MeterOverview, ...]
    today_wh: dict[int, int]
    statuses: tuple[Status, ...]
    receipts: tuple[Receipt, ...]
    open_batches: tuple[OpenBatch, ...]
    unclaimed_from_s: int | None
    chain_seen_s: int | None
    feeder_days: tuple[FeederDay, ...] = ()


_METERS = """
SELECT p.meter_point_id, p.label, p.site, p.slot, p.settlement_mode, p.critical, p.relay, i.address,
       r.read_ms, r.cumulative_wh + i.carried_wh + IFNULL(a.added_wh, 0)
         + IFNULL(t.adopted_wh, 0) AS counted_wh, r.power_mw,
       MAX(r.read_ms, IFNULL(r.candidate_ms, 0)) AS heard_ms,
       IFNULL(t.residue_wh, 0) AS residue_wh,
       c.total_wh, c.balance, c.paid_from_s, c.paid_until_s, c.last_read_s, c.market_credit_wh,
       c.remainder_milli, c.max_power_w, c.plan, c.flags, c.version,
       MAX(c.as_of_s, IFNULL(q.as_of_s, 0)) AS as_of_s,
       s.state, s.reason, s.decided_ms, s.output,
       IFNULL((SELECT SUM(l.amount_stroops) FROM local_credit l
               WHERE l.meter_point_id = p.meter_point_id AND l.state = 'local'), 0)
         AS paid_here_stroops
FROM meter_point p
CROSS JOIN (SELECT MAX(as_of_s) AS as_of_s FROM chain_cursor) q
LEFT JOIN installation i ON i.meter_point_id = p.meter_point_id AND i.to_s IS NULL
LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN added a ON a.meter_point_id = p.meter_point_id
LEFT JOIN settlement t ON t.meter_point_id = p.meter_point_id
LEFT JOIN chain_meter c ON c.meter_point_id = p.meter_point_id
LEFT JOIN supply s ON s.meter_point_id = p.meter_point_id
WHERE p.kind = 'supply'
"""

_TODAY = """
SELECT p.site, p.slot, SUM(u.usage_wh) AS today_wh
FROM usage u JOIN meter_point p USING (meter_point_id)
WHERE u.start_s >= :day_start_s GROUP BY u.meter_point_id
"""

_OPEN_BATCHES = """
SELECT b.sequence, b.from_s, o.state, o.attempts, o.message
FROM outbox o JOIN batch b USING (outbox_id)
WHERE o.state IN ('pending', 'signed', 'sent') ORDER BY o.outbox_id
"""

_MARKS = """
SELECT (SELECT MIN(start_s) FROM usage
        WHERE open = 1 AND usage_wh > claimed_wh) AS unclaimed_from_s,
       MAX(IFNULL((SELECT MAX(as_of_s) FROM chain_cursor), 0),
           IFNULL((SELECT MAX(as_of_s) FROM chain_meter), 0)) AS chain_seen_s
"""


async def find_meter(database: Database, identifier: str) -> MeterOverview | None:
    """One meter point, by its label or by its on-chain id in decimal; a label wins.

    Args:
        identifier: anything at all; what fits nothing finds nothing.
    """
    site, slot = _site_and_slot(identifier)
    row = await database.fetch_one(
        _METERS
        + """AND (p.label = :label OR (p.site = :site AND p.slot = :slot))
             ORDER BY p.label = :label DESC LIMIT 1""",
        {"label": identifier, "site": site, "slot": slot},
    )
    return _meter(row) if row else None


async def find_village(database: Database, day_start_s: int) -> VillageOverview:
    """The whole village.

    Args:
        day_start_s: local midnight (unix seconds).
    """
    meters = await database.fetch_all(_METERS + "ORDER BY p.site, p.slot")
    today = await database.fetch_all(_TODAY, {"day_start_s": day_start_s})
    receipts = await database.fetch_all("SELECT * FROM chain_receipt ORDER BY site")
    batches = await database.fetch_all(_OPEN_BATCHES)
    marks = await database.fetch_one(_MARKS)
    return VillageOverview(
        meters=tuple(_meter(row) for row in meters),
        today_wh={_chain_id(row): row["today_wh"] for row in today},
        statuses=tuple(await find_status(database)),
        receipts=tuple(
            Receipt(row["site"], row["sequence"], row["to_s"], row["closed_s"]) for row in receipts
        ),
        open_batches=tuple(
            OpenBatch(row["sequence"], row["from_s"], row["state"], row["attempts"], row["message"])
            for row in batches
        ),
        unclaimed_from_s=marks["unclaimed_from_s"] if marks else None,
        chain_seen_s=(marks["chain_seen_s"] or None) if marks else None,
        feeder_days=tuple(await find_days(database, day_start_s - 6 * DAY_S)),
    )


def _site_and_slot(identifier: str) -> tuple[int, int]:
    """The two halves of an on-chain id; (-1, -1), which is nobody's, for anything else."""
    if not (identifier.isascii() and identifier.isdigit()) or len(identifier) > _U64_DIGITS:
        return -1, -1
    site, slot = divmod(int(identifier), 1 << 32)
    return (site, slot) if site < 1 << 32 else (-1, -1)


def _chain_id(row: Row) -> int:
    """Not in SQL: an id may pass SQLite's 63 bits."""
    return int(row["site"]) << 32 | int(row["slot"])


def _meter(row: Row) -> MeterOverview:
    return MeterOverview(
        meter_point_id=row["meter_point_id"],
        label=row["label"],
        chain_id=_chain_id(row),
        settlement_mode=row["settlement_mode"],
        critical=bool(row["critical"]),
        relay=row["relay"],
        address=row["address"],
        residue_wh=row["residue_wh"],
        counted=_counted(row),
        on_chain=_on_chain(row),
        supply=_supply(row),
        paid_here_stroops=row["paid_here_stroops"],
    )


def _counted(row: Row) -> Counted | None:
    if row["read_ms"] is None:
        return None
    return Counted(
        row["read_ms"] // 1000, row["heard_ms"] // 1000, row["counted_wh"], row["power_mw"]
    )


def _on_chain(row: Row) -> OnChain | None:
    if row["as_of_s"] is None:
        return None
    columns = (field.name for field in fields(MeterRecord))
    return OnChain(MeterRecord(**{name: row[name] for name in columns}), row["as_of_s"])


def _supply(row: Row) -> SupplyRow | None:
    if row["state"] is None:
        return None
    return SupplyRow(
        SupplyState(row["state"]), row["reason"], row["decided_ms"] // 1000, row["output"]
    )
