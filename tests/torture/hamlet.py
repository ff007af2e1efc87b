"""A village whose relays are held against a reader of its own, one look after the other.

Households use energy while their relay conducts, meters are read, people act, the gateway decides
and settles. What is missing at the time is said by whoever takes it away
(:mod:`tests.torture.away`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

from gateway.domain.readings import Reading
from gateway.errors import GatewayError
from gateway.store.points import find_points
from tests.torture.elsewhere import Elsewhere
from tests.torture.entitled import Account
from tests.torture.ground import CRITICAL, METERS, QUARTER_S, at, first_wh, label_of
from tests.torture.judge import connect
from tests.torture.on_site import People
from tests.torture.outage import FAILING, FULL, NODE, READ_ONLY, Disk, Radio, Way, until
from tests.torture.processes import SETTLE_EVERY_S, Field, Processes, Settlement

TAKES_NOTHING = frozenset({FAILING, FULL, READ_ONLY})
MOST_USED_WH, LEAKED_WH = 250, 20
SETTLE_AFTER_S = 120
TICKS = 40
ON_NODE = METERS - 1
"""The slot whose meter and relay are a node's, where there is a broker."""


@dataclass(slots=True)
class _Unsure:
    """A reading that is not known to be stored; of a node's the future is None."""

    slot: int
    at_s: int
    shown_wh: int
    done: asyncio.Future[None] | None


