"""One schedule of faults between gateway and chain: everything in it follows from its seed.

A village uses energy, its readings go through the real intake into a real file, and the real
submitter and refresher settle it over a way that lies (:mod:`tests.torture.liar`), while they are
started again, the account is used by others and clocks jump. People pay, steal tokens and hang
locks. Then the faults end, and it must drain.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import GatewayError, Transient
from gateway.ledger.client import LedgerClient
from gateway.ledger.keeper import Keeper
from gateway.ledger.keys import SigningKey
from gateway.ledger.refresh import Refresher
from gateway.ledger.submit import Submitter
from gateway.relays import SupplyControl, SupplySettings
from gateway.sources.intake import Intake, IntakeSettings
from gateway.store.database import Database
from gateway.store.points import find_points
from tests.ledger.localnet import PASSPHRASE
from tests.torture.backups import Backups
from tests.torture.dealer import Dealer
from tests.torture.ground import (
    HOUR_S,
    METERS,
    START_S,
    VALID_FOR_S,
    Stage,
    at,
    keypair,
    prepare,
    standing,
    tier_at,
)
from tests.torture.household import Households
from tests.torture.judge import FIRST_LEDGER, Verdict, count_keeps, is_drained, judge
from tests.torture.liar import ABOUT, ANYWHERE, Liar, lying
from tests.torture.outcome import Outcome, Run, summed
from tests.torture.people import (
    MOST_CASH,
    Relays,
    Tokens,
    lock,
    misconduct,
    pay_cash,
    unlock,
)

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
STARTS = ("restart", "restart", "file reopened", "backup put back", "backup put back")
BY_PEOPLE = (
    "cash taken",
    "token entered",
    "token replayed",
    "token forged",
    "token of another house",
    "locked out",
    "lock taken off",
)
EVENTS = (
    *(NOTHING,) * 35,
    *TIME_PASSES,
    *BY_PEOPLE,
    *STARTS,
    "backup made",
    "backup made",
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
        with ground.stage(stage_folder) as stage:
            schedule = Schedule(stage, random.Random(f"rpc {seed}"))
            verdict = await schedule.run()
        schedule.events["relay switched"] = schedule.relays.switched
        faults = misconduct(schedule.lines)
        sums = summed(verdict) + Counter(
            requests=schedule.liar.requests,
            keeps=count_keeps(stage.path),
            payments=schedule.credits,
            backups_put_back=schedule.backups.put_back,
            relay_faults=len(faults),
            tokens_refused=schedule.tokens.refused.total(),
        )
        problems = [*verdict.problems, *faults, *schedule.tokens.problems]
        may_refuse = schedule.provider.plans or schedule.events["meter switched off"]
        if verdict.residue_wh and not may_refuse:
            problems.append(f"{verdict.residue_wh} Wh were refused, and nothing was wrong")
        told = Counter({str(lie): count for lie, count in schedule.liar.told.items()})
        return Outcome(
            seed,
            tuple(problems),
            told + schedule.events,
            sums,
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
    keeper: Keeper
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
    provider: Dealer = field(init=False)
    backups: Backups = field(init=False)
    off_s: int = 0
    credits: int = 0
    lines: list[str] = field(default_factory=list)
    relays: Relays = field(init=False)
    tokens: Tokens = field(init=False)
    eras: list[int] = field(default_factory=lambda: [FIRST_LEDGER])

    def __post_init__(self) -> None:
        self.provider = Dealer(self.stage, self.chance)
        self.backups = Backups(self.stage)
        kinds = [*ANYWHERE, *(lie for own in ABOUT.values() for lie in own)]
        count = self.chance.choice((2, 5, len(kinds)))
        lies = self.chance.sample(kinds, count)
        self.liar = Liar(
            self.stage.localnet.url,
            self.chance,
            lies,
            self.chance.choice(RATES_OF_FAULTS),
            self.stage.localnet.advance,
            self.provider.use_account,
        )
        self.relays = Relays(self.lines.append)
        self.tokens = Tokens(self.chance)

    async def run(self) -> Verdict:
        """Live through the faults, drain, and be judged."""
        async with lying(self.liar):
            gateway = await self._start()
            self.homes = Households(
                self.chance, [point.meter_id for point in await find_points(gateway.database)]
            )
            out = self.chance.randrange(METERS)
            await lock(gateway.database, out, self.homes.now_s, self.lines.append)
            for _ in range(self.chance.randint(1, MOST_HOURS)):
                gateway = await self._live_an_hour(gateway)
            self.liar.tell_the_truth()
            if self.provider.paused:
                await self.provider.pause()
            self.homes.read_all()
            await self._store(gateway)
            gateway = await self._drain(gateway)
            await gateway.client.close()
            await gateway.database.close()
        shown_wh = dict(enumerate(self.homes.shown_wh))
        paid = None if self.provider.plans else self.provider.paid
        lost = self.backups.lost if self.backups.put_back else None
        return judge(self.stage, shown_wh, paid=paid, lost=lost, eras=self.eras)

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
        self.lines.append("started")
        return _Gateway(
            database,
            intake,
            Submitter(settings, database, clock, client, key),
            Refresher(settings, database, clock, client),
            SupplyControl(SupplySettings(), database, clock, {"pin": self.relays}),
            Keeper(settings, database, clock, client, key),
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
        services = (gateway.submitter, gateway.refresher, gateway.supply, gateway.keeper)
        service = self.chance.choices(services, (12, 4, 3, 1))[0]
        try:
            await service.tick(at(self.stage.localnet.time_s() + self.off_s))
            if service is gateway.supply:
                self.lines.append("looked")
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
        if event in STARTS:
            return await self._begin_again(event, gateway)
        match event:
            case "backup made":
                await self.backups.make(gateway.database)
            case "account used by another tool":
                self.provider.use_account()
            case "meters read late":
                self.homes.live(self.chance.randint(1, 3), missed=0.5)
                await self._store(gateway)
            case "clock jumps" | "clock jumps back":
                self.off_s = self.chance.choice(JUMPS_S) if event == "clock jumps" else 0
            case _ if event in TIME_PASSES:
                self._pass_time(event)
            case _ if event in BY_PEOPLE:
                await self._act(event, gateway.database)
            case _:
                await self.provider.deal(event)
        return gateway

    async def _begin_again(self, event: str, gateway: _Gateway) -> _Gateway:
        """Other processes go on, with the same file or with its backup."""
        if event == "restart":
            return await self._restart(gateway)
        await gateway.client.close()
        await gateway.database.close()
        if event == "backup put back" and self.backups.path.exists():
            self.tokens.are_frozen = True
            locked = await self.backups.restore(self.homes.now_s)
            self.lines += [f"{verb} {slot}" for slot in locked for verb in ("locking", "locked")]
        return await self._start()

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

    async def _act(self, event: str, database: Database) -> None:
        """Somebody does something in the village."""
        slot, now_s = self.chance.randrange(METERS), self.homes.now_s
        match event:
            case "cash taken":
                stroops = self.chance.randint(1, MOST_CASH)
                self.credits += 1
                await pay_cash(database, slot, stroops, f"{self.credits}", now_s)
            case "token entered":
                self.credits += 1
                stroops = await self.tokens.buy(database, slot, now_s)
            case "locked out" | "lock taken off":
                act = lock if event == "locked out" else unlock
                await act(database, slot, now_s, self.lines.append)
                return
            case _:
                stroops = await self.tokens.cheat(database, event, slot, now_s)
        self.provider.paid[slot] += stroops

    async def _drain(self, gateway: _Gateway) -> _Gateway:
        """Sound ways, a sound clock: whatever is left must settle, by processes started anew."""
        self.stage.until(self.homes.now_s + HOUR_S + GRACE_S)
        for _ in range(DRAIN_ROUNDS):
            gateway = await self._restart(gateway)
            now = at(self.stage.localnet.time_s())
            if self.backups.put_back:
                with suppress(Transient):
                    clock = standing(self.stage.localnet.time_s())
                    await self.backups.settle_again(gateway.database, clock, self.eras)
            for _ in range(TICKS_A_ROUND):
                with suppress(Transient):
                    await gateway.submitter.tick(now)
                if is_drained(self.stage.path):
                    await gateway.refresher.tick(now)
                    await gateway.supply.tick(now)
                    self.lines.append("looked")
                    return gateway
            self.stage.localnet.advance(HOUR_S)  # envelopes die, late usage finds room
        return gateway
