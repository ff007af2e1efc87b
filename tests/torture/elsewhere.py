"""What happens on the chain and not in the village, where it is known once the chain is seen."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.contracts.calls import Call
from gateway.ledger.keys import SigningKey
from tests.ledger.localnet import PASSPHRASE
from tests.torture.entitled import DAY_S, Account, Unheard
from tests.torture.ground import PRICE, QUARTER_S, SITE, Stage, chain_id, keypair

MOST_PAID = 60_000
FLOAT_STROOPS = 10**10


@dataclass(slots=True)
class Elsewhere:
    """Provider and relatives, with a way of their own to the chain; it is always sound.

    Args:
        stage: the ledger.
        chance: what they do is drawn from it.
        accounts: of each slot, by a reader of its own.
        did: what was done, by name.
        off: the slot that the provider has deactivated; None: there is none.
    """

    stage: Stage
    chance: random.Random
    accounts: Sequence[Account]
    did: Counter[str] = field(default_factory=Counter)
    off: int | None = None
    _has_plan: bool = False

    async def fund(self) -> None:
        """The operator pays in, for what is paid on site to be credited from."""
        payer = _provider().address
        await self._perform(meter.fund_float(self.stage.contract, payer, SITE, FLOAT_STROOPS))

    async def act(self) -> None:
        """One of them does something."""
        slot = self.chance.randrange(len(self.accounts))
        match self.chance.choice(("pay", "pay", "plan", "switch")):
            case "pay":
                await self.pay(slot)
            case "plan" if not self._has_plan:
                await self.buy_plan(slot)
            case _:
                await self._switch(slot)

    async def pay(self, slot: int) -> None:
        """Somebody pays from far away."""
        stroops = self.chance.randint(1, MOST_PAID)
        await self._pay(slot, stroops, meter.Plan.USAGE_BASED)
        self.accounts[slot].unheard.append(Unheard(paid_stroops=stroops))
        self.did["paid elsewhere"] += 1

    async def buy_plan(self, slot: int) -> None:
        """Somebody buys a week; its window falls on the grid, in the household's favour."""
        await self._pay(slot, PRICE.weekly, meter.Plan.WEEKLY)
        from_s = self.stage.localnet.time_s()
        until_s = from_s + 7 * DAY_S
        plan = from_s - from_s % QUARTER_S, until_s + -until_s % QUARTER_S
        self.accounts[slot].unheard.append(Unheard(plan=plan))
        self._has_plan = True
        self.did["plan bought elsewhere"] += 1

    async def _switch(self, slot: int) -> None:
        """The provider deactivates a meter, or activates it again."""
        contract = self.stage.contract
        is_active = self.off is not None
        slot = slot if self.off is None else self.off
        call = meter.activate_meter if is_active else meter.deactivate_meter
        await self._perform(call(contract, chain_id(slot)))
        self.off = None if is_active else slot
        self.accounts[slot].unheard.append(Unheard(active=is_active))
        self.did["activated elsewhere" if is_active else "deactivated elsewhere"] += 1

    async def _pay(self, slot: int, stroops: int, plan: meter.Plan) -> None:
        contract, payer = self.stage.contract, _provider().address
        await self._perform(meter.make_payment(contract, payer, chain_id(slot), stroops, plan))

    async def _perform(self, call: Call) -> None:
        client = LedgerClient([self.stage.localnet.url], PASSPHRASE)
        try:
            await client.perform(call.operation(), _provider(), poll_s=0.001)
        finally:
            await client.close()


def _provider() -> SigningKey:
    return SigningKey(keypair("provider"))
