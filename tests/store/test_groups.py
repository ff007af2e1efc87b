"""Groups in the file: the chains go on over restarts, wherever they were written down last."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.domain.groups import HOUR_MS, NO_HEAD, compress, expand, extend
from gateway.domain.readings import Gap, Reading
from gateway.errors import Permanent
from gateway.store.database import Database
from gateway.store.groups import Chains, follow, read_readings, stream_entries
from gateway.store.points import MeterPoint
from gateway.store.readings import ReadingBook
from gateway.store.retention import Retention, prune
from gateway.store.rollups import roll_up_next
from gateway.store.snapshot import snapshot
from gateway.store.verification import Finding, Silence, Wanted, verify
from tests.store.chained import DAY_S, EVERY_S, ask, flushes, keep, reading
from tests.store.metering import tier_at
from tests.village import START_S, kept_in, settle_in

START_MS = START_S * 1000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def in_file(database: Database) -> Chains:
    """The chains as a process that starts finds them."""
    async with database.transaction() as connection:
        return await follow(connection, Chains())


def broken(path: Path) -> list[Finding]:
    found: list[Finding] = []
    with snapshot(path) as connection:
        verify(connection, Wanted(), found.append)
    return [one for one in found if not isinstance(one, Silence)]


def shuffled(points: Sequence[MeterPoint], days: int, luck: Random) -> list[list[Reading]]:
    """Flushes of some days in which a third of the readings come hours late, or never."""
    found: list[list[Reading]] = []
    late: list[Reading] = []
    for flush in flushes(points, START_S + EVERY_S, START_S + days * DAY_S, EVERY_S * 3):
        now = [one for one in flush if luck.random() < 0.7]
        late += [one for one in flush if one not in now and luck.random() < 0.9]
        if luck.random() < 0.05:
            now += late
            late = []
        if now:
            found.append(now)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_heads_that_are_read_anew_are_those_in_memory(database: Database, seed: int) -> None:
    """After each flush of days with late readings, some of them in a process of its own."""
    luck = Random(seed)
    points = await settle_in(database, 3)
    book = ReadingBook(database, tier_at)
    for flush in shuffled(points, 2, luck):
        await keep(database, [flush], book)
        found, known = await in_file(database), book._chains
        assert (found.sequence, found.hash, found.heads) == (
            *(known.sequence, known.hash, known.heads),
        )
        assert found.hour == known.hour
        if luck.random() < 0.1:
            book = ReadingBook(database, tier_at)
    assert not broken(database.path)


async def test_a_restart_after_every_flush_makes_the_same_chain(tmp_path: Path) -> None:
    tails = []
    for restarts in (False, True):
        database = await Database.open(tmp_path / f"{restarts}.db")
        points = await settle_in(database, 2)
        book: ReadingBook | None = None
        for flush in shuffled(points, 1, Random(9)):
            book = await keep(database, [flush], None if restarts else book)
        tails.append(ask(database.path, "SELECT sequence, hash FROM reading_group ORDER BY 1"))
        tails.append(ask(database.path, "SELECT * FROM chain_head ORDER BY 1, 2"))
        await database.close()
    assert tails[:2] == tails[2:]


async def test_a_flush_that_fails_leaves_the_chains_where_they_were(database: Database) -> None:
    points = {one.meter_id: one for one in await settle_in(database)}
    book = ReadingBook(database, tier_at)
    await book.append([reading(1, START_S + 600)], points)
    before = book._chains.copy()
    with pytest.raises(KeyError):
        await book.append([reading(1, START_S + 1_200), reading(77, START_S)], points)
    assert book._chains == before
    await book.append([reading(1, START_S + 1_200)], points)
    assert book._chains == await in_file(database)
    assert not broken(database.path)


async def test_the_chains_go_on_after_pruning(database: Database) -> None:
    points = await settle_in(database, 2)
    book = await keep(database, flushes(points, START_S + EVERY_S, START_S + 4 * DAY_S))
    while await roll_up_next(database):
        pass
    await settled(database, START_S + 4 * DAY_S)
    assert await prune(database, Retention(raw_days=2), START_S + 4 * DAY_S)
    assert (await in_file(database)).heads == book._chains.heads
    assert not broken(database.path)
    later_s = START_S + 4 * DAY_S
    await keep(database, flushes(points, later_s, later_s + DAY_S))
    assert not broken(database.path)


async def settled(database: Database, to_s: int) -> None:
    """The chain has taken everything before an instant (unix seconds)."""
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT OR REPLACE INTO chain_receipt
               VALUES (1, 'w', 1, 'p', 'd', 0, :to_s, 1, 0, 0, 0, 0, :to_s, 1, :to_s)""",
            {"to_s": to_s},
        )


