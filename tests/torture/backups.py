"""Backups that are put back, by the steps of `gateway restore` and `gateway replace-gateway`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.domain.batches import Head
from gateway.errors import Permanent
from gateway.ledger.client import LedgerClient
from gateway.ledger.keys import SigningKey
from gateway.ledger.site import read_site
from gateway.ledger.takeover import take_over
from gateway.store.chain import find_head
from gateway.store.copies import copy_store
from gateway.store.database import Database
from gateway.store.floats import Adoption, adopt_float
from gateway.store.restored import put_in_place, succeed
from gateway.store.snapshot import never
from tests.torture.chain import announced_credits
from tests.torture.ground import SITE, Stage, keypair
from tests.torture.judge import connect

_PAYMENTS = """
SELECT key, slot, amount_stroops, state FROM local_credit JOIN meter_point USING (meter_point_id)
"""
_CARRIED = """
SELECT key, digest FROM local_credit JOIN credit USING (outbox_id)
"""
_WAITING = "SELECT receipt, key FROM local_credit WHERE state = 'local'"
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
        carried: the digest of the credit that carried a payment, by the payment's key, in files
            that were replaced.
    """

    stage: Stage
    lost: Counter[int] = field(default_factory=Counter)
    put_back: int = 0
    carried: dict[str, set[str]] = field(default_factory=dict)

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
        assert await succeed(self.stage.path, copy, "tortured", now_s * 1_000) is not None
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
        with closing(connect(self.stage.path)) as file:
            for key, digest in file.execute(_CARRIED):
                self.carried.setdefault(key, set()).add(digest)

    async def settle_again(self, database: Database, clock: Clock, eras: Sequence[int]) -> None:
        """Take the site over, if the chain went on after the backup, and the float.

        Args:
            database: the store.
            clock: village time.
            eras: ledgers after which something happened.

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
        await self._adopt(database, int(clock.now_s()), eras)

    async def _adopt(self, database: Database, now_s: int, eras: Sequence[int]) -> None:
        """An operator says which payments the chain holds: the contract's events tell."""
        applied = announced_credits(self.stage.localnet, self.stage.contract, eras)
        with closing(connect(self.stage.path)) as file:
            waiting = file.execute(_WAITING).fetchall()
        on_chain = [receipt for receipt, key in waiting if self.carried.get(key, set()) & applied]
        with suppress(Permanent):  # the chain is where this file left it
            await adopt_float(database, SITE, Adoption(on_chain, "Asha", now_s))


def _payments(path: Path) -> Mapping[str, tuple[int, int, str]]:
    with closing(connect(path)) as file:
        return {row[0]: (row[1], row[2], row[3]) for row in file.execute(_PAYMENTS)}
