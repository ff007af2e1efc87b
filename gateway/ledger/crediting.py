"""Put payments taken on site on chain: from the operator's float, once, oldest first.

One credit is open at a time, and never beside a batch: both use the account's next number. The
contract's float is read before anything is sent or given up. Nothing here stops settlement: what
can't go waits in the store, where it counts all the same, and is tried again less and less often.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from gateway.domain.credits import MOST_TOP_UPS, Choice, CreditHead, judge_float
from gateway.domain.money import show_amount
from gateway.domain.settling import Standing
from gateway.errors import Permanent, Transient
from gateway.ledger.answers import ContractRefusal
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.contracts.calls import Call
from gateway.ledger.courier import Courier
from gateway.ledger.keys import SigningKey
from gateway.ledger.limits import TooLarge
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.site import SiteAnswer, read_site
from gateway.store.chain import save_state
from gateway.store.crediting import (
    CreditTerms,
    close_credit,
    compose_credit,
    find_credit,
    find_oldest,
    give_up_credit,
)
from gateway.store.database import Database
from gateway.store.floats import Seen, StoredCredit, find_credit_head
from gateway.store.outbox import Outgoing, find_open
from gateway.store.status import State

log = logging.getLogger(__name__)

FIRST_REST_S = 30
LONGEST_REST_S = 3600
"""Village seconds before what a person has to mend is looked at again."""

Mark = Callable[[State, str], Awaitable[None]]


class Crediting:
    """Credits one site's payments.

    Args:
        settings: which contract, which site, how often.
        database: payments and outbox.
        client: the network.
        key: what signs, and pays the fees.
        courier: carries the envelopes; shared with whoever uses the same account.
        mark: tells people how it stands.
    """

    def __init__(
        self,
        settings: LedgerSettings,
        database: Database,
        client: LedgerClient,
        *,
        key: SigningKey,
        courier: Courier,
        mark: Mark,
    ) -> None:
        self._settings = settings
        self._database = database
        self._client = client
        self._key = key
        self._courier = courier
        self._mark = mark
        self._most_meters = MOST_TOP_UPS
        self._in_doubt = True
        self._rest_s = FIRST_REST_S
        self._not_before_s: int | None = None

    async def tick(self, now_s: int) -> bool:
        """Do the next thing for the payments that wait.

        Args:
            now_s: village time (unix seconds).

        Returns:
            True: a credit is on its way, and nothing else may be sent meanwhile.

        Raises:
            Transient: the chain cannot be reached; everything is in the store.
        """
        outgoing = await find_open(self._database)
        if outgoing is not None and outgoing.kind != "credit":
            return False
        try:
            if outgoing is None:
                outgoing = await self._compose(now_s)
            if outgoing is None:
                return False
            return await self._advance(outgoing, now_s)
        except Transient:
            self._in_doubt = True
            raise
        except Permanent as error:
            await self._rest(str(error), now_s)
            return outgoing is not None

    async def _compose(self, now_s: int) -> Outgoing | None:
        """Put the next credit in the outbox, if one is due and nothing speaks against it."""
        if not await self._is_due(now_s):
            return None
        answer, head = await self._read(), await self._head()
        if await self._standing(answer, head, None) is not Standing.CURRENT:
            return None
        terms = CreditTerms(
            self._settings.site,
            self._settings.contract,
            self._settings.network_id,
            self._most_meters,
        )
        stored, choice = await compose_credit(self._database, terms, _seen(answer), now_s)
        if stored is None:
            if why := _obstacle(choice):
                raise Permanent(why)
            return None
        log.info(
            "composed credit=%d meters=%d stroops=%d",
            stored.credit.sequence,
            len(stored.credit.amounts),
            stored.credit.due_stroops,
        )
        return await find_open(self._database)

    async def _is_due(self, now_s: int) -> bool:
        oldest = await find_oldest(self._database, self._settings.site)
        if oldest is None:
            return False
        not_before_s = self._not_before_s
        if not_before_s is not None and 0 < not_before_s - now_s <= LONGEST_REST_S:
            return False
        taken_s, meters = oldest
        waits = 0 <= now_s - taken_s < self._settings.credit_every_s
        return not waits or meters >= self._most_meters

    async def _advance(self, outgoing: Outgoing, now_s: int) -> bool:
        """Move the credit on by what can be done without waiting; False: it was given up."""
        if not self._in_doubt and await self._courier.is_waiting(outgoing):
            return True
        answer = await self._read()
        stored = await find_credit(self._database, outgoing.outbox_id)
        self._in_doubt = False
        try:
            if stored.is_applied or await self._is_in(answer, stored):
                await self._confirm(outgoing, stored, answer, now_s)
                return True
            error = await self._courier.carry(outgoing, self._call(stored), answer, now_s)
        except ContractRefusal as refusal:
            await self._refused(outgoing, refusal, now_s)
        except TooLarge as limit:
            await self._split(outgoing, stored, limit, now_s)
        except Permanent as why:
            await self._give_up(outgoing, str(why), now_s)
        else:
            if error is not None:
                await self._not_accepted(error)
            return True
        return False

    async def _is_in(self, answer: SiteAnswer, stored: StoredCredit) -> bool:
        standing = await self._standing(answer, await self._head(), stored.head)
        return standing is Standing.APPLIED

    def _call(self, stored: StoredCredit) -> Call:
        credit = stored.credit
        top_ups = [
            meter.TopUp(credit.site << 32 | slot, stroops, meter.Plan.USAGE_BASED)
            for slot, stroops in credit.amounts
        ]
        return meter.credit(
            self._settings.contract, self._key.address, credit.site, credit.sequence, top_ups
        )

    async def _standing(
        self, answer: SiteAnswer, head: CreditHead, waiting: CreditHead | None
    ) -> Standing:
        """Where we stand towards the float; if somebody else credited, a person has to act."""
        verdict = judge_float(_seen(answer).site_float, head, waiting)
        match verdict.standing:
            case Standing.BEHIND:
                raise Transient(verdict.reason)
            case Standing.HALT:
                raise Permanent(verdict.reason)
        return verdict.standing

    async def _confirm(
        self, outgoing: Outgoing, stored: StoredCredit, answer: SiteAnswer, now_s: int
    ) -> None:
        applied = await self._courier.applied(outgoing, answer)
        async with self._database.transaction() as connection:
            await save_state(connection, self._settings.site, answer.state)
            if not await close_credit(connection, outgoing.outbox_id, applied, now_s):
                return
        self._rest_s, self._not_before_s = FIRST_REST_S, None
        credit = stored.credit
        log.info("credited credit=%d stroops=%d", credit.sequence, credit.due_stroops)
        await self._mark("online", f"credit {credit.sequence} is on chain")

    async def _not_accepted(self, error: str) -> None:
        """An error is no verdict: the float is read before anything else is done."""
        self._in_doubt = True
        if error != "txBAD_SEQ":  # another tool used the account: the next look finds out
            await self._mark(
                "offline",
                f"the network does not take the transaction now ({error}); it goes again, and "
                "payments count here meanwhile",
            )

    async def _refused(self, outgoing: Outgoing, refusal: ContractRefusal, now_s: int) -> None:
        reason = meter.sentence(refusal.code)
        if refusal.code is None:
            reason = f"{reason} ({refusal})"
        log.warning("refused outbox=%d code=%s", outgoing.outbox_id, refusal.code)
        state: State = "offline" if refusal.code == meter.MeterError.PAUSED else "alarm"
        await self._give_up(outgoing, reason, now_s, state)

    async def _split(
        self, outgoing: Outgoing, stored: StoredCredit, limit: TooLarge, now_s: int
    ) -> None:
        meters = len(stored.credit.amounts)
        if meters == 1:
            raise Permanent(f"even a single top-up is too large ({limit}): report it")
        self._most_meters = meters // 2
        await give_up_credit(self._database, outgoing.outbox_id, f"too large: {limit}", now_s)

    async def _give_up(
        self, outgoing: Outgoing, reason: str, now_s: int, state: State = "alarm"
    ) -> None:
        """Let the payments wait for another credit: no envelope of this one can be applied.

        It was refused before a signature, or the float has passed it by.
        """
        await give_up_credit(self._database, outgoing.outbox_id, reason, now_s)
        await self._rest(reason, now_s, state)

    async def _rest(self, reason: str, now_s: int, state: State = "alarm") -> None:
        """Say what has to be mended first; the payments wait, and nothing waits for them."""
        self._not_before_s = now_s + self._rest_s
        self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        await self._mark(state, f"{reason}; payments taken here count here and wait")

    async def _read(self) -> SiteAnswer:
        return await read_site(self._client, self._settings, self._database, self._key.address)

    async def _head(self) -> CreditHead:
        return await find_credit_head(self._database, self._settings.site)


def _seen(answer: SiteAnswer) -> Seen:
    state = answer.state
    if state.site_float is None:  # read_site asks for it
        raise AssertionError
    return Seen(state.site_float, state.records, state.ledger, state.as_of_s)


def _obstacle(choice: Choice) -> str:
    """Why nothing can go; empty: another process was quicker."""
    if choice.short_stroops:
        return (
            f"the site's float lacks {show_amount(choice.short_stroops)} tokens "
            "for the oldest payment: the operator funds it (`gateway admin float fund`)"
        )
    if choice.unknown:
        return (
            f"the contract does not know {len(choice.unknown)} of the meters that were paid for, "
            f"the first is slot {min(choice.unknown)}: the provider has to register it"
        )
    return ""
