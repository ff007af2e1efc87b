"""Money that comes in over HTTP, on a real server: each payment once, nothing without a secret."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gateway.store.database import Database
from gateway.store.tokens import TokenSettings
from gateway.web.pace import Pace
from gateway.web.settings import PaymentSettings
from gateway.wire.tokens import TokenKey, encode_token
from tests.web.stage import SETTINGS, Answer, ask, build, house, post, serving

SECRET = "0123456789abcdef" * 2
KEY = TokenKey(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123_456_789)
OPEN = replace(
    SETTINGS,
    payments=PaymentSettings(SECRET, 10**10),
    tokens=TokenSettings({"house-01": KEY}, 1_000_000, 500),
)
BEARER = f"Authorization: Bearer {SECRET}"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
PAYMENT = {"meter_id": "house-01", "amount": 50_000_000}


async def pay(port: int, body: object = PAYMENT, key: str = "mpesa-1", *headers: str) -> Answer:
    head = headers or (BEARER, JSON)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await post(port, "/api/credits", raw, f"Idempotency-Key: {key}", *head)


async def payments(database: Database) -> list[tuple[str, int]]:
    rows = await database.fetch_all("SELECT kind, amount_stroops FROM local_credit")
    return [(row[0], row[1]) for row in rows]


async def test_a_payment_is_counted_once_for_each_key(database: Database) -> None:
    [point] = await build(database, house("house-01"))
    async with serving(database, settings=OPEN) as port:
        first = await pay(port)
        again = await pay(port)
        other = await pay(port, PAYMENT | {"amount": 1})
        by_id = await pay(port, {"meter_id": str(point.chain_id), "amount": 7}, "mpesa-2")
    assert first.status == 201
    taken_at = str(first.document["taken_at"])
    assert taken_at.startswith("2026-01-21T10:32:")
    assert first.document == {
        "receipt": "1-000001",
        "meter_id": "house-01",
        "amount": 50_000_000,
        "taken_at": taken_at,
    }
    assert (again.status, again.body) == (first.status, first.body)
    assert (other.status, other.headers["content-type"]) == (422, "application/problem+json")
    assert "stands for another payment" in str(other.document["detail"])
    assert by_id.document["receipt"] == "1-000002"
    assert await payments(database) == [("api", 50_000_000), ("api", 7)]


async def test_twenty_posts_at_once_are_one_payment(database: Database) -> None:
    await build(database, house("house-01"))
    async with serving(database, settings=OPEN) as port:
        answers = await asyncio.gather(*(pay(port) for _ in range(20)))
    assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
    assert await payments(database) == [("api", 50_000_000)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((JSON,), 401),
        (("Authorization: Bearer wrong", JSON), 401),
        ((f"Authorization: Basic {SECRET}", JSON), 401),
        ((f"Authorization: Bearer {SECRET}x", JSON), 401),
        ((BEARER,), 400),
        ((BEARER, "Content-Type: text/plain"), 400),
    ],
)
async def test_nothing_is_counted_without_the_secret_and_json(
    database: Database, headers: tuple[str, ...], status: int
) -> None:
    await build(database, house("house-01"))
    async with serving(database, settings=OPEN) as port:
        answer = await pay(port, PAYMENT, "k", *headers)
    assert (answer.status, await payments(database)) == (status, [])
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 4_000, 400),
        (b'{"meter_id":"house-01","amount":1,"amount":2}', 400),
        ({"meter_id": "house-01"}, 400),
        (PAYMENT | {"plan": 1}, 400),
        (PAYMENT | {"amount": 1.5}, 400),
        (PAYMENT | {"amount": "1"}, 400),
        (PAYMENT | {"amount": True}, 400),
        (PAYMENT | {"amount": 0}, 422),
        (PAYMENT | {"amount": -1}, 422),
        (PAYMENT | {"amount": 10**10 + 1}, 422),
        (PAYMENT | {"meter_id": "nobody"}, 404),
        (PAYMENT | {"meter_id": "\ud800"}, 400),
        (PAYMENT | {"meter_id": "school"}, 422),
        (b" " * 5_000, 413),
    ],
)
async def test_what_is_no_payment_is_told_and_counts_nothing(
    database: Database, body: object, status: int
) -> None:
    await build(database, house("house-01"), house("school", mode="postpaid"))
    async with serving(database, settings=OPEN) as port:
        answer = await pay(port, body)
    assert (answer.status, await payments(database)) == (status, [])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["status"] == status


@pytest.mark.parametrize("key", ["", "x" * 129])
async def test_a_payment_needs_a_key_of_its_own(database: Database, key: str) -> None:
    await build(database, house("house-01"))
    async with serving(database, settings=OPEN) as port:
        answer = await pay(port, PAYMENT, key)
    assert (answer.status, await payments(database)) == (400, [])


async def test_doors_are_shut_unless_they_were_set_up(database: Database) -> None:
    await build(database, house("house-01"))
    async with serving(database) as port:
        assert (await pay(port)).status == 404
        assert (await post(port, "/token", b"", FORM)).status == 404
        token = json.dumps({"meter_id": "house-01", "token": "1" * 9}).encode()
        answer = await post(port, "/api/tokens", token, JSON)
    assert (answer.status, "not set up" in str(answer.document["detail"])) == (422, True)


async def test_a_token_by_the_api_counts_once_and_says_why_not(database: Database) -> None:
    await build(database, house("house-01"))
    body = {"meter_id": "house-01", "token": encode_token(KEY, 30, 0)[1]}

    async def enter(token: dict[str, str]) -> Answer:
        return await post(port, "/api/tokens", json.dumps(token).encode(), JSON)

    async with serving(database, settings=OPEN) as port:
        first, again = await enter(body), await enter(body)
        unknown = await enter(body | {"meter_id": "nobody"})
        wrong = [await enter(body | {"token": f"{n}" * 9}) for n in range(4)]
    assert (first.status, first.document["units"], first.document["amount"]) == (
        201,
        30,
        30_000_000,
    )
    assert (again.status, again.document["detail"]) == (
        422,
        "This token was used already: it counted when it was entered first.",
    )
    assert unknown.status == 404
    assert [one.status for one in wrong] == [422, 422, 422, 429]
    assert wrong[-1].headers["retry-after"] == "60"
    assert await payments(database) == [("token", 30_000_000)]


async def test_the_form_takes_a_token_and_shows_what_came_of_it(database: Database) -> None:
    await build(database, house("house-01"))
    digits = encode_token(KEY, 30, 0)[1]
    body = urlencode({"meter": "house-01", "token": f"{digits[:3]} {digits[3:6]} {digits[6:]}"})
    async with serving(database, settings=OPEN) as port:
        good = await post(port, "/token", body.encode(), FORM)
        used = await post(port, "/token", body.encode(), FORM)
        nobody = await post(port, "/token", b"meter=%3Cb%3E&token=1", FORM)
        many = await post(port, "/token", b"&".join([b"a=1"] * 50), FORM)
    assert good.status == 200
    assert "3.00\N{NO-BREAK SPACE}ELECTRIC count for house-01 from now on" in good.text
    assert (used.status, "was used already" in used.text) == (422, True)
    assert (nobody.status, many.status) == (422, 422)
    assert "<b>" not in nobody.text
    assert "form-action 'self'" in good.headers["content-security-policy"]


@pytest.mark.parametrize(
    "header", ["Sec-Fetch-Site: cross-site", "Origin: http://elsewhere.example", "Origin: null"]
)
async def test_a_form_on_another_site_spends_nobodys_tries(database: Database, header: str) -> None:
    await build(database, house("house-01"))
    body = urlencode({"meter": "house-01", "token": "1" * 9}).encode()
    async with serving(database, settings=OPEN) as port:
        answers = [await post(port, "/token", body, FORM, header) for _ in range(5)]
        own = await post(port, "/token", body, FORM, "Sec-Fetch-Site: same-origin")
    assert {one.status for one in answers} == {403}
    assert "This is no token of this meter" in own.text


async def test_half_a_character_is_told_and_logs_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await build(database, house("house-01"))
    body = json.dumps({"meter_id": "\ud800", "token": "123456789"}).encode()
    async with serving(database, settings=OPEN) as port:
        answer = await post(port, "/api/tokens", body, JSON)
    assert (answer.status, "Traceback" in caplog.text) == (400, False)


async def test_an_address_that_takes_payments_cannot_be_read(database: Database) -> None:
    async with serving(database, settings=OPEN) as port:
        answer = await ask(port, "/api/credits")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_client_that_hurries_is_slowed_and_others_are_not() -> None:
    pace = Pace(most=3, clients=2)
    assert [pace.allows("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert pace.allows("b")
    assert not pace.allows("a")


def test_settings_print_no_secret() -> None:
    assert SECRET not in repr(OPEN)
    assert KEY.secret.hex() not in repr(OPEN)
    assert str(KEY.starting_code) not in repr(OPEN)
