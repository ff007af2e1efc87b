"""One look at a site: receipt, records, prices and the paying account, all of one ledger.

Reads entries, never simulates. What it returns is at least as new as the close time it carries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stellar_sdk import xdr

from gateway.domain.batches import Price
from gateway.domain.pages import PAGE_RECORDS, MeterRecord, page_of
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import Entries
from gateway.ledger.client import LedgerClient, account_key, sequence_of
from gateway.ledger.contracts import meter
from gateway.ledger.settings import LedgerSettings
from gateway.store.chain import ChainState, count_prices, find_slots
from gateway.store.database import Database

T = TypeVar("T")

_MORE_PRICES = 4
"""Price versions asked for beyond those known: there are few a year."""


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What the chain says of a site.

    Args:
        state: receipt, records and prices.
        account_sequence: the sequence number that the paying account last used; None: it does
            not exist, or was not asked for.
    """

    state: ChainState
    account_sequence: int | None


async def read_site(
    client: LedgerClient, settings: LedgerSettings, database: Database, account: str | None = None
) -> SiteAnswer:
    """Read everything that settling and supply depend on.

    Args:
        client: the network.
        settings: which contract and which site.
        database: tells which meters and how many prices there are to ask for.
        account: the paying account, where it matters.

    Raises:
        Transient: no answer, or one that is older than the last.
        Permanent: the contract's pages are of a layout that this version does not know.
    """
    stamp = await client.latest()
    pages = sorted({page_of(slot) for slot in await find_slots(database, settings.site)})
    wanted = await count_prices(database) + _MORE_PRICES
    while True:
        entries = await client.read(_keys(settings, pages, wanted, account))
        if entries.value(meter.price_key(settings.contract, wanted)) is None:
            break
        wanted += _MORE_PRICES
    if entries.ledger < stamp.sequence:
        raise Transient("the RPC server's answer is older than its last one: it lags behind")
    receipt = entries.value(meter.receipt_key(settings.contract, settings.site))
    state = ChainState(
        ledger=entries.ledger,
        as_of_s=stamp.closed_s,
        receipt=_decoded("receipt", meter.decode_receipt, receipt) if receipt else None,
        records=_records(entries, settings, pages),
        prices=_prices(entries, settings, wanted),
    )
    return SiteAnswer(state, sequence_of(entries, account) if account else None)


def _keys(
    settings: LedgerSettings, pages: Sequence[int], prices: int, account: str | None
) -> list[xdr.LedgerKey]:
    keys = [meter.receipt_key(settings.contract, settings.site)]
    keys += [meter.page_key(settings.contract, settings.site, page) for page in pages]
    keys += [meter.price_key(settings.contract, version) for version in range(1, prices + 1)]
    return keys + ([account_key(account)] if account else [])


def _records(
    entries: Entries, settings: LedgerSettings, pages: Sequence[int]
) -> dict[int, MeterRecord]:
    records: dict[int, MeterRecord] = {}
    for page in pages:
        value = entries.value(meter.page_key(settings.contract, settings.site, page))
        if value is None:
            continue
        decoded = _decoded(f"page {page}", meter.decode_page_entry, value)
        first = page * PAGE_RECORDS
        records |= {first + index: record for index, record in enumerate(decoded)}
    return records


def _prices(entries: Entries, settings: LedgerSettings, wanted: int) -> tuple[Price, ...]:
    values = (
        entries.value(meter.price_key(settings.contract, version))
        for version in range(1, wanted + 1)
    )
    return tuple(_decoded("price", meter.decode_price, value) for value in values if value)


def _decoded(what: str, decode: Callable[[xdr.SCVal], T], value: xdr.SCVal) -> T:
    """A contract that was upgraded may keep its entries in a form of its own."""
    try:
        return decode(value)
    except (ValueError, KeyError) as error:
        raise Permanent(
            f"the contract's {what} has a form that this version does not know ({error}): "
            "upgrade the gateway; usage waits here"
        ) from None