@dataclass(slots=True)
class Hamlet:
    """One village at work.

    Args:
        processes: the gateway.
        chance: what everything is drawn from.
        way: the way to the chain.
        disk: where the store is.
        shown_wh: what each register shows, by slot.
        missed: how likely a reading fails, 0 to 1.
        has_chain: whether the way is open.
        thrown: what happened, by name.
        sums: what was counted.
        problems: what should not be.
    """

    processes: Processes
    chance: random.Random
    way: Way
    disk: Disk
    shown_wh: list[int]
    missed: float
    has_chain: bool = True
    thrown: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    accounts: list[Account] = field(init=False)
    people: People = field(init=False)
    elsewhere: Elsewhere = field(init=False)
    _meters: list[int] = field(default_factory=list)
    _unsure: list[_Unsure] = field(default_factory=list)
    _told: dict[int, tuple[int, int]] = field(default_factory=dict)
    """How often each relay was told something, and when last (unix seconds)."""

    def __post_init__(self) -> None:
        world = self.processes.world
        overdraft = world.policy.overdraft_stroops
        self.accounts = [
            Account(first_wh(slot), slot == CRITICAL, overdraft) for slot in range(METERS)
        ]
        self.people = People(self.chance, world.clock, self.accounts)
        self.elsewhere = Elsewhere(world.stage, self.chance, self.accounts)

    # What is there

    @property
    def now_s(self) -> int:
        """Where the village is (unix seconds)."""
        return int(self.processes.world.clock.origin_s)

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.processes.world.clock.origin_s += seconds

    @property
    def radio(self) -> Radio | None:
        """A broker with a node; None: there is none."""
        return self.processes.world.radio

    @property
    def takes(self) -> bool:
        """Whether the disk takes everything."""
        return self.disk.trouble not in TAKES_NOTHING

    @property
    def has_broker(self) -> bool:
        """Whether there is a broker, and it runs."""
        return self.radio is not None and self.radio.is_here

    @property
    def outdoors(self) -> Field | None:
        """What reads and switches; None: it could not start."""
        return self.processes.field

    @property
    def settlement(self) -> Settlement | None:
        """What speaks with the chain; None: it could not start."""
        return self.processes.settlement

    def positions(self) -> list[bool | None]:
        """How each relay stands, by slot; None: it was never told."""
        told = [self.processes.world.pins.position.get(str(slot)) for slot in range(METERS)]
        if self.radio is not None:
            told[ON_NODE] = self.radio.home.told[-1] if self.radio.home.told else None
        return told

    # Processes

    async def begin(self) -> None:
        """The chain is looked at once, and everybody has some credit there, or a plan."""
        await self.start()
        assert self.outdoors is not None
        await self.outdoors.housekeeper.tick(at(self.now_s))  # sets room aside
        self._meters = [one.meter_id for one in await find_points(self.outdoors.database)]
        await self.elsewhere.fund()
        on_plan = self.chance.choice((None, 1))
        for slot in range(METERS):
            await (self.elsewhere.buy_plan(slot) if slot == on_plan else self.elsewhere.pay(slot))
        ledger_s = self.processes.world.stage.localnet.time_s()
        self.wait(max(QUARTER_S, -(-(ledger_s - self.now_s) // QUARTER_S) * QUARTER_S))
        await self.look_at_chain()

    async def start(self) -> None:
        """Start what is not running; where the disk does not let it, what was told stays told."""
        before = self.positions()
        try:
            await self.processes.start()
        except GatewayError as error:
            self.thrown["start refused by the disk"] += 1
            if self.takes:
                self.problems.append(f"it did not start: {error}")
            await self.end()
            if self.positions() != before:
                self.problems.append("a start that failed has switched something")

    async def end(self) -> None:
        """End everything; what waits in memory is lost, what a node keeps is not."""
        await self.processes.end()
        self._unsure = [one for one in self._unsure if one.done is None]

    # Readings

    def live(self, quarters: int) -> None:
        """Households live, and meters are read at the end of each quarter-hour."""
        positions = self.positions()
        for _ in range(quarters):
            self.wait(QUARTER_S - self.now_s % QUARTER_S)
            for slot, is_on in enumerate(positions):
                self.shown_wh[slot] += self._use_wh(is_on=bool(is_on))
                if self.chance.random() >= self.missed:
                    self.read(slot)

    def _use_wh(self, *, is_on: bool) -> int:
        if not is_on:  # mostly nothing; a wire past the relay is usage like any other
            return self.chance.randint(1, LEAKED_WH) if self.chance.random() < 0.01 else 0
        return self.chance.choice((0, 1, self.chance.randint(0, MOST_USED_WH)))

    def read(self, slot: int) -> None:
        """Read one meter now."""
        shown_wh, done = self.shown_wh[slot], None
        if self.radio is not None and slot == ON_NODE:
            self.radio.node.read(self.now_s)
        elif self.outdoors is None:
            return
        else:
            reading = Reading(self._meters[slot], at(self.now_s), shown_wh)
            done = self.outdoors.intake.offer(reading)
        self._unsure.append(_Unsure(slot, self.now_s, shown_wh, done))

    async def store(self) -> None:
        """What was read is stored, as far as the disk takes it."""
        if self.outdoors is None or (not self.takes and self.chance.random() < 0.8):
            return  # a disk that takes nothing is tried now and then
        await self._flush(self.outdoors)
        node_done = self.radio is not None and self.has_broker and self.takes
        if node_done:
            deadline_s = asyncio.get_running_loop().time() + 20
            while self.radio is not None and self.radio.node.kept:
                assert asyncio.get_running_loop().time() < deadline_s, "a node waits for ever"
                await asyncio.sleep(0.001)  # broker and node have their turn
                await self._flush(self.outdoors)
        left = []
        for one in self._unsure:
            if one.done.done() if one.done is not None else node_done:
                self.accounts[one.slot].read(one.at_s, one.shown_wh)
            else:
                left.append(one)
        self._unsure = left

    async def _flush(self, outdoors: Field) -> None:
        try:
            await outdoors.intake.tick(at(self.now_s))
        except GatewayError as error:
            self._excuse("readings", error)

    def _excuse(self, what: str, error: GatewayError) -> None:
        """A fault is to be expected only while the disk takes nothing."""
        self.thrown[f"{what}: not taken by the disk"] += 1
        if self.takes:
            self.problems.append(f"{what} at {self.now_s}: {error}")

    # People

    async def act(self) -> None:
        """People do something, here and elsewhere."""
        if self.processes.page is None:
            return
        try:
            await self.people.act(self.processes.page, [not one for one in self.positions()])
        except GatewayError as error:
            self._excuse("acts", error)

    # Supply

    async def decide(self) -> None:
        """Supply control looks once, and each relay is held against who is entitled."""
        before, is_decided = self.positions(), self.outdoors is not None
        spared = self._just_told()
        if self.outdoors is not None:
            try:
                await self.outdoors.supply.tick(at(self.now_s))
            except GatewayError as error:
                is_decided = False
                self._excuse("decisions", error)
            await self._node_obeys()
        for slot, moved in enumerate(zip(before, self.positions(), strict=True)):
            self._hold(slot, moved, is_decided=is_decided and slot not in spared)
        self._just_told()

    def _just_told(self) -> set[int]:
        """Relays that were told something less than their least time between two switchings ago.

        Also when it was where they stood: a process that starts tells every relay once.
        """
        told = Counter(int(name) for name, _ in self.processes.world.pins.history)
        if self.radio is not None:
            told[ON_NODE] = len(self.radio.home.told)
        for slot, times in told.items():
            if self._told.get(slot, (0, 0))[0] != times:
                self._told[slot] = times, self.now_s
        pause_s = self.processes.world.policy.min_switch_s
        return {slot for slot, (_, at_s) in self._told.items() if self.now_s - at_s < pause_s}

    async def _node_obeys(self) -> None:
        radio = self.radio
        if radio is not None and self.has_broker:
            await until(lambda: len(radio.home.told) >= radio.sent, "a node's obedience")

    def _hold(self, slot: int, moved: tuple[bool | None, bool | None], *, is_decided: bool) -> None:
        (before, position), account = moved, self.accounts[slot]
        is_on_node = self.radio is not None and slot == ON_NODE
        entitled = account.is_entitled(self.now_s)
        right: set[bool | None] = {entitled}
        if self.outdoors is None or (is_on_node and not self.has_broker):
            right = {before}  # nobody is there to tell it, or it can't be told
        elif not is_decided and not account.locks:
            right = {before, entitled}
        self.sums["decisions_checked" if is_decided else "positions_held"] += 1
        if position in right:
            return
        self.sums["wrong_relays"] += 1
        self.problems.append(
            f"{label_of(slot)} at {self.now_s}: told {position}, before {before}, "
            f"entitled {entitled} (left {account.left_stroops}, locks {sorted(account.locks)}, "
            f"order {account.order}, disk {self.disk.trouble!r}, decided {is_decided})"
        )

    # The chain

    async def look_at_chain(self) -> None:
        """Settle and refresh, as far as they are let.

        What a node still keeps would come too late for a batch of its time, so nothing is settled
        without the broker; the same goes for readings that wait for the disk.
        """
        self.processes.world.stage.until(self.now_s)
        settlement = self.settlement
        if settlement is None:
            return
        if not self.has_chain and self.way.is_silent:
            await settlement.look_in_vain(self.processes.world.clock)
            return
        boundary_s = (self.now_s - SETTLE_AFTER_S) // SETTLE_EVERY_S * SETTLE_EVERY_S
        may_settle = not self._unsure and self.disk.trouble != FULL
        try:
            if may_settle:
                await self._settle(settlement, boundary_s)
            await settlement.refresher.tick(at(self.now_s))
        except GatewayError as error:
            if self.has_chain and self.takes:
                self.problems.append(f"chain at {self.now_s}: {error}")
            return
        for slot, account in enumerate(self.accounts):
            account.hear()
            if may_settle:
                account.settle(boundary_s, is_refused=slot == self.elsewhere.off)

    async def _settle(self, settlement: Settlement, boundary_s: int) -> None:
        for _ in range(TICKS):
            await settlement.submitter.tick(at(self.now_s))
            if self._is_settled(boundary_s):
                return
            is_sure = self.elsewhere.off is None and all(one.is_sure for one in self.accounts)
            if is_sure and self.chance.random() < 0.3:
                await self.decide()  # money on its way counts as before
        self.problems.append(f"not settled at {self.now_s}")

    def _is_settled(self, boundary_s: int) -> bool:
        with closing(connect(self.processes.world.stage.path)) as file:
            waiting = file.execute(
                """SELECT (SELECT count(*) FROM outbox WHERE state IN ('pending', 'signed', 'sent'))
                     + (SELECT count(*) FROM local_credit WHERE state = 'local')
                     + (SELECT count(*) FROM usage WHERE usage_wh > claimed_wh AND start_s < ?)""",
                (boundary_s,),
            ).fetchone()[0]
        return not waiting

    def is_drained(self) -> bool:
        """Whether everything that was used and paid is on the chain."""
        return self._is_settled(self.now_s + QUARTER_S)

    def has_news(self, state: str) -> bool:
        """Whether the store knows that the node is 'online' again, or 'offline'."""
        with closing(connect(self.processes.world.stage.path)) as file:
            row = file.execute(
                "SELECT state, since_s FROM status WHERE name = ?", (f"node:{NODE}",)
            ).fetchone()
        return bool(row == (state, self.now_s))
