"""The provider's laptop: a folder with a key and an addresses' file, in front of a real ledger."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stellar_sdk import Keypair, xdr

from gateway.__main__ import main
from gateway.commands.admin.places import Places
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts.calls import Call
from gateway.ledger.envelopes import account_key
from gateway.ledger.keys import SigningKey
from tests.ledger.localnet import PASSPHRASE, Localnet, running

T = TypeVar("T")
START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered.

    Args:
        status: the exit status.
        out: what it printed.
        err: what it complained about.
    """

    status: int
    out: str
    err: str

    @property
    def transactions(self) -> list[str]:
        """Hashes of everything that was sent."""
        return re.findall(r"  transaction ([0-9a-f]{64})$", self.out, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account.

    Args:
        keypair: theirs.
        key_file: where its secret is.
    """

    keypair: Keypair
    key_file: Path

    @property
    def address(self) -> str:
        """'G...'."""
        return self.keypair.public_key

    @property
    def key(self) -> SigningKey:
        """Signs for them."""
        return SigningKey(self.keypair)


@dataclass(frozen=True, slots=True)
class Laptop:
    """A provider at work.

    Args:
        localnet: the ledger.
        folder: with the addresses' file.
        provider: the admin of the contracts.
    """

    localnet: Localnet
    folder: Path
    provider: Person

    @property
    def addresses(self) -> Path:
        """The addresses' file."""
        return self.folder / "provider.toml"

    def contract(self, name: str) -> str:
        """Where a contract is."""
        return Places.load(self.addresses, "local", {}).find(name)

    def admin(self, *words: str, key: Person | None = None) -> Said:
        """Type ``gateway admin WORDS`` on this ledger, with a key."""
        key_file = (key or self.provider).key_file
        return self.type(
            *words,
            "--network=local",
            f"--rpc-url={self.localnet.url}",
            f"--key-file={key_file}",
        )

    def type(self, *words: str) -> Said:
        """Type ``gateway admin WORDS`` in the folder, and nothing else."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = main(["admin", *words, f"--addresses={self.addresses}"])
            except SystemExit as end:
                status = int(str(end.code))
        return Said(status, out.getvalue(), err.getvalue())

    def done(self, *words: str, key: Person | None = None) -> Said:
        """Type what must succeed and send something."""
        said = self.admin(*words, key=key)
        assert said.status == 0, said
        assert said.transactions, said
        return said

    def refused(self, *words: str, key: Person | None = None) -> str:
        """Type what must be refused without sending anything; what it complains about."""
        before = self.ledger()
        said = self.admin(*words, key=key)
        assert (said.status, said.transactions) == (1, []), said
        assert self.ledger() == before
        return said.err

    def person(self, name: str, *, funded: bool = True) -> Person:
        """Somebody new."""
        keypair = Keypair.random()
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(keypair.secret)
        if funded:
            self.localnet.fund(keypair.public_key)
        return Person(keypair, path)

    def ledger(self) -> int:
        """How many ledgers there are: one closes for every transaction, and for nothing else."""
        return int(str(self.localnet.ask("getLatestLedger")["sequence"]))

    def lumens(self, person: Person) -> int:
        """What an account has, stroops."""
        place = account_key(person.address)
        entry = self.with_client(lambda client: client.read([place])).found[place.to_xdr()]
        assert entry.account is not None
        return entry.account.balance.int64

    def perform(self, call: Call, person: Person) -> xdr.SCVal | None:
        """Somebody calls a contract by other means."""
        operation = call.operation()
        return self.with_client(lambda client: client.perform(operation, person.key, poll_s=0.01))

    def with_client(self, use: Callable[[LedgerClient], Coroutine[None, None, T]]) -> T:
        """Ask the ledger something."""

        async def used() -> T:
            client = LedgerClient([self.localnet.url], PASSPHRASE)
            try:
                return await use(client)
            finally:
                await client.close()

        return asyncio.run(used())


@contextmanager
def opened(folder: Path, passphrase: str = PASSPHRASE) -> Iterator[Laptop]:
    """A fresh ledger in front of a laptop on which nothing was deployed yet."""
    with running(START_S, passphrase=passphrase) as localnet:
        keypair = Keypair.random()
        path = folder / "admin.key"
        path.touch(mode=0o600)
        path.write_text(keypair.secret)
        localnet.fund(keypair.public_key)
        yield Laptop(localnet, folder, Person(keypair, path))
