"""Talking to the network: read, simulate, send, ask for the outcome. Keeps no state of its own.

Every fault of the way there is :class:`Transient`, whatever the library calls it; what the
contract itself refuses is :class:`ContractRefusal`. Messages carry words, never XDR.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import partial

from stellar_sdk import (
    Account,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.operation import RestoreFootprint
from stellar_sdk.operation.operation import Operation
from stellar_sdk.soroban_rpc import (
    EventFilter,
    EventFilterType,
    SimulateTransactionResponse,
)

from gateway.errors import Permanent, Transient
from gateway.ledger import requests
from gateway.ledger.answers import (
    Archived,
    ContractRefusal,
    Disputed,
    Entries,
    Events,
    FeeStats,
    HistoryGone,
    LedgerStamp,
    SendAnswer,
    Sent,
    TransactionAnswer,
    disputed_keys,
)
from gateway.ledger.endpoints import MAX_LAG_LEDGERS, Endpoints, RpcError
from gateway.ledger.envelopes import account_key, archived_keys, sequence_of, writing
from gateway.ledger.fees import (
    BASE_FEE_STROOPS,
    PLAIN_MAX_FEE_STROOPS,
    TooExpensive,
    fit_fee,
    sign,
)
from gateway.ledger.keys import SigningKey
from gateway.ledger.limits import Limits, TooLarge
from gateway.store.outbox import Signed

MAX_KEYS = 200
"""The most keys that one getLedgerEntries may name."""
MAX_EVENTS = 1000

_CONTRACT_ERROR = re.compile(r"Error\(Contract, #(\d+)\)")


class LedgerClient:
    """Soroban RPC servers of one network, asked in order of preference.

    Args:
        rpc_urls: at least one, in order of preference.
        passphrase: the network's.
        limits: what one transaction may use.
        max_lag_ledgers: how far behind the newest ledger seen an answer may be.
    """

    def __init__(
        self,
        rpc_urls: Sequence[str],
        passphrase: str,
        limits: Limits | None = None,
        max_lag_ledgers: int = MAX_LAG_LEDGERS,
    ) -> None:
        self.endpoints = Endpoints(rpc_urls, passphrase, max_lag_ledgers)
        self._passphrase = passphrase
        self._limits = limits or Limits()

    async def close(self) -> None:
        """Let go of all connections."""
        await self.endpoints.close()

    async def passphrase(self) -> str:
        """The passphrase of the network that the server belongs to."""
        answer = await self.endpoints.ask(lambda server: server.get_network(), of_any_network=True)
        return answer.passphrase

    async def latest(self) -> LedgerStamp:
        """The newest ledger."""
        answer = await self.endpoints.ask(
            lambda server: server.get_latest_ledger(), lambda latest: latest.sequence
        )
        return LedgerStamp(answer.sequence, answer.close_time)

    async def read(self, keys: Sequence[xdr.LedgerKey]) -> Entries:
        """Read ledger entries.

        Args:
            keys: at most 200 are asked at a time.

        Raises:
            Transient: no answer, or a ledger closed between two parts of it.
        """
        return await self._read(keys, but=None)

    async def is_confirmed(self, keys: Sequence[xdr.LedgerKey], entries: Entries) -> bool:
        """Whether a second server says the same; False when there is none, or it can't tell yet.

        Args:
            keys: what was read.
            entries: what a server said.

        Raises:
            Disputed: it says something else of a ledger that both have seen.
        """
        if not self.endpoints.has_other(entries.server):
            return False
        try:
            others = await self._read(keys, but=entries.server)
        except Transient:  # its health is noted
            return False
        disputed = disputed_keys(entries, others)
        if disputed:
            host, other = map(self.endpoints.host_of, (entries.server, others.server))
            raise Disputed(host, other, disputed)
        return others.is_same(entries)

    async def _read(self, keys: Sequence[xdr.LedgerKey], but: str | None) -> Entries:
        parts: list[Entries] = []
        for start in range(0, len(keys), MAX_KEYS):
            part = list(keys[start : start + MAX_KEYS])
            request = partial(requests.read_part, keys=part)
            parts.append(await self.endpoints.ask(request, lambda read: read.ledger, but=but))
        if len({(one.ledger, one.server) for one in parts}) != 1:
            raise Transient("a ledger closed while the contract was read")
        return Entries(
            ledger=parts[0].ledger,
            found={key: entry for part in parts for key, entry in part.found.items()},
            archived=frozenset[str]().union(*(part.archived for part in parts)),
            modified={key: ledger for part in parts for key, ledger in part.modified.items()},
            server=parts[0].server,
            live_until={key: ledger for part in parts for key, ledger in part.live_until.items()},
        )

    async def events(self, contract: str, start: str | int) -> Events:
        """What happened on a contract.

        Args:
            contract: its address.
            start: a cursor, or the ledger to begin with.

        Raises:
            HistoryGone: the server does not reach back so far.
        """
        filters = [EventFilter(type=EventFilterType.CONTRACT, contractIds=[contract])]
        cursor, ledger = (start, None) if isinstance(start, str) else (None, start)
        try:
            answer = await self.endpoints.ask(
                lambda server: server.get_events(
                    start_ledger=ledger, filters=filters, cursor=cursor, limit=MAX_EVENTS
                ),
                lambda events: events.latest_ledger,
            )
        except RpcError as error:
            raise HistoryGone(str(error)) from None
        return Events(
            topics=tuple(tuple(event.topic) for event in answer.events),
            cursor=answer.cursor,
            latest=LedgerStamp(answer.latest_ledger, answer.latest_Ledger_close_time),
            complete=len(answer.events) < MAX_EVENTS,
        )

    async def account_sequence(self, address: str) -> int | None:
        """The sequence number an account last used, or None when it does not exist."""
        key = account_key(address)
        return sequence_of(await self.read([key]), address)

    async def simulate(self, operation: Operation, source: str) -> xdr.SCVal | None:
        """Ask what a call would return, changing nothing.

        Raises:
            ContractRefusal: the call would fail.
        """
        envelope = self._build(operation, Account(source, 0), 0, BASE_FEE_STROOPS)
        answer = await self._simulate(envelope)
        return xdr.SCVal.from_xdr(answer.results[0].xdr) if answer.results else None

    async def prepare(
        self,
        operation: Operation,
        source: Account,
        valid_until_s: int,
        fee_stroops: int,
        *,
        max_fee_stroops: int = PLAIN_MAX_FEE_STROOPS,
    ) -> TransactionEnvelope:
        """Build a transaction with its resources, ready to sign.

        Args:
            operation: what it does.
            source: the account that pays and authorises, with the sequence it last used.
            valid_until_s: time bound, ledger time (unix seconds).
            fee_stroops: offered for inclusion, on top of resources.
            max_fee_stroops: the most it may cost; beyond 32 bits it goes inside a fee bump.

        Raises:
            ContractRefusal: the call would fail.
            TooLarge: it is beyond a limit of the network.
            TooExpensive: it would cost more than it may.
            Archived: entries have to be restored first: that and the call together are beyond a
                limit of the network, or cost more than it may.
        """
        envelope = self._build(operation, source, valid_until_s, fee_stroops)
        return await self._complete(envelope, max_fee_stroops)

    async def prepare_restore(
        self,
        keys: Sequence[xdr.LedgerKey],
        source: Account,
        valid_until_s: int,
        fee_stroops: int,
        max_fee_stroops: int = PLAIN_MAX_FEE_STROOPS,
    ) -> TransactionEnvelope:
        """Build a transaction that brings entries back from the archive, ready to sign.

        Args:
            keys: the entries, at least one; as many of the first as one transaction holds.
            source: the account that pays, with the sequence it last used.
            valid_until_s: time bound, ledger time (unix seconds).
            fee_stroops: offered for inclusion, on top of resources.
            max_fee_stroops: the most that bringing back all of them may cost.

        Raises:
            TooExpensive: naming what all of them cost.
            TooLarge: a single entry is beyond a limit of the network.
        """
        part = list(keys)
        while True:
            envelope = self._build(
                RestoreFootprint(), source, valid_until_s, fee_stroops, writing(part)
            )
            prepared = await self._assembled(envelope)
            if prepared.transaction.fee > max_fee_stroops:
                raise TooExpensive(prepared.transaction.fee, max_fee_stroops)
            try:
                return self._checked(prepared, PLAIN_MAX_FEE_STROOPS)
            except (TooLarge, TooExpensive):
                if len(part) == 1:
                    raise
            part = part[: (len(part) + 1) // 2]

    async def _complete(
        self, envelope: TransactionEnvelope, max_fee_stroops: int
    ) -> TransactionEnvelope:
        prepared = await self._assembled(envelope)
        restored = archived_keys(prepared)
        try:
            return self._checked(prepared, max_fee_stroops)
        except (TooLarge, TooExpensive):
            if restored:
                raise Archived(restored) from None
            raise

    async def _assembled(self, envelope: TransactionEnvelope) -> TransactionEnvelope:
        answer = await self._simulate(envelope)
        if answer.restore_preamble is not None:
            data = xdr.SorobanTransactionData.from_xdr(answer.restore_preamble.transaction_data)
            raise Archived(data.resources.footprint.read_write)
        return await self.endpoints.ask(lambda server: server.prepare_transaction(envelope, answer))

    def _checked(self, prepared: TransactionEnvelope, max_fee_stroops: int) -> TransactionEnvelope:
        fit_fee(prepared, max_fee_stroops)
        self._limits.check(prepared)
        return prepared

    def _build(
        self,
        operation: Operation,
        source: Account,
        valid_until_s: int,
        fee_stroops: int,
        data: xdr.SorobanTransactionData | None = None,
    ) -> TransactionEnvelope:
        account = Account(source.account, source.sequence)  # building counts its sequence up
        builder = TransactionBuilder(account, self._passphrase, base_fee=fee_stroops)
        if data is not None:
            builder.set_soroban_data(data)
        return builder.add_time_bounds(0, valid_until_s).append_operation(operation).build()

    async def _simulate(self, envelope: TransactionEnvelope) -> SimulateTransactionResponse:
        answer = await self.endpoints.ask(lambda server: server.simulate_transaction(envelope))
        if answer.error:
            found = _CONTRACT_ERROR.search(answer.error)
            lines = [line.strip() for line in answer.error.splitlines() if "HostError" in line]
            first_line = (lines or answer.error.splitlines())[0][:200]
            raise ContractRefusal(int(found[1]) if found else None, first_line)
        return answer

    async def fee_stats(self) -> FeeStats | None:
        """What others paid for a place in a ledger; None when no server tells."""
        try:
            return await self.endpoints.ask(requests.fee_stats)
        except Transient:  # not every server offers it
            return None

    async def send(self, envelope: str) -> SendAnswer:
        """Send a signed envelope; sending it again is harmless.

        Args:
            envelope: base64 XDR.
        """
        return await self.endpoints.ask(partial(requests.send, envelope=envelope))

    async def find_transaction(self, tx_hash: str) -> TransactionAnswer:
        """What became of a transaction; not found is not failure."""
        request = partial(requests.find_transaction, tx_hash=tx_hash)
        return await self.endpoints.ask(request, lambda answer: answer.latest.sequence)

    async def perform(
        self,
        operation: Operation,
        key: SigningKey,
        *,
        valid_for_s: int = 120,
        poll_s: float = 0.5,
        max_fee_stroops: int = PLAIN_MAX_FEE_STROOPS,
    ) -> xdr.SCVal | None:
        """Do one thing to its end: prepare, sign, send, wait. For people, not for batches.

        Whatever is archived of what it needs is restored on the way.

        Args:
            operation: what to do.
            key: who does it.
            valid_for_s: how long it may take, ledger seconds.
            poll_s: how often to ask, wall seconds.
            max_fee_stroops: the most it may cost; beyond 32 bits it goes inside a fee bump.

        Returns:
            What the call returned.

        Raises:
            ContractRefusal: it was refused.
            TooExpensive: it would cost more than it may.
            Transient: it could not be sent, or was not applied in time.
        """
        while True:
            stamp = await self.latest()
            sequence = await self.account_sequence(key.address)
            if sequence is None:
                raise Permanent(f"the account {key.address} does not exist: send it some XLM")
            valid_until_s = stamp.closed_s + valid_for_s
            source = Account(key.address, sequence)
            envelope = self._build(operation, source, valid_until_s, BASE_FEE_STROOPS)
            try:
                prepared = await self._complete(envelope, max_fee_stroops)
            except Archived as archived:
                restore = await self.prepare_restore(
                    archived.keys, source, valid_until_s, BASE_FEE_STROOPS, max_fee_stroops
                )
                await self._finish(sign(restore, key, valid_until_s), poll_s)
            else:
                return await self._finish(sign(prepared, key, valid_until_s), poll_s)

    async def _finish(self, signed: Signed, poll_s: float) -> xdr.SCVal | None:
        while True:
            answer = await self.send(signed.envelope)
            found = await self.find_transaction(signed.tx_hash)
            if found.succeeded:
                return found.value
            if found.found:
                raise ContractRefusal(None, "the transaction was applied and failed")
            if answer.outcome is Sent.ERROR:
                raise Transient(f"the network refused the transaction: {answer.reason}")
            if found.latest.closed_s > signed.valid_until_s:
                raise Transient("the transaction was not applied in time: try again")
            await asyncio.sleep(poll_s)
