"""Keep the contract alive for the longest outage, and let due payments be carried out.

Looks once an hour and puts what is to do in the outbox, when nothing else waits there; the
submitter carries it, so that one transaction of the account is on its way at a time. Everything
here may be done twice, by anyone: what is given up is found again at the next look.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Never

from gateway.clock import Clock
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import ContractRefusal
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter, scheduler
from gateway.ledger.contracts.calls import Call, code_key, code_of, instance_key
from gateway.ledger.contracts.refusals import Refusal, sentence_of
from gateway.ledger.contracts.upkeep import UpkeepRefusal
from gateway.ledger.courier import Courier
from gateway.ledger.keys import SigningKey
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import SiteAnswer, keys_of_site
from gateway.rhythm import repeat
from gateway.store.chain import count_prices, find_slots
from gateway.store.database import Database
from gateway.store.keeping import Keep, begin_keep, close_keep, find_keep, find_streaming
from gateway.store.outbox import Applied, Outgoing, find_open
from gateway.store.status import State, mark_status

log = logging.getLogger(__name__)

LEDGERS_PER_DAY = 17_280
"""Of 5 s each."""
LOOK_EVERY_S = 3_600
LOOK_AFTER_S = 90
"""After the hour, when payments fall due."""
PAUSE_S = 10.0
MOST_PAYMENTS = 25
EXPIRY_S = 86_400
"""A payment that is later than this has to be moved to another hour first."""


class Keeper:
    """Finds out what has to be kept.

    Args:
        settings: which contracts, and the longest outage.
        database: where the outbox is.
        clock: village time.
        client: the network.
        key: of the account that asks.
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
        self._source = key.address
        self._looked_at: int | None = None
        self._hour: int | None = None
        self._tried: set[int] = set()

    async def run(self) -> Never:
        """Keep for ever."""
        await repeat(self.tick, self._clock, PAUSE_S, log, "nothing is kept for now")

    async def tick(self, now: datetime) -> None:
        """Look, if it is time to and nothing else is on its way.

        Args:
            now: village time, aware UTC.

        Raises:
            Transient: the chain cannot be reached.
        """
        now_s = math.floor(now.timestamp())
        hour = (now_s - LOOK_AFTER_S) // LOOK_EVERY_S
        if hour == self._looked_at or await find_open(self._database) is not None:
            return
        if hour != self._hour:
            self._hour, self._tried = hour, set()
        try:
            keep = await self._find(now_s)
        except Permanent as error:
            await _mark(self._database, "alarm", str(error), now_s)
            self._looked_at = hour
            return
        if keep is None:
            self._looked_at = hour
        elif await begin_keep(self._database, keep, now_s):
            log.info("keeping task=%s payments=%d", keep.task, len(keep.ids))
            # What is refused is tried again in an hour; more payments may be due at once.
            self._looked_at = hour if keep.task == "extend" else None

    async def _find(self, now_s: int) -> Keep | None:
        days = await self._life_days()
        if days < self._settings.longest_outage_days:
            return Keep("extend")
        await _mark(
            self._database, "online", f"the contract lives for {days} days without us", now_s
        )
        if self._settings.scheduler is None:
            return None
        return await self._find_payments(self._settings.scheduler)

    async def _life_days(self) -> int:
        """Whole days until the first of the site's entries is archived; below zero: one is."""
        contract = self._settings.contract
        first = instance_key(contract)
        value = (await self._client.read([first])).value(first)
        if value is None:
            raise Permanent(
                "the contract isn't on this network: check chain.contract_id and chain.network"
            )
        keys = [first, meter.site_key(contract, self._settings.site)]
        slots = await find_slots(self._database, self._settings.site)
        keys += keys_of_site(self._settings, slots)
        if newest := await count_prices(self._database):
            keys.append(meter.price_key(contract, newest))
        code = code_of(value)
        if code is not None and self._settings.keep_code:
            keys.append(code_key(code))
        entries = await self._client.read(keys)
        return (min(entries.live_until.values()) - entries.ledger) // LEDGERS_PER_DAY

    async def _find_payments(self, contract: str) -> Keep | None:
        """Payments that are due, or one that is too late; None: there is none."""
        stamp = await self._client.latest()
        ids = [self._settings.site << 32 | slot for slot in await self._streaming()]
        due: list[int] = []
        for meter_id in await self._with_book(contract, ids):
            call = scheduler.get_open(contract, meter_id)
            value = await self._client.simulate(call.operation(), self._source)
            for payment in call.decode(value) if value is not None else ():
                if stamp.closed_s >= payment.due_s + EXPIRY_S:
                    return Keep("reschedule", (payment.schedule_id,))
                if stamp.closed_s >= payment.due_s:
                    due.append(payment.schedule_id)
        fresh = [one for one in due if one not in self._tried][:MOST_PAYMENTS]
        self._tried |= set(fresh)
        return Keep("execute", tuple(fresh)) if fresh else None

    async def _streaming(self) -> Sequence[int]:
        return await find_streaming(self._database, self._settings.site)

    async def _with_book(self, contract: str, ids: Sequence[int]) -> list[int]:
        """Those of the meters for which anything was ever scheduled."""
        keys = {meter_id: scheduler.book_key(contract, meter_id) for meter_id in ids}
        if not keys:
            return []
        entries = await self._client.read(list(keys.values()))
        return [meter_id for meter_id, key in keys.items() if key.to_xdr() in entries.found]


