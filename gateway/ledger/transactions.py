"""One transaction at a time, for a person: what it would cost, who must sign, what came of it.

Batches do not go this way: what is lost here is looked up and tried again by whoever asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import Account, Address, TransactionEnvelope, xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.errors import Permanent, Transient
from gateway.ledger.answers import Sent, TransactionAnswer
from gateway.ledger.client import LedgerClient
from gateway.ledger.fees import BASE_FEE_STROOPS, sign
from gateway.ledger.keys import SigningKey
from gateway.store.outbox import Signed

VALID_FOR_S = 120
_BUMPED_OPERATIONS = 2
"""A fee bump pays for inclusion of one operation more than it carries (CAP-15)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A transaction that the network was asked about and that nobody has signed.

    Args:
        envelope: the transaction.
        source: the account that pays and authorises.
        valid_until_s: until when it can be applied (unix seconds).
    """

    envelope: TransactionEnvelope
    source: str
    valid_until_s: int

    @property
    def resource_stroops(self) -> int:
        """The most that computing, storing and rent may cost; what is not used comes back."""
        data = self.envelope.transaction.soroban_data
        return data.resource_fee.int64 if data else 0

    @property
    def inclusion_stroops(self) -> int:
        """What is offered for a place in a ledger."""
        operations = _BUMPED_OPERATIONS if self.is_bumped else 1
        return operations * BASE_FEE_STROOPS

    @property
    def is_bumped(self) -> bool:
        """Whether it needs a fee bump around it."""
        return self.envelope.transaction.fee < self.resource_stroops

    @property
    def strangers(self) -> tuple[str, ...]:
        """Whose signature it needs besides that of its source."""
        entries = (
            entry
            for operation in self.envelope.transaction.operations
            if isinstance(operation, InvokeHostFunction)
            for entry in operation.auth
        )
        signers = (_signer(entry.credentials) for entry in entries)
        return tuple(signer for signer in signers if signer is not None)

    def signed(self, key: SigningKey) -> Signed:
        """Sign it, inside a fee bump if it needs one.

        Args:
            key: of its source.
        """
        return sign(self.envelope, key, self.valid_until_s)


@dataclass(frozen=True, slots=True)
class Done:
    """A transaction that was applied.

    Args:
        value: what the call returned.
        tx_hash: by which it can be looked up.
        ledger: which ledger holds it.
        fee_stroops: what it cost.
        rent_stroops: the part of it that keeps entries alive, if the server tells.
    """

    value: xdr.SCVal | None
    tx_hash: str
    ledger: int
    fee_stroops: int
    rent_stroops: int | None


async def prepare(
    client: LedgerClient, operation: InvokeHostFunction, source: str, max_fee_stroops: int
) -> Prepared:
    """Ask the network what an operation would do and cost; changes nothing.

    Args:
        client: the network.
        operation: what to do.
        source: the account that would pay and authorise.
        max_fee_stroops: the most it may cost; beyond 32 bits it goes inside a fee bump.

    Raises:
        Archived: entries have to be restored first.
        ContractRefusal: it would be refused.
        TooExpensive: it would cost more than it may.
        Permanent: the account does not exist.
        Transient: the network cannot be reached.
    """
    account, valid_until_s = await _standing(client, source)
    envelope = await client.prepare(
        operation, account, valid_until_s, BASE_FEE_STROOPS, max_fee_stroops=max_fee_stroops
    )
    return Prepared(envelope, source, valid_until_s)


async def prepare_restore(
    client: LedgerClient, keys: Sequence[xdr.LedgerKey], source: str, max_fee_stroops: int
) -> Prepared:
    """Ask what it would cost to bring entries back from the archive; changes nothing.

    Args:
        client: the network.
        keys: the entries; as many of the first as one transaction holds.
        source: the account that would pay.
        max_fee_stroops: the most that bringing back all of them may cost.

    Raises:
        TooExpensive: it would cost more than it may.
        Permanent: the account does not exist.
        Transient: the network cannot be reached.
    """
    account, valid_until_s = await _standing(client, source)
    envelope = await client.prepare_restore(
        keys, account, valid_until_s, BASE_FEE_STROOPS, max_fee_stroops
    )
    return Prepared(envelope, source, valid_until_s)


async def _standing(client: LedgerClient, source: str) -> tuple[Account, int]:
    """The account as it is, and until when what it signs now can be applied (unix seconds)."""
    stamp = await client.latest()
    sequence = await client.account_sequence(source)
    if sequence is None:
        raise Permanent(f"the account {source} does not exist on this network: send it some XLM")
    return Account(source, sequence), stamp.closed_s + VALID_FOR_S


async def carry_out(client: LedgerClient, signed: Signed, poll_s: float = 1.0) -> Done:
    """Send, and wait until it is applied or can no longer be.

    Args:
        client: the network.
        signed: by :meth:`Prepared.signed`.
        poll_s: how often an answer is asked for, wall seconds.

    Raises:
        Permanent: it was applied and failed, or the network does not take it.
        Transient: it was not applied in time, so that it is safe to try again; or the network
            went away, and nobody knows.
    """
    while True:
        try:
            answer = await client.send(signed.envelope)
            found = await client.find_transaction(signed.tx_hash)
        except Transient as error:
            raise Transient(
                f"{error}; transaction {signed.tx_hash} may have been sent, and can be applied for "
                f"{VALID_FOR_S} s: look whether it was before you try again"
            ) from None
        if found.found:
            return _applied(found, signed.tx_hash)
        if answer.outcome is Sent.ERROR:
            raise Permanent(f"the network does not take the transaction: {answer.reason}")
        if found.latest.closed_s > signed.valid_until_s:
            raise Transient(f"transaction {signed.tx_hash} was not applied in time: try again")
        await asyncio.sleep(poll_s)


def _applied(found: TransactionAnswer, tx_hash: str) -> Done:
    if not found.succeeded:
        raise Permanent(
            f"transaction {tx_hash} was applied and failed: something else changed meanwhile; "
            "look, and try again"
        )
    return Done(
        value=found.value,
        tx_hash=tx_hash,
        ledger=found.ledger or 0,
        fee_stroops=found.fee_stroops or 0,
        rent_stroops=found.rent_stroops,
    )


def _signer(credentials: xdr.SorobanCredentials) -> str | None:
    """Whose signature is asked for; None: that of the transaction's source does."""
    delegated = credentials.address_with_delegates
    found = credentials.address or credentials.address_v2
    found = found or (delegated.address_credentials if delegated else None)
    return Address.from_xdr_sc_address(found.address).address if found else None
