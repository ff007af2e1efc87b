"""The ground that every run starts from: a ledger with a village on it, and an empty store.

Made once, with keys that are always the same; each run goes on from a copy of its own.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stellar_sdk import Keypair

from gateway.clock import Clock
from gateway.domain.batches import Price
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts import meter
from gateway.ledger.keys import SigningKey
from gateway.ledger.provision import NewMeter, Provider
from gateway.ledger.settings import LedgerSettings
from gateway.store.database import Database
from gateway.store.points import PointSetting, apply_settings
from tests.ledger.localnet import PASSPHRASE, ROOT, Localnet, running

SITE = 7
METERS = 4
CRITICAL = 0
"""The slot of a point that is never cut."""
FIRST_WH = 5_000
"""What the first meter's register showed when it was installed; the next ones' twice, ... that."""
MAX_POWER_W = 2_000
MOST_WH = 400
"""The most that a house draws in a quarter-hour; its connection carries 500."""
QUARTER_S = 900
HOUR_S = 3_600
START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
VALID_FOR_S = 300
RATES = (700, 1_000, 1_500)
MAX_FEE_STROOPS = 1_000_000_000
"""Bringing everything back that the network has archived costs half of that."""
PRICE = Price(1, START_S, *RATES, daily=50_000, weekly=300_000)
WRITER = "0123456789abcdef0123456789abcdef"
ALL_LEDGERS = 100_000_000
"""What is remembered, so that a verdict sees every event, also after years."""
_WEALTH = 10**12
FLOAT_STROOPS = 10**11
"""What the operator has paid in, to put payments taken on site on chain."""


def at(second: int) -> datetime:
    """An instant, from unix seconds."""
    return datetime.fromtimestamp(second, UTC)


def standing(second: int) -> Clock:
    """A clock that stands still."""
    return Clock(second, 0, 1e-12)


def tier_at(start_s: int) -> int:
    """Each quarter-hour has another tier than the one before."""
    return start_s // QUARTER_S % 3


def first_wh(slot: int) -> int:
    """A meter's register when it was installed, Wh."""
    return FIRST_WH * (slot + 1)


def label_of(slot: int) -> str:
    """What people call a house."""
    return f"house-{slot}"


def keypair(name: str) -> Keypair:
    """Somebody's keys, always the same."""
    return Keypair.from_raw_ed25519_seed(hashlib.sha256(name.encode()).digest())


def chain_id(slot: int) -> int:
    """The contract's id of a slot of the village."""
    return SITE << 32 | slot


@dataclass(frozen=True, slots=True)
class Ground:
    """What is copied for each run.

    Args:
        folder: holds the ledger's snapshot and the store.
        contract: the meter contract's address.
    """

    folder: Path
    contract: str

    @contextmanager
    def stage(self, folder: Path) -> Iterator[Stage]:
        """A ledger and a store for one run, until the block ends.

        Args:
            folder: empty, best in memory.
        """
        for name in ("ledger", "usage.db"):
            shutil.copy(self.folder / name, folder / name)
        with running(START_S, 0, ALL_LEDGERS, snapshot=folder / "ledger") as localnet:
            yield Stage(localnet, folder / "usage.db", self.contract)


@dataclass(frozen=True, slots=True)
class Stage:
    """One run's ledger and store.

    Args:
        localnet: the ledger, without anything in between.
        path: the store's file.
        contract: the meter contract's address.
    """

    localnet: Localnet
    path: Path
    contract: str

    def settings(self, url: str) -> LedgerSettings:
        """What the gateway is told, with the way to the chain that it shall take."""
        return LedgerSettings(
            site=SITE,
            contract=self.contract,
            passphrase=PASSPHRASE,
            rpc_urls=(url,),
            settle_every_s=HOUR_S,
            valid_for_s=VALID_FOR_S,
            max_fee_stroops=MAX_FEE_STROOPS,
            poll_s=0.001,
        )

    def until(self, second: int) -> None:
        """Let ledger time come up to an instant (unix seconds)."""
        self.localnet.advance(max(0, second - self.localnet.time_s()))


async def prepare(folder: Path) -> Ground:
    """Found the network, deploy the contracts, open the village, and make its store.

    Args:
        folder: where copies are taken from.
    """
    admin, key = SigningKey(keypair("provider")), SigningKey(keypair("gateway"))
    with running(START_S, snapshot=folder / "ledger") as localnet:
        for address in (admin.address, key.address):
            localnet.fund(address)
        client = LedgerClient([localnet.url], PASSPHRASE)
        provider = Provider(client, admin, poll_s=0.01)
        wasm = ROOT / "contracts/wasm"
        deployment = await provider.deploy(
            (wasm / "meter.wasm").read_bytes(), (wasm / "electric.wasm").read_bytes()
        )
        meters = [NewMeter(slot, MAX_POWER_W, "prepaid") for slot in range(METERS)]
        await provider.open_site(deployment.meter, SITE, key.address, meters, PRICE)
        await provider.grant(deployment.token, admin.address, _WEALTH)
        float_paid = meter.fund_float(deployment.meter, admin.address, SITE, FLOAT_STROOPS)
        await client.perform(float_paid.operation(), admin, poll_s=0.01)
        await client.close()
        localnet.ask("dev_snapshot")
    database = await Database.open(folder / "usage.db")
    await apply_settings(database, [_point(slot) for slot in range(METERS)], START_S)
    await database.close()
    with closing(sqlite3.connect(folder / "usage.db")) as file, file:
        file.execute("UPDATE meta SET value = ? WHERE key = 'writer'", (WRITER,))
    return Ground(folder, deployment.meter)


def _point(slot: int) -> PointSetting:
    return PointSetting(
        label=label_of(slot),
        site=SITE,
        slot=slot,
        settlement_mode="prepaid",
        max_power_w=MAX_POWER_W,
        critical=slot == CRITICAL,
        relay=f"pin:{slot}",
        serial=f"meter-{slot}",
        model="pzem-004t-v3",
        address=f"bus/{slot + 1}",
        first_register_wh=first_wh(slot),
    )
