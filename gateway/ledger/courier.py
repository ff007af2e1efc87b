"""Carry one transaction to the network: sign, store, send, wait; and again, while it may live.

The signed envelope is stored before it leaves. It is sent until a ledger holds it or it is dead:
a ledger has closed after its time bound, or its sequence number is used up. One that the network
turned away because it offered too little for a place in a ledger is replaced at once by one that
offers more under the same sequence number, of which the network applies one at most
(docs/adr/0015-one-envelope-at-a-time.md). Knows nothing of what it carries.

What the network has archived because nobody used the contract for months comes back with the
transaction itself; where that is too much for one, it is restored first
(:mod:`gateway.ledger.restoring`).
"""

from __future__ import annotations

import math
import time

from stellar_sdk import Account, TransactionEnvelope

from gateway.errors import Permanent
from gateway.ledger.answers import Archived, Sent
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts.calls import Call
from gateway.ledger.envelopes import archived_keys, envelope_source, inclusion_fee
from gateway.ledger.fees import inclusion_offer, xlm
from gateway.ledger.keys import SigningKey
from gateway.ledger.patience import Patience
from gateway.ledger.restoring import RESEND_S, Restorer, too_dear
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import SiteAnswer
from gateway.store.database import Database
from gateway.store.outbox import (
    Applied,
    Outgoing,
    Signed,
    find_outgoing,
    mark_message,
    mark_sent,
    mark_signed,
)

UNDERBID = "txINSUFFICIENT_FEE"


