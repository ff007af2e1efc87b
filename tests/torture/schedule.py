"""One schedule of faults between gateway and chain: everything in it follows from its seed.

A village uses energy, its readings go through the real intake into a real file, and the real
submitter and refresher settle it over a way that lies (:mod:`tests.torture.liar`), while they are
started again, the account is used by others and clocks jump. Then the faults end, and it must
drain.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from stellar_sdk import Account, Asset, TransactionBuilder, xdr
from stellar_sdk.operation import Payment

from gateway.errors import GatewayError, Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter, upkeep
from gateway.ledger.contracts.calls import Call
from gateway.ledger.envelopes import account_key
from gateway.ledger.keys import SigningKey
from gateway.ledger.refresh import Refresher
from gateway.ledger.submit import Submitter
from gateway.relays import SupplyControl, SupplySettings
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.ledger.localnet import PASSPHRASE
from tests.relays.village import Contactors
from tests.torture.ground import (
    CRITICAL,
    HOUR_S,
    START_S,
    VALID_FOR_S,
    Stage,
    at,
    chain_id,
    keypair,
    prepare,
    standing,
    tier_at,
)
from tests.torture.household import Households
from tests.torture.judge import FIRST_LEDGER, Verdict, judge, unsettled_wh
from tests.torture.liar import ABOUT, ANYWHERE, Liar, lying
from tests.torture.outcome import Outcome, Run, summed

GRACE_S = 200
RATES_OF_FAULTS = (0.1, 0.25, 0.5, 0.8)
MOST_HOURS = 3
FEWEST_TICKS, MOST_TICKS = 3, 12
DRAIN_ROUNDS = 30
TICKS_A_ROUND = 8
JUMPS_S = (-86_400 * 365, -7_200, -3_600, 3_600, 86_400, 86_400 * 3_650)
"""How far the gateway's clock may be off, s."""
MONTHS_S = 190 * 86_400
"""Longer than any rent is paid for: the network archives what the village has there."""
NOTHING = "nothing"
TIME_PASSES = (
    "ledgers close",
    "ledgers close",
    "envelope expires",
    "hours of silence",
    "left alone for months",
)
EVENTS = (
    *(NOTHING,) * 30,
    *TIME_PASSES,
    "restart",
    "restart",
    "file reopened",
    "account used by another tool",
    "payment",
    "plan paid",
    "meter switched off",
    "contract paused",
    "meters read late",
    "clock jumps",
    "clock jumps back",
)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Run]:
    """What runs one schedule after the other.

    Args:
        folder: for what they share.
    """
    ground = await prepare(folder)

    async def run(stage_folder: Path, seed: int) -> Outcome:
        begun_s = time.perf_counter()
        with ground.stage(stage_folder) as stage:
            schedule = Schedule(stage, random.Random(f"rpc {seed}"))
            verdict = await schedule.run()
        schedule.events["relay switched"] = len(schedule.relays.history)
        sums = summed(verdict) + Counter(requests=schedule.liar.requests)
        problems = verdict.problems
        may_refuse = schedule.plans or schedule.events["meter switched off"]
        if verdict.residue_wh and not may_refuse:
            problems = (*problems, f"{verdict.residue_wh} Wh were refused, and nothing was wrong")
        told = Counter({str(lie): count for lie, count in schedule.liar.told.items()})
        return Outcome(
            seed,
            problems,
            told + schedule.events,
            sums,
            time.perf_counter() - begun_s,
        )

    yield run


@dataclass(slots=True)
class _Gateway:
    """The services of one process, as they are between two starts."""

    database: Database
    intake: Intake
    submitter: Submitter
    refresher: Refresher
    supply: SupplyControl
    client: LedgerClient


