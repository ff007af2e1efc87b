"""A small village on a real ledger: contracts, meters, and stores to settle from."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from stellar_sdk import Keypair

from gateway.clock import Clock
from gateway.domain.batches import Price
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.contracts.calls import Call
from gateway.ledger.keys import SigningKey
from gateway.ledger.provision import Deployment, NewMeter, Provider
from gateway.ledger.refresh import Refresher
from gateway.ledger.settings import LedgerSettings
from gateway.ledger.submit import Submitter
from gateway.store.database import Database
from gateway.store.outbox import find_open
from gateway.store.points import PointSetting, apply_settings
from gateway.store.status import Status, find_status
from tests.ledger.localnet import PASSPHRASE, ROOT, Localnet

SITE = 7
HOUR_S = 3600
START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
PRICE = Price(1, START_S, off_peak=700, standard=1_000, peak=1_500, daily=50_000, weekly=300_000)
MAX_POWER_W = 2_000


def at(second: int) -> datetime:
    """An instant of the village, from unix seconds."""
    return datetime.fromtimestamp(second, UTC)


@dataclass(frozen=True, slots=True)
class Village:
    """What the tests of settling share.

    Args:
        localnet: the ledger.
        client: the provider's way to it.
        admin: the provider's key.
        key: the gateway's key.
        deployment: where the contracts are.
        settings: the gateway's.
        folder: where the stores are.
        meters: how many are registered.
        stack: closes what was opened.
    """

    localnet: Localnet
    client: LedgerClient
    admin: SigningKey
    key: SigningKey
    deployment: Deployment
    settings: LedgerSettings
    folder: Path
    meters: int
    stack: AsyncExitStack

    async def do(self, call: Call, key: SigningKey | None = None) -> None:
        """Let the provider, or another, call the contract."""
        await self.client.perform(call.operation(), key or self.admin)

    async def pay(self, slot: int, amount: int, plan: meter.Plan = meter.Plan.USAGE_BASED) -> None:
        """Somebody pays for a meter."""
        address = self.admin.address
        call = meter.make_payment(self.settings.contract, address, chain_id(slot), amount, plan)
        await self.do(call)

    async def open(self, name: str = "usage.db") -> Database:
        """Open a store with the village's meter points in it."""
        database = await Database.open(self.folder / name)
        self.stack.push_async_callback(database.close)
        points = [point_setting(slot) for slot in range(self.meters)]
        await apply_settings(database, points, START_S)
        return database

    def submitter(self, database: Database, client: LedgerClient | None = None) -> Submitter:
        """A submitter that has just started."""
        return Submitter(self.settings, database, Clock(), client or self.client, self.key)

    def refresher(self, database: Database) -> Refresher:
        """A refresher that has just started."""
        return Refresher(self.settings, database, Clock(), self.client)

    def with_key(self, key: SigningKey) -> Village:
        """The same village whose gateway signs with another key."""
        return replace(self, key=key)

    async def allow(self, key: SigningKey) -> None:
        """The provider lets a key settle for the site."""
        await self.do(meter.allow(self.settings.contract, SITE, key.address))

    def until(self, second: int) -> datetime:
        """Move the ledger to an instant (unix seconds), and name it."""
        self.localnet.advance(max(0, second - self.localnet.time_s()))
        return at(second)

    async def settle(self, database: Database, second: int, ticks: int = 12) -> None:
        """Let a gateway that has just started settle everything that is due at an instant."""
        now = self.until(second)
        submitter = self.submitter(database)
        for _ in range(ticks):
            await submitter.tick(now)
        assert await find_open(database) is None, await find_status(database)


def chain_id(slot: int) -> int:
    """The contract's id of a slot of the village."""
    return SITE << 32 | slot


def point_setting(slot: int) -> PointSetting:
    """A meter point as a configuration would name it."""
    return PointSetting(
        label=f"house-{slot}",
        site=SITE,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=MAX_POWER_W,
        critical=False,
        relay="none",
        serial=f"meter-{slot}",
        model="pzem-004t-v3",
        address=f"bus/{slot + 1}",
        first_register_wh=None,
    )


@asynccontextmanager
async def opened(
    localnet: Localnet, folder: Path, meters: int = 3, code: str = "meter"
) -> AsyncIterator[Village]:
    """Deploy everything on a fresh ledger, and close it all at the end.

    Args:
        localnet: the ledger.
        folder: where the stores will be.
        meters: how many are registered.
        code: the contract that keeps them: 'meter', or 'entries' for the earlier layout.
    """
    admin, key = SigningKey(Keypair.random()), SigningKey(Keypair.random())
    for address in (admin.address, key.address):
        localnet.fund(address)
    async with AsyncExitStack() as stack:
        client = LedgerClient([localnet.url], PASSPHRASE)
        stack.push_async_callback(client.close)
        provider = Provider(client, admin, poll_s=0.01)
        wasm = ROOT / "contracts/wasm"
        deployment = await provider.deploy(
            (wasm / f"{code}.wasm").read_bytes(), (wasm / "electric.wasm").read_bytes()
        )
        points = [NewMeter(slot, MAX_POWER_W, "prepaid") for slot in range(meters)]
        await provider.open_site(deployment.meter, SITE, key.address, points, PRICE)
        await provider.grant(deployment.token, admin.address, 10**12)
        settings = LedgerSettings(
            site=SITE,
            contract=deployment.meter,
            passphrase=PASSPHRASE,
            rpc_urls=(localnet.url,),
            settle_every_s=HOUR_S,
            poll_s=0.01,
        )
        village = Village(localnet, client, admin, key, deployment, settings, folder, meters, stack)
        yield village


def use(database: Database, slot: int, start_s: int, usage_wh: int, tier: int = 1) -> None:
    """Count usage of a meter in one quarter-hour, as the intake does when a reading comes in."""
    with closing(sqlite3.connect(database.path)) as file, file:
        file.execute(
            """INSERT INTO usage (start_s, meter_point_id, tier, usage_wh)
               SELECT ?, meter_point_id, ?, ? FROM meter_point WHERE slot = ?
               ON CONFLICT DO UPDATE SET usage_wh = usage_wh + excluded.usage_wh""",
            (start_s, tier, usage_wh, slot),
        )


async def settlement_status(database: Database) -> Status:
    """What the operator's page says of settling."""
    found = {status.name: status for status in await find_status(database)}
    return found["settlement"]


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[LedgerClient]:
    """Another way to the network, closed at the end."""
    client = LedgerClient([url], PASSPHRASE)
    try:
        yield client
    finally:
        await client.close()
