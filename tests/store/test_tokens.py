"""Tokens on a real file: counted at once, never twice, whoever enters them, whatever restarts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.batches import Price
from gateway.domain.commitments import TOKENS
from gateway.domain.tokens import FREE_WRONG, FREE_WRONG_SHARED, MOST_COUNTER, Refusal
from gateway.errors import Permanent
from gateway.store.credits import UnknownMeter
from gateway.store.database import Database
from gateway.store.heads import collect_heads
from gateway.store.restored import make_ready
from gateway.store.token_memory import find_token_standings, reconcile_tokens
from gateway.store.tokens import Accepted, Entry, Refused, TokenSettings, enter_token
from gateway.wire.tokens import TokenKey, decode_token, encode_token
from tests.village import START_S, settle_in

KEY = TokenKey(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123_456_789)
OTHER = TokenKey(bytes(range(16)), 987_654_321)
SETTINGS = TokenSettings(
    {"house-01": KEY, "house-02": OTHER}, unit_stroops=1_000, daily_cap_units=500
)
FORGED = "000000000"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "usage.db")
    await settle_in(database, 3)
    yield database
    await database.close()


def entry(digits: str, client: str = "web:10.0.0.2", at_s: int = START_S) -> Entry:
    return Entry("house-01", digits, client, "2026-01-01", at_s)


def token(units: int, after: int = 0, key: TokenKey = KEY) -> str:
    return encode_token(key, units, after)[1]


async def enter(database: Database, one: Entry) -> Accepted | Refusal:
    found = await enter_token(database, SETTINGS, one)
    return found.refusal if isinstance(found, Refused) else found


async def test_a_token_counts_at_once_and_never_again(database: Database, tmp_path: Path) -> None:
    found = await enter(database, entry(token(30)))
    assert isinstance(found, Accepted)
    assert (found.units, found.credit.amount_stroops, found.credit.kind) == (30, 30_000, "token")
    assert await enter(database, entry(token(30))) is Refusal.USED
    again = await Database.open(tmp_path / "usage.db")
    assert await enter(again, entry(token(30), "cli")) is Refusal.USED
    await again.close()


async def test_a_used_token_whose_digits_fit_a_later_count_too_stays_used(
    database: Database,
) -> None:
    key = TokenKey(hashlib.sha256(b"house-2").digest()[:16], 100_000_002)
    settings = TokenSettings({"house-01": key}, unit_stroops=1_000, daily_cap_units=500)
    digits = token(40, 6, key)
    assert decode_token(key, digits, 64) == (40, [8, 64])
    for after in (0, 2, 4):
        await enter_token(database, settings, entry(token(1, after, key)))
    assert isinstance(await enter_token(database, settings, entry(digits)), Accepted)
    assert await enter_token(database, settings, entry(digits)) == Refused(Refusal.USED)
    assert isinstance(await enter_token(database, settings, entry(token(60, 8, key))), Accepted)


async def test_the_next_batch_commits_to_every_token_that_was_used(database: Database) -> None:
    price = Price(1, 0, 500, 700, 900, 0, 0)
    roots, heads = set(), []
    for digits in ["", token(30), token(10, after=2)]:
        if digits:
            assert isinstance(await enter(database, entry(digits)), Accepted)
        async with database.transaction() as connection:
            commitment = await collect_heads(connection, price, {})
        roots.add(commitment.root)
        heads.append(commitment.heads[TOKENS].number)
    assert len(roots) == 3
    assert heads == [0, 1, 1]


async def test_a_token_from_two_doors_at_once_is_one_payment(database: Database) -> None:
    found = await asyncio.gather(
        *(enter(database, entry(token(30), f"web:{number}")) for number in range(10))
    )
    assert sum(isinstance(one, Accepted) for one in found) == 1
    assert sum(one is Refusal.USED for one in found) == 9


async def test_forged_foreign_and_malformed_tokens_count_nothing(database: Database) -> None:
    assert await enter(database, entry(FORGED)) is Refusal.UNKNOWN
    assert await enter(database, entry(token(30, key=OTHER))) is Refusal.UNKNOWN
    assert await enter(database, entry("12345")) is Refusal.MALFORMED
    assert await enter(database, replace(entry(token(30)), label="house-03")) is Refusal.NO_KEY
    with pytest.raises(UnknownMeter):
        await enter(database, replace(entry(token(30)), label="house-99"))
    row = await database.fetch_one("SELECT COUNT(*) AS payments FROM local_credit")
    assert row is not None
    assert row["payments"] == 0


async def test_whoever_guesses_waits_and_a_neighbour_does_not(
    database: Database, tmp_path: Path
) -> None:
    for _ in range(FREE_WRONG):
        assert await enter(database, entry(FORGED)) is Refusal.UNKNOWN
    assert await enter(database, entry(token(30))) is Refusal.WAIT
    again = await Database.open(tmp_path / "usage.db")
    assert await enter(again, entry(token(30))) is Refusal.WAIT, "also after a restart"
    await again.close()
    found = await enter_token(database, SETTINGS, entry(token(30)))
    assert isinstance(found, Refused)
    assert found.sentence.endswith("Next try in 1 min, or ask the operator.")
    assert isinstance(await enter(database, entry(token(30), "web:10.0.0.3")), Accepted)
    assert isinstance(await enter(database, entry(token(31, 2), at_s=START_S + 60)), Accepted)


async def test_many_addresses_together_guess_no_faster_and_hold_up_no_proven_client(
    database: Database,
) -> None:
    assert isinstance(await enter(database, entry(token(1), "web:home")), Accepted)
    wrong = 0
    for number in range(200):
        found = await enter(database, entry(FORGED, f"web:{number}"))
        wrong += found is Refusal.UNKNOWN
    assert wrong == FREE_WRONG_SHARED
    assert isinstance(await enter(database, entry(token(1, 2), "web:home")), Accepted)
    assert await enter(database, entry(token(1, 4), "web:new")) is Refusal.WAIT
    trusted = replace(entry(token(1, 4), "cli"), is_trusted=True)
    assert isinstance(await enter(database, trusted), Accepted)
    events = await database.fetch_all("SELECT detail FROM event WHERE kind = 'token-guessing'")
    assert len(events) == FREE_WRONG_SHARED // 10


async def test_a_right_token_used_before_is_no_guess(database: Database) -> None:
    await enter(database, entry(token(30)))
    for _ in range(20):
        assert await enter(database, entry(token(30), "web:child")) is Refusal.USED


async def test_a_day_has_a_cap_and_what_it_refuses_is_still_good(database: Database) -> None:
    assert isinstance(await enter(database, entry(token(400))), Accepted)
    assert await enter(database, entry(token(101, 2))) is Refusal.DAILY_CAP
    assert isinstance(await enter(database, entry(token(100, 4))), Accepted)
    yesterday = replace(entry(token(101, 2)), day="2025-12-31", at_s=START_S - 60)
    assert await enter(database, yesterday) is Refusal.DAILY_CAP  # the clock was set back
    tomorrow = replace(entry(token(101, 2)), day="2026-01-02", at_s=START_S + 86_400)
    assert isinstance(await enter(database, tomorrow), Accepted)


async def test_after_a_restore_tokens_wait_for_a_person(database: Database) -> None:
    """The copy was made after the first token; the second was used before the restore."""
    await enter(database, entry(token(30)))
    await database.close()
    await make_ready(database.path, "restored", START_S * 1000)
    again = await Database.open(database.path)
    second, third = token(31, 2), token(32, 4)
    assert await enter(again, entry(second)) is Refusal.FROZEN
    assert [one.frozen for one in await find_token_standings(again)] == [True] * 3
    assert (await reconcile_tokens(again, "house-01", 4, "amina", START_S)).counter == 4
    assert await enter(again, entry(second)) is Refusal.USED
    assert isinstance(await enter(again, entry(third)), Accepted)
    other = replace(entry(token(1, key=OTHER)), label="house-02")
    assert await enter(again, other) is Refusal.FROZEN
    rows = await again.fetch_all("SELECT detail FROM event WHERE kind = 'token-reconciled'")
    assert [row["detail"] for row in rows] == [
        "house-01: tokens up to count 4 are used, says amina"
    ]
    await again.close()


@pytest.mark.parametrize("count", [-1, MOST_COUNTER + 1])
async def test_a_count_that_cannot_be_true_is_not_reconciled(
    database: Database, count: int
) -> None:
    with pytest.raises(Permanent, match="no count of a token"):
        await reconcile_tokens(database, "house-01", count, "amina", START_S)