@dataclass(slots=True)
class Schedule:
    """One schedule at work.

    Args:
        stage: ledger and store.
        chance: what everything is drawn from.
    """

    stage: Stage
    chance: random.Random
    liar: Liar = field(init=False)
    homes: Households = field(init=False)
    events: Counter[str] = field(default_factory=Counter)
    paid: Counter[int] = field(default_factory=Counter)
    plans: bool = False
    off_s: int = 0
    switched_off: int | None = None
    paused: bool = False
    relays: Contactors = field(default_factory=Contactors)
    eras: list[int] = field(default_factory=lambda: [FIRST_LEDGER])

    def __post_init__(self) -> None:
        kinds = [*ANYWHERE, *(lie for own in ABOUT.values() for lie in own)]
        count = self.chance.choice((2, 5, len(kinds)))
        lies = self.chance.sample(kinds, count)
        self.liar = Liar(
            self.stage.localnet.url,
            self.chance,
            lies,
            self.chance.choice(RATES_OF_FAULTS),
            self.stage.localnet.advance,
            self._use_account,
        )

    async def run(self) -> Verdict:
        """Live through the faults, drain, and be judged."""
        async with lying(self.liar):
            gateway = await self._start()
            self.homes = Households(
                self.chance, [point.meter_id for point in await find_points(gateway.database)]
            )
            for _ in range(self.chance.randint(1, MOST_HOURS)):
                gateway = await self._live_an_hour(gateway)
            self.liar.tell_the_truth()
            if self.paused:
                await self._pause()
            self.homes.read_all()
            await self._store(gateway)
            gateway = await self._drain(gateway)
            await gateway.client.close()
            await gateway.database.close()
        shown_wh = dict(enumerate(self.homes.shown_wh))
        paid = None if self.plans else self.paid
        verdict = judge(self.stage, shown_wh, paid=paid, eras=self.eras)
        if (str(CRITICAL), False) in self.relays.history:
            return replace(verdict, problems=(*verdict.problems, "a critical point was cut"))
        return verdict

    async def _start(self) -> _Gateway:
        database = await Database.open(self.stage.path)
        points = await find_points(database)
        clock = standing(START_S + 400 * 86_400)
        return self._served(database, Intake(IntakeSettings(), points, tier_at, database, clock))

    def _served(self, database: Database, intake: Intake) -> _Gateway:
        """Services as they are when a process has just started."""
        settings = self.stage.settings(self.liar.url)
        clock, key = standing(START_S), SigningKey(keypair("gateway"))
        client = LedgerClient([self.liar.url], PASSPHRASE)
        return _Gateway(
            database,
            intake,
            Submitter(settings, database, clock, client, key),
            Refresher(settings, database, clock, client),
            SupplyControl(SupplySettings(), database, clock, {"pin": self.relays}),
            client,
        )

    async def _restart(self, gateway: _Gateway) -> _Gateway:
        await gateway.client.close()
        return self._served(gateway.database, gateway.intake)

    async def _live_an_hour(self, gateway: _Gateway) -> _Gateway:
        self.homes.live(4)
        await self._store(gateway)
        self.stage.until(self.homes.now_s + GRACE_S)
        for _ in range(self.chance.randint(FEWEST_TICKS, MOST_TICKS)):
            gateway = await self._meet(self.chance.choice(EVENTS), gateway)
            await self._tick(gateway)
        return gateway

    async def _tick(self, gateway: _Gateway) -> None:
        services = (gateway.submitter, gateway.refresher, gateway.supply)
        service = self.chance.choices(services, (6, 2, 1))[0]
        try:
            await service.tick(at(self.stage.localnet.time_s() + self.off_s))
        except GatewayError as error:  # as in the service's own loop
            self.events[f"tick ended by a {type(error).__name__} fault"] += 1

    async def _store(self, gateway: _Gateway) -> None:
        for reading in self.homes.unread:
            gateway.intake.offer(reading)
        self.homes.unread.clear()
        await gateway.intake.tick(at(self.homes.now_s))

    async def _meet(self, event: str, gateway: _Gateway) -> _Gateway:
        if event == NOTHING:
            return gateway
        self.events[event] += 1
        match event:
            case "restart":
                return await self._restart(gateway)
            case "file reopened":
                await gateway.client.close()
                await gateway.database.close()
                return await self._start()
            case "account used by another tool":
                self._use_account()
            case "meters read late":
                self.homes.live(self.chance.randint(1, 3), missed=0.5)
                await self._store(gateway)
            case "clock jumps" | "clock jumps back":
                self.off_s = self.chance.choice(JUMPS_S) if event == "clock jumps" else 0
            case _ if event in TIME_PASSES:
                self._pass_time(event)
            case _:
                await self._deal(event)
        return gateway

    def _pass_time(self, event: str) -> None:
        localnet = self.stage.localnet
        match event:
            case "ledgers close":
                localnet.close_ledgers(self.chance.randint(1, 5))
            case "envelope expires":
                localnet.advance(VALID_FOR_S + 1)
            case "hours of silence":
                localnet.advance(self.chance.randint(1, 40) * HOUR_S)
            case "left alone for months":
                localnet.leave_alone(MONTHS_S)
                self.eras.append(int(str(localnet.ask("getLatestLedger")["sequence"])))

    async def _deal(self, event: str) -> None:
        """Provider or household do something on the chain."""
        contract, admin = self.stage.contract, SigningKey(keypair("provider"))
        slot = self.chance.randrange(len(self.homes.shown_wh))
        if self.paused and event != "contract paused":
            return  # the contract takes nothing from anybody
        match event:
            case "payment":
                amount, plan = self.chance.randint(1, 10**6), meter.Plan.USAGE_BASED
                self.paid[slot] += amount
            case "plan paid":
                amount, plan = 50_000, meter.Plan.DAILY
                self.plans = True
            case "contract paused":
                await self._pause()
                return
            case _:
                await self._switch(slot)
                return
        call = meter.make_payment(contract, admin.address, chain_id(slot), amount, plan)
        await self._perform(call)

    async def _switch(self, slot: int) -> None:
        contract = self.stage.contract
        if self.switched_off is None:
            self.switched_off = slot
            await self._perform(meter.deactivate_meter(contract, chain_id(slot)))
        else:
            await self._perform(meter.activate_meter(contract, chain_id(self.switched_off)))
            self.switched_off = None

    async def _pause(self) -> None:
        """The provider pauses the contract, or lets it go on."""
        self.paused = not self.paused
        act = upkeep.pause if self.paused else upkeep.unpause
        await self._perform(act(self.stage.contract))

    async def _perform(self, call: Call) -> None:
        """The provider has a way of its own to the chain, and it is sound."""
        client = LedgerClient([self.stage.localnet.url], PASSPHRASE)
        try:
            await client.perform(call.operation(), SigningKey(keypair("provider")), poll_s=0.001)
        finally:
            await client.close()

    def _use_account(self) -> None:
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

    async def _drain(self, gateway: _Gateway) -> _Gateway:
        """Sound ways, a sound clock: whatever is left must settle, by processes started anew."""
        self.stage.until(self.homes.now_s + HOUR_S + GRACE_S)
        for _ in range(DRAIN_ROUNDS):
            gateway = await self._restart(gateway)
            now = at(self.stage.localnet.time_s())
            for _ in range(TICKS_A_ROUND):
                with suppress(Transient):
                    await gateway.submitter.tick(now)
                if not unsettled_wh(self.stage.path):
                    await gateway.refresher.tick(now)
                    return gateway
            self.stage.localnet.advance(HOUR_S)  # envelopes die, late usage finds room
        return gateway
