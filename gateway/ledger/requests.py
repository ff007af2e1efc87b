"""Single requests to a Soroban RPC server, each answer read to its last byte.

So nonsense is found out where it can still be told apart from silence: whatever the library
raises here is a fault of the way (:mod:`gateway.ledger.client` sorts it).
"""

from __future__ import annotations

from stellar_sdk import xdr
from stellar_sdk.soroban_rpc import (
    GetTransactionStatus,
    LedgerEntryResult,
    SendTransactionStatus,
)
from stellar_sdk.soroban_server_async import SorobanServerAsync

from gateway.ledger.answers import (
    Entries,
    FeeStats,
    LedgerStamp,
    SendAnswer,
    Sent,
    TransactionAnswer,
)


async def read_part(server: SorobanServerAsync, keys: list[xdr.LedgerKey]) -> Entries:
    """Entries by key, at most 200 of them."""
    answer = await server.get_ledger_entries(keys)
    entries, ledger = answer.entries or [], answer.latest_ledger
    lives = {one.key: one.live_until_ledger or 0 for one in entries if _has_rent(one)}
    return Entries(
        ledger=ledger,
        found={one.key: xdr.LedgerEntryData.from_xdr(one.xdr) for one in entries},
        archived=frozenset(key for key, until in lives.items() if until < ledger),
        modified={one.key: one.last_modified_ledger for one in entries},
        server=server.server_url,
        live_until=lives,
    )


def _has_rent(entry: LedgerEntryResult) -> bool:
    """Whether it lives for as long as its rent; once that has run out it is archived.

    Servers then name the past ledger, 0 or none at all:
    https://github.com/stellar/stellar-rpc/issues/413
    """
    kind = xdr.LedgerKey.from_xdr(entry.key).type
    return kind in (xdr.LedgerEntryType.CONTRACT_DATA, xdr.LedgerEntryType.CONTRACT_CODE)


async def send(server: SorobanServerAsync, envelope: str) -> SendAnswer:
    """Send a signed envelope, base64 XDR."""
    answer = await server.send_transaction(envelope)
    match answer.status:
        case SendTransactionStatus.PENDING | SendTransactionStatus.DUPLICATE:
            return SendAnswer(Sent.ACCEPTED)
        case SendTransactionStatus.TRY_AGAIN_LATER:
            return SendAnswer(Sent.LATER)
        case _:
            return SendAnswer(Sent.ERROR, _reason(answer.error_result_xdr))


async def find_transaction(server: SorobanServerAsync, tx_hash: str) -> TransactionAnswer:
    """What became of a transaction."""
    answer = await server.get_transaction(tx_hash)
    latest = LedgerStamp(answer.latest_ledger, answer.latest_ledger_close_time)
    if answer.status is GetTransactionStatus.NOT_FOUND:
        return TransactionAnswer(
            found=False, succeeded=False, ledger=None, fee_stroops=None, latest=latest
        )
    fee = None
    if answer.result_xdr:
        fee = xdr.TransactionResult.from_xdr(answer.result_xdr).fee_charged.int64
    return TransactionAnswer(
        found=True,
        succeeded=answer.status is GetTransactionStatus.SUCCESS,
        ledger=answer.ledger,
        fee_stroops=fee,
        latest=latest,
        value=_returned(answer.result_meta_xdr),
        rent_stroops=_rent(answer.result_meta_xdr),
    )


async def fee_stats(server: SorobanServerAsync) -> FeeStats:
    """What inclusion has cost lately."""
    paid = (await server.get_fee_stats()).soroban_inclusion_fee
    return FeeStats(paid.p50, paid.p90)


def _reason(result_xdr: str | None) -> str:
    if result_xdr is None:
        return "no reason given"
    result = xdr.TransactionResult.from_xdr(result_xdr).result
    bumped = result.inner_result_pair
    return bumped.result.result.code.name if bumped else result.code.name


def _returned(meta_xdr: str | None) -> xdr.SCVal | None:
    if meta_xdr is None:
        return None
    meta = xdr.TransactionMeta.from_xdr(meta_xdr)
    soroban = meta.v4.soroban_meta if meta.v4 else None
    return soroban.return_value if soroban else None


def _rent(meta_xdr: str | None) -> int | None:
    if meta_xdr is None:
        return None
    meta = xdr.TransactionMeta.from_xdr(meta_xdr)
    charged = meta.v4.soroban_meta.ext.v1 if meta.v4 and meta.v4.soroban_meta else None
    return charged.rent_fee_charged.int64 if charged else None
