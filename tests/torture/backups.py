"""Backups that are put back, by the steps of `gateway restore` and `gateway replace-gateway`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.batches import Head
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.site import read_site
from gateway.ledger.takeover import take_over
from gateway.store.chain import find_head
from gateway.store.copies import copy_store
from gateway.store.database import Database
from gateway.store.lock_outs import carry_over
from gateway.store.restored import make_ready, put_in_place
from gateway.store.snapshot import never
from tests.torture.ground import SITE, Stage, keypair
from tests.torture.judge import connect

_PAYMENTS = """
SELECT key, slot, amount_stroops, state FROM local_credit JOIN meter_point USING (meter_point_id)
"""
_LOCKED = """
SELECT DISTINCT slot FROM lock_out JOIN meter_point USING (meter_point_id)
WHERE released_s IS NULL
"""


@dataclass(slots=True)
class Backups:
    """The newest backup, and what is lost because it was put back.

    Args:
        stage: ledger and store.
        lost: by slot, what was paid since the backup and was not on chain yet, stroops: only the
            receipts on paper know of it.
        put_back: how often.
    """

    stage: Stage
    lost: Counter[int] = field(default_factory=Counter)
    put_back: int = 0

    @property
    def path(self) -> Path:
        """The backup's."""
        return self.stage.path.with_name("backup.db")

    async def make(self, database: Database) -> bool:
        """Back the store up, once it has settled something; False: it has not.

        What to do without any backup is another act: a person reads the registers.
        """
        if await find_head(database, SITE) is None:
            return False
        self.path.unlink(missing_ok=True)
        copy_store(self.stage.path, self.path, never, lambda *_: None)
        return True

    async def restore(self, now_s: int) -> list[int]:
        """Put the backup in the store's place, which nobody has open.

        Args:
            now_s: village time (unix seconds).

        Returns:
            The slots of the supplies that are locked out afterwards.
        """
        self._count_lost()
        copy = self.stage.path.with_name("usage.db.restoring")
        copy_store(self.path, copy, never, lambda *_: None, oldest=1)
        await make_ready(copy, "tortured", now_s * 1_000)
        assert carry_over(self.stage.path, copy) is not None
        self.put_back += 1
        kept = self.stage.path.with_name(f"usage.db.before-{self.put_back}")
        put_in_place(copy, self.stage.path, kept, is_sound=True)
        with closing(connect(self.stage.path)) as file:
            return [row[0] for row in file.execute(_LOCKED)]

    def _count_lost(self) -> None:
        before, after = _payments(self.stage.path), _payments(self.path)
        for key, (slot, stroops, state) in before.items():
            if key not in after and state == "local":
                self.lost[slot] += stroops

    async def settle_again(self, database: Database, clock: Clock) -> None:
        """Take the site over, if the chain went on after the backup.

        Raises:
            Transient: the chain can't be reached just now.
        """
        settings = self.stage.settings(self.stage.localnet.url)
        client = LedgerClient(settings.rpc_urls, settings.passphrase)
        try:
            answer = await read_site(client, settings, database)
            receipt, head = answer.state.receipt, await find_head(database, SITE)
            assert receipt is not None
            is_writer = receipt.writer.hex() == await database.writer_id()
            if not (is_writer and head == Head.of(receipt)):
                key = SigningKey(keypair("gateway"))
                await take_over(settings, database, clock, client, key)
        finally:
            await client.close()


def _payments(path: Path) -> Mapping[str, tuple[int, int, str]]:
    with closing(connect(path)) as file:
        return {row[0]: (row[1], row[2], row[3]) for row in file.execute(_PAYMENTS)}
