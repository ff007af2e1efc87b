"""Laws that hold whatever readings come and whatever people decide, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.billing import IntervalCheck
from gateway.clock import Clock
from gateway.errors import Permanent
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.deciding import reject, release
from gateway.store.edits import Act
from gateway.store.exchanges import exchange_meter
from gateway.store.findings import check_books
from gateway.store.missed import Span, estimate_missed
from gateway.store.overview import find_meter
from gateway.store.points import find_point
from gateway.store.rollups import roll_up_next
from gateway.store.settlement import find_pending
from tests.store.metering import number, read, tier_at
from tests.village import HOUSE, START_S, settle_in

LABEL = HOUSE.label
WHATS = [
    *("read", "read", "read", "jump", "jump", "restart", "late"),
    *("release", "release", "reject", "estimate", "again"),
    *("claim", "check", "check", "exchange"),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(WHATS),
        st.integers(1, 900),  # Wh
        st.sampled_from([10, 60, 600, 1_800, 10_000, 90_000]),  # s that pass before it
    ),
    min_size=8,
    max_size=40,
)


@dataclass(slots=True)
class House:
    """A house, its meter, and what a person who wrote everything down would know."""

    database: Database
    at_s: int = START_S
    register_wh: int = 1_000
    serials: int = 1
    rejected_wh: int = 0
    last: tuple[str, Act] | None = None

    async def step(self, what: str, wh: int, seconds: int) -> None:
        """Let some time pass, and one thing happen."""
        self.at_s += seconds
        point = await find_point(self.database, LABEL)
        assert point is not None
        match what:
            case "read" | "jump" | "restart":
                more_wh = {"read": min(wh, seconds), "jump": 100_000 + wh, "restart": 0}[what]
                self.register_wh = self.register_wh + more_wh if what != "restart" else wh % 50
                await read(self.database, point.meter_id, self.at_s, self.register_wh)
                if what != "read":  # the second one is believed
                    self.at_s += 10
                    self.register_wh += 1
                    await read(self.database, point.meter_id, self.at_s, self.register_wh)
            case "late":
                at_s = max(self.at_s - seconds - wh, point.installed_s)
                await read(self.database, point.meter_id, at_s, self.register_wh)
            case "claim":
                await self._claim(wh)
            case "check":
                await self._check()
            case "exchange":
                await self._exchange(wh)
            case "again":
                await self._again()
            case _:
                await self._decide(what, Act(LABEL, wh, f"{what} {self.at_s}", "A", self.at_s))

    async def _claim(self, wh: int) -> None:
        """As a batch does: some of the oldest open usage is spoken for."""
        async with self.database.transaction() as connection:
            await connection.execute(
                """UPDATE usage SET claimed_wh = MIN(usage_wh, claimed_wh + :wh)
                   WHERE start_s IN (SELECT start_s FROM usage WHERE open = 1
                                     ORDER BY start_s LIMIT 3)""",
                {"wh": wh},
            )

    async def _check(self) -> None:
        while await roll_up_next(self.database):
            pass
        check = IntervalCheck(self.database, Clock(), tier_at)
        await check.tick(datetime.fromtimestamp(self.at_s, UTC))

    async def _exchange(self, first_wh: int) -> None:
        old = OldMeter(None, 5, "A")
        new = NewMeter(f"NEW-{self.serials}", first_wh)
        self.serials += 1
        try:
            await exchange_meter(self.database, Exchange(LABEL, self.at_s, old, new), tier_at)
        except Permanent:
            return
        self.register_wh = first_wh

    async def _decide(self, what: str, act: Act) -> None:
        self.last = what, act
        try:
            match what:
                case "release":
                    await release(self.database, act, tier_at)
                case "reject":
                    await reject(self.database, act)
                    self.rejected_wh += act.energy_wh
                case _:
                    span = Span(act.at_s - 5_000, act.at_s)
                    await estimate_missed(self.database, act, span, tier_at)
        except Permanent:
            self.last = None

    async def _again(self) -> None:
        """The same act once more: nothing may move."""
        if self.last is None:
            return
        before = await self._sums()
        rejected_wh = self.rejected_wh
        await self._decide(*self.last)
        self.rejected_wh = rejected_wh
        assert await self._sums() == before

    async def _sums(self) -> list[tuple[int, ...]]:
        rows = await self.database.fetch_all(
            """SELECT SUM(usage_wh), SUM(estimated_wh), COUNT(*), (SELECT COUNT(*) FROM edit),
                      (SELECT COUNT(*) FROM event) FROM usage"""
        )
        return [tuple(row) for row in rows]

    async def check_laws(self) -> None:
        """Every one of them, to the Wh."""
        assert await check_books(self.database, self.at_s) == {}
        usage_wh = await number(self.database, "SELECT SUM(usage_wh) FROM usage")
        assert await find_pending(self.database, 1) == {0: usage_wh}
        meter = await find_meter(self.database, LABEL)
        assert meter is not None
        if meter.counted is not None:
            assert meter.counted.usage_wh == usage_wh
        await self._check_no("usage", "claimed_wh > usage_wh OR usage_wh < 0")
        await self._check_no("usage", "estimated_wh NOT BETWEEN 0 AND usage_wh")
        await self._check_no("usage", "open <> (usage_wh > claimed_wh)")
        await self._check_no("set_aside", "flagged_wh - released_wh - rejected_wh < 0")
        await self._check_no("edit", "kind = 'reshape' AND before_wh <> after_wh")
        await self._check_no(
            "edit",
            """energy_wh <> (SELECT SUM(after_wh - before_wh) FROM edited_usage x
                             WHERE x.edit_id = edit.edit_id)
               AND kind IN ('release', 'estimate')""",
        )
        rejected = "SELECT SUM(energy_wh) FROM edit WHERE kind = 'reject'"
        assert await number(self.database, rejected) == self.rejected_wh

    async def _check_no(self, table: str, condition: str) -> None:
        found = await number(self.database, f"SELECT COUNT(*) FROM {table} WHERE {condition}")
        assert found == 0, f"{table}: {condition}"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_law_billed_pending_and_set_aside_are_what_registers_moved_and_people_added(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, int, int]]
) -> None:
    database = await Database.open(tmp_path_factory.mktemp("law") / "usage.db")
    await settle_in(database)
    house = House(database)
    try:
        for what, wh, seconds in (("read", 100, 60), ("jump", 100, 60), *steps):
            await house.step(what, wh, seconds)
            await house.check_laws()
    finally:
        await database.close()
