"""Facts of supply on a real SQLite file: what is unsettled, what is stored, what it costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import pytest

from gateway.clock.trust import begin
from gateway.domain.readings import Reading
from gateway.domain.supply import (
    PricedUsage,
    Reason,
    SettlementMode,
    SupplyPolicy,
    SupplyState,
    Verdict,
    decide,
    market_energy_left,
)
from gateway.store.clock import save_standing
from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings
from gateway.store.status import mark_status
from gateway.store.supply import Output, PointSupply, SupplyBook
from gateway.store.switchings import (
    Command,
    Observation,
    Switching,
    save_outputs,
    save_switchings,
    save_verdicts,
    take_counter,
)
from gateway.store.undated import Undated, append_undated
from tests.store.metering import read

NOW_S = 1_800_000_000
INTERVAL_S = 900
OPEN_S = NOW_S - NOW_S % INTERVAL_S
RATES = (500, 700, 900)
LATER_RATES = (600, 800, 1000)


def setting(slot: int, *, critical: bool = False, relay: str = "none") -> PointSetting:
    return PointSetting(
        label=f"house-{slot}",
        site=1,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=5000,
        critical=critical,
        relay=relay,
        serial=f"S{slot}",
        model="pzem-004t-v3",
        address=f"main/{slot + 1}",
        first_register_wh=0,
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    yield database
    await database.close()


async def add_village(database: Database, count: int = 1) -> None:
    await apply_settings(database, [setting(slot) for slot in range(count)], NOW_S - 86_400)


async def write(database: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    async with database.transaction() as connection:
        await connection.executemany(sql, rows)


async def add_record(
    database: Database,
    point: int = 1,
    *,
    balance: int = 100_000,
    window: tuple[int, int] = (0, 0),
    plan: int = 3,
    flags: int = 1,
    last_read_s: int = 0,
    ledger: int = 100,
    market_credit_wh: int = 0,
) -> None:
    await write(
        database,
        """INSERT OR REPLACE INTO chain_meter
               (meter_point_id, total_wh, balance, remainder_milli, paid_from_s, paid_until_s,
                last_read_s, market_credit_wh, max_power_w, plan, flags, version, ledger, as_of_s)
           VALUES (?, 0, ?, 7, ?, ?, ?, ?, 5000, ?, ?, 1, ?, ?)""",
        [
            (
                point,
                balance,
                *window,
                last_read_s,
                market_credit_wh,
                plan,
                flags,
                ledger,
                NOW_S - 60,
            )
        ],
    )


async def add_prices(database: Database, *prices: tuple[int, tuple[int, int, int]]) -> None:
    await write(
        database,
        """INSERT INTO chain_price
               (version, effective_from_s, off_peak, standard, peak, daily, weekly)
           VALUES (?, ?, ?, ?, ?, 0, 0)""",
        [(version, from_s, *rates) for version, (from_s, rates) in enumerate(prices, start=1)],
    )


async def add_usage(
    database: Database, *rows: tuple[int, int, int], point: int = 1, claimed_wh: int = 0
) -> None:
    await write(
        database,
        """INSERT OR REPLACE INTO usage (start_s, meter_point_id, tier, usage_wh, claimed_wh)
           VALUES (?, ?, ?, ?, ?)""",
        [(start_s, point, tier, wh, claimed_wh) for start_s, tier, wh in rows],
    )


async def add_batch(
    database: Database,
    sequence: int,
    to_s: int,
    *,
    standard_wh: int,
    refused: bool = False,
    accepted: bool | None = None,
    price_version: int = 1,
    market_wh: int = 0,
) -> None:
    await write(
        database,
        "INSERT INTO outbox (outbox_id, kind, state, created_s, updated_s) VALUES (?, ?, ?, 0, 0)",
        [(sequence, "batch", "refused" if refused else "pending")],
    )
    await write(
        database,
        """INSERT INTO batch (outbox_id, site, writer, sequence, from_s, to_s, price_version,
               previous_digest, digest, refused)
           VALUES (?, 1, '', ?, ?, ?, ?, '', '', ?)""",
        [(sequence, sequence, to_s - INTERVAL_S, to_s, price_version, int(refused))],
    )
    await write(
        database,
        """INSERT INTO batch_item (outbox_id, meter_point_id, off_peak_wh, standard_wh, peak_wh,
               included_wh, market_wh, accepted) VALUES (?, 1, 0, ?, 0, 99, ?, ?)""",
        [(sequence, standard_wh, market_wh, accepted)],
    )


async def add_receipt(database: Database, sequence: int, ledger: int) -> None:
    await write(
        database,
        """INSERT OR REPLACE INTO chain_receipt VALUES
               (1, '', ?, '', '', 0, 0, 1, 0, 0, 0, 0, 0, ?, 0)""",
        [(sequence, ledger)],
    )


async def find_only(database: Database, now_s: int = NOW_S) -> PointSupply:
    (point,) = await SupplyBook(database).find(now_s)
    return point


async def unsettled(database: Database) -> tuple[PricedUsage, ...]:
    return (await find_only(database)).facts.unsettled


async def test_a_new_meter_point_has_no_record_and_no_state(database: Database) -> None:
    await add_village(database)
    await add_usage(database, (OPEN_S, 1, 50))
    facts = (await find_only(database)).facts
    assert facts.mode is SettlementMode.PREPAID
    assert (facts.record, facts.state, facts.switched_s, facts.unsettled) == (None, None, None, ())
    assert decide(facts, SupplyPolicy(), NOW_S).reason is Reason.NOT_REGISTERED


async def test_the_record_is_read_with_its_flags_plan_and_age(database: Database) -> None:
    await add_village(database)
    await add_record(database, balance=-5, window=(OPEN_S, OPEN_S + 900), plan=1, flags=0b011)
    record = (await find_only(database)).facts.record
    assert record is not None
    assert (record.balance_stroops, record.remainder_milli) == (-5, 7)
    assert (record.paid_until_s, record.bought_plan) == (OPEN_S + 900, True)
    assert (record.registered, record.deactivated, record.as_of_s) == (True, True, NOW_S - 60)


async def test_unclaimed_usage_is_summed_by_tier(database: Database) -> None:
    await add_village(database)
    await add_record(database)
    await add_prices(database, (0, RATES))
    await add_usage(database, (OPEN_S, 2, 5), (OPEN_S - 900, 2, 6))
    await add_usage(database, (OPEN_S - 1800, 1, 40), claimed_wh=30)
    await add_usage(database, (OPEN_S - 2700, 0, 70), claimed_wh=70)
    assert await unsettled(database) == (PricedUsage(RATES, (0, 10, 11)),)


async def test_usage_is_priced_with_the_version_in_force_when_it_was_drawn(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database)
    await add_prices(database, (OPEN_S - 1800, RATES), (OPEN_S, LATER_RATES))
    await add_usage(database, (OPEN_S - 2700, 1, 1), (OPEN_S - 900, 1, 2), (OPEN_S, 1, 3))
    assert await unsettled(database) == (
        PricedUsage(RATES, (0, 2, 0)),
        PricedUsage(LATER_RATES, (0, 3, 0)),
    )


async def test_usage_inside_the_plan_window_is_free_and_the_end_is_not_inside(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database, window=(OPEN_S - 1800, OPEN_S), plan=1)
    await add_prices(database, (0, RATES))
    await add_usage(
        database,
        (OPEN_S - 2700, 1, 1),
        (OPEN_S - 1800, 1, 20),
        (OPEN_S - 900, 1, 300),
        (OPEN_S, 1, 4000),
    )
    assert sum(sum(used.tiers_wh) for used in await unsettled(database)) == 4001


async def test_energy_bought_on_the_market_is_used_before_money_oldest_usage_first(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database, market_credit_wh=90)
    await add_prices(database, (0, RATES), (OPEN_S, LATER_RATES))
    await add_usage(database, (OPEN_S - 9000, 0, 50), (OPEN_S - 8100, 2, 30))
    await add_usage(database, (OPEN_S - 900, 1, 20), (OPEN_S, 1, 7))
    assert await unsettled(database) == (
        PricedUsage(RATES, (0, 0, 0), 80),
        PricedUsage(RATES, (0, 10, 0), 10),
        PricedUsage(LATER_RATES, (0, 7, 0), 0),
    )
    facts = (await find_only(database)).facts
    assert facts.record is not None
    assert market_energy_left(facts.record.market_credit_wh, facts.unsettled) == 0


async def test_a_supply_stays_on_while_energy_bought_on_the_market_is_left(
    database: Database,
) -> None:
    await add_village(database)
    await add_prices(database, (0, RATES))
    await add_record(database, balance=0, market_credit_wh=100)
    await add_usage(database, (OPEN_S, 1, 99))
    verdict = decide((await find_only(database)).facts, SupplyPolicy(), NOW_S)
    assert (verdict.state, verdict.reason) == (SupplyState.CONNECTED, Reason.MARKET_ENERGY)
    assert "1 Wh bought on the market" in verdict.detail
    await add_usage(database, (OPEN_S, 1, 100))
    verdict = decide((await find_only(database)).facts, SupplyPolicy(), NOW_S)
    assert (verdict.state, verdict.reason) == (SupplyState.DISCONNECTED, Reason.NO_CREDIT)


async def test_a_plan_and_what_the_chain_had_counted_leave_bought_energy_alone(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database, market_credit_wh=15, window=(OPEN_S - 1800, OPEN_S - 900), plan=1)
    await add_prices(database, (0, RATES))
    await write(database, "INSERT INTO settlement VALUES (1, 0, ?, 0)", [(40,)])
    await add_usage(database, (OPEN_S - 2700, 1, 50), (OPEN_S - 1800, 1, 300), (OPEN_S, 1, 9))
    used = await unsettled(database)
    assert sum(one.market_wh for one in used) == 15
    assert sum(sum(one.tiers_wh) for one in used) == 59 - 40 - 15


async def test_only_prepaid_meters_draw_bought_energy(database: Database) -> None:
    await add_village(database)
    await add_record(database, market_credit_wh=15, flags=0b01001)
    await add_prices(database, (0, RATES))
    await add_usage(database, (OPEN_S, 1, 9))
    assert await unsettled(database) == (PricedUsage(RATES, (0, 9, 0)),)


async def test_a_batch_on_its_way_draws_first_and_pays_the_standard_rate_beyond_the_credit(
    database: Database,
) -> None:
    """Some of what the batch says was bought has been refunded meanwhile."""
    await add_village(database)
    await add_prices(database, (0, RATES))
    await add_record(database, market_credit_wh=100)
    await add_batch(database, 1, OPEN_S, standard_wh=5, market_wh=60)
    await add_usage(database, (OPEN_S, 1, 50))
    assert await unsettled(database) == (
        PricedUsage(RATES, (0, 10, 0), 40),
        PricedUsage(RATES, (0, 5, 0), 60),
    )
    await add_record(database, market_credit_wh=20)
    assert await unsettled(database) == (
        PricedUsage(RATES, (0, 50, 0), 0),
        PricedUsage(RATES, (0, 45, 0), 20),
    )


async def test_a_batch_counts_until_the_record_contains_it(database: Database) -> None:
    await add_village(database)
    await add_prices(database, (0, RATES))
    await add_record(database, last_read_s=OPEN_S - 900)
    await add_batch(database, 1, OPEN_S - 900, standard_wh=1, accepted=True)
    await add_batch(database, 2, OPEN_S, standard_wh=20)
    assert await unsettled(database) == (PricedUsage(RATES, (0, 20, 0)),)
    await add_record(database, last_read_s=OPEN_S)
    assert await unsettled(database) == ()


async def test_a_confirmed_batch_counts_while_the_record_is_older_than_the_receipt(
    database: Database,
) -> None:
    await add_village(database)
    await add_prices(database, (0, RATES))
    await add_batch(database, 1, OPEN_S, standard_wh=20, accepted=True)
    await add_record(database, last_read_s=OPEN_S - 900, ledger=100)
    await add_receipt(database, 1, ledger=101)
    assert await unsettled(database) == (PricedUsage(RATES, (0, 20, 0)),)
    await add_record(database, last_read_s=OPEN_S, ledger=101)
    assert await unsettled(database) == ()


async def test_refused_batches_and_residue_cost_nothing(database: Database) -> None:
    await add_village(database)
    await add_prices(database, (0, RATES))
    await add_record(database, last_read_s=0)
    await add_batch(database, 1, OPEN_S - 900, standard_wh=1, refused=True)
    await add_batch(database, 2, OPEN_S, standard_wh=20, accepted=False)
    assert await unsettled(database) == ()


@pytest.mark.parametrize("hours", [0, 1, 7, 30])
async def test_the_remembered_sum_agrees_with_a_fresh_one_whatever_happens(
    database: Database, hours: int
) -> None:
    """Late usage, claims, payments, prices and meters that come back, each between two looks."""
    await add_village(database, 2)
    await add_prices(database, (0, RATES))
    await add_record(database, 1)
    await add_record(database, 2)
    first_s = OPEN_S - hours * 3600
    await add_usage(database, *((first_s + 900 * n, n % 3, n + 9) for n in range(-8, 8)))
    book = SupplyBook(database)

    async def both_agree(now_s: int) -> None:
        remembered = await book.find(now_s)
        fresh = await SupplyBook(database).find(now_s)
        for one, other in zip(remembered, fresh, strict=True):
            assert _cost(one) == _cost(other) > 0

    async def save_register(meter: int, read_s: int) -> None:
        await write(
            database,
            "INSERT OR REPLACE INTO register VALUES (?, ?, 0, 0, 0, 0, 0, NULL, NULL, NULL)",
            [(meter, read_s * 1000)],
        )

    await add_usage(database, (first_s, 1, 5), point=2)
    await save_register(1, NOW_S)
    await save_register(2, first_s)
    await both_agree(NOW_S)
    await add_usage(database, (OPEN_S, 1, 123))
    await both_agree(NOW_S + 10)
    async with database.transaction() as connection:  # meter 2 was late and comes back
        await connection.execute("UPDATE usage SET usage_wh = 9 WHERE meter_point_id = 2")
    await save_register(2, NOW_S)
    await both_agree(NOW_S + 20)
    async with database.transaction() as connection:  # a batch claims
        await connection.execute(
            "UPDATE usage SET claimed_wh = usage_wh - 1 WHERE start_s < ?", (OPEN_S,)
        )
        await add_batch_row(connection)
    await both_agree(NOW_S + 30)
    await add_record(database, 1, window=(first_s + 900, first_s + 2700), plan=1)
    await both_agree(NOW_S + 40)
    await add_record(database, 1, market_credit_wh=3)  # a purchase on the market
    await both_agree(NOW_S + 42)
    await write(database, "UPDATE chain_price SET standard = ?", [(701,)])
    await both_agree(NOW_S + 44)
    await write(
        database, "INSERT INTO chain_price VALUES (2, ?, 1, 2, 3, 0, 0)", [(first_s + 2700,)]
    )
    await both_agree(NOW_S + 50)
    async with database.transaction() as connection:  # a take-over says all claims anew
        await connection.execute("UPDATE outbox SET state = 'refused'")
        await connection.execute(
            """INSERT INTO outbox (kind, state, created_s, updated_s)
               VALUES ('take_over', 'confirmed', 0, 0)"""
        )
        await connection.execute("UPDATE usage SET claimed_wh = claimed_wh / 2")
    await both_agree(NOW_S + 60)
    await both_agree(NOW_S + 9000)
    await both_agree(NOW_S - 9000)


async def add_batch_row(connection: aiosqlite.Connection) -> None:
    await connection.execute(
        "INSERT INTO outbox (kind, state, created_s, updated_s) VALUES ('batch', 'pending', 0, 0)"
    )
    await connection.execute(
        """INSERT INTO batch (outbox_id, site, writer, sequence, from_s, to_s, price_version,
               previous_digest, digest) VALUES (1, 1, '', 1, 0, ?, 1, '', '')""",
        (OPEN_S,),
    )


def _cost(point: PointSupply) -> int:
    return sum(used.cost_milli for used in point.facts.unsettled)


async def test_a_verdict_keeps_the_time_since_its_state_holds(database: Database) -> None:
    await add_village(database)
    for at_ms, state, reason in (
        (1000, SupplyState.DISCONNECTED, Reason.NO_CREDIT),
        (2000, SupplyState.DISCONNECTED, Reason.DEACTIVATED),
        (3000, SupplyState.CONNECTED, Reason.CREDIT),
    ):
        await save_verdicts(database, [(1, Verdict(state, reason, "because"))], at_ms)
        point = await find_only(database)
        assert (point.facts.state, point.facts.reason) == (state, reason)
        row = await database.fetch_one("SELECT decided_ms FROM supply")
        assert row is not None
        assert row["decided_ms"] == (3000 if at_ms == 3000 else 1000)


async def test_only_a_switching_that_was_done_opens_a_new_observation(database: Database) -> None:
    await add_village(database)
    verdict = Verdict(SupplyState.CONNECTED, Reason.CREDIT, "7 stroops left")
    await save_verdicts(database, [(1, verdict)], 1000)
    done = Switching(1, Command.RECONNECT, Reason.CREDIT, done=True, detail="7 stroops left")
    failed = Switching(1, Command.ASSERT, Reason.CREDIT, done=False, detail="line busy")
    await save_switchings(database, [done], 2000)
    point = await find_only(database)
    await save_outputs(database, [Observation(point, Output.CONFIRMED)], 3000)
    await save_switchings(database, [failed], 4000)
    point = await find_only(database)
    assert (point.switched_ms, point.output) == (2000, Output.CONFIRMED)
    rows = await database.fetch_all("SELECT * FROM switch_journal ORDER BY switch_id")
    assert [(row["command"], row["outcome"], row["detail"]) for row in rows] == [
        ("reconnect", "done", "7 stroops left"),
        ("assert", "failed", "line busy"),
    ]


async def test_counters_of_a_node_grow_by_one_and_survive_a_restart(
    database: Database, tmp_path: Path
) -> None:
    assert [await take_counter(database, "n1") for _ in range(3)] == [1, 2, 3]
    await database.close()
    again = await Database.open(tmp_path / "usage.db")
    counters = await asyncio.gather(*(take_counter(again, "n1") for _ in range(5)))
    other_node = await take_counter(again, "n2")
    await again.close()
    assert (sorted(counters), other_node) == ([4, 5, 6, 7, 8], 1)


async def test_a_relay_on_a_node_knows_since_when_the_node_is_online(database: Database) -> None:
    await apply_settings(database, [setting(0, relay="node:n1")], NOW_S)
    assert (await find_only(database)).node_online_s is None
    await mark_status(database, "node:n1", "online", "reports", NOW_S)
    assert (await find_only(database)).node_online_s == NOW_S
    await mark_status(database, "node:n1", "offline", "silent", NOW_S + 5)
    assert (await find_only(database)).node_online_s is None


@pytest.mark.parametrize("bought_wh", [0, 50_000])
async def test_facts_of_a_village_with_much_unsettled_usage_are_found_incrementally(
    database: Database, bought_wh: int
) -> None:
    """The second look reads what is new, not ten days: it does a small part of the work."""
    await add_village(database, 200)
    await add_prices(database, (0, RATES))
    for point in range(1, 201):
        await add_record(database, point, market_credit_wh=bought_wh)
    rows = [
        (OPEN_S - 900 * age, point, age % 3, 100)
        for age in range(10 * 96)
        for point in range(1, 201)
    ]
    await write(
        database,
        "INSERT INTO usage (start_s, meter_point_id, tier, usage_wh) VALUES (?, ?, ?, ?)",
        list(rows),
    )
    book = SupplyBook(database)
    first = await _cpu_s(book)
    second = await _cpu_s(book)
    assert second < first / 5
    points = await book.find(NOW_S)
    paid = range(10 * 96 - bought_wh // 100)  # the oldest usage is the bought one
    assert all(_cost(point) == sum(100 * RATES[age % 3] for age in paid) for point in points)


async def _cpu_s(book: SupplyBook) -> float:
    started = time.process_time()
    await book.find(NOW_S)
    return time.process_time() - started


async def undated(database: Database, *registers_wh: int) -> None:
    """Registers of the first meter that nobody has dated yet."""
    await save_standing(database, begin("boot", 0, 0, NOW_S * 1000, 0, 0), 0)
    for count, register_wh in enumerate(registers_wh, start=1):
        reading = Reading(1, datetime.fromtimestamp(NOW_S, UTC), register_wh)
        await append_undated(database, "boot", [Undated(reading, count * 10_000)])


async def test_usage_without_a_date_counts_at_the_standard_price_of_now(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database, balance=500)
    await add_prices(database, (0, RATES), (NOW_S - 9, LATER_RATES), (NOW_S + 9, RATES))
    await undated(database, 400, 900, 1_000)
    assert await unsettled(database) == (PricedUsage(LATER_RATES, (0, 900, 0)),)
    assert decide((await find_only(database)).facts, SupplyPolicy(), NOW_S).reason is (
        Reason.NO_CREDIT
    )


async def test_usage_without_a_date_draws_bought_energy_first(database: Database) -> None:
    await add_village(database)
    await add_record(database, market_credit_wh=700)
    await add_prices(database, (0, RATES))
    await add_usage(database, (OPEN_S, 1, 100))
    await undated(database, 900, 900)
    facts = (await find_only(database)).facts
    assert facts.record is not None
    assert market_energy_left(facts.record.market_credit_wh, facts.unsettled) == 0
    assert sum(sum(one.tiers_wh) for one in facts.unsettled) == 100 + 900 - 700


async def test_usage_without_a_date_is_free_while_a_plan_runs(database: Database) -> None:
    await add_village(database)
    await add_record(database, window=(NOW_S - 9, NOW_S + 9))
    await add_prices(database, (0, RATES))
    await undated(database, 900, 900)
    assert await unsettled(database) == ()


async def test_a_register_that_went_back_is_no_usage_until_it_is_judged(
    database: Database,
) -> None:
    await add_village(database)
    await add_record(database)
    await add_prices(database, (0, RATES))
    await read(database, 1, NOW_S - 60, 5_00)
    await undated(database, 3, 4)
    assert not any(sum(one.tiers_wh) > 500 for one in await unsettled(database))
