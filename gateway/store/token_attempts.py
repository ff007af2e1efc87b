"""Wrong tokens, counted by who entered them: whoever guesses waits longer and longer.

A client that has entered a right token at a meter point is told apart from the strangers to it, so
that no stranger can hold it up; strangers wait for themselves and, far later, for one another.
The functions work inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from gateway.domain.tokens import DAY_S, wait_s
from gateway.store.edits import fetch_one
from gateway.store.status import append_event

STRANGERS = "*"
"""The row of everybody who never entered a right token at a meter point."""
TOLD_EVERY = 10
"""So many wrong tokens of strangers are an event."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who enters a token.

    Args:
        name: told apart by this.
        is_stranger: False: known without having entered a right one, as the meter's own node is.
    """

    name: str
    is_stranger: bool = True


async def held_up_s(connection: aiosqlite.Connection, point: int, client: Client, at_s: int) -> int:
    """How long this client has to wait yet, s; a stranger also for what other strangers did."""
    rows = await connection.execute_fetchall(
        "SELECT * FROM token_attempt WHERE meter_point_id = :point AND client IN (:client, :all)",
        {"point": point, "client": client.name, "all": STRANGERS},
    )
    found = {row["client"]: row for row in rows}
    own = found.get(client.name)
    if not client.is_stranger or (own is not None and own["proven"]):
        found.pop(STRANGERS, None)
    return max(
        (
            wait_s(row["wrong"], at_s - row["last_s"], shared=row["client"] == STRANGERS)
            for row in found.values()
        ),
        default=0,
    )


async def add_wrong(
    connection: aiosqlite.Connection, point: int, client: Client, at_s: int
) -> None:
    """Count a wrong token; a day without one forgives one."""
    own = await fetch_one(
        connection,
        """SELECT proven FROM token_attempt
           WHERE meter_point_id = :point AND client = :client""",
        point=point,
        client=client.name,
    )
    is_known = not client.is_stranger or (own is not None and own["proven"])
    clients = [client.name] if is_known else [client.name, STRANGERS]
    for one in clients:
        await connection.execute(
            """INSERT INTO token_attempt (meter_point_id, client, wrong, last_s)
               VALUES (:point, :client, 1, :at_s)
               ON CONFLICT (meter_point_id, client) DO UPDATE SET
                   wrong = MAX(0, wrong - MAX(0, :at_s - last_s) / :day) + 1, last_s = :at_s""",
            {"point": point, "client": one, "at_s": at_s, "day": DAY_S},
        )
    shared = await fetch_one(
        connection,
        "SELECT wrong FROM token_attempt WHERE meter_point_id = :point AND client = :all",
        point=point,
        all=STRANGERS,
    )
    if shared is not None and shared["wrong"] % TOLD_EVERY == 0 and STRANGERS in clients:
        detail = f"{shared['wrong']} wrong tokens were entered: somebody guesses"
        await append_event(connection, "token-guessing", detail, at_s * 1000, meter_point_id=point)


async def add_right(connection: aiosqlite.Connection, point: int, client: str, at_s: int) -> None:
    """Remember that a client entered a right token: it is no stranger any more."""
    await connection.execute(
        """INSERT INTO token_attempt (meter_point_id, client, wrong, last_s, proven)
           VALUES (:point, :client, 0, :at_s, 1)
           ON CONFLICT (meter_point_id, client) DO UPDATE SET
               wrong = 0, last_s = excluded.last_s, proven = 1""",
        {"point": point, "client": client, "at_s": at_s},
    )
