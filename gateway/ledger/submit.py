"""Settle usage: compose a batch when it is due, and see it through to the contract's receipt.

Before anything is sent or given up the receipt is read, because it is the last word. Usage is
settled exactly once: what is out there is in the outbox before it leaves, the same envelope is
sent until it is in or dead by ledger time, and only then is the same batch signed anew
(:mod:`gateway.ledger.courier`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from datetime import datetime
from functools import partial

from gateway.clock import Clock
from gateway.domain.batches import Head
from gateway.domain.composition import MAX_SLOTS
from gateway.domain.settling import OpenBatch, Standing, judge
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import ContractRefusal
from gateway.ledger.backlog import Backlog
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.contracts.calls import Call
from gateway.ledger.courier import Courier
from gateway.ledger.crediting import Crediting
from gateway.ledger.keeper import KeepCarrier
from gateway.ledger.keys import SigningKey
from gateway.ledger.limits import TooLarge
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import SiteAnswer, read_site
from gateway.ledger.waiting import say_what_waits
from gateway.store.batches import StoredBatch, Terms, compose_batch, find_batch
from gateway.store.chain import ChainState, find_head, save_answer
from gateway.store.database import Database
from gateway.store.outbox import Outgoing, find_open, find_open_batch, mark_message
from gateway.store.settlement import (
    adopt,
    audit,
    cancel_take_over,
    confirm_batch,
    refuse_batch,
)
from gateway.store.status import State, mark_status
from gateway.store.undated import has_undated

log = logging.getLogger(__name__)

IDLE_S = 5.0
"""Wall seconds between two looks at whether a batch is due."""
RETRY_S = 30.0
"""Wall seconds before asking again what a person, or the network, has to mend first."""
MAX_BACKOFF_S = 15.0
MIN_SLOTS = 64


class Submitter:
    """Settles one site's usage, one batch at a time.

    Args:
        settings: which contract, which site, how often.
        database: usage, books and outbox.
        clock: village time.
        client: the network.
        key: what signs, and pays the fees.
    """

    def __init__(
        self,
        settings: LedgerSettings,
        database: Database,
        clock: Clock,
        client: LedgerClient,
        key: SigningKey,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._client = client
        self._key = key
        self._max_slots = MAX_SLOTS
        self._pause_s = IDLE_S
        self._in_doubt = True
        self._courier = Courier(settings, database, client, key)
        mark = partial(self._mark, name="credits")
        self._crediting = Crediting(
            settings, database, client, key=key, courier=self._courier, mark=mark
        )
        self._backlog = Backlog()
        self._keep = KeepCarrier(settings, database, client, self._courier)

    async def run(self) -> None:
        """Settle for ever; what can be waited out is waited out."""
        backoff_s = 1.0
        while True:
            try:
                await self.tick(self._clock.now())
                backoff_s = 1.0
            except Transient as error:
                await self._mark("offline", f"{error}; usage waits here")
                self._pause_s = backoff_s
                backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            await asyncio.sleep(self._pause_s)

    async def tick(self, now: datetime) -> None:
        """Do the next thing: compose, send, or ask for the answer.

        Args:
            now: village time, aware UTC.

        Raises:
            Transient: the chain cannot be reached; everything is in the outbox.
        """
        self._pause_s = IDLE_S
        now_s = math.floor(now.timestamp())
        if await self._crediting.tick(now_s):
            self._pause_s = self._settings.poll_s
            return
        outgoing = await find_open(self._database)
        try:
            if outgoing is None:
                outgoing = await self._compose(now_s)
            if outgoing is not None:
                self._pause_s = self._settings.poll_s
                await self._advance(outgoing, now_s)
        except Transient:
            self._in_doubt = True
            raise
        except Permanent as error:
            await self._stop(str(error))

    # Composing

    async def _compose(self, now_s: int) -> Outgoing | None:
        """Put the next batch in the outbox, if one is due and nothing speaks against it."""
        site = self._settings.site
        if not self._clock.trusted or await has_undated(self._database):
            return None  # a period ends when it is known to have ended, and what it holds is dated
        head = await find_head(self._database, site)
        boundary_s = self._due_s(now_s)
        if head is not None and head.to_s >= boundary_s:
            return None
        self._pause_s = RETRY_S
        answer = await self._read()
        if await self._standing(answer, head, None) is not Standing.CURRENT:
            return None
        await save_answer(self._database, site, answer.state)
        if not await self._books_agree():
            return None
        terms = Terms(
            site=site,
            contract=self._settings.contract,
            network_id=self._settings.network_id,
            boundary_s=boundary_s,
            max_slots=self._max_slots,
        )
        stored = await compose_batch(self._database, terms, answer.state, now_s)
        if stored is None:
            await self._say_why_nothing_goes(answer.state)
            return None
        batch = stored.batch
        log.info(
            "composed batch=%d meters=%d usage_wh=%d from_s=%d to_s=%d",
            batch.sequence,
            len(batch.slots),
            batch.total_wh,
            batch.from_s,
            batch.to_s,
        )
        self._backlog.composed(batch.from_s)
        if progress := self._backlog.progress(batch.from_s, boundary_s):
            await self._mark("online", progress)
        return await find_open(self._database)

    def _due_s(self, now_s: int) -> int:
        """Up to where usage is to be settled (unix seconds)."""
        every_s = self._settings.settle_every_s
        return (now_s - self._settings.settle_after_s) // every_s * every_s

    async def _standing(
        self, answer: SiteAnswer, head: Head | None, open_batch: OpenBatch | None
    ) -> Standing:
        """Where we stand towards the receipt; if somebody else settled, alarm and wait."""
        writer = bytes.fromhex(await self._database.writer_id())
        verdict = judge(answer.state.receipt, head, open_batch, writer)
        match verdict.standing:
            case Standing.BEHIND:
                raise Transient(verdict.reason)
            case Standing.HALT:
                await self._stop(verdict.reason)
        return verdict.standing

    async def _books_agree(self) -> bool:
        drifts = await audit(self._database, self._settings.site)
        if drifts:
            first = drifts[0]
            await self._stop(
                f"{len(drifts)} meters disagree with the chain, the first is {first.label}: "
                f"{first.chain_wh} Wh there, {first.books_wh} Wh in our books; settling has "
                "stopped, `gateway take-over` goes on from the chain's totals"
            )
        return not drifts

    # Sending

    async def _advance(self, outgoing: Outgoing, now_s: int) -> None:
        """Move one row of the outbox on by what can be done without waiting."""
        if not self._in_doubt and await self._courier.is_waiting(outgoing):
            return
        answer = await self._read()
        if outgoing.kind == "keep":
            self._in_doubt = False
            await self._not_accepted(await self._keep.advance(outgoing, answer, now_s))
            return
        if outgoing.kind == "take_over":
            call = await self._advance_take_over(outgoing, answer, now_s)
        else:
            call = await self._advance_batch(outgoing, answer, now_s)
        self._in_doubt = False
        if call is None:
            return
        try:
            error = await self._courier.carry(outgoing, call, answer, now_s)
        except ContractRefusal as refusal:
            await self._refused(outgoing, refusal, now_s)
        except TooLarge as limit:
            await self._split(outgoing, limit, now_s)
        else:
            await self._not_accepted(error)

    async def _advance_batch(
        self, outgoing: Outgoing, answer: SiteAnswer, now_s: int
    ) -> Call | None:
        """Confirm the batch if it is in; else say what is to be sent, if it may be."""
        stored = await find_batch(self._database, outgoing.outbox_id)
        head = await find_head(self._database, self._settings.site)
        open_batch = OpenBatch(stored.batch.sequence, stored.digest)
        match await self._standing(answer, head, open_batch):
            case Standing.APPLIED:
                await self._confirm(outgoing, stored, answer, now_s)
            case Standing.CURRENT:
                contract = self._settings.contract
                return meter.batch_update_usage(contract, self._key.address, stored.batch)
        return None

    async def _confirm(
        self, outgoing: Outgoing, stored: StoredBatch, answer: SiteAnswer, now_s: int
    ) -> None:
        applied = await self._courier.applied(outgoing, answer)
        if await confirm_batch(self._database, stored, answer.state, applied, now_s):
            batch = stored.batch
            log.info("settled batch=%d usage_wh=%d", batch.sequence, batch.total_wh)
            if await self._books_agree():
                progress = self._backlog.progress(batch.to_s, self._due_s(now_s))
                await self._say_settled(progress or f"batch {batch.sequence} is settled")

    async def _advance_take_over(
        self, outgoing: Outgoing, answer: SiteAnswer, now_s: int
    ) -> Call | None:
        """Adopt the chain's books if it names us its writer; else say what is to be sent."""
        receipt = answer.state.receipt
        if receipt is None:
            reason = meter.SENTENCES[meter.MeterError.NO_RECEIPT]
            await cancel_take_over(self._database, outgoing.outbox_id, reason, now_s)
            return None
        writer = bytes.fromhex(await self._database.writer_id())
        if receipt.writer != writer:
            return meter.take_over(
                self._settings.contract, self._key.address, self._settings.site, receipt, writer
            )
        waiting = await find_open_batch(self._database)
        stored = await find_batch(self._database, waiting.outbox_id) if waiting else None
        if await adopt(
            self._database,
            outgoing.outbox_id,
            site=self._settings.site,
            state=answer.state,
            open_batch=stored,
            applied=await self._courier.applied(outgoing, answer),
            now_s=now_s,
        ):
            log.info("took over batch=%d", receipt.sequence)
            await self._say_settled(f"took over at batch {receipt.sequence}")
        return None

    async def _not_accepted(self, error: str | None) -> None:
        """An error is no verdict: the receipt is read before anything else is done."""
        if error is None:
            return
        self._in_doubt = True
        match error:
            case "txBAD_SEQ":  # another tool used the account: the next look finds out
                pass
            case "txINSUFFICIENT_BALANCE" | "txNO_ACCOUNT":
                await self._stop(f"the account {self._key.address} is out of XLM: send it some")
            case "txINSUFFICIENT_FEE":
                reason = "the network is crowded and asks a higher fee: it is offered more soon"
                await self._stop(reason, "offline")
            case "txBAD_AUTH" | "txBAD_AUTH_EXTRA":
                await self._stop(
                    f"the network does not take the key's signature for {self._key.address}: "
                    "check chain.network and chain.passphrase, and who may sign for that account"
                )
            case _:
                await self._stop(f"the network does not take the transaction ({error}): report it")

    async def _refused(self, outgoing: Outgoing, refusal: ContractRefusal, now_s: int) -> None:
        """The contract would refuse it: for good, or until someone has acted."""
        reason = meter.sentence(refusal.code)
        if refusal.code is None:
            reason = f"{reason} ({refusal})"
        log.warning("refused outbox=%d code=%s", outgoing.outbox_id, refusal.code)
        await mark_message(self._database, outgoing, reason, now_s)
        if outgoing.kind == "batch" and refusal.code in meter.FINAL:
            stored = await find_batch(self._database, outgoing.outbox_id)
            await refuse_batch(self._database, stored, reason, now_s)
            self._pause_s = RETRY_S
        elif refusal.code in meter.PASSING:
            raise Transient(reason)
        elif refusal.code == meter.MeterError.PAUSED:
            await self._stop(reason, "offline")
        else:
            await self._stop(reason)

    async def _split(self, outgoing: Outgoing, error: TooLarge, now_s: int) -> None:
        """Too much for one transaction: give it up and compose smaller ones."""
        if outgoing.kind != "batch" or self._max_slots <= MIN_SLOTS:
            raise Permanent(f"even the smallest transaction is too large ({error}): report it")
        stored = await find_batch(self._database, outgoing.outbox_id)
        self._max_slots = max(MIN_SLOTS, min(self._max_slots, len(stored.batch.slots)) // 2)
        await refuse_batch(self._database, stored, f"too large: {error}", now_s)

    # Saying so

    async def _say_settled(self, what: str) -> None:
        """All is well, unless somebody has to look after what some of the meters used."""
        waits = await say_what_waits(self._database, self._settings.site)
        await self._mark("alarm" if waits else "online", f"{what}, {waits}" if waits else what)

    async def _say_why_nothing_goes(self, state: ChainState) -> None:
        """A batch was due and none was made: that is well only if nobody used anything."""
        if await find_open(self._database) is not None:
            return
        if not state.records:
            await self._stop(
                "the contract knows none of this site's meters: the provider has to register "
                "them, or gateway.site or chain.contract_id is wrong; usage waits here"
            )
        elif not state.prices or state.prices[0].effective_from_s > state.as_of_s:
            await self._stop(
                "no price is in force yet: the provider has to set one; usage waits here"
            )
        else:
            await self._say_settled("nothing to settle: no meter was read since the last batch")

    async def _read(self) -> SiteAnswer:
        return await read_site(self._client, self._settings, self._database, self._key.address)

    async def _stop(self, reason: str, state: State = "alarm") -> None:
        """Say what has to be mended first, and look again later whether it is."""
        self._pause_s = RETRY_S
        await self._mark(state, reason)

    async def _mark(self, state: State, message: str, *, name: str = "settlement") -> None:
        now_s = math.floor(self._clock.now_s())
        with suppress(Transient):  # a full disk cannot take it; it is said again at the next look
            if await mark_status(self._database, name, state, message, now_s):
                log.info("%s state=%s message=%s", name, state, message)
