"""Bringing back entries that the network has archived, before the call that needs them.

Usually a call restores what it needs by itself; this is for what is too much for one transaction.
A restoring needs no place in the outbox: doing it twice is harmless, and the account's next
sequence number admits only one. Whoever starts again asks the network anew what is missing.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

from stellar_sdk import Account, xdr

from gateway.errors import Permanent
from gateway.ledger.answers import Sent
from gateway.ledger.client import LedgerClient
from gateway.ledger.fees import BASE_FEE_STROOPS, TooExpensive, xlm
from gateway.ledger.keys import SigningKey
from gateway.ledger.patience import Patience
from gateway.store.outbox import Signed

log = logging.getLogger(__name__)

RESEND_S = 30.0
"""Wall seconds after which an accepted envelope that no ledger has is sent once more."""


class Restorer:
    """Restores entries, one transaction at a time.

    Args:
        client: the network.
        key: what signs, and pays the fees.
        max_fee_stroops: the most that restoring may cost.
    """

    def __init__(self, client: LedgerClient, key: SigningKey, max_fee_stroops: int) -> None:
        self._client = client
        self._key = key
        self._max_fee_stroops = max_fee_stroops
        self._patience = Patience()
        self._failed = 0
        self._signed: Signed | None = None
        self._sent_at_s = -math.inf

    async def is_waiting(self) -> bool:
        """Whether a restoring may still be applied; it is sent again now and then."""
        if self._signed is None:
            return False
        found = await self._client.find_transaction(self._signed.tx_hash)
        if found.found or found.latest.closed_s > self._signed.valid_until_s:
            self._failed = 0 if found.succeeded else self._failed + 1
            self._signed = None
            return False
        if time.monotonic() - self._sent_at_s >= RESEND_S:
            await self._send(self._signed)
        return True

    async def restore(
        self, keys: Sequence[xdr.LedgerKey], source: Account, valid_until_s: int
    ) -> str | None:
        """Bring back as many entries as one transaction may; none may be waiting.

        Args:
            keys: the entries, at least one.
            source: the account that pays, with the sequence it last used.
            valid_until_s: time bound, ledger time (unix seconds).

        Returns:
            The network's name for an error, such as 'txBAD_SEQ'; None when there was none.

        Raises:
            Permanent: it would cost too much, or failed often enough for now.
        """
        self._patience.check(self._failed)
        try:
            prepared = await self._client.prepare_restore(
                keys, source, valid_until_s, BASE_FEE_STROOPS, self._max_fee_stroops
            )
        except TooExpensive as error:
            raise too_dear(len(keys), error.fee_stroops, self._max_fee_stroops) from None
        log.info("restoring entries=%d fee_stroops=%d", len(keys), prepared.transaction.fee)
        self._patience.signed()
        return await self._send(self._key.sign(prepared, valid_until_s))

    async def _send(self, signed: Signed) -> str | None:
        sent = await self._client.send(signed.envelope)
        self._sent_at_s = time.monotonic()
        if sent.outcome is Sent.ERROR:
            self._signed = None
            return sent.reason
        self._signed = signed
        return None


def too_dear(entries: int, fee_stroops: int, max_fee_stroops: int) -> Permanent:
    """What to tell an operator whose limit keeps archived entries from coming back.

    Args:
        entries: how many are archived.
        fee_stroops: what bringing them back costs.
        max_fee_stroops: what a transaction may cost.
    """
    return Permanent(
        f"the contract was left alone for so long that the network has archived {entries} of "
        f"its entries; settling brings them back, for {xlm(fee_stroops)} this once, more than "
        f"the {xlm(max_fee_stroops)} of chain.max_fee_stroops: set it to at least {fee_stroops}, "
        "or ask the provider to restore the contract; usage waits here"
    )
