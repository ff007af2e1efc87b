"""GET /api/meters/{id}/balance, asked of a real server over a real socket."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.store.database import Database
from tests.web.stage import NOW_S, TOKEN, ask, build, counted, house, on_chain, serving

PATH = "/api/meters/{}/balance"


async def test_balance_in_stroops_usage_in_wh_and_how_old_both_are(database: Database) -> None:
    [point] = await build(database, house("house-07"))
    await counted(database, point, 5_430, ago_s=12)
    await on_chain(database, point, total_wh=5_000, balance=3 * TOKEN + 7, ago_s=3_600)
    async with serving(database) as port:
        answer = await ask(port, PATH.format("house-07"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "max-age=5"
    assert answer.document == {
        "meter_id": "house-07",
        "balance": 30_000_007,
        "units_used": 5_430,
        "active": True,
        "as_of": {"meter": "2026-01-21T10:31:53Z", "chain": "2026-01-21T09:32:05Z"},
    }


async def test_the_id_on_chain_asks_for_the_same_meter(database: Database) -> None:
    [_, point] = await build(database, house("house-01"), house("house-02"))
    await on_chain(database, point, balance=-5)
    async with serving(database) as port:
        by_id = await ask(port, PATH.format(point.chain_id))
        by_label = await ask(port, PATH.format("house-02"))
    assert by_id.document == by_label.document
    assert by_id.document["balance"] == -5
    assert by_id.document["active"] is False


async def test_a_plan_ends_at_its_end_without_anyone_asking_the_chain(database: Database) -> None:
    running, ended = await build(database, house("running"), house("ended"))
    await on_chain(database, running, paid_until_s=NOW_S + 60, plan=1)
    await on_chain(database, ended, paid_until_s=NOW_S - 1, plan=1)
    async with serving(database) as port:
        answers = [await ask(port, PATH.format(label)) for label in ("running", "ended")]
    assert [answer.document["active"] for answer in answers] == [True, False]


async def test_a_meter_never_seen_on_chain_has_no_balance_and_is_not_active(
    database: Database,
) -> None:
    await build(database, house("new", mode="postpaid"))
    async with serving(database) as port:
        answer = await ask(port, PATH.format("new"))
    assert answer.document == {
        "meter_id": "new",
        "balance": 0,
        "units_used": 0,
        "active": False,
        "as_of": {"meter": None, "chain": None},
    }


async def test_an_unknown_meter_is_a_problem_with_a_sentence(database: Database) -> None:
    async with serving(database) as port:
        answer = await ask(port, PATH.format("house-99"))
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.document == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No meter point has this label or on-chain id. The village page lists them all.",
    }


ODD = {
    "slash": "a%2Fb",
    "dots": "..%2f..%2fetc%2fpasswd",
    "unicode": quote("مرحبا"),
    "broken utf-8": "%ff%fe",
    "zero byte": "%00",
    "sql": quote("' OR 1=1; DROP TABLE meter_point; --"),
    "10 kB": "x" * 10_000,
    "10 kB of digits": "9" * 10_000,
    "markup": quote("<script>alert(1)</script>"),
    "negative": "-1",
    "empty": "",
}


@pytest.mark.parametrize("identifier", ODD.values(), ids=ODD.keys())
async def test_odd_ids_are_harmless(database: Database, identifier: str) -> None:
    await build(database, house("house-01"))
    async with serving(database) as port:
        answer = await ask(port, PATH.format(identifier))
        after = await ask(port, PATH.format("house-01"))
    assert answer.status in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "script" not in answer.text
    assert after.status == 200


async def test_a_wrong_method_is_refused_in_words(database: Database) -> None:
    async with serving(database) as port:
        answer = await ask(port, PATH.format("house-01"), "DELETE")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]
    assert answer.document["detail"] == "This address can only be read (GET)."


async def test_an_error_of_ours_shows_no_trace_and_is_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.transaction() as connection:
        await connection.execute("PRAGMA defer_foreign_keys = ON")
        await connection.execute("ALTER TABLE chain_meter RENAME TO gone")
    async with serving(database) as port:
        answer = await ask(port, PATH.format("house-01"))
    assert answer.status == 500
    assert answer.document["detail"] == "The gateway could not answer. Its log says why."
    assert "no such table" not in answer.text
    assert "no such table: chain_meter" in caplog.text
