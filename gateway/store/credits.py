"""Payments taken on site: numbered receipts, counted at once, each act once.

The law, in stroops, whatever is repeated and whoever is killed::

    accepted = still local + on chain + refused + taken back

Only this module writes payments and their counter-entries; how they get on chain is in
:mod:`gateway.store.crediting`. Amounts are never changed: the file's triggers see to it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Literal

import aiosqlite

from gateway.domain.money import show_amount
from gateway.errors import Permanent
from gateway.store.database import Database, Row
from gateway.store.edits import fetch_one
from gateway.store.status import append_event

Kind = Literal["token", "cash", "api"]
State = Literal["local", "on_chain", "refused", "void"]

MOST_STROOPS = 10**15
"""Of one payment: a hundred million units of a token with seven decimals."""
MOST_CHARACTERS = 200


class UnknownMeter(Permanent):
    """No meter point has that name."""


class KeyTaken(Permanent):
    """The key was used for another payment."""


class OverLimit(Permanent):
    """The cashier has taken as much as a day allows."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What is to be counted.

    Args:
        label: the meter point's.
        kind: how it was paid.
        amount_stroops: > 0.
        author: who took it: a cashier, a service, or how a token came in.
        at_s: when (unix seconds).
        key: of the act; the same act again changes nothing.
        token_count: the token's count, of a token only.
    """

    label: str
    kind: Kind
    amount_stroops: int
    author: str
    at_s: int
    key: str
    token_count: int | None = None

    @property
    def asked(self) -> str:
        """Tells one payment from another under the same key; hex."""
        said = [self.label, self.kind, self.amount_stroops, self.author, self.token_count]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """How much cash one cashier may take in a day.

    Args:
        since_s: start of the village's day (unix seconds).
        most_stroops: the most of that day.
    """

    since_s: int
    most_stroops: int


@dataclass(frozen=True, slots=True)
class LocalCredit:
    """A payment as it stands in the books.

    Args:
        receipt: its number.
        series: the file's series when it was taken; 'SERIES-NUMBER' is on the paper.
        label: the meter point's.
        kind: how it was paid.
        amount_stroops: how much.
        author: who took it.
        at_s: when (unix seconds).
        state: where it counts now.
        reason: why it was refused, or who found it on chain.
        outbox_id: what carries it, or carried it; None: nothing yet.
        is_repeated: True: it was there before.
    """

    receipt: int
    series: int
    label: str
    kind: Kind
    amount_stroops: int
    author: str
    at_s: int
    state: State
    reason: str | None
    outbox_id: int | None
    is_repeated: bool = False

    @property
    def number(self) -> str:
        """What is printed on the paper."""
        return f"{self.series}-{self.receipt:06}"


@dataclass(frozen=True, slots=True)
class Void:
    """The counter-entry of a payment that was taken back.

    Args:
        receipt: its number.
        series: as of a payment.
        author: who took it back.
        reason: why.
        at_s: when (unix seconds).
    """

    receipt: int
    series: int
    author: str
    reason: str
    at_s: int

    @property
    def number(self) -> str:
        """What is printed on the paper."""
        return f"{self.series}-{self.receipt:06}"


_SELECT = """
SELECT l.receipt, l.series, p.label, l.kind, l.amount_stroops, l.author, l.at_s, l.state, l.reason,
       l.outbox_id
