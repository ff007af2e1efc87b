"""Tokens entered here: each counts once, at once, and is remembered across any restart.

A token's memory and its payment are one transaction, so one that comes in by two doors at once is
one payment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosqlite

from gateway.domain.tokens import SYNC_JUMP, Decoded, Refusal, clean_digits, judge_token
from gateway.store.credits import LocalCredit, Payment, find_paying_point, insert_payment
from gateway.store.database import Database
from gateway.store.token_attempts import Client, add_right, add_wrong, held_up_s
from gateway.store.token_memory import read_token_state, save_token_state
from gateway.wire.tokens import TokenKey, decode_token


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are taken.

    Args:
        keys: of each meter point, by its label.
        unit_stroops: what one unit of a token is worth.
        daily_cap_units: the most that a meter point gets by tokens in one day.
    """

    keys: Mapping[str, TokenKey]
    unit_stroops: int
    daily_cap_units: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A token as it comes in.

    Args:
        label: the meter point's.
        digits: as they were given.
        client: who gave them: told apart from others when there are too many wrong ones.
        day: the village's day, like '2026-03-01'.
        at_s: when (unix seconds).
        is_trusted: True: the operator's own command line, which is never held up.
        is_stranger: False: the meter's own node, which others don't hold up.
    """

    label: str
    digits: str
    client: str
    day: str
    at_s: int
    is_trusted: bool = False
    is_stranger: bool = True

    @property
    def who(self) -> Client:
        """Whose attempt it is."""
        return Client(self.client, self.is_stranger)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A token that counts.

    Args:
        credit: its payment.
        units: what it said.
    """

    credit: LocalCredit
    units: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that does not count.

    Args:
        refusal: why.
        wait_s: how long to wait before the next attempt, s; 0: not at all.
    """

    refusal: Refusal
    wait_s: int = 0

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        if self.refusal is not Refusal.WAIT:
            return self.refusal.sentence
        minutes = -(-self.wait_s // 60)
        return f"{self.refusal.sentence} Next try in {minutes} min, or ask the operator."


async def enter_token(
    database: Database, settings: TokenSettings, entry: Entry
) -> Accepted | Refused:
    """Take a token: count it, or say why not.

    Raises:
        UnknownMeter: the label is no meter point's.
        Permanent: that meter point is not paid for in advance.
        Transient: the disk did not take it; the token is still good.
    """
    async with database.transaction() as connection:
        point = await find_paying_point(connection, entry.label)
        verdict = await _judge(connection, settings, entry, point)
        if isinstance(verdict, Refused):
            return verdict
        count, units = verdict
        payment = Payment(
            label=entry.label,
            kind="token",
            amount_stroops=units * settings.unit_stroops,
            author=entry.client,
            at_s=entry.at_s,
            key=f"token:{entry.label}:{count}",
            token_count=count,
        )
        credit = await insert_payment(connection, payment)
        await add_right(connection, point, entry.client, entry.at_s)
        state = await read_token_state(connection, point)
        await save_token_state(connection, point, state.after(count))
    return Accepted(credit, units)


async def _judge(
    connection: aiosqlite.Connection, settings: TokenSettings, entry: Entry, point: int
) -> tuple[int, int] | Refused:
    """The token's count and units, taken from the day's; or why it does not count."""
    digits, key = clean_digits(entry.digits), settings.keys.get(entry.label)
    if isinstance(digits, Refusal):
        return Refused(digits)
    if key is None:
        return Refused(Refusal.NO_KEY)
    rest_s = await held_up_s(connection, point, entry.who, entry.at_s)
    if rest_s and not entry.is_trusted:
        return Refused(Refusal.WAIT, rest_s)
    state = await read_token_state(connection, point)
    units, counts = decode_token(key, digits, state.counter + SYNC_JUMP)
    known = await _known(connection, point, counts)
    has_counted = units * settings.unit_stroops in known.values()
    verdict = judge_token(Decoded(units, counts), state, known, has_counted=has_counted)
    if verdict is Refusal.UNKNOWN:
        await add_wrong(connection, point, entry.who, entry.at_s)
    elif not isinstance(verdict, Refusal) and not await _fits_the_day(
        connection, point, entry.day, units, settings.daily_cap_units
    ):
        verdict = Refusal.DAILY_CAP
    return Refused(verdict) if isinstance(verdict, Refusal) else (verdict, units)


async def _known(
    connection: aiosqlite.Connection, point: int, counts: Sequence[int]
) -> dict[int, int]:
    """Those of the counts under which a token was paid in, and what each was worth, stroops."""
    rows = await connection.execute_fetchall(
        """SELECT token_count, amount_stroops FROM local_credit WHERE meter_point_id = :point
           AND token_count IN (SELECT value FROM json_each(:counts))""",
        {"point": point, "counts": json.dumps(list(counts))},
    )
    return {row["token_count"]: row["amount_stroops"] for row in rows}


async def _fits_the_day(
    connection: aiosqlite.Connection, point: int, day: str, units: int, most_units: int
) -> bool:
    """Add to the day's units, unless that is more than the cap; a day that was over stays over."""
    cursor = await connection.execute(
        """INSERT INTO token_state (meter_point_id, day, day_units)
           SELECT :point, :day, :units WHERE :units <= :most
           ON CONFLICT (meter_point_id) DO UPDATE SET
               day = MAX(day, excluded.day),
               day_units = excluded.day_units + IIF(day >= excluded.day, day_units, 0)
           WHERE excluded.day_units + IIF(day >= excluded.day, day_units, 0) <= :most""",
        {"point": point, "day": day, "units": units, "most": most_units},
    )
    return cursor.rowcount == 1
