"""People of the village: they pay, enter tokens, steal tokens, and hang locks on supplies.

Everything goes in by the store's own doors. What must come of it is remembered here, and what the
relays are told is written down line by line, across processes, to be judged afterwards::

    started | looked | on 2 | off 2 | locking 2 | locked 2 | releasing 2 | released 2
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from gateway.domain.tokens import SYNC_JUMP
from gateway.errors import Permanent
from gateway.store.acts import Act
from gateway.store.credits import Payment, take_payment
from gateway.store.database import Database
from gateway.store.lock_outs import lock_out, release
from gateway.store.tokens import Accepted, Entry, TokenSettings, enter_token
from gateway.wire.tokens import TokenKey, encode_token
from tests.torture.ground import CRITICAL, METERS, label_of

ELECTRICIAN = "Juma"
MOST_CASH = 1_000_000
MOST_UNITS = 995
UNIT_STROOPS = 1_000
NO_CAP_UNITS = 10**9
LONG_AGO = 3
"""So many tokens back are still tried again."""
Note = Callable[[str], None]


class Relays:
    """Contactors that write down what they are told.

    Args:
        note: takes each line.
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self.switched = 0

    async def switch(self, name: str, *, connected: bool) -> None:
        """Take a position."""
        self.switched += 1
        self._note(f"{'on' if connected else 'off'} {name}")


async def lock(database: Database, slot: int, now_s: int, note: Note) -> None:
    """Hang the electrician's lock; it may hang already.

    Args:
        database: the store.
        slot: of the house.
        now_s: village time (unix seconds).
        note: takes the lines.

    Raises:
        Transient: the disk did not take it.
    """
    note(f"locking {slot}")
    with suppress(Permanent):  # it hangs: this life does again what one before it has done
        await lock_out(database, Act(label_of(slot), ELECTRICIAN, "works on the line", now_s))
    note(f"locked {slot}")


async def unlock(database: Database, slot: int, now_s: int, note: Note) -> None:
    """Take the electrician's lock off; see :func:`lock`."""
    note(f"releasing {slot}")
    with suppress(Permanent):
        await release(database, Act(label_of(slot), ELECTRICIAN, "done", now_s))
    note(f"released {slot}")


async def pay_cash(database: Database, slot: int, stroops: int, key: str, now_s: int) -> None:
    """A cashier takes money; with the same key it is the same payment.

    Args:
        database: the store.
        slot: of the house.
        stroops: how much.
        key: of the act.
        now_s: village time (unix seconds).

    Raises:
        Transient: the disk did not take it.
    """
    await take_payment(database, Payment(label_of(slot), "cash", stroops, "Asha", now_s, key))


def misconduct(lines: Iterable[str]) -> list[str]:
    """What relays were told that they must not, one sentence each.

    A locked-out supply is never switched on, and is off once supply control has looked; a critical
    one is never switched off, and is on, unless it is locked out.

    Args:
        lines: as everybody noted them, in order.
    """
    watch = _Watch()
    for line in lines:
        verb, _, slot = line.partition(" ")
        watch.see(verb, slot)
    return watch.problems


@dataclass(slots=True)
class _Watch:
    """Somebody who looks at every relay and every lock."""

    problems: list[str] = field(default_factory=list)
    _told: dict[str, str] = field(default_factory=dict)
    _locked: set[str] = field(default_factory=set)
    _perhaps: set[str] = field(default_factory=set)
    """Locked, or somebody died in the midst of it."""

    def see(self, verb: str, slot: str) -> None:
        match verb:
            case "started":
                self._told.clear()
            case "looked":
                self._look()
            case "on" | "off":
                self._switched(verb, slot)
            case "locked":
                self._locked.add(slot)
            case "locking" | "releasing":
                self._perhaps.add(slot)
                self._locked.discard(slot)
            case "released":
                self._perhaps.discard(slot)
            case _:
                raise AssertionError(verb)

    def _switched(self, verb: str, slot: str) -> None:
        self._told[slot] = verb
        if verb == "on" and slot in self._locked:
            self.problems.append(f"meter {slot} is locked out and was switched on")
        if verb == "off" and slot == str(CRITICAL) and slot not in self._perhaps:
            self.problems.append(f"the critical meter {slot} was switched off")

    def _look(self) -> None:
        self.problems += [
            f"meter {slot} is locked out and not switched off"
            for slot in sorted(self._locked)
            if self._told.get(slot) != "off"
        ]
        critical = str(CRITICAL)
        if critical not in self._perhaps and self._told.get(critical) != "on":
            self.problems.append(f"the critical meter {critical} is not switched on")


