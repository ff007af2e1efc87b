"""What people do on site: tokens, cash, locks and orders, by what the page and the commands call.

What the store has taken counts for the reader of its own (:mod:`tests.torture.entitled`); what it
has not taken does not, and is tried again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gateway.clock import Clock
from gateway.domain.supply_facts import Override
from gateway.domain.tokens import Refusal
from gateway.errors import Permanent
from gateway.store.acts import Act
from gateway.store.credits import Payment, take_payment, void_payment
from gateway.store.database import Database
from gateway.store.lock_outs import lock_out, release
from gateway.store.supply_acts import order
from gateway.store.tokens import Accepted, Refused, TokenSettings
from gateway.web.settings import WebSettings
from gateway.web.token_door import TokenDoor
from gateway.wire.tokens import encode_token
from tests.torture.entitled import DAY_S, Account
from tests.torture.ground import HOUR_S, METERS, label_of
from tests.torture.people import key_of

UNIT_STROOPS = 1_000
DAILY_CAP_UNITS = 10_000
FEWEST_UNITS, MOST_UNITS = 4, 60
LOCKSMITHS = ("Amina", "Joseph")
CLIENT = "web:192.168.4.7"
_LIKELY_IN_THE_DARK = 0.4
_LIKELY_WITH_LIGHT = 0.01
_LIKELY_WHERE_NOBODY_CUTS = 0.002
_LIKELY_AN_ACT = 0.01
_LIKELY_AGAIN = 0.3


@dataclass(frozen=True, slots=True)
class _Token:
    count: int
    digits: str
    units: int


@dataclass(slots=True)
class People:
    """Everybody on site.

    Args:
        chance: what they do is drawn from it.
        clock: the village's time.
        accounts: of each slot, by a reader of its own.
        did: what was done, by name.
        problems: what should not be.
    """

    chance: random.Random
    clock: Clock
    accounts: Sequence[Account]
    did: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    credits: int = 0
    _bought: dict[int, _Token] = field(default_factory=dict)
    _used: dict[int, _Token] = field(default_factory=dict)
    _sold: Counter[int] = field(default_factory=Counter)
    _cash: list[tuple[int, int]] = field(default_factory=list)

    async def act(self, page: Database, dark: Sequence[bool]) -> None:
        """Each household and each operator may do something.

        Args:
            page: the store, as the page and the commands have it open.
            dark: whose supply is off, by slot.

        Raises:
            Transient: the disk did not take it; what was done before counts.
        """
        for slot in range(METERS):
            likely = _LIKELY_IN_THE_DARK if dark[slot] else _LIKELY_WITH_LIGHT
            if self.accounts[slot].is_critical:
                likely = _LIKELY_WHERE_NOBODY_CUTS
            if self.chance.random() < likely:
                await self._pay(page, slot)
            if self.chance.random() < _LIKELY_AN_ACT:
                await self._order(page, slot)
            if self.accounts[slot].locks and self.chance.random() < _LIKELY_AGAIN:
                await self.release(page, slot)
            elif self.chance.random() < _LIKELY_AN_ACT:
                await self.lock(page, slot)
        if self._cash and self.chance.random() < _LIKELY_AN_ACT:
            await self._take_back(page)

    async def _pay(self, page: Database, slot: int) -> None:
        if self.chance.random() < 0.7:
            await self._enter_token(page, slot)
        else:
            await self._pay_cash(page, slot)

    async def _enter_token(self, page: Database, slot: int) -> None:
        tokens = TokenSettings(
            {label_of(one): key_of(one) for one in range(METERS)}, UNIT_STROOPS, DAILY_CAP_UNITS
        )
        door = TokenDoor(page, self.clock, WebSettings("Away", ZoneInfo("UTC"), tokens=tokens))
        token = self._bought.get(slot) or self._buy(slot)
        found = await door.enter(CLIENT, label_of(slot), token.digits)
        if not isinstance(found, Accepted) or found.units != token.units:
            self.problems.append(f"{label_of(slot)}: a good token was answered with {found}")
            return
        self._used[slot] = self._bought.pop(slot)
        self._credit(slot, token.units * UNIT_STROOPS)
        self.did["token entered"] += 1
        if self.chance.random() < _LIKELY_AGAIN:
            again = await door.enter(CLIENT, label_of(slot), token.digits)
            self.did["token entered again"] += 1
            if again != Refused(Refusal.USED):
                self.problems.append(f"{label_of(slot)}: a used token was answered with {again}")

    def _buy(self, slot: int) -> _Token:
        """A token's paper; where it was not taken, the same is entered again."""
        units = self.chance.randint(FEWEST_UNITS, MOST_UNITS)
        count, digits = encode_token(key_of(slot), units, self._sold[slot])
        self._sold[slot] = count
        self._bought[slot] = _Token(count, digits, units)
        return self._bought[slot]

    async def _pay_cash(self, page: Database, slot: int) -> None:
        units = self.chance.randint(FEWEST_UNITS, MOST_UNITS)
        key = f"cash:{self.chance.getrandbits(64):016x}"
        paid = Payment(
            label=label_of(slot),
            kind="cash",
            amount_stroops=units * UNIT_STROOPS + self.chance.randrange(UNIT_STROOPS),
            author="Fatima",
            at_s=int(self.clock.now_s()),
            key=key,
        )
        credit = await take_payment(page, paid)
        self._credit(slot, paid.amount_stroops)
        self._cash.append((slot, credit.receipt))
        self.did["cash taken"] += 1
        if self.chance.random() < _LIKELY_AGAIN:
            self.did["cash taken again under its key"] += 1
            if not (await take_payment(page, paid)).is_repeated:
                self.problems.append(f"{label_of(slot)}: one key was counted twice")

    async def _take_back(self, page: Database) -> None:
        slot, receipt = self._cash[-1]
        now_s = int(self.clock.now_s())
        try:
            credit, _ = await void_payment(page, receipt, "Amina", "wrong house", now_s)
        except Permanent:  # it is on chain, or on its way there
            self._cash.clear()
            return
        self._cash.pop()
        self.accounts[slot].paid_stroops -= credit.amount_stroops
        self.did["cash taken back"] += 1

    def _credit(self, slot: int, stroops: int) -> None:
        self.accounts[slot].paid_stroops += stroops
        self.credits += 1

    async def lock(self, page: Database, slot: int) -> None:
        """Somebody hangs a lock, unless everybody's hangs."""
        free = sorted(set(LOCKSMITHS) - self.accounts[slot].locks)
        if not free:
            return
        name = self.chance.choice(free)
        await lock_out(page, self._act(slot, name, "the cable is open"))
        self.accounts[slot].locks.add(name)
        self.did["locked out"] += 1

    async def release(self, page: Database, slot: int) -> None:
        """Somebody takes their own lock off."""
        name = self.chance.choice(sorted(self.accounts[slot].locks))
        await release(page, self._act(slot, name, "the cable is sound"))
        self.accounts[slot].locks.remove(name)
        self.did["lock taken off"] += 1

    async def _order(self, page: Database, slot: int) -> None:
        account = self.accounts[slot]
        is_on = account.is_critical or self.chance.random() < 0.5
        until_s = int(self.clock.now_s()) + self.chance.randint(1, 24) * HOUR_S
        act = self._act(slot, "Amina", "by hand")
        await order(page, act, Override(is_on, until_s), DAY_S)
        account.order = is_on, until_s
        self.did["ordered on" if is_on else "ordered off"] += 1

    def _act(self, slot: int, author: str, reason: str) -> Act:
        return Act(label_of(slot), author, reason, int(self.clock.now_s()))