FROM local_credit l JOIN meter_point p USING (meter_point_id)
"""


async def take_payment(
    database: Database, payment: Payment, limit: DailyLimit | None = None
) -> LocalCredit:
    """Count a payment at once, and number it.

    Args:
        database: the store.
        payment: what was paid.
        limit: of the cashier, if any.

    Raises:
        UnknownMeter: the label is no meter point's.
        KeyTaken: the key stands for another payment.
        OverLimit: the cashier's day is full.
        Permanent: this meter point is not paid for in advance, or the amount can't be true.
        Transient: the disk did not take it; nothing was counted.
    """
    _check(payment)
    async with database.transaction() as connection:
        return await insert_payment(connection, payment, limit)


async def insert_payment(
    connection: aiosqlite.Connection, payment: Payment, limit: DailyLimit | None = None
) -> LocalCredit:
    """The same inside the caller's transaction."""
    done = await fetch_one(
        connection, "SELECT * FROM local_credit WHERE key = :key", key=payment.key
    )
    if done is not None:
        if done["asked"] != payment.asked:
            raise KeyTaken("that key stands for another payment: give this one a key of its own")
        return replace(await _read(connection, done["receipt"]), is_repeated=True)
    point = await find_paying_point(connection, payment.label)
    if limit is not None:
        await _check_limit(connection, payment, limit)
    receipt = await _next_receipt(connection)
    await connection.execute(
        """INSERT INTO local_credit (receipt, series, key, asked, meter_point_id, kind,
               amount_stroops, token_count, author, at_s)
           SELECT :receipt, CAST(value AS INTEGER), :key, :asked, :point, :kind, :stroops,
               :token_count, :author, :at_s
           FROM meta WHERE key = 'receipt_series'""",
        {
            "receipt": receipt,
            "key": payment.key,
            "asked": payment.asked,
            "point": point,
            "kind": payment.kind,
            "stroops": payment.amount_stroops,
            "token_count": payment.token_count,
            "author": payment.author,
            "at_s": payment.at_s,
        },
    )
    return await _read(connection, receipt)


async def void_payment(
    database: Database, receipt: int, author: str, reason: str, at_s: int
) -> tuple[LocalCredit, Void]:
    """Take a payment back, by a counter-entry with a number of its own; done again, it is shown.

    Args:
        database: the store.
        receipt: the payment's number.
        author: who takes it back.
        reason: why.
        at_s: when (unix seconds).

    Raises:
        Permanent: there is no such payment, it is no cash, or it may be on chain already.
    """
    for word, text in (("--by", author), ("--reason", reason)):
        _check_words(word, text)
    async with database.transaction() as connection:
        found = await fetch_one(connection, _SELECT + "WHERE l.receipt = :receipt", receipt=receipt)
        if found is None:
            raise Permanent(f"there is no payment with receipt {receipt}")
        credit = _credit(found)
        if credit.state == "void":
            return credit, await _void_of(connection, receipt)
        if credit.kind != "cash":
            raise Permanent(f"receipt {credit.number} is no cash: only cash is given back")
        if credit.state != "local" or credit.outbox_id is not None:
            raise Permanent(
                f"receipt {credit.number} is on chain or on its way there: it can't be taken back "
                "here; the provider may write it off"
            )
        number = await _next_receipt(connection)
        await connection.execute(
            """INSERT INTO local_void (receipt, series, voided, author, reason, at_s)
               SELECT :number, CAST(value AS INTEGER), :receipt, :author, :reason, :at_s
               FROM meta WHERE key = 'receipt_series'""",
            {
                "number": number,
                "receipt": receipt,
                "author": author,
                "reason": reason,
                "at_s": at_s,
            },
        )
        await connection.execute(
            "UPDATE local_credit SET state = 'void' WHERE receipt = :receipt", {"receipt": receipt}
        )
        detail = f"{credit.label}: receipt {credit.number} was taken back by {author}: {reason}"
        await append_event(connection, "void", detail, at_s * 1000)
        return replace(credit, state="void"), await _void_of(connection, receipt)


async def find_payment(database: Database, receipt: int) -> tuple[LocalCredit, Void | None] | None:
    """A payment and its counter-entry, by the number of either; None: no such receipt."""
    row = await database.fetch_one(
        _SELECT
        + """WHERE l.receipt IN (:receipt,
                 (SELECT voided FROM local_void WHERE receipt = :receipt))""",
        {"receipt": receipt},
    )
    if row is None:
        return None
    void = await database.fetch_one(_VOID, {"receipt": row["receipt"]})
    return _credit(row), Void(*void) if void else None


