"""What a transaction may offer: a plain one 32 bits of stroops, a fee bump all that is needed.

Since protocol 23 the transaction inside a fee bump may declare a resource fee that its own fee
cannot hold (CAP-66); the bump's fee covers it, and inclusion for one operation more (CAP-15).
Only the provider's uploads need that. A gateway never bumps: when the network is busy it signs
anew, with more for a place in a ledger (docs/adr/0015-one-envelope-at-a-time.md).
"""

from __future__ import annotations

from decimal import Decimal

from stellar_sdk import TransactionBuilder, TransactionEnvelope

from gateway.errors import Permanent
from gateway.ledger.answers import FeeStats
from gateway.ledger.keys import SigningKey
from gateway.store.outbox import Signed

BASE_FEE_STROOPS = 100
PLAIN_MAX_FEE_STROOPS = 2**32 - 1
MAX_DOUBLINGS = 16
_STROOPS_PER_XLM = 10_000_000


class TooExpensive(Permanent):
    """The network asks for more than a transaction may cost.

    Args:
        fee_stroops: what it asks.
        max_fee_stroops: what it may cost at most.
    """

    def __init__(self, fee_stroops: int, max_fee_stroops: int) -> None:
        super().__init__(
            f"the network asks {xlm(fee_stroops)} for this transaction, but it may cost "
            f"{xlm(max_fee_stroops)} at most: look at what it creates, renews or restores"
        )
        self.fee_stroops = fee_stroops


def inclusion_offer(attempts: int, stats: FeeStats | None, max_stroops: int) -> int:
    """What to offer for a place in a ledger, stroops.

    Args:
        attempts: how often the same thing was offered before, for less.
        stats: what others paid lately; None: the server doesn't tell.
        max_stroops: never more than this.
    """
    doubled = BASE_FEE_STROOPS << min(attempts, MAX_DOUBLINGS)
    asked = 0
    if stats is not None:
        asked = stats.high_stroops if attempts else stats.usual_stroops
    return max(BASE_FEE_STROOPS, min(max(doubled, asked), max_stroops))


def fit_fee(envelope: TransactionEnvelope, max_fee_stroops: int) -> None:
    """Hold a prepared transaction's fee against what it may cost; leave it to a bump if need be.

    Args:
        envelope: with its resource fee; its fee may be more than XDR can hold, and is 0 then.
        max_fee_stroops: the most it may cost.

    Raises:
        TooExpensive: naming both.
    """
    fee_stroops = envelope.transaction.fee
    if fee_stroops > max_fee_stroops:
        raise TooExpensive(fee_stroops, max_fee_stroops)
    if fee_stroops > PLAIN_MAX_FEE_STROOPS:
        envelope.transaction.fee = 0  # inside a fee bump nobody looks at it


def sign(envelope: TransactionEnvelope, key: SigningKey, valid_until_s: int) -> Signed:
    """Sign a prepared transaction, inside a fee bump if its own fee does not cover its resources.

    Args:
        envelope: unsigned, its time bound set.
        key: of its source account, which also pays for the bump.
        valid_until_s: that time bound (unix seconds).
    """
    signed = key.sign(envelope, valid_until_s)
    data = envelope.transaction.soroban_data
    if data is None or envelope.transaction.fee >= data.resource_fee.int64:
        return signed
    bump = TransactionBuilder.build_fee_bump_transaction(
        key.address, BASE_FEE_STROOPS, envelope, envelope.network_passphrase
    )
    return key.sign(bump, valid_until_s)


def xlm(stroops: int) -> str:
    """A fee as people know it, from stroops."""
    return f"{Decimal(stroops) / _STROOPS_PER_XLM:f} XLM"
