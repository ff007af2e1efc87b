"""The rig sees a relay that does what it must not, and a token that counts and should not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.wire.tokens import encode_token
from tests.torture.ground import START_S, prepare
from tests.torture.people import UNIT_STROOPS, Tokens, key_of, misconduct

FINE = ["started", "on 0", "on 2", "looked"]
LOCKED = [*FINE, "locking 2", "locked 2", "off 2"]


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        (FINE, []),
        ([*LOCKED, "looked"], []),
        ([*LOCKED, "looked", "releasing 2", "released 2", "on 2", "looked"], []),
        ([*LOCKED, "releasing 2", "started", "on 0", "on 2", "looked"], []),
        (["locking 0", "started", "off 0", "looked"], []),
        (["started", "off 0"], ["the critical meter 0 was switched off"]),
        (["started", "looked"], ["the critical meter 0 is not switched on"]),
        ([*LOCKED, "on 2"], ["meter 2 is locked out and was switched on"]),
        ([*LOCKED, "started", "on 0", "looked"], ["meter 2 is locked out and not switched off"]),
        (
            [*LOCKED, "releasing 2", "released 2", "locking 0", "released 0", "off 0"],
            ["the critical meter 0 was switched off"],
        ),
    ],
)
def test_whoever_watches_relays_and_locks_sees_what_is_wrong(
    lines: list[str], problems: list[str]
) -> None:
    assert misconduct(lines) == problems


async def test_a_token_that_is_sold_counts_and_a_forger_is_told_from_a_lucky_one(
    tmp_path: Path,
) -> None:
    await prepare(tmp_path)
    database = await Database.open(tmp_path / "usage.db")
    tokens = Tokens(random.Random(1))
    for slot in (0, 1, 0):
        assert await tokens.buy(database, slot, START_S) > 0
    kinds = ("token replayed", "token forged", "token of another house")
    worth = [await tokens.cheat(database, kind, 0, START_S) for kind in kinds]
    assert worth == [0, 0, 0]
    assert tokens.refused == dict.fromkeys(kinds, 1)
    assert not tokens.problems
    tokens.sold[2] = [encode_token(key_of(2), 5, 0)[1]]
    assert await tokens.cheat(database, "token replayed", 2, START_S) == 5 * UNIT_STROOPS
    assert tokens.problems
    await database.close()
