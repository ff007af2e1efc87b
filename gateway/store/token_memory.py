"""Which tokens were used: the memory of each meter point, and what a person says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiosqlite

from gateway.domain.tokens import MOST_COUNTER, TokenState
from gateway.errors import Permanent
from gateway.store.acts import one_line
from gateway.store.credits import find_paying_point
from gateway.store.database import Database
from gateway.store.edits import fetch_one
from gateway.store.status import append_event
from gateway.store.token_attempts import STRANGERS


async def read_token_state(connection: aiosqlite.Connection, point: int) -> TokenState:
    """What is remembered of a meter point's tokens, inside the caller's transaction."""
    row = await fetch_one(
        connection, "SELECT * FROM token_state WHERE meter_point_id = :point", point=point
    )
    if row is None:
        return TokenState()
    return TokenState(row["counter"], frozenset(json.loads(row["used"])), bool(row["frozen"]))


async def save_token_state(connection: aiosqlite.Connection, point: int, state: TokenState) -> None:
    """Write it, inside the caller's transaction."""
    await connection.execute(
        """INSERT INTO token_state (meter_point_id, counter, used, frozen)
           VALUES (:point, :counter, :used, :frozen)
           ON CONFLICT (meter_point_id) DO UPDATE SET
               counter = excluded.counter, used = excluded.used, frozen = excluded.frozen""",
        {
            "point": point,
            "counter": state.counter,
            "used": json.dumps(sorted(state.used)),
            "frozen": int(state.frozen),
        },
    )


@dataclass(frozen=True, slots=True)
class TokenStanding:
    """One meter point's tokens, for people.

    Args:
        label: the meter point's.
        counter: the newest count that was used.
        frozen: nothing counts until it is reconciled.
        day: the last day on which some counted, in the village's time.
        day_units: how many units counted on it.
        wrong: wrong tokens of strangers, less those that time has forgiven when last counted.
    """

    label: str
    counter: int
    frozen: bool
    day: str
    day_units: int
    wrong: int


async def find_token_standings(database: Database) -> list[TokenStanding]:
    """Every meter point that is paid for in advance, by site and slot."""
    rows = await database.fetch_all(
        """SELECT p.label, IFNULL(t.counter, 0), IFNULL(t.frozen, 0), IFNULL(t.day, ''),
                  IFNULL(t.day_units, 0), IFNULL(a.wrong, 0)
           FROM meter_point p LEFT JOIN token_state t USING (meter_point_id)
           LEFT JOIN token_attempt a ON a.meter_point_id = p.meter_point_id AND a.client = :all
           WHERE p.kind = 'supply' AND p.settlement_mode = 'prepaid' ORDER BY p.site, p.slot""",
        {"all": STRANGERS},
    )
    return [
        TokenStanding(label, counter, bool(frozen), day, units, wrong)
        for label, counter, frozen, day, units, wrong in rows
    ]


async def freeze_tokens(connection: aiosqlite.Connection) -> None:
    """Let no token count until a person has reconciled, inside the caller's transaction."""
    await connection.execute(
        """INSERT INTO token_state (meter_point_id, frozen)
           SELECT meter_point_id, 1 FROM meter_point WHERE kind = 'supply'
           ON CONFLICT (meter_point_id) DO UPDATE SET frozen = 1"""
    )


async def reconcile_tokens(
    database: Database, label: str, count: int, author: str, at_s: int
) -> TokenState:
    """Take every token up to a count for used, and let later ones count again.

    Args:
        database: the store.
        label: the meter point's.
        count: the newest that may have been used, by the vendor's list; one below the counter
            changes no counter.
        author: who answers for it.
        at_s: when (unix seconds).

    Raises:
        UnknownMeter: the label is no meter point's.
        Permanent: the count can't be true.
    """
    if not 0 <= count <= MOST_COUNTER:
        raise Permanent(f"{count} is no count of a token: the vendor's list has the last one used")
    author = one_line("--by", author)
    async with database.transaction() as connection:
        point = await find_paying_point(connection, label)
        before = await read_token_state(connection, point)
        after = before.reconciled(count)
        await save_token_state(connection, point, after)
        detail = f"{label}: tokens up to count {after.counter} are used, says {author}"
        await append_event(
            connection, "token-reconciled", detail, at_s * 1000, meter_point_id=point
        )
    return after