async def find_payments(database: Database, most: int = 100) -> list[LocalCredit]:
    """The newest payments, newest first."""
    rows = await database.fetch_all(_SELECT + "ORDER BY l.receipt DESC LIMIT :most", {"most": most})
    return [_credit(row) for row in rows]


async def find_key(database: Database, key: str) -> LocalCredit | None:
    """The payment under a key, or None."""
    row = await database.fetch_one(_SELECT + "WHERE l.key = :key", {"key": key})
    return replace(_credit(row), is_repeated=True) if row else None


async def begin_series(connection: aiosqlite.Connection) -> None:
    """Let this file's receipts go on in another series, inside the caller's transaction."""
    await connection.execute(
        """UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
           WHERE key = 'receipt_series'"""
    )


async def find_paying_point(connection: aiosqlite.Connection, label: str) -> int:
    """The row of a meter point that is paid for in advance, inside the caller's transaction.

    Raises:
        UnknownMeter: the label is no meter point's.
        Permanent: it is not paid for in advance.
    """
    point = await fetch_one(
        connection,
        "SELECT * FROM meter_point WHERE label = :label AND kind = 'supply'",
        label=label,
    )
    if point is None:
        raise UnknownMeter(f"{label[:63]!r} is no meter point: the village page lists them all")
    if point["settlement_mode"] != "prepaid":
        raise Permanent(f"{label} is not paid for in advance: its usage is charged afterwards")
    return int(point["meter_point_id"])


def _check(payment: Payment) -> None:
    if not 1 <= payment.amount_stroops <= MOST_STROOPS:
        raise Permanent(
            f"{payment.amount_stroops} stroops is no payment: give 1 to {MOST_STROOPS} stroops, "
            f"which are {show_amount(MOST_STROOPS)} tokens"
        )
    _check_words("the name of who takes it", payment.author)
    _check_words("the key", payment.key)


def _check_words(what: str, text: str) -> None:
    if not text.strip() or not text.isprintable() or len(text) > MOST_CHARACTERS:
        raise Permanent(f"{what}: give one line of up to {MOST_CHARACTERS} characters")


async def _check_limit(
    connection: aiosqlite.Connection, payment: Payment, limit: DailyLimit
) -> None:
    row = await fetch_one(
        connection,
        """SELECT IFNULL(SUM(amount_stroops), 0) AS taken FROM local_credit
           WHERE kind = 'cash' AND state <> 'void' AND author = :author AND at_s >= :since_s""",
        author=payment.author,
        since_s=limit.since_s,
    )
    taken = int(row["taken"]) if row else 0
    if taken + payment.amount_stroops > limit.most_stroops:
        raise OverLimit(
            f"{payment.author} may take {show_amount(limit.most_stroops)} tokens a day and has "
            f"taken {show_amount(taken)}: another cashier takes it, or the operator raises "
            "daily_limit"
        )


async def _next_receipt(connection: aiosqlite.Connection) -> int:
    row = await fetch_one(connection, "SELECT receipt + 1 AS next FROM last_receipt")
    if row is None:  # an aggregate always has a row
        raise AssertionError
    return int(row["next"])


async def _read(connection: aiosqlite.Connection, receipt: int) -> LocalCredit:
    row = await fetch_one(connection, _SELECT + "WHERE l.receipt = :receipt", receipt=receipt)
    if row is None:  # it was just found or written
        raise AssertionError
    return _credit(row)


_VOID = "SELECT receipt, series, author, reason, at_s FROM local_void WHERE voided = :receipt"


async def _void_of(connection: aiosqlite.Connection, receipt: int) -> Void:
    row = await fetch_one(connection, _VOID, receipt=receipt)
    if row is None:  # the state says so
        raise AssertionError
    return Void(*row)


def _credit(row: Row) -> LocalCredit:
    return LocalCredit(*row)
