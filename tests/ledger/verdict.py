"""The verdict on settling, by a reader of its own: raw ledger bytes against the store's file.

Shares no code with what it judges: it parses pages and rows itself.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from stellar_sdk import Address, scval, xdr

from gateway.store.database import Database
from tests.ledger.localnet import Localnet
from tests.ledger.village import SITE, Village


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """One meter as the chain and the store have it.

    Args:
        chain_wh: total on chain.
        balance: stroops on chain.
        usage_wh: counted in the store.
        claimed_wh: spoken for in the store.
        residue_wh: refused for good, by the store.
        ahead_wh: usage that the chain had counted first, by the store.
    """

    chain_wh: int
    balance: int
    usage_wh: int
    claimed_wh: int
    residue_wh: int
    ahead_wh: int


def page_bytes(localnet: Localnet, contract: str, site: int, page: int = 0) -> bytes:
    """A page as the ledger holds it."""
    key = xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            Address(contract).to_xdr_sc_address(),
            scval.to_vec([scval.to_symbol("Page"), scval.to_uint32(site), scval.to_uint32(page)]),
            xdr.ContractDataDurability.PERSISTENT,
        ),
    )
    answer = localnet.ask("getLedgerEntries", {"keys": [key.to_xdr()]})
    entries = answer["entries"]
    assert isinstance(entries, list)
    data = xdr.LedgerEntryData.from_xdr(entries[0]["xdr"]).contract_data
    assert data is not None
    return scval.from_bytes(data.val)


def facts(village: Village, database: Database) -> dict[int, MeterFacts]:
    """Every meter of the first page, by slot."""
    data = page_bytes(village.localnet, village.settings.contract, SITE)
    rows = _rows(
        database,
        """SELECT p.slot,
             (SELECT IFNULL(SUM(usage_wh), 0) FROM usage u
              WHERE u.meter_point_id = p.meter_point_id),
             (SELECT IFNULL(SUM(claimed_wh), 0) FROM usage u
              WHERE u.meter_point_id = p.meter_point_id),
             IFNULL(s.residue_wh, 0), IFNULL(s.ahead_wh, 0)
           FROM meter_point p LEFT JOIN settlement s USING (meter_point_id)""",
    )
    found = {}
    for slot, usage_wh, claimed_wh, residue_wh, ahead_wh in rows:
        if slot < data[2]:
            total_wh, balance = struct.unpack_from(">Qq", data, 8 + 48 * slot)
            found[slot] = MeterFacts(total_wh, balance, usage_wh, claimed_wh, residue_wh, ahead_wh)
    return found


def batches(database: Database) -> list[tuple[int, int, int, int, str, int]]:
    """Every batch: sequence, from, to, price version, state, Wh."""
    return _rows(
        database,
        """SELECT sequence, from_s, to_s, price_version, state,
             (SELECT SUM(off_peak_wh + standard_wh + peak_wh + included_wh + market_wh)
              FROM batch_item i WHERE i.outbox_id = b.outbox_id)
           FROM batch b JOIN outbox USING (outbox_id) ORDER BY outbox_id""",
    )


def items(database: Database) -> list[tuple[int, ...]]:
    """Every item of every batch: slot, the columns of tiers and plan, accepted."""
    return _rows(
        database,
        """SELECT slot, off_peak_wh, standard_wh, peak_wh, included_wh, accepted
           FROM batch_item JOIN meter_point USING (meter_point_id) ORDER BY outbox_id, slot""",
    )


def _rows(database: Database, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as file:
        return file.execute(sql).fetchall()


def assert_settled_once(found: dict[int, MeterFacts]) -> None:
    """All usage is on the chain or flagged as refused, each Wh once; nothing is left to send."""
    for slot, meter in found.items():
        assert meter.chain_wh + meter.residue_wh == meter.usage_wh, (slot, meter)
        assert meter.claimed_wh == meter.usage_wh, (slot, meter)


def assert_books_hold(found: dict[int, MeterFacts]) -> None:
    """With no batch open: claimed + ahead = chain + residue."""
    for slot, meter in found.items():
        assert meter.claimed_wh + meter.ahead_wh == meter.chain_wh + meter.residue_wh, (slot, meter)