class Courier:
    """Carries the rows of the outbox.

    Args:
        settings: time bound and highest fee.
        database: where the outbox is.
        client: the network.
        key: what signs, and pays the fees.
    """

    def __init__(
        self, settings: LedgerSettings, database: Database, client: LedgerClient, key: SigningKey
    ) -> None:
        self._settings = settings
        self._database = database
        self._client = client
        self._key = key
        self._sent_at_s = -math.inf
        self._underbid: Signed | None = None
        self._patience = Patience()
        self._restorer = Restorer(client, key, settings.max_fee_stroops)

    async def is_waiting(self, outgoing: Outgoing) -> bool:
        """Whether an accepted envelope may still be applied; it is sent again now and then."""
        if outgoing.state != "sent" or outgoing.signed is None:
            return False
        found = await self._client.find_transaction(outgoing.signed.tx_hash)
        if found.found or found.latest.closed_s > outgoing.signed.valid_until_s:
            return False
        if time.monotonic() - self._sent_at_s >= RESEND_S:
            sent = await self._client.send(outgoing.signed.envelope)
            self._sent_at_s = time.monotonic()
            if sent.reason == UNDERBID:  # it fell out of the queue, and the price has risen
                self._underbid = outgoing.signed
                return False
        return True

    async def carry(
        self, outgoing: Outgoing, call: Call, answer: SiteAnswer, now_s: int
    ) -> str | None:
        """Send the row's envelope, signed anew if the one before is dead.

        Args:
            outgoing: the row.
            call: what it does; the same each time.
            answer: the chain as it is now, with the paying account.
            now_s: village time (unix seconds).

        Returns:
            The network's name for an error, such as 'txBAD_SEQ'; None when there was none.

        Raises:
            ContractRefusal: the call would fail; nothing was signed.
            TooLarge: it is beyond a limit of the network; nothing was signed.
            NotCarriedOut: it was signed often enough for now; nothing was signed.
            Permanent: it would cost too much, or the account does not exist.
        """
        if self._is_underbid(outgoing, answer):
            return await self._raise_bid(outgoing, call, answer, now_s)
        if not self._is_alive(outgoing, answer):
            if await self._restorer.is_waiting():
                return None
            self._patience.check(outgoing.attempts)
            try:
                signed = await self._sign(outgoing, call, answer)
                if not await mark_signed(self._database, outgoing, signed, now_s):
                    return None
            except Archived as archived:
                message = f"first, {len(archived.keys)} archived entries have to be restored"
                await mark_message(self._database, outgoing, message, now_s)
                return await self._restorer.restore(archived.keys, *self._source(answer))
            outgoing = await find_outgoing(self._database, outgoing.outbox_id)
        return await self._send(outgoing, now_s)

    async def applied(self, outgoing: Outgoing, answer: SiteAnswer) -> Applied:
        """Where a row was applied and for how much, as far as the network remembers."""
        if outgoing.signed is not None:
            found = await self._client.find_transaction(outgoing.signed.tx_hash)
            if found.succeeded and found.ledger is not None:
                return Applied(found.ledger, found.fee_stroops)
        return Applied(answer.state.ledger, None)

    def _is_alive(self, outgoing: Outgoing, answer: SiteAnswer) -> bool:
        """Whether a signed envelope can still be applied, by the ledger that was read.

        Once a ledger has closed after its time bound, or its account has used its sequence number
        for something else, it never can. Of the account of a former key only the time is known.
        """
        if outgoing.signed is None:
            return False
        if answer.state.as_of_s > outgoing.signed.valid_until_s:
            return False
        address, sequence = envelope_source(outgoing.signed)
        if address != self._key.address:
            return True
        return answer.account_sequence is not None and answer.account_sequence < sequence

    def _is_underbid(self, outgoing: Outgoing, answer: SiteAnswer) -> bool:
        """Whether the envelope was turned away for its fee, and its sequence number is the next."""
        if outgoing.signed is None or outgoing.signed != self._underbid:
            return False
        if answer.account_sequence is None or not self._is_alive(outgoing, answer):
            return False
        following = (self._key.address, answer.account_sequence + 1)
        return envelope_source(outgoing.signed) == following

    async def _raise_bid(
        self, outgoing: Outgoing, call: Call, answer: SiteAnswer, now_s: int
    ) -> str | None:
        """Offer more under the same sequence number, or the same again if no more is allowed.

        Raises:
            Permanent: that is not enough.
        """
        before = self._underbid
        if before is None:
            raise AssertionError
        signed = await self._sign(outgoing, call, answer)
        if inclusion_fee(signed) > inclusion_fee(before):
            if not await mark_signed(self._database, outgoing, signed, now_s):
                return None
            outgoing = await find_outgoing(self._database, outgoing.outbox_id)
            return await self._send(outgoing, now_s)
        error = await self._send(outgoing, now_s)
        if error == UNDERBID:
            raise Permanent(
                "the network is so crowded that a place in a ledger costs more than the "
                f"{xlm(self._settings.max_inclusion_fee_stroops)} of "
                "chain.max_inclusion_fee_stroops: it goes when the crowd is gone, or when you "
                "raise that; usage waits here"
            )
        return error

    async def _sign(self, outgoing: Outgoing, call: Call, answer: SiteAnswer) -> Signed:
        """Sign; nothing may be sent before it is stored."""
        source, valid_until_s = self._source(answer)
        if outgoing.signed is not None:  # the last one to live is the one that is remembered
            valid_until_s = max(valid_until_s, outgoing.signed.valid_until_s)
        stats = await self._client.fee_stats()
        most = self._settings.max_inclusion_fee_stroops
        fee_stroops = inclusion_offer(outgoing.attempts, stats, most)
        prepared = await self._client.prepare(call.operation(), source, valid_until_s, fee_stroops)
        self._check_fee(prepared)
        self._patience.signed()
        return self._key.sign(prepared, valid_until_s)

    def _source(self, answer: SiteAnswer) -> tuple[Account, int]:
        """The paying account as it is now, and the time bound of what it signs next."""
        if answer.account_sequence is None:
            raise Permanent(f"the account {self._key.address} does not exist: send it some XLM")
        valid_until_s = answer.state.as_of_s + self._settings.valid_for_s
        return Account(self._key.address, answer.account_sequence), valid_until_s

    def _check_fee(self, prepared: TransactionEnvelope) -> None:
        fee_stroops, max_fee_stroops = prepared.transaction.fee, self._settings.max_fee_stroops
        if fee_stroops <= max_fee_stroops:
            return
        if restored := archived_keys(prepared):
            raise too_dear(len(restored), fee_stroops, max_fee_stroops)
        raise Permanent(
            f"this would cost {xlm(fee_stroops)}, more than the "
            f"{xlm(max_fee_stroops)} of chain.max_fee_stroops: raise it, or "
            "ask the provider to renew the contract; usage waits here"
        )

    async def _send(self, outgoing: Outgoing, now_s: int) -> str | None:
        if outgoing.signed is None:
            return None
        sent = await self._client.send(outgoing.signed.envelope)
        self._sent_at_s = time.monotonic()
        self._underbid = outgoing.signed if sent.reason == UNDERBID else None
        match sent.outcome:
            case Sent.ACCEPTED:
                await mark_sent(self._database, outgoing, now_s)
            case Sent.LATER:
                message = "the network is busy: the same transaction goes again"
                await mark_message(self._database, outgoing, message, now_s)
            case Sent.ERROR:
                message = f"the network did not accept the transaction: {sent.reason}"
                await mark_message(self._database, outgoing, message, now_s)
                return sent.reason
        return None
