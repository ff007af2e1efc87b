"""The demo's chain: the provider opens the village, households pay by phone, a judge looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stellar_sdk import Keypair, scval, xdr
from stellar_sdk.soroban_rpc import EventFilter
from stellar_sdk.soroban_server_async import SorobanServerAsync

from gateway.commands.demo.files import SITE, write_secret
from gateway.domain.batches import Price
from gateway.errors import Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.keys import SigningKey
from gateway.ledger.provision import Deployment, NewMeter, Provider
from gateway.simulation.households import MAX_POWER_W, TOKEN, Habit, Resident
from gateway.simulation.localnet import PASSPHRASE, Localnet
from gateway.simulation.verdict import ChainFacts

WASM = Path(__file__).parents[3] / "contracts" / "wasm"
POLL_S = 0.05
PRICE = Price(
    version=1,
    effective_from_s=0,
    off_peak=96 * TOKEN // 10,
    standard=12 * TOKEN,
    peak=18 * TOKEN,
    daily=30 * TOKEN,
    weekly=180 * TOKEN,
)
"""$0.12 per kWh by day, x 0.8 off-peak, x 1.5 at peak; 1 ELECTRIC is $0.01."""
FIRST_PAYMENT: Mapping[Habit, tuple[int, meter.Plan]] = {
    Habit.CREDIT: (500 * TOKEN, meter.Plan.USAGE_BASED),
    Habit.DAILY: (PRICE.daily, meter.Plan.DAILY),
    Habit.WEEKLY: (PRICE.weekly, meter.Plan.WEEKLY),
    Habit.RUNS_OUT: (3 * TOKEN, meter.Plan.USAGE_BASED),
    Habit.PAYS_LATE: (2 * TOKEN, meter.Plan.USAGE_BASED),
}
LATE_PAYMENT = 100 * TOKEN
PAGE_SLOTS = 64
MOST_EVENTS = 1_000
_GRANT = 10_000 * TOKEN


class DemoChain:
    """Everybody on the chain but the gateway.

    Args:
        localnet: the running ledger.
    """

    def __init__(self, localnet: Localnet) -> None:
        self._localnet = localnet
        self._client = LedgerClient([localnet.url], PASSPHRASE)
        self._provider_key = SigningKey(Keypair.random())
        self._phone = SigningKey(Keypair.random())
        self._deployment: Deployment | None = None

    @property
    def contract(self) -> str:
        """The meter contract's address, once the village is open."""
        if self._deployment is None:
            raise Permanent("the village is not open yet")
        return self._deployment.meter

    async def open(self, residents: Sequence[Resident], key_file: Path, since_s: int) -> None:
        """Deploy, register everybody, allow a fresh gateway key and write it to its file.

        Args:
            residents: in the order of their slots.
            key_file: for the gateway's signing key.
            since_s: from when the first price is in force (unix seconds, on the quarter-hour).
        """
        gateway = Keypair.random()
        write_secret(key_file, gateway.secret + "\n")
        for address in (self._provider_key.address, self._phone.address, gateway.public_key):
            await self._localnet.fund(address)
        provider = Provider(self._client, self._provider_key, POLL_S)
        self._deployment = await provider.deploy(_wasm("meter"), _wasm("electric"))
        price = replace(PRICE, effective_from_s=since_s)
        meters = [NewMeter(one.slot, MAX_POWER_W, "prepaid") for one in residents]
        await provider.open_site(self.contract, SITE, gateway.public_key, meters, price)
        await provider.grant(self._deployment.token, self._phone.address, _GRANT)

    async def pay(self, resident: Resident, amount: int, plan: meter.Plan) -> None:
        """A household pays by phone; the gateway hears of it from the chain.

        Args:
            resident: whose meter.
            amount: stroops.
            plan: what it buys.
        """
        meter_id = SITE << 32 | resident.slot
        call = meter.make_payment(self.contract, self._phone.address, meter_id, amount, plan)
        await self._client.perform(call.operation(), self._phone, poll_s=POLL_S)

    async def pay_first(self, residents: Sequence[Resident]) -> None:
        """Everybody pays as is their habit."""
        for resident in residents:
            await self.pay(resident, *FIRST_PAYMENT[resident.habit])

    async def facts(self, slots: int, since_ledger: int = 2) -> ChainFacts:
        """What the ledger holds, for the verdict; pages raw.

        Args:
            slots: meter points of the site.
            since_ledger: where the events begin.
        """
        pages = range((slots + PAGE_SLOTS - 1) // PAGE_SLOTS)
        keys = {number: meter.page_key(self.contract, SITE, number) for number in pages}
        receipt_key = meter.receipt_key(self.contract, SITE)
        entries = await self._client.read([*keys.values(), receipt_key])
        receipt = entries.value(receipt_key)
        raw = {
            number: scval.from_bytes(value)
            for number, key in keys.items()
            if (value := entries.value(key)) is not None
        }
        return ChainFacts(
            pages=raw,
            sequence=_number(receipt, "sequence") if receipt else 0,
            total_residue_wh=_number(receipt, "total_residue_wh") if receipt else 0,
            batch_sequences=await self._batches(since_ledger),
        )

    async def _batches(self, since_ledger: int) -> list[int]:
        """The numbers of all batches that the contract has announced, in ledger order."""
        topics = [scval.to_symbol("batch").to_xdr(), scval.to_uint32(SITE).to_xdr()]
        filters = [EventFilter(contractIds=[self.contract], topics=[topics])]
        found: list[int] = []
        cursor: str | None = None
        async with SorobanServerAsync(self._localnet.url) as server:
            while True:
                since = None if cursor else since_ledger
                answer = await server.get_events(
                    start_ledger=since, filters=filters, cursor=cursor, limit=MOST_EVENTS
                )
                found += [
                    _number(xdr.SCVal.from_xdr(one.value), "sequence") for one in answer.events
                ]
                cursor = answer.cursor
                if len(answer.events) < MOST_EVENTS:
                    return found

    async def close(self) -> None:
        """Let go of the ledger."""
        await self._client.close()


def _wasm(name: str) -> bytes:
    path = WASM / f"{name}.wasm"
    if not path.is_file():
        raise Permanent(f"{path} isn't there: the demo runs from a checkout of the repository")
    return path.read_bytes()


def _number(struct: xdr.SCVal, name: str) -> int:
    return scval.from_uint64(scval.from_struct(struct)[name])