class KeepCarrier:
    """Sees a row of the kind 'keep' through; never holds up a batch for long.

    Args:
        settings: which contracts.
        database: where the outbox is.
        client: the network.
        courier: sends, and sends again.
    """

    def __init__(
        self, settings: LedgerSettings, database: Database, client: LedgerClient, courier: Courier
    ) -> None:
        self._settings = settings
        self._database = database
        self._client = client
        self._courier = courier

    async def advance(self, outgoing: Outgoing, answer: SiteAnswer, now_s: int) -> str | None:
        """Send it, or close it when it is in or can't be done.

        Args:
            outgoing: the row.
            answer: the chain as it is now, with the paying account.
            now_s: village time (unix seconds).

        Returns:
            The network's name for an error, such as 'txBAD_SEQ'; None when there was none.

        Raises:
            Transient: the chain cannot be reached.
        """
        if outgoing.signed is not None:
            found = await self._client.find_transaction(outgoing.signed.tx_hash)
            if found.succeeded and found.ledger is not None:
                applied = Applied(found.ledger, found.fee_stroops)
                await close_keep(self._database, outgoing.outbox_id, now_s, applied=applied)
                log.info("kept outbox=%d fee_stroops=%s", outgoing.outbox_id, found.fee_stroops)
                return None
            if found.found:
                await self._give_up(outgoing, "the network did not carry it out", now_s)
                return None
        keep = await find_keep(self._database, outgoing.outbox_id)
        try:
            return await self._courier.carry(outgoing, self._call(keep), answer, now_s)
        except ContractRefusal as refusal:
            reason = sentence_of(refusal.code, *_REFUSALS[keep.task])
            await self._give_up(outgoing, reason, now_s)
        except Permanent as error:
            await self._give_up(outgoing, str(error), now_s)
        return None

    def _call(self, keep: Keep) -> Call:
        payments = self._settings.scheduler
        if keep.task == "extend":
            return meter.extend(self._settings.contract, self._settings.site)
        if payments is None:
            raise Permanent("chain.scheduler_id is gone from the configuration")
        if keep.task == "reschedule":
            return scheduler.reschedule_expired(payments, keep.ids[0])
        return scheduler.execute_all(payments, keep.ids)

    async def _give_up(self, outgoing: Outgoing, reason: str, now_s: int) -> None:
        await close_keep(self._database, outgoing.outbox_id, now_s, message=reason)
        await _mark(self._database, "alarm", f"{reason}; it is tried again in an hour", now_s)


_REFUSALS: dict[str, tuple[type[Refusal], ...]] = {
    "extend": (meter.MeterError, UpkeepRefusal),
    "execute": (scheduler.SchedulerRefusal, UpkeepRefusal),
    "reschedule": (scheduler.SchedulerRefusal, UpkeepRefusal),
}


async def _mark(database: Database, state: State, message: str, now_s: int) -> None:
    with suppress(Transient):  # a full disk cannot take it; it is said again at the next look
        if await mark_status(database, "keeper", state, message, now_s):
            log.info("keeper state=%s message=%s", state, message)
