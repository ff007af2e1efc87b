"""Which token counts: the replay memory of one meter point, and the verdict on a token.

Pure. A token carries a count, and each count counts once. As OpenPAYGO has it, tokens may be
entered out of order as long as they are at most 15 counts older than the newest
(https://enaccess.github.io/OpenPAYGO-docs/), and even counts add value; no other kind is taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

OLDEST = 16
"""How far behind the newest count a token is refused whether or not it was used."""
JUMP = 64
"""How far ahead of the newest count a token may be."""
SYNC_JUMP = 100
"""The same for a token that sets the counter: looked for only to say what it is."""
MOST_COUNTER = 20_000
"""Each count costs a hash, some 17 us on a desktop: a counter beyond this is a mistake."""
MOST_UNITS = 995
"""The most one token can add; above are its other meanings."""
DISABLE, SYNC = 998, 999

_BLANKS = re.compile(r"[\s.\-_]+")
_STANDARD = re.compile(r"[0-9]{9}|[1-4]{15}", re.ASCII)
_EXTENDED = re.compile(r"[0-9]{10,12}|[1-4]{20}", re.ASCII)
_MOST_CHARACTERS = 64


class Refusal(StrEnum):
    """Why a token does not count."""

    MALFORMED = "malformed"
    EXTENDED = "extended"
    NO_KEY = "no_key"
    UNKNOWN = "unknown"
    USED = "used"
    TOO_OLD = "too_old"
    SETS_TIME = "sets_time"
    DISABLES = "disables"
    SETS_COUNTER = "sets_counter"
    NO_VALUE = "no_value"
    DAILY_CAP = "daily_cap"
    FROZEN = "frozen"
    WAIT = "wait"

    @property
    def sentence(self) -> str:
        """What is wrong and what to do; fit for a household."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.MALFORMED: "A token has 9 digits, or 15 digits from 1 to 4: look at the paper again.",
    Refusal.EXTENDED: (
        "This is an extended token (10 to 12, or 20 digits), which is not taken here: "
        "ask for one of 9 or 15 digits."
    ),
    Refusal.NO_KEY: "Tokens are not set up for this meter: pay the operator in cash.",
    Refusal.UNKNOWN: (
        "This is no token of this meter: compare each digit, and the meter's name, with the paper."
    ),
    Refusal.USED: "This token was used already: it counted when it was entered first.",
    Refusal.TOO_OLD: (
        "This token is older than others that were used since: take the paper back to who sold it."
    ),
    Refusal.SETS_TIME: "This token sets a time and adds nothing: ask for one that adds credit.",
    Refusal.DISABLES: "This token is for a meter without a limit, which is not offered here.",
    Refusal.SETS_COUNTER: (
        "This token sets a counter, which is not done here: the operator runs "
        "`gateway token reconcile`."
    ),
    Refusal.NO_VALUE: "This token adds nothing: take the paper back to who sold it.",
    Refusal.DAILY_CAP: (
        "That is more than this meter may get by tokens in one day: the token is still good, "
        "enter it tomorrow."
    ),
    Refusal.FROZEN: (
        "Tokens wait until the operator has compared the lists: the gateway was restored from a "
        "copy. The token is still good."
    ),
    Refusal.WAIT: "Too many wrong tokens were entered: wait, then try again.",
}