async def test_a_damaged_group_stops_nobody_from_storing(database: Database) -> None:
    points = await settle_in(database, 2)
    await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    await spoil(database, 5)
    await keep(database, flushes(points, START_S + 7_200, START_S + 14_400))
    assert len(await read_readings(database, 1, START_MS + 7_200_000, START_MS + 14_400_000)) == 12
    with pytest.raises(Permanent, match=r"group 5: .* damaged: restore it from a backup"):
        await read_readings(database, 1, 0, 1 << 62)
    (found,) = broken(database.path)
    assert (found.first, found.last) == (5, 5)  # type: ignore[union-attr]


async def spoil(database: Database, sequence: int) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE reading_group SET readings = x'01ff' WHERE sequence = :sequence",
            {"sequence": sequence},
        )


async def test_a_period_is_found_by_time_whatever_the_order_of_commits(
    database: Database,
) -> None:
    points = await settle_in(database, 2)
    luck = Random(4)
    every = [one for flush in flushes(points, START_S + 60, START_S + 20_000, 60) for one in flush]
    luck.shuffle(every)
    await keep(database, [every[at : at + 40] for at in range(0, len(every), 40)])
    assert len(kept_in(database)) == len(every)
    for _ in range(30):
        from_ms, to_ms = sorted(START_MS + luck.randrange(20_000_000) for _ in range(2))
        wanted = sorted(
            (one.at_ms, one.energy_wh)
            for one in every
            if one.meter_id == 2 and from_ms <= one.at_ms < to_ms
        )
        found = await read_readings(database, 2, from_ms, to_ms)
        assert [(one.at_ms, one.energy_wh) for one in found] == wanted


async def test_no_group_spans_more_than_an_hour(database: Database) -> None:
    points = await settle_in(database)
    every = [one for flush in flushes(points, START_S + 7, START_S + 90_000, 571) for one in flush]
    await keep(database, [every])
    for from_ms, to_ms in ask(database.path, "SELECT from_ms, to_ms FROM reading_group"):
        assert isinstance(from_ms, int)
        assert isinstance(to_ms, int)
        assert from_ms // HOUR_MS == to_ms // HOUR_MS


async def test_a_gap_is_stored_with_the_reading_that_ends_it(database: Database) -> None:
    await settle_in(database)
    await keep(database, [[reading(1, START_S + 600)], [reading(1, START_S + 7_800)]])
    entries = [one async for one in stream_entries(database, 0, 1 << 62)]
    gap = Gap(1, START_MS + 600_000, START_MS + 7_800_000)
    assert sorted(entries, key=lambda one: (one.at_ms, isinstance(one, Reading)))[1] == gap


async def test_a_reading_that_is_repeated_moves_no_chain(database: Database) -> None:
    await settle_in(database)
    first = reading(1, START_S + 600)
    book = await keep(database, [[first], [reading(1, START_S + 1_200)]])
    before = book._chains.copy()
    await keep(database, [[first], [first, first]], book)
    assert book._chains == before
    assert len(kept_in(database)) == 2


async def test_the_head_of_a_meter_rests_on_its_records_alone(database: Database) -> None:
    """What anybody can compute from the file, with SHA-256 and nothing else of ours."""
    points = await settle_in(database, 2)
    book = await keep(database, flushes(points, START_S + EVERY_S, START_S + 7_200))
    heads = {1: NO_HEAD, 2: NO_HEAD}
    for (blob,) in ask(database.path, "SELECT readings FROM reading_group ORDER BY sequence"):
        assert isinstance(blob, bytes)
        records = expand(blob)
        assert compress(records) == blob
        for number, meter in enumerate((1, 2)):
            half = len(records) // 2
            heads[meter] = extend(heads[meter], records[number * half : (number + 1) * half])
    assert heads == book._chains.heads
    assert timedelta(milliseconds=HOUR_MS) == timedelta(hours=1)