@dataclass(slots=True)
class Tokens:
    """A vendor of tokens, honest customers, and others.

    Args:
        chance: what everything is drawn from.
        sold: of each house, the digits of all tokens that were entered, oldest first.
        refused: how many of each kind were refused.
        problems: what should not be, one sentence each.
        are_frozen: after a restore no token counts, until a person has looked at them.
    """

    chance: random.Random
    are_frozen: bool = False
    sold: dict[int, list[str]] = field(default_factory=lambda: {slot: [] for slot in range(METERS)})
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    _counts: Counter[int] = field(default_factory=Counter)
    _settings: TokenSettings = field(
        default_factory=lambda: TokenSettings(
            {label_of(slot): key_of(slot) for slot in range(METERS)}, UNIT_STROOPS, NO_CAP_UNITS
        )
    )

    async def buy(self, database: Database, slot: int, now_s: int) -> int:
        """A household enters a token that it bought; returns what it counts, stroops."""
        units = self.chance.randint(1, MOST_UNITS)
        restricted = self.chance.random() < 0.5
        count, digits = encode_token(key_of(slot), units, self._counts[slot], restricted=restricted)
        self._counts[slot] = count
        self.sold[slot].append(digits)
        stroops = await self._enter(database, slot, digits, now_s)
        if stroops != (0 if self.are_frozen else units * UNIT_STROOPS):
            self.problems.append(f"token {digits} of meter {slot} counted as {stroops} stroops")
        return stroops

    async def cheat(self, database: Database, kind: str, slot: int, now_s: int) -> int:
        """Somebody enters a token that must not count.

        Args:
            database: the store.
            kind: 'token replayed', 'token forged' or 'token of another house'.
            slot: of the house where it is entered.
            now_s: village time (unix seconds).

        Returns:
            What it is worth, stroops: nothing, unless a forger has guessed a token right, which
            happens about once in 20 000 times.
        """
        digits = self._made_up(kind, slot)
        if digits is None:
            return 0
        stroops = await self._enter(database, slot, digits, now_s)
        if not stroops:
            self.refused[kind] += 1
        elif kind != "token replayed" and self._is_good(slot, digits, stroops):
            self._counts[slot] += SYNC_JUMP  # the vendor's next one is newer than any guess
        else:
            self.problems.append(f"{kind}: {digits} counted {stroops} stroops for meter {slot}")
        return stroops

    def _made_up(self, kind: str, slot: int) -> str | None:
        if kind == "token forged":
            return f"{self.chance.randrange(10**9):09}"
        if kind == "token replayed":
            sold = self.sold[slot][-LONG_AGO:]
            return self.chance.choice(sold) if sold else None
        other = (slot + self.chance.randrange(1, METERS)) % METERS
        after = self._counts[other] + self.chance.randrange(3)
        return encode_token(key_of(other), self.chance.randint(1, MOST_UNITS), after)[1]

    def _is_good(self, slot: int, digits: str, stroops: int) -> bool:
        """Whether a vendor could have sold it: some count's token of this value."""
        units = stroops // UNIT_STROOPS
        return digits in {
            encode_token(key_of(slot), units, after, restricted=len(digits) > len("999999999"))[1]
            for after in range(self._counts[slot] + SYNC_JUMP)
        }

    async def _enter(self, database: Database, slot: int, digits: str, now_s: int) -> int:
        # By the operator's own hand, who is never held up: what is refused is the token itself.
        entry = Entry(label_of(slot), digits, "till", "2026-01-01", now_s, is_trusted=True)
        answer = await enter_token(database, self._settings, entry)
        return answer.credit.amount_stroops if isinstance(answer, Accepted) else 0


def key_of(slot: int) -> TokenKey:
    """What a house's tokens are made with."""
    return TokenKey(hashlib.sha256(f"token key {slot}".encode()).digest()[:16], 123_456_789 + slot)
