"""A feeder's meter is read like any other, and nobody is ever charged for what it counts."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.readings import Reading
from gateway.errors import ConfigError, Permanent
from gateway.store.accounts import find_accounts, move_in
from gateway.store.batches import Terms, compose_batch
from gateway.store.chain import find_records, find_slots
from gateway.store.closing import Exchange, NewMeter, OldMeter
from gateway.store.database import Database
from gateway.store.exchanges import exchange_meter
from gateway.store.overview import find_meter, find_village
from gateway.store.points import MeterPoint, PointSetting, apply_settings, find_point
from gateway.store.readings import ReadingBook
from gateway.store.settlement import (
    audit,
    confirm_batch,
    find_pending,
    find_uncounted,
    find_unregistered,
)
from gateway.store.slots import LAST_SLOT
from gateway.store.supply import SupplyBook
from gateway.store.unsettled import UnsettledUsage
from gateway.store.urgency import find_urgent
from tests.store.metering import number, read, tier_at
from tests.store.test_settlement import (
    APPLIED,
    CONTRACT,
    HOUR_S,
    METERS,
    NETWORK_ID,
    SITE,
    Chain,
    point,
)
from tests.village import FEEDER, HOUSE, START_S, houses

WRITER = "ab" * 16


@dataclass
class Books:
    """One village's books, with or without a feeder's meter."""

    database: Database
    points: dict[int, MeterPoint]
    book: ReadingBook
    chain: Chain = field(default_factory=Chain)
    registers_wh: dict[int, int] = field(default_factory=dict)

    async def read(self, slot: int, second: int, moved_wh: int) -> None:
        """A meter is read; of a slot that is not there, nothing is."""
        if slot not in self.points:
            return
        self.registers_wh[slot] = self.registers_wh.get(slot, 0) + moved_wh
        own = self.points[slot]
        reading = Reading(
            own.meter_id, datetime.fromtimestamp(second, UTC), self.registers_wh[slot]
        )
        await self.book.append([reading], {own.meter_id: own})

    async def settle(self, now_s: int) -> object:
        """Compose a batch and have it accepted; its root, and so its digest, hold all readings."""
        terms = Terms(SITE, CONTRACT, NETWORK_ID, now_s // 900 * 900, max_slots=8)
        stored = await compose_batch(self.database, terms, self.chain.state(now_s), now_s)
        if stored is not None:
            self.chain.apply(stored, set())
            await confirm_batch(self.database, stored, self.chain.state(now_s), APPLIED, now_s)
        return stored and replace(stored.batch, root=None)

    async def answers(self, now_s: int) -> list[object]:
        """What everything that charges, switches or shows households gets to see."""
        database = self.database
        return [
            await find_slots(database, SITE),
            await find_records(database, SITE),
            await find_pending(database, SITE),
            await find_uncounted(database, SITE),
            await find_unregistered(database, SITE),
            await audit(database, SITE),
            await UnsettledUsage(database).find(now_s),
            await SupplyBook(database).find(now_s),
            await find_urgent(database, now_s, 1_000, UnsettledUsage(database)),
            await find_village(database, 0),
            await find_accounts(database),
            await find_meter(database, "north"),
            await find_meter(database, str((SITE << 32) + LAST_SLOT)),
            await number(database, "SELECT COUNT(*) FROM usage"),
        ]


async def open_books(folder: Path, extra: Sequence[PointSetting]) -> Books:
    database = await Database.open(folder / f"{len(extra)}.db")
    own = [point(slot) for slot in range(METERS)]
    points = await apply_settings(database, [*own, *extra], 0)
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE meta SET value = :writer WHERE key = 'writer'", {"writer": WRITER}
        )
    return Books(
        database,
        {METERS if one.kind == "feeder" else one.slot: one for one in points},
        ReadingBook(database, tier_at),
    )


async def live(
    steps: Sequence[tuple[int, int, int]], extra: Sequence[PointSetting]
) -> list[object]:
    """Go through the same days with these meters besides, and say what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        books = await open_books(Path(folder), extra)
        seen: list[object] = []
        now_s = HOUR_S
        for slot, later_s, moved_wh in steps:
            now_s += later_s
            await books.read(slot, now_s, moved_wh)
            if moved_wh % 3 == 0:
                seen.append(await books.settle(now_s))
        seen += await books.answers(now_s)
        await books.database.close()
        return seen


STEPS = st.tuples(st.integers(0, METERS), st.integers(1, 4_000), st.integers(0, 900))


@example([(METERS, 900, 400), (0, 900, 400), (METERS, 900, 900), (1, 900, 3), (2, 1, 0)])
@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_nothing_that_charges_switches_or_shows_households_sees_a_feeders_meter(
    steps: list[tuple[int, int, int]],
) -> None:
    feeder = replace(FEEDER, first_register_wh=0)
    assert asyncio.run(live(steps, [feeder])) == asyncio.run(live(steps, []))


async def test_feeders_take_slots_from_the_top_and_keep_them(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "usage.db")
    south = replace(FEEDER, label="south", feeder="south", serial="S", address="main/101")
    first = await apply_settings(database, [*houses(2), FEEDER, south], START_S)
    again = await apply_settings(database, [south, FEEDER, *houses(2)], START_S)
    assert first == again
    assert [one.slot for one in again] == [0, 1, LAST_SLOT - 1, LAST_SLOT]
    assert (again[3].label, again[3].kind) == ("north", "feeder")
    with pytest.raises(ConfigError, match="feeder house-01: house-01 has been the name of a supp"):
        await apply_settings(database, [replace(FEEDER, label="house-01")], START_S)
    await database.close()


async def test_what_a_feeder_delivers_is_counted_apart_over_an_exchange_too(
    tmp_path: Path,
) -> None:
    database = await Database.open(tmp_path / "usage.db")
    await apply_settings(database, [HOUSE, FEEDER], START_S)
    own = await find_point(database, "north")
    assert own is not None
    await read(database, own.meter_id, START_S + 600, 1_300)
    old, new = OldMeter(1_400), NewMeter("PZEM-0901", 50)
    await exchange_meter(database, Exchange("north", START_S + 900, old, new), tier_at)
    other = await find_point(database, "north")
    assert other is not None
    await read(database, other.meter_id, START_S + 1_800, 250)
    assert await number(database, "SELECT SUM(usage_wh) FROM feeder_usage") == 600
    assert await number(database, "SELECT COUNT(*) FROM usage") == 0
    with pytest.raises(Permanent, match="north is a feeder: nobody lives there"):
        await move_in(database, "north", None, START_S + 900, START_S + 900)
    await database.close()
