"""Reading and building XDR of accounts and transactions; pure, asks nobody."""

from __future__ import annotations

from stellar_sdk import Account, MuxedAccount, TransactionEnvelope, xdr
from stellar_sdk.operation import RestoreFootprint

from gateway.ledger.answers import Entries
from gateway.store.outbox import Signed


def account_key(address: str) -> xdr.LedgerKey:
    """Where an account is kept.

    Args:
        address: 'G...'.
    """
    account_id = Account(address, 0).account.to_xdr_object()
    ed25519 = account_id.ed25519
    if ed25519 is None:
        raise ValueError(f"{address} is no plain account")
    return xdr.LedgerKey(
        xdr.LedgerEntryType.ACCOUNT,
        account=xdr.LedgerKeyAccount(
            xdr.AccountID(xdr.PublicKey(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519, ed25519=ed25519))
        ),
    )


def sequence_of(entries: Entries, address: str) -> int | None:
    """The sequence number an account last used, or None when it does not exist."""
    entry = entries.found.get(account_key(address).to_xdr())
    if entry is None or entry.account is None:
        return None
    return entry.account.seq_num.sequence_number.int64


def envelope_source(signed: Signed) -> tuple[str, int]:
    """The account that a signed envelope is of, and the sequence number it uses up there."""
    envelope = xdr.TransactionEnvelope.from_xdr(signed.envelope)
    if envelope.v1 is None:
        raise ValueError("the envelope is no plain transaction")
    transaction = envelope.v1.tx
    source = MuxedAccount.from_xdr_object(transaction.source_account)
    return source.account_id, transaction.seq_num.sequence_number.int64


def inclusion_fee(signed: Signed) -> int:
    """What a signed envelope offers for a place in a ledger, stroops."""
    envelope = xdr.TransactionEnvelope.from_xdr(signed.envelope)
    if envelope.v1 is None:
        raise ValueError("the envelope is no plain transaction")
    transaction = envelope.v1.tx
    data = transaction.ext.soroban_data
    return transaction.fee.uint32 - (data.resource_fee.int64 if data else 0)


def writing(keys: list[xdr.LedgerKey]) -> xdr.SorobanTransactionData:
    """What a transaction declares that writes these entries, before its resources are known.

    Args:
        keys: the entries.
    """
    nothing = xdr.Uint32(0)
    return xdr.SorobanTransactionData(
        ext=xdr.SorobanTransactionDataExt(0),
        resources=xdr.SorobanResources(
            footprint=xdr.LedgerFootprint(read_only=[], read_write=keys),
            instructions=nothing,
            disk_read_bytes=nothing,
            write_bytes=nothing,
        ),
        resource_fee=xdr.Int64(0),
    )


def archived_keys(envelope: TransactionEnvelope) -> list[xdr.LedgerKey]:
    """The entries that a prepared transaction brings back from the archive.

    A call names those that it restores by itself (CAP-66); a restoring, nothing else.

    Args:
        envelope: with its Soroban data.
    """
    data = envelope.transaction.soroban_data
    if data is None:
        return []
    written = data.resources.footprint.read_write
    if isinstance(envelope.transaction.operations[0], RestoreFootprint):
        return written
    named = data.ext.resource_ext.archived_soroban_entries if data.ext.resource_ext else []
    return [written[index.uint32] for index in named]
