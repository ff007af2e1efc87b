"""A settlement as one JSON document: the same figures as on the screen, for machines."""

from __future__ import annotations

from gateway.commands.verify.readings import Report
from gateway.domain.statement import Item
from gateway.domain.trail import KeptReceipt
from gateway.store.tracing import Seen, Trace
from gateway.store.verification import NEVER_MS, Summary

Figures = dict[str, object]


def figures(found: Trace, report: Report, summary: Summary, span_ms: tuple[int, int]) -> Figures:
    """Everything that was found; energy in Wh, money in stroops, instants in unix seconds."""
    point, books, statement = found.point, found.books, found.statement
    return {
        "meter": point.label,
        "site": point.site,
        "slot": point.slot,
        "mode": point.mode,
        "from_ms": span_ms[0],
        "to_ms": None if span_ms[1] >= NEVER_MS else span_ms[1],
        "agrees": not report.found and not found.mismatches,
        "wrong": [
            *({"step": "readings", "sentence": one} for one in report.sentences()),
            *(
                {"step": one.step, "sentence": one.sentence, "quarter_s": one.start_s}
                for one in found.mismatches
            ),
        ],
        "notes": found.notes,
        "readings": {
            "groups": summary.groups,
            "readings": summary.readings,
            "gaps": summary.gaps,
            "registers": [
                {
                    "serial": one.serial,
                    "first_ms": one.first_ms,
                    "first_wh": one.first_wh,
                    "last_ms": one.last_ms,
                    "last_wh": one.last_wh,
                }
                for one in found.registers
            ],
        },
        "quarters": _quarters(found),
        "batches": [_batch(found, one) for one in found.seen],
        "refused": [_refused(one) for one in found.refused],
        "linked": found.linked,
        "contract": {
            "accepted_wh": statement.accepted_wh,
            "adopted_wh": statement.adopted_wh,
            "residue_wh": statement.residue_wh,
            "open_wh": statement.open_wh,
            "total_wh": books.chain_wh,
            "balance": books.balance,
            "used_wh": books.usage_wh,
            "claimed_wh": books.claimed_wh,
            "ahead_wh": books.ahead_wh,
            "newest_receipt": None if found.newest is None else _receipt(found.newest),
        },
        "online": _online(found),
    }


def _quarters(found: Trace) -> list[Figures]:
    claims = found.claims or {}
    return [
        {
            "start_s": one.start_s,
            "tier": one.tier,
            "usage_wh": one.usage_wh,
            "settled_wh": one.claimed_wh,
            "estimated_wh": one.estimated_wh,
            "edits": one.edits,
            "taken": [
                {
                    "by": "batch" if isinstance(entry, Item) else "take-over",
                    "sequence": entry.sequence,
                    "use": part.use.name.lower(),
                    "wh": part.usage_wh,
                }
                for entry, part in claims.get(one.start_s, ())
            ],
        }
        for one in found.quarters
    ]


def _batch(found: Trace, one: Seen) -> Figures:
    item, link, made = one.line.item, one.link, one.line.charge
    price = found.prices.get(item.price_version)
    return {
        "sequence": item.sequence,
        "from_s": item.from_s,
        "to_s": item.to_s,
        "state": item.state,
        "accepted": item.accepted,
        "columns_wh": item.usage.columns,
        "of_period_wh": one.period_wh,
        "previous_digest": link.previous_digest.hex(),
        "digest": link.digest.hex(),
        "root": None if link.batch.root is None else link.batch.root.hex(),
        "commitment": None if link.commitment is None else link.commitment.hex(),
        "group": one.group,
        "group_is_kept": one.group_is_kept,
        "transaction": link.tx_hash,
        "receipt": None if link.receipt is None else _receipt(link.receipt),
        "price_version": item.price_version,
        "rates": None if price is None else [price.off_peak, price.standard, price.peak],
        "charge": None
        if made is None
        else {
            "tiers_milli": made.tiers_milli,
            "carried_milli": made.carried_milli,
            "stroops": made.stroops,
            "left_milli": made.left_milli,
        },
        "balance": item.balance,
        "credited": one.line.credited,
    }


def _receipt(receipt: KeptReceipt) -> Figures:
    return {
        "sequence": receipt.sequence,
        "digest": receipt.digest.hex(),
        "accepted_wh": receipt.accepted_wh,
        "residue_wh": receipt.residue_wh,
        "total_wh": receipt.total_wh,
        "total_residue_wh": receipt.total_residue_wh,
        "closed_s": receipt.closed_s,
        "ledger": receipt.ledger,
    }


def _refused(item: Item) -> Figures:
    return {
        "sequence": item.sequence,
        "from_s": item.from_s,
        "to_s": item.to_s,
        "columns_wh": item.usage.columns,
        "message": item.message,
    }


def _online(found: Trace) -> Figures | None:
    witness = found.witness
    if witness is None:
        return None
    receipt, record = witness.receipt, witness.record
    return {
        "ledger": witness.ledger,
        "closed_s": witness.closed_s,
        "sequence": None if receipt is None else receipt.sequence,
        "digest": None if receipt is None else receipt.digest.hex(),
        "total_wh": None if record is None else record.total_wh,
        "balance": None if record is None else record.balance,
    }
