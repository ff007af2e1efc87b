"""A village whose households were read, settled and charged on a real ledger, to be proved."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gateway.domain.readings import Reading
from gateway.domain.tariffs import Tier
from gateway.ledger.contracts import meter
from gateway.store.database import Database
from gateway.store.points import find_points
from gateway.store.readings import ReadingBook
from tests.ledger.localnet import PASSPHRASE
from tests.ledger.village import HOUR_S, START_S, Village, chain_id
from tests.store.chained import reading

EVERY_S = 600
GRACE_S = 200
CONFIG = """
[gateway]
name = "test"
site = {site}
database = "{database}"
[chain]
network = "local"
passphrase = "{passphrase}"
rpc = ["{url}"]
contract_id = "{contract}"
key_file = "/nowhere"
[[bus]]
name = "bus"
port = "/dev/null"
[[meter_point]]
label = "house-0"
slot = 0
bus = "bus"
unit_id = 1
serial = "meter-0"
"""


def tier_at(start_s: int) -> int:
    """Two hours each of off-peak, standard and peak, over and over."""
    return int(Tier((start_s - START_S) // (2 * HOUR_S) % 3))


@dataclass
class Household:
    """Meters that are read, in a store of a village.

    Args:
        village: where they are settled.
        database: their store.
        registers: what they show, Wh, by slot.
        read_s: up to when they were read (unix seconds).
    """

    village: Village
    database: Database
    registers: list[int] = field(default_factory=lambda: [1_000, 20_000, 300_000])
    read_s: int = START_S

    async def live(self, hours: float, watts: Sequence[int] = (305, 611, 1_207)) -> None:
        """Read every meter each ten minutes for some hours; what they draw never divides evenly."""
        points = {point.meter_id: point for point in await find_points(self.database)}
        by_slot = {point.slot: point.meter_id for point in points.values()}
        book = ReadingBook(self.database, tier_at)
        end_s = self.read_s + int(hours * HOUR_S)
        if self.read_s == START_S:
            await book.append(self._look(by_slot), points)
        while self.read_s < end_s:
            self.read_s += EVERY_S
            for slot, power_w in enumerate(watts):
                self.registers[slot] += power_w * EVERY_S // HOUR_S + self.read_s // EVERY_S % 2
            await book.append(self._look(by_slot), points)

    def _look(self, by_slot: dict[int, int]) -> list[Reading]:
        return [
            reading(by_slot[slot], self.read_s, energy_wh)
            for slot, energy_wh in enumerate(self.registers)
        ]

    async def settle(self) -> None:
        """Settle all full hours that were read."""
        hour_s = self.read_s // HOUR_S * HOUR_S
        await self.village.settle(self.database, hour_s + GRACE_S, ticks=40)

    async def deactivate(self, slot: int, *, off: bool) -> None:
        """The provider switches a meter off, or on again."""
        contract, meter_id = self.village.settings.contract, chain_id(slot)
        call = meter.deactivate_meter if off else meter.activate_meter
        await self.village.do(call(contract, meter_id))

    def config(self) -> Path:
        """A TOML file for the command."""
        path = self.village.folder / f"{self.database.path.stem}.toml"
        path.write_text(
            CONFIG.format(
                site=self.village.settings.site,
                database=self.database.path,
                passphrase=PASSPHRASE,
                url=self.village.localnet.url,
                contract=self.village.settings.contract,
            )
        )
        return path


async def billed(village: Village, database: Database) -> Household:
    """Twelve hours in four batches; the second refuses house-2, and house-0 pays in between."""
    home = Household(village, database)
    await village.pay(0, 100_000)
    await home.live(3.2)
    await home.settle()
    await home.deactivate(2, off=True)
    await home.live(3)
    await home.settle()
    await home.deactivate(2, off=False)
    await village.pay(0, 5_000)
    await home.live(3)
    await home.settle()
    await home.live(3)
    await home.settle()
    await home.live(0.6)
    return home


def copied(database: Database, path: Path) -> Path:
    """The store as it is now, in a file of its own."""
    with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    return path
