"""From a token entered to its relay told: real store and supply control, pins at the world's edge.

Two hundred meter points without credit; tokens come in one after the other through another
connection than supply control's, as from the page's process.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.claims import Benchmark, Claim
from gateway.clock import Clock
from gateway.domain.supply import SupplyPolicy
from gateway.relays import SupplyControl, SupplySettings
from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings
from gateway.store.tokens import Accepted, Entry, TokenSettings, enter_token
from gateway.wire.tokens import TokenKey, encode_token

METERS = 200
TOKENS = 50
USED_BEFORE = 1_000
"""Counts that each meter point's tokens have behind them: twenty years of one a fortnight."""
DEADLINE_S = 30


class Pins:
    """Relays that note when they were last told."""

    def __init__(self) -> None:
        self.connected: dict[str, asyncio.Event] = {}

    async def switch(self, name: str, *, connected: bool) -> None:
        """Take a position."""
        if connected:
            self.connected.setdefault(name, asyncio.Event()).set()


def measure() -> Benchmark:
    """Enter every token, and time each to its relay."""
    took_s, entering_s = asyncio.run(_measure())
    return Benchmark(
        "token",
        (
            Claim(
                "relay.token_s",
                round(max(took_s), 3),
                f"s: the slowest of {TOKENS} tokens, entered to relay told, {METERS} meters",
                "<=",
                1,
            ),
        ),
        (
            f"| {TOKENS} tokens, {METERS} meters | ms |",
            "|---|--:|",
            f"| entered to relay told, median | {statistics.median(took_s) * 1000:.0f} |",
            f"| entered to relay told, slowest | {max(took_s) * 1000:.0f} |",
            f"| of it entering, median | {statistics.median(entering_s) * 1000:.0f} |",
        ),
    )


async def _measure() -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.db"
        field, page = await Database.open(path), await Database.open(path)
        clock, pins = Clock(), Pins()
        labels = await _settle(field, int(clock.now_s()))
        settings = TokenSettings(
            {label: TokenKey(secrets.token_bytes(16), 123_456_789) for label in labels}, 1_000, 995
        )
        policy = SupplyPolicy(min_switch_s=0)
        control = SupplyControl(SupplySettings(policy), field, clock, {"gpio": pins})
        running = asyncio.create_task(control.run())
        took_s, entering_s = [], []
        for number, label in enumerate(labels[:TOKENS]):
            await asyncio.sleep(secrets.randbelow(200) / 1000)
            switched = pins.connected.setdefault(str(number), asyncio.Event())
            _, digits = encode_token(settings.keys[label], 5, USED_BEFORE)
            entry = Entry(label, digits, "web:192.168.4.7", "2026-03-01", int(clock.now_s()))
            started_s = time.perf_counter()
            found = await enter_token(page, settings, entry)
            entering_s.append(time.perf_counter() - started_s)
            if not isinstance(found, Accepted):
                raise TypeError(found)
            async with asyncio.timeout(DEADLINE_S):
                await switched.wait()
            took_s.append(time.perf_counter() - started_s)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await field.close()
        await page.close()
    return took_s, entering_s


async def _settle(database: Database, now_s: int) -> list[str]:
    """Every meter point, known to the contract and without credit."""
    points = [
        PointSetting(
            label=f"house-{slot}",
            site=1,
            slot=slot,
            settlement_mode="prepaid",
            max_power_w=3_000,
            critical=False,
            relay=f"gpio:{slot}",
            serial=f"S{slot}",
            model="pzem-004t-v3",
            address=f"main/{slot}",
            first_register_wh=0,
        )
        for slot in range(METERS)
    ]
    await apply_settings(database, points, now_s)
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT INTO chain_meter (meter_point_id, total_wh, balance, remainder_milli,
                   paid_from_s, paid_until_s, last_read_s, market_credit_wh, max_power_w, plan,
                   flags, version, ledger, as_of_s)
               SELECT meter_point_id, 0, 0, 0, 0, 0, 0, 0, 3000, 3, 1, 1, 100, :now_s
               FROM meter_point""",
            {"now_s": now_s},
        )
        await connection.execute(
            """INSERT INTO token_state (meter_point_id, counter)
               SELECT meter_point_id, :counter FROM meter_point""",
            {"counter": USED_BEFORE},
        )
    return [point.label for point in points]
