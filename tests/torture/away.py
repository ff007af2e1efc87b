"""Thirty days without the chain, the disk or the broker: relays follow what is known, and credit.

A village is settled once; then one or two of the three go away for thirty simulated days, for good
or with short returns, as the seed says. Households use energy, spend what they have, are cut, pay
on site and come back; people hang locks and give orders; processes are started anew. After each
decision each relay is held against a reader of its own (:mod:`tests.torture.entitled`). Then
everything comes back, and must drain.

While the disk takes nothing, nothing is switched that could not be stored: relays stay as they
are, but for a lock-out, which opens. A node without a broker can't be told; it is told at once
when the broker is back.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.supply import SupplyPolicy
from tests.torture.entitled import DAY_S
from tests.torture.field import disk_of_its_own
from tests.torture.ground import (
    METERS,
    QUARTER_S,
    START_S,
    VALID_FOR_S,
    Ground,
    at,
    first_wh,
    prepare,
)
from tests.torture.hamlet import ON_NODE, SETTLE_AFTER_S, Hamlet
from tests.torture.judge import Verdict, judge
from tests.torture.outage import (
    FAILING,
    FULL,
    FULL_ONCE,
    NODE,
    READ_ONLY,
    Disk,
    radio_of,
    until,
    way_to,
)
from tests.torture.outcome import Outcome, Run, summed
from tests.torture.processes import SETTLE_EVERY_S, Pins, Processes, World

THINGS = ("chain", "disk", "broker")
AWAY_DAYS = 30
MOST_QUARTERS = 32
"""From one look at the village to the next."""
MOST_RETURNS = 3
LONGEST_RETURN = 48
"""Quarter-hours."""
MISSED = (0.0, 0.0, 0.01)
OVERDRAFTS = (0, 0, 0, 3_000)
RESTARTS = (0, 0.05)
MIN_SWITCH_S = 60
"""No relay is switched twice within so long."""
DRAIN_ROUNDS = 10


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Run]:
    """What runs one outage after the other.

    Args:
        folder: for what they share.
    """
    ground = await prepare(folder)

    async def run(stage_folder: Path, seed: int) -> Outcome:
        async with _outage(ground, stage_folder, random.Random(f"away {seed}")) as outage:
            verdict = await outage.run()
        hamlet, people = outage.hamlet, outage.hamlet.people
        sums = summed(verdict) + hamlet.sums + Counter(local_credits=people.credits)
        return Outcome(
            seed,
            (*verdict.problems, *hamlet.problems, *people.problems),
            hamlet.thrown + people.did + hamlet.elsewhere.did,
            sums,
        )

    yield run


@asynccontextmanager
async def _outage(ground: Ground, folder: Path, chance: random.Random) -> AsyncIterator[Outage]:
    """A village with everything around it."""
    things = frozenset(chance.sample(THINGS, chance.choice((1, 1, 2))))
    async with AsyncExitStack() as stack:
        has_room = stack.enter_context(disk_of_its_own(folder / "disk"))
        stage = stack.enter_context(ground.stage(folder))
        path = folder / "disk" / stage.path.name
        path.write_bytes(stage.path.read_bytes())
        stage = replace(stage, path=path)
        clock, shown_wh = Clock(START_S, 0, 1e-12), [first_wh(slot) for slot in range(METERS)]
        way = await stack.enter_async_context(way_to(stage.localnet))
        radio = None
        if "broker" in things:
            _hang_on_node(path)
            around = radio_of(folder / "broker", clock, lambda: shown_wh[ON_NODE])
            radio = await stack.enter_async_context(around)
        policy = SupplyPolicy(overdraft_stroops=chance.choice(OVERDRAFTS))
        processes = Processes(World(stage, clock, way.url, policy, Pins(), radio))
        disk = Disk(folder / "disk", has_room=has_room)
        stack.push_async_callback(processes.end)
        stack.callback(disk.mend)
        hamlet = Hamlet(processes, chance, way, disk, shown_wh, chance.choice(MISSED))
        yield Outage(hamlet, chance, things, chance.choice(RESTARTS))


def _hang_on_node(path: Path) -> None:
    """Let a meter point's meter and relay be a node's."""
    values = {"relay": f"node:{NODE}", "address": f"node/{NODE}", "slot": ON_NODE}
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE meter_point SET relay = :relay WHERE slot = :slot", values)
        file.execute(
            """UPDATE installation SET address = :address WHERE meter_point_id =
               (SELECT meter_point_id FROM meter_point WHERE slot = :slot)""",
            values,
        )


@dataclass(frozen=True, slots=True)
class _Spell:
    """Some time in which the same things are away."""

    quarters: int
    absent: frozenset[str]


@dataclass(slots=True)
class Outage:
    """One outage.

    Args:
        hamlet: the village.
        chance: what everything is drawn from.
        things: what goes away.
        restarts: how likely supply control is started anew at each look, 0 to 1.
    """

    hamlet: Hamlet
    chance: random.Random
    things: frozenset[str]
    restarts: float
    _absent: frozenset[str] = frozenset()
    _look_s: int = 0

    async def run(self) -> Verdict:
        """Live through it, drain, and be judged."""
        away_s = 0
        await self.hamlet.begin()
        for spell in self._spells():
            await self._change(spell.absent)
            await self._live(spell.quarters)
            away_s += spell.quarters * QUARTER_S if spell.absent == self.things else 0
        self.hamlet.sums["days_away"] = away_s // DAY_S
        await self._change(frozenset())
        return await self._end()

    def _spells(self) -> list[_Spell]:
        """A day with everything, then thirty days without, with short returns in between."""
        chance, quarters = self.chance, AWAY_DAYS * DAY_S // QUARTER_S
        cuts = chance.choice((0, chance.randint(1, MOST_RETURNS)))
        ends = [*sorted(chance.sample(range(1, quarters), cuts)), quarters]
        spells = [_Spell(DAY_S // QUARTER_S, frozenset())]
        for since, end in zip([0, *ends], ends, strict=False):
            spells.append(_Spell(end - since, self.things))
            if end < quarters:
                back = chance.sample(sorted(self.things), chance.randint(1, len(self.things)))
                left = self.things - frozenset(back)
                spells.append(_Spell(chance.randint(1, LONGEST_RETURN), left))
                self.hamlet.thrown["short return"] += 1
        return spells

    async def _live(self, quarters: int) -> None:
        """One look after the other, at irregular times."""
        hamlet, chance = self.hamlet, self.chance
        while quarters:
            step = min(chance.randint(1, MOST_QUARTERS), quarters)
            quarters -= step
            hamlet.live(step)
            if hamlet.disk.trouble == FULL:
                hamlet.disk.spoil(FULL)  # whatever room has turned up
            await hamlet.store()
            await self._start_anew()
            await hamlet.act()
            if chance.random() < 0.01:
                hamlet.processes.world.stage.until(hamlet.now_s)
                await hamlet.elsewhere.act()
            if hamlet.now_s >= self._look_s:
                self._look_s = hamlet.now_s + chance.randint(1, 36) * 3_600
                await hamlet.look_at_chain()
            await hamlet.decide()
            if chance.random() < 0.3:  # once more, before the next reading
                hamlet.wait(chance.randint(MIN_SWITCH_S + 1, QUARTER_S - MIN_SWITCH_S - 1))
                await hamlet.act()
                await hamlet.decide()

    async def _start_anew(self) -> None:
        hamlet = self.hamlet
        if hamlet.outdoors is None:
            if self.chance.random() < 0.2:
                await hamlet.start()
        elif self.chance.random() < self.restarts:
            hamlet.thrown["supply control started anew"] += 1
            hamlet.outdoors.supply = hamlet.outdoors.supply_anew()
        elif self.chance.random() < self.restarts / 5:
            hamlet.thrown["everything started anew"] += 1
            await hamlet.end()
            await hamlet.start()

    async def _change(self, absent: frozenset[str]) -> None:
        """Some things go away, and others come back."""
        gone, back = absent - self._absent, self._absent - absent
        self._absent = absent
        for thing in sorted(gone):
            await self._lose(thing)
        told = len(self.hamlet.radio.home.told) if self.hamlet.radio is not None else 0
        for thing in sorted(back, reverse=True):
            await self._regain(thing)
        if not back:
            return
        await self.hamlet.store()
        await self.hamlet.decide()
        self._look_s = self.hamlet.now_s
        radio = self.hamlet.radio
        if "broker" in back and self.hamlet.takes and radio and len(radio.home.told) == told:
            self.hamlet.problems.append("a node came back and was not told its state")

    async def _lose(self, thing: str) -> None:
        hamlet = self.hamlet
        match thing:
            case "chain":
                is_silent = self.chance.random() < 0.5
                hamlet.thrown["chain silent" if is_silent else "chain refused"] += 1
                hamlet.has_chain = False
                await hamlet.way.close(is_silent=is_silent)
            case "broker" if hamlet.radio is not None:
                hamlet.thrown["broker away"] += 1
                await hamlet.radio.away()
                if hamlet.outdoors is not None and hamlet.takes:
                    await until(lambda: hamlet.has_news("offline"), "news that the node is lost")
            case _:
                await self._spoil_disk()

    async def _spoil_disk(self) -> None:
        hamlet, page = self.hamlet, self.hamlet.processes.page
        trouble = self.chance.choice(self._troubles())
        hamlet.thrown[trouble] += 1
        if self.chance.random() < 0.5 and page is not None:
            # The last that it takes; supply control has not seen it yet.
            await hamlet.people.lock(page, self.chance.randrange(METERS))
        if trouble == READ_ONLY:
            await hamlet.decide()
            await hamlet.end()
        hamlet.disk.spoil(trouble)
        if trouble == FULL_ONCE and hamlet.outdoors is not None:
            await hamlet.outdoors.housekeeper.tick(at(hamlet.now_s))
        await hamlet.decide()

    def _troubles(self) -> Sequence[str]:
        """What may be wrong with the disk; of a node's readings it must be known what is stored."""
        if not self.hamlet.disk.has_room:
            self.hamlet.thrown["skipped, because no file system can be mounted here"] += 1
            return (FAILING,)
        if "broker" in self.things:
            return (FAILING, READ_ONLY)
        return (FULL, FULL_ONCE, FAILING, READ_ONLY)

    async def _regain(self, thing: str) -> None:
        hamlet = self.hamlet
        match thing:
            case "chain":
                await hamlet.way.open()
                hamlet.has_chain = True
                if hamlet.settlement is not None:
                    await hamlet.settlement.stop_waiting()
            case "broker" if hamlet.radio is not None:
                with hamlet.disk.spared():
                    await hamlet.radio.back()
                if hamlet.outdoors is not None:
                    await hamlet.outdoors.call()
                    if hamlet.takes:
                        await until(lambda: hamlet.has_news("online"), "news that the node is back")
            case _:
                hamlet.disk.mend()
                await hamlet.start()
                if hamlet.outdoors is not None:
                    await hamlet.outdoors.housekeeper.tick(at(hamlet.now_s))  # sets room aside

    async def _end(self) -> Verdict:
        """Everything is there again: all of it must settle, and nobody loses by it."""
        hamlet = self.hamlet
        hamlet.wait(MIN_SWITCH_S + 1)
        for slot in range(METERS):
            hamlet.read(slot)
        await hamlet.store()
        await hamlet.decide()
        hamlet.wait(SETTLE_EVERY_S + SETTLE_AFTER_S)
        for _ in range(DRAIN_ROUNDS):
            await hamlet.look_at_chain()
            if hamlet.is_drained():
                break
            hamlet.processes.world.stage.localnet.advance(VALID_FOR_S + 1)
        else:
            hamlet.problems.append("it does not drain")
        await hamlet.decide()
        await hamlet.end()
        paid = {
            slot: account.paid_stroops + account.free_stroops
            for slot, account in enumerate(hamlet.accounts)
        }
        return judge(hamlet.processes.world.stage, dict(enumerate(hamlet.shown_wh)), paid=paid)
