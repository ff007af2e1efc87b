"""One look at a site: receipt, records, prices, float and paying account, all of one ledger.

Reads entries, never simulates; one that the network has archived still holds what it held. What
it returns is at least as new as the close time it carries. Where a second server is in reach, it is
asked for the same entries: two that disagree are believed in nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stellar_sdk import xdr

from gateway.domain.batches import Price
from gateway.domain.credits import NO_FLOAT
from gateway.domain.masscut import MOST_AT_ONCE, find_cut
from gateway.domain.pages import PAGE_RECORDS, MeterRecord, page_of
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import Entries
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.envelopes import account_key, sequence_of
from gateway.ledger.legacy import decode_legacy_meter
from gateway.ledger.settings import LedgerSettings
from gateway.store.chain import (
    ChainState,
    count_prices,
    find_cursor,
    find_records,
    find_slots,
)
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
        archived: how many of receipt and pages the network has archived; old prices, which
            nothing needs any more, do not count.
    """

    state: ChainState
    account_sequence: int | None
    archived: int = 0


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
        Transient: no answer, or one that is older than the last; or many meters would lose supply
            by the word of one server, and a second one is configured and hasn't said so.
        Permanent: the contract's pages are of a layout that this version does not know, or two
            servers disagree.
    """
    seen = await find_cursor(database, settings.contract)
    client.endpoints.remember(seen.ledger if seen else 0)
    slots = await find_slots(database, settings.site)
    answer = await look(client, settings, slots, await count_prices(database), account)
    if client.endpoints.count > 1 and answer.state.witnesses == 1:
        await _check_cut(database, settings, answer.state)
    return answer


async def look(
    client: LedgerClient,
    settings: LedgerSettings,
    slots: Sequence[int],
    prices: int,
    account: str | None = None,
) -> SiteAnswer:
    """The same for meters and prices that the caller names.

    Args:
        client: the network.
        settings: which contract and which site.
        slots: which meters.
        prices: how many price versions are known; newer ones are found.
        account: the paying account, where it matters.

    Raises:
        Transient: no answer, or one that is older than the last.
        Permanent: the contract's pages are of a layout that this version does not know, or two
            servers disagree.
    """
    stamp = await client.latest()
    wanted = prices + _MORE_PRICES
    legacy: list[int] = []
    while True:
        keys = _keys(settings, slots, wanted, legacy, account)
        entries = await client.read(keys)
        records = _records(entries, settings, slots, legacy)
        unknown = [slot for slot in slots if slot not in records and slot not in legacy]
        if entries.value(meter.price_key(settings.contract, wanted)) is not None:
            wanted += _MORE_PRICES
        elif unknown:
            legacy += unknown
        else:
            break
    if entries.ledger < stamp.sequence:
        raise Transient("the RPC server's answer is older than its last one: it lags behind")
    is_confirmed = await client.is_confirmed(keys, entries)
    receipt = entries.value(meter.receipt_key(settings.contract, settings.site))
    found = entries.value(meter.float_key(settings.contract, settings.site))
    state = ChainState(
        ledger=entries.ledger,
        as_of_s=stamp.closed_s,
        receipt=_decoded("receipt", meter.decode_receipt, receipt) if receipt else None,
        records=records,
        prices=_prices(entries, settings, wanted),
        witnesses=2 if is_confirmed else 1,
        site_float=_decoded("float", meter.decode_float, found) if found else NO_FLOAT,
    )
    sequence = sequence_of(entries, account) if account else None
    return SiteAnswer(state, sequence, _count_archived(entries, settings, slots))


async def _check_cut(database: Database, settings: LedgerSettings, state: ChainState) -> None:
    """Don't take one server's word for it that many meters lose supply."""
    cut = find_cut(await find_records(database, settings.site), state.records, state.prices)
    if len(cut) > MOST_AT_ONCE:
        raise Transient(
            f"by what one RPC server says {len(cut)} meters would lose supply at once, and no "
            "second one says so yet: what was known before still counts"
        )


def _keys(
    settings: LedgerSettings,
    slots: Sequence[int],
    prices: int,
    legacy: Sequence[int],
    account: str | None,
) -> list[xdr.LedgerKey]:
    contract, site = settings.contract, settings.site
    keys = keys_of_site(settings, slots)
    keys += [meter.legacy_key(contract, site << 32 | slot) for slot in legacy]
    keys += [meter.price_key(contract, version) for version in range(1, prices + 1)]
    return keys + ([account_key(account)] if account else [])


def keys_of_site(settings: LedgerSettings, slots: Sequence[int]) -> list[xdr.LedgerKey]:
    """Where a site's receipt, its float and the pages of these slots are kept."""
    contract, site = settings.contract, settings.site
    pages = [meter.page_key(contract, site, page) for page in _pages(slots)]
    return [meter.receipt_key(contract, site), meter.float_key(contract, site), *pages]


def _count_archived(entries: Entries, settings: LedgerSettings, slots: Sequence[int]) -> int:
    return sum(key.to_xdr() in entries.archived for key in keys_of_site(settings, slots))


def _pages(slots: Sequence[int]) -> list[int]:
    return sorted({page_of(slot) for slot in slots})


def _records(
    entries: Entries, settings: LedgerSettings, slots: Sequence[int], legacy: Sequence[int]
) -> dict[int, MeterRecord]:
    """Every meter of the pages, and those that have not moved there yet; a hole is none."""
    contract, site = settings.contract, settings.site
    records: dict[int, MeterRecord] = {}
    for slot in legacy:
        value = entries.value(meter.legacy_key(contract, site << 32 | slot))
        if value is not None:
            records[slot] = _decoded(f"meter {slot}", decode_legacy_meter, value)
    for page in _pages(slots):
        value = entries.value(meter.page_key(contract, site, page))
        decoded = _decoded(f"page {page}", meter.decode_page_entry, value) if value else []
        first = page * PAGE_RECORDS
        records |= {first + n: record for n, record in enumerate(decoded) if record.is_registered}
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
