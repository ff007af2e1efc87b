"""A village on a real store, filled row by row, and a real server in front of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from gateway.clock import Clock
from gateway.store.database import Database, Value
from gateway.store.points import MeterPoint, PointSetting, apply_settings
from gateway.web import WebService, WebSettings
from tests.village import HOUSE, START_S

NOW_S = START_S + 20 * 86_400 + 37_925
"""2026-01-21T10:32:05Z, a Wednesday: 13:32:05 in Nairobi."""

SETTINGS = WebSettings(village="Kisima", zone=ZoneInfo("Africa/Nairobi"), port=0)
TOKEN = 10_000_000
DEADLINE_S = 15.0


def clock_at(now_s: float, factor: float = 1.0) -> Clock:
    """A clock that shows ``now_s`` now and goes on from there."""
    return Clock(origin_s=now_s, wall_s=time.time(), factor=factor)


async def put(database: Database, table: str, **columns: Value) -> None:
    """Insert one row."""
    names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    async with database.transaction() as connection:
        await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", columns)


async def build(database: Database, *settings: PointSetting) -> list[MeterPoint]:
    """Install meter points; each gets the next slot, serial and, on the bus, unit id."""
    numbered = [
        replace(
            setting,
            slot=number,
            serial=f"PZEM-{number}",
            address=(
                setting.address if setting.address.startswith("node/") else f"main/{number + 1}"
            ),
        )
        for number, setting in enumerate(settings)
    ]
    return await apply_settings(database, numbered, START_S)


def house(label: str, mode: str = "prepaid", relay: str = "gpio:17") -> PointSetting:
    """A household by its label."""
    return replace(HOUSE, label=label, settlement_mode=mode, relay=relay)


async def counted(
    database: Database,
    point: MeterPoint,
    usage_wh: int,
    *,
    power_mw: int | None = 128_000,
    ago_s: int = 12,
) -> None:
    """The meter has said something, ``ago_s`` before :data:`NOW_S`."""
    await put(
        database,
        "register",
        meter_id=point.meter_id,
        read_ms=(NOW_S - ago_s) * 1000,
        energy_wh=usage_wh + 1_000,
        cumulative_wh=usage_wh,
        flagged_wh=0,
        power_mw=power_mw,
    )


async def on_chain(
    database: Database,
    point: MeterPoint,
    *,
    total_wh: int = 0,
    balance: int = 0,
    paid_until_s: int = 0,
    plan: int = 0,
    flags: int = 1,
    ago_s: int = 180,
) -> None:
    """The contract was seen with this record, ``ago_s`` before :data:`NOW_S`."""
    await put(
        database,
        "chain_meter",
        meter_point_id=point.meter_point_id,
        total_wh=total_wh,
        balance=balance,
        remainder_milli=0,
        paid_from_s=max(0, paid_until_s - 7 * 86_400),
        paid_until_s=paid_until_s,
        last_read_s=NOW_S - NOW_S % 900,
        market_credit_wh=0,
        max_power_w=6_000,
        plan=plan,
        flags=flags,
        version=1,
        ledger=100,
        as_of_s=NOW_S - ago_s,
    )


async def supplied(
    database: Database, point: MeterPoint, state: str, reason: str, output: str = "confirmed"
) -> None:
    """The field process has decided."""
    decided_ms = (NOW_S - 600) * 1000
    await put(
        database,
        "supply",
        meter_point_id=point.meter_point_id,
        state=state,
        reason=reason,
        decided_ms=decided_ms,
        output=output,
        output_ms=decided_ms,
    )


async def used(database: Database, point: MeterPoint, start_s: int, usage_wh: int) -> None:
    """Usage in one quarter-hour, in no batch yet."""
    await put(
        database,
        "usage",
        start_s=start_s,
        meter_point_id=point.meter_point_id,
        tier=1,
        usage_wh=usage_wh,
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and fail when it has not come true in time."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(
    database: Database, clock: Clock | None = None, settings: WebSettings = SETTINGS
) -> AsyncIterator[int]:
    """A real uvicorn on a free port of 127.0.0.1; gives the port."""
    service = WebService(database, clock or clock_at(NOW_S), settings)
    running = asyncio.create_task(service.run())
    try:
        await until(lambda: service.port is not None or running.done())
        assert service.port is not None, running.exception()
        yield service.port
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def document(self) -> dict[str, object]:
        """The body as a JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


async def ask(port: int, target: str, method: str = "GET", *headers: str) -> Answer:
    """Send exactly these bytes: no client tidies the path up first."""
    return await _exchange(port, f"{method} {target} HTTP/1.1", headers, b"")


async def post(port: int, target: str, body: bytes, *headers: str) -> Answer:
    """Send a body."""
    length = f"Content-Length: {len(body)}"
    return await _exchange(port, f"POST {target} HTTP/1.1", (length, *headers), body)


async def _exchange(port: int, request: str, headers: tuple[str, ...], sent: bytes) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [request, "Host: evil.example", "Connection: close", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
    async with asyncio.timeout(DEADLINE_S):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.split(": ", 1) for field in fields)
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)