@dataclass(frozen=True, slots=True)
class TokenState:
    """What is remembered of one meter point's tokens.

    Args:
        counter: the newest count that was used; 0: none yet.
        used: counts that were used, of the last :data:`OLDEST` up to the counter.
        frozen: True: nothing counts until a person has reconciled.
    """

    counter: int = 0
    used: frozenset[int] = frozenset()
    frozen: bool = False

    def after(self, count: int) -> TokenState:
        """The memory once the token with this count was used."""
        counter = max(self.counter, count)
        used = {one for one in (*self.used, count) if one > counter - OLDEST}
        return TokenState(counter, frozenset(used), self.frozen)

    def reconciled(self, count: int) -> TokenState:
        """The memory once everything up to a count is to be taken for used.

        Args:
            count: the newest that may have been used; one below the counter changes no counter.
        """
        counter = max(self.counter, count)
        used = range(max(1, counter - OLDEST + 1), counter + 1)
        return TokenState(counter, frozenset(used), frozen=False)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the digits of a token can be, for one key.

    Args:
        value: the token's three digits of value, 0-999.
        counts: every count up to the counter and :data:`SYNC_JUMP` beyond that has these digits.
    """

    value: int
    counts: Sequence[int]


def clean_digits(text: str) -> str | Refusal:
    """The digits of a token as a person or a keypad gives them, or what is wrong with them.

    Args:
        text: digits, in groups or not.
    """
    if len(text) > _MOST_CHARACTERS:
        return Refusal.MALFORMED
    digits = _BLANKS.sub("", text)
    if _STANDARD.fullmatch(digits):
        return digits
    return Refusal.EXTENDED if _EXTENDED.fullmatch(digits) else Refusal.MALFORMED


def judge_token(
    decoded: Decoded, state: TokenState, known: Collection[int] = (), *, has_counted: bool = False
) -> int | Refusal:
    """The count under which a token counts, or why it does not.

    A few tokens in a million have the digits of a later count, too: such a one counts once all the
    same, or its paper would be good twice and age every paper sold until that count.

    Args:
        decoded: what it can be.
        state: what was used before.
        known: those of its counts under which some token ever counted.
        has_counted: under one of them a token of the same value did: the very same digits.
    """
    if state.frozen:
        return Refusal.FROZEN
    counts = [one for one in decoded.counts if one >= 1]
    if not counts:
        return Refusal.UNKNOWN
    adding = [one for one in counts if one % 2 == 0 and one <= state.counter + JUMP]
    if not adding:
        return _other_kind(decoded.value, counts, state)
    if decoded.value > MOST_UNITS or decoded.value == 0:
        return Refusal.NO_VALUE
    fresh = [
        one
        for one in adding
        if one > state.counter - OLDEST and one not in state.used and one not in known
    ]
    if fresh and not has_counted:
        return fresh[0]
    is_remembered = any(one in state.used or one in known for one in adding)
    return Refusal.USED if is_remembered else Refusal.TOO_OLD


def _other_kind(value: int, counts: Sequence[int], state: TokenState) -> Refusal:
    """A count that is odd is of another kind; an even one is too far ahead to be believed."""
    if not any(one % 2 for one in counts):
        return Refusal.UNKNOWN
    if value == SYNC:
        return Refusal.SETS_COUNTER
    if not any(one % 2 and one <= state.counter + JUMP for one in counts):
        return Refusal.UNKNOWN
    return Refusal.DISABLES if value == DISABLE else Refusal.SETS_TIME


FREE_WRONG = 3
"""Wrong tokens of one client before it has to wait."""
FREE_WRONG_SHARED = 30
"""The same of all strangers together: one alone, who has to wait himself, can't use it up."""
FIRST_WAIT_S = 60
DAY_S = 86_400
"""The longest wait; and so long without a wrong token forgives one."""


def wait_s(wrong: int, since_s: int, *, shared: bool = False) -> int:
    """How long to wait before the next attempt, s.

    Doubles with each wrong token: of 10^6 guesses some 40 hit, and a day allows one.

    Args:
        wrong: wrong tokens when the last was counted.
        since_s: how long ago that was, s; negative: the clock was set back.
        shared: of all strangers to a meter point together.
    """
    counted = wrong - max(0, since_s) // DAY_S
    over = counted - (FREE_WRONG_SHARED if shared else FREE_WRONG)
    if over < 0 or wrong == 0:
        return 0
    wait = min(FIRST_WAIT_S << min(over, 20), DAY_S)
    return min(wait, max(0, wait - since_s))
