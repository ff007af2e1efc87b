"""Where every ``gateway admin`` command does its business: asks, shows, sends, explains.

Nothing is signed that was not shown first, and nothing is sent in a dry run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stellar_sdk import Keypair, xdr
from stellar_sdk.operation import InvokeHostFunction

from gateway.commands.admin.describing import described
from gateway.commands.admin.explaining import explained
from gateway.commands.admin.places import Network, Places
from gateway.errors import Permanent
from gateway.ledger.answers import Archived, ContractRefusal
from gateway.ledger.client import LedgerClient
from gateway.ledger.contracts.calls import Call, CallFor
from gateway.ledger.fees import TooExpensive, xlm
from gateway.ledger.keys import SigningKey
from gateway.ledger.provision import CODE_MAX_FEE_STROOPS
from gateway.ledger.transactions import Done, Prepared, carry_out, prepare, prepare_restore

T = TypeVar("T")

USUAL_MAX_FEE_STROOPS = 10 * 10_000_000


@dataclass(slots=True)
class Desk:
    """One command at work.

    Args:
        network: which one.
        client: the way to it.
        places: where the contracts are.
        find_key: loads the key, the first time that it is needed.
        dry_run: show, and send nothing.
        max_fee_stroops: the most one transaction may cost; None: what is usual for it.
        sure_of_mainnet: no question is asked before the first transaction there.
        poll_s: how often an answer is asked for, wall seconds.
    """

    network: Network
    client: LedgerClient
    places: Places
    find_key: Callable[[], SigningKey]
    dry_run: bool
    max_fee_stroops: int | None
    sure_of_mainnet: bool
    poll_s: float
    shown_stroops: list[int] = field(default_factory=list, init=False)
    _key: SigningKey | None = field(default=None, init=False, repr=False)

    @property
    def key(self) -> SigningKey:
        """Who acts; loaded once."""
        if self._key is None:
            self._key = self.find_key()
        return self._key

    @property
    def me(self) -> str:
        """The address of who acts."""
        return self.key.address

    async def ask(self, question: CallFor[T]) -> T:
        """Ask a contract something; no key is needed and nothing is sent.

        Raises:
            Permanent: it refuses, in words.
        """
        try:
            value = await self.client.simulate(question.operation(), _NOBODY)
        except ContractRefusal as refusal:
            raise Permanent(
                explained(self.places.name_of(question.contract), question.function, refusal)
            ) from None
        if value is None:
            raise Permanent(f"{question.function} gave no answer")
        return self._decoded(question, value)

    async def do(self, call: Call, *, costly: bool = False) -> xdr.SCVal | None:
        """Show a call, and unless this is a dry run, send it and wait for it.

        Args:
            call: what to do.
            costly: it pays rent for code.

        Returns:
            What it answered; None in a dry run.

        Raises:
            Permanent: it was refused, in words.
            Transient: the network cannot be reached, or it took too long.
        """
        try:
            prepared = await self.prepare(call.operation(), costly=costly)
        except ContractRefusal as refusal:
            raise Permanent(
                explained(self.places.name_of(call.contract), call.function, refusal)
            ) from None
        title = f"{self.places.name_of(call.contract)}: {call.function}"
        done = await self.settle(title, described(call), prepared, contract=call.contract)
        return done.value if done else None

    async def obtain(
        self, call: CallFor[T], say: Callable[[T], str], *, costly: bool = False
    ) -> T | None:
        """As :meth:`do`, and say what it answered.

        Args:
            call: what to do.
            say: puts the answer into words.
            costly: it pays rent for code.
        """
        value = await self.do(call, costly=costly)
        if value is None:
            return None
        answer = self._decoded(call, value)
        print(f"  {say(answer)}")
        return answer

    async def prepare(self, operation: InvokeHostFunction, *, costly: bool) -> Prepared | None:
        """Ask what an operation would do and cost; refuse what this key cannot sign alone.

        What the network has archived, because nobody paid its rent, is restored first.

        Returns:
            What to sign; None in a dry run in which something has to be restored first.
        """
        most = self.max_fee_stroops or (CODE_MAX_FEE_STROOPS if costly else USUAL_MAX_FEE_STROOPS)
        while True:
            try:
                prepared = await prepare(self.client, operation, self.me, most)
                break
            except Archived as archived:
                await self._restore(archived)
                if self.dry_run:
                    print("what comes after that can't be asked about before")
                    return None
            except TooExpensive as error:
                raise Permanent(f"{error}; if that is right, raise --max-fee") from None
        if prepared.strangers:
            raise Permanent(
                f"this needs the signature of {', '.join(prepared.strangers)}, but the key is that "
                f"of {self.me}: use the other key"
            )
        return prepared

    async def _restore(self, archived: Archived) -> None:
        most = self.max_fee_stroops or CODE_MAX_FEE_STROOPS
        prepared = await prepare_restore(self.client, archived.keys, self.me, most)
        await self.settle("restore", {"archived entries": str(len(archived.keys))}, prepared)

    async def settle(
        self,
        title: str,
        arguments: dict[str, str],
        prepared: Prepared | None,
        *,
        contract: str | None = None,
    ) -> Done | None:
        """Show what was prepared, and unless this is a dry run, carry it out.

        Args:
            title: what it is.
            arguments: its arguments in words.
            prepared: what to sign, if anything.
            contract: whom it calls, if anyone.
        """
        if prepared is None:
            return None
        if self.dry_run:
            self._show_whole(title, arguments, prepared, contract)
            return None
        words = ", ".join(f"{name} {value}" for name, value in arguments.items())
        print(f"{title}({words}) on {self.network.name}, signed by {self.me}", flush=True)
        self._assert_sure()
        signed = prepared.signed(self.key)
        print(f"  transaction {signed.tx_hash}", flush=True)
        done = await carry_out(self.client, signed, self.poll_s)
        rent = f" ({xlm(done.rent_stroops)} of it rent)" if done.rent_stroops else ""
        print(f"  done in ledger {done.ledger} for {xlm(done.fee_stroops)}{rent}")
        return done

    def _show_whole(
        self, title: str, arguments: dict[str, str], prepared: Prepared, contract: str | None
    ) -> None:
        print(f"{title} on {self.network.name}")
        stroops = prepared.resource_stroops + prepared.inclusion_stroops
        self.shown_stroops.append(stroops)
        parts = (
            f"resources and rent {xlm(prepared.resource_stroops)}, "
            f"inclusion {xlm(prepared.inclusion_stroops)}"
        )
        rows = ({"contract": contract} if contract else {}) | arguments
        rows |= {"signed by": self.me, "costs": f"at most {xlm(stroops)} ({parts})"}
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            print(f"  {name:<{width}}  {value}")
        print("not sent: this is a dry run")

    def _assert_sure(self) -> None:
        """Mainnet is real money: ask once."""
        if self.network.name != "mainnet" or self.sure_of_mainnet:
            return
        if not sys.stdin.isatty():
            raise Permanent("this is mainnet: add --yes-mainnet when you are sure")
        print("This is mainnet, with real money. Type mainnet to go on: ", end="", flush=True)
        if sys.stdin.readline().strip() != "mainnet":
            raise Permanent("nothing was sent")
        self.sure_of_mainnet = True

    def _decoded(self, call: CallFor[T], value: xdr.SCVal) -> T:
        try:
            return call.decode(value)
        except (ValueError, KeyError):
            raise Permanent(
                f"the answer of {call.function} has a form that this version does not know: "
                "the contract may be newer, or the address is of another one"
            ) from None


_NOBODY = Keypair.from_raw_ed25519_seed(bytes(32)).public_key
"""Asks questions; has no account and signs nothing."""
