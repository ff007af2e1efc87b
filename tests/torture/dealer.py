"""The provider, who deals with the contract by a sound way of his own, and spends the same account.

What households pay on the chain is paid through him, too.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from stellar_sdk import Account, Asset, TransactionBuilder, xdr
from stellar_sdk.operation import Payment

from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.contracts.calls import Call
from gateway.ledger.envelopes import account_key
from gateway.ledger.keys import SigningKey
from tests.ledger.localnet import PASSPHRASE
from tests.torture.ground import METERS, Stage, chain_id, keypair

PLAN_STROOPS = 50_000


@dataclass(slots=True)
class Dealer:
    """One provider.

    Args:
        stage: the ledger.
        chance: what everything is drawn from.
        paid: what was paid for each meter, stroops, by slot.
        plans: whether a plan was paid, which makes charges uneven.
        paused: whether the contract takes nothing from anybody.
        switched_off: the slot of the meter that is deactivated; None: none is.
    """

    stage: Stage
    chance: random.Random
    paid: Counter[int] = field(default_factory=Counter)
    plans: bool = False
    paused: bool = False
    switched_off: int | None = None

    async def deal(self, event: str) -> None:
        """Do something on the chain: 'payment', 'plan paid', 'contract paused' or switch."""
        admin, slot = SigningKey(keypair("provider")).address, self.chance.randrange(METERS)
        if self.paused and event != "contract paused":
            return  # the contract takes nothing from anybody
        match event:
            case "payment":
                amount, plan = self.chance.randint(1, 10**6), meter.Plan.USAGE_BASED
                self.paid[slot] += amount
            case "plan paid":
                amount, plan = PLAN_STROOPS, meter.Plan.DAILY
                self.plans = True
            case "contract paused":
                await self.pause()
                return
            case _:
                await self._switch(slot)
                return
        contract = self.stage.contract
        await self._perform(meter.make_payment(contract, admin, chain_id(slot), amount, plan))

    async def _switch(self, slot: int) -> None:
        contract = self.stage.contract
        if self.switched_off is None:
            self.switched_off = slot
            await self._perform(meter.deactivate_meter(contract, chain_id(slot)))
        else:
            await self._perform(meter.activate_meter(contract, chain_id(self.switched_off)))
            self.switched_off = None

    async def pause(self) -> None:
        """Pause the contract, or let it go on."""
        self.paused = not self.paused
        act = upkeep.pause if self.paused else upkeep.unpause
        await self._perform(act(self.stage.contract))

    async def _perform(self, call: Call) -> None:
        client = LedgerClient([self.stage.localnet.url], PASSPHRASE)
        try:
            await client.perform(call.operation(), SigningKey(keypair("provider")), poll_s=0.001)
        finally:
            await client.close()

    def use_account(self) -> None:
        """Somebody pays with the gateway's key: its next sequence number is gone."""
        localnet, key = self.stage.localnet, keypair("gateway")
        asked = {"keys": [account_key(key.public_key).to_xdr()]}
        entries = localnet.ask("getLedgerEntries", asked)["entries"]
        assert isinstance(entries, list)
        account = xdr.LedgerEntryData.from_xdr(entries[0]["xdr"]).account
        assert account is not None
        source = Account(key.public_key, account.seq_num.sequence_number.int64)
        to = keypair("provider").public_key
        envelope = (
            TransactionBuilder(source, PASSPHRASE, base_fee=1_000)
            .add_time_bounds(0, 0)
            .append_operation(Payment(to, Asset.native(), "1"))
            .build()
        )
        envelope.sign(key)
        localnet.ask("sendTransaction", {"transaction": envelope.to_xdr()})
