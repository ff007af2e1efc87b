"""Where money comes in over HTTP: mobile-money services, and tokens by the API.

Decides nothing about money: that is the store's. Takes small JSON objects only, so that no page of
another site can make a browser send one; compares secrets in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from gateway.clock import Clock
from gateway.domain.tokens import Refusal
from gateway.errors import Permanent
from gateway.store.credits import KeyTaken, LocalCredit, Payment, take_payment
from gateway.store.database import Database
from gateway.store.overview import find_meter
from gateway.store.tokens import Refused
from gateway.web.problems import AnyRequest, problem
from gateway.web.settings import PaymentSettings, WebSettings
from gateway.web.token_door import MOST_BYTES, TokenDoor, client_of

MOST_KEY = 128
"""Characters of an Idempotency-Key."""
AUTHOR = "mobile money"
"""Who took what comes in at ``/api/credits``."""
_OFF = "This gateway takes no payments over the network: its operator has not set that up."
_UNKNOWN = "No meter point has this label or on-chain id. The village page lists them all."
_SLOW = "Too many requests: wait a minute, then try again."


class _TurnedAway(Exception):  # noqa: N818 - not an error of ours
    """A request that is answered with a problem document."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail, headers)


def door_handlers(
    database: Database, clock: Clock, settings: WebSettings, door: TokenDoor
) -> list[HTTPRouteHandler]:
    """The routes that take money.

    Args:
        database: where it is counted.
        clock: the village's time.
        settings: secrets and keys; without them a door says that it is shut.
        door: takes tokens.
    """

    @post("/api/credits", request_max_body_size=MOST_BYTES)
    async def take_credit(request: AnyRequest) -> Response[bytes]:
        """Count a payment that a mobile-money service tells of, once for each Idempotency-Key."""
        try:
            label, amount, key = await _told(request, database, settings.payments)
            payment = Payment(label, "api", amount, AUTHOR, int(clock.now_s()), f"api:{key}")
            credit = await take_payment(database, payment)
        except _TurnedAway as turned:
            return turned.answer
        except KeyTaken:
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "This Idempotency-Key stands for another payment: nothing was counted.",
            )
        except Permanent as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}.")
        return _created(_document(credit))

    @post("/api/tokens", request_max_body_size=MOST_BYTES)
    async def take_token(request: AnyRequest) -> Response[bytes]:
        """Count a token."""
        client = client_of(request)
        if not door.allows(client):
            return problem(HTTPStatus.TOO_MANY_REQUESTS, _SLOW, {"Retry-After": "60"})
        try:
            body = await _object(request, {"meter_id": str, "token": str})
        except _TurnedAway as turned:
            return turned.answer
        found = await door.enter(client, str(body["meter_id"]), str(body["token"]))
        if found is None:
            return problem(HTTPStatus.NOT_FOUND, _UNKNOWN)
        if isinstance(found, Refused):
            return _refused(found)
        return _created(_document(found.credit) | {"units": found.units})

    return [take_credit, take_token]


async def _told(
    request: AnyRequest, database: Database, payments: PaymentSettings | None
) -> tuple[str, int, str]:
    """Meter point, stroops and key of a payment that a service tells of.

    Raises:
        _TurnedAway: it is not told as it must be.
    """
    if payments is None:
        raise _TurnedAway(HTTPStatus.NOT_FOUND, _OFF)
    if not _is_bearer(request, payments.secret):
        detail = "Send the secret of this service as a bearer token."
        raise _TurnedAway(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= MOST_KEY or not key.isascii() or not key.isprintable():
        detail = f"Send an Idempotency-Key of 1 to {MOST_KEY} printable characters."
        raise _TurnedAway(HTTPStatus.BAD_REQUEST, detail)
    body = await _object(request, {"meter_id": str, "amount": int})
    amount = body["amount"]
    if not isinstance(amount, int) or not 0 < amount <= payments.most_stroops:
        detail = f"amount: give 1 to {payments.most_stroops} stroops."
        raise _TurnedAway(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    meter = await find_meter(database, str(body["meter_id"]))
    if meter is None:
        raise _TurnedAway(HTTPStatus.NOT_FOUND, _UNKNOWN)
    return meter.label, amount, key


def _is_bearer(request: AnyRequest, secret: str) -> bool:
    """Digests are compared, so that not even the secret's length shows."""
    given = request.headers.get("authorization", "")
    scheme, _, token = given.partition(" ")
    same = hmac.compare_digest(_digest(token.strip()), _digest(secret))
    return same and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


async def _object(request: AnyRequest, fields: Mapping[str, type]) -> dict[str, object]:
    """A JSON object of exactly these fields.

    Raises:
        _TurnedAway: it is something else.
    """
    names = " and ".join(fields)
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise _bad(f"Send a JSON object with {names}, as application/json.")
    try:
        found: object = json.loads(await request.body(), object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        raise _bad("The body is not JSON: send one object, no field twice.") from None
    if not isinstance(found, dict) or set(found) != set(fields):
        raise _bad(f"Send a JSON object with {names}, and nothing else.")
    for name, kind in fields.items():
        if type(found[name]) is not kind:
            what = "a whole number of stroops, without quotes" if kind is int else "a text"
            raise _bad(f"{name} must be {what}.")
        if not _is_text(found[name]):
            raise _bad(f"{name} has half a character: send text in UTF-8.")
    return found


def _is_text(value: object) -> bool:
    """JSON can say half a surrogate pair, which no file and no answer can hold."""
    return not isinstance(value, str) or not any("\ud800" <= one <= "\udfff" for one in value)


def _bad(detail: str) -> _TurnedAway:
    return _TurnedAway(HTTPStatus.BAD_REQUEST, detail)


def _unambiguous(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _document(credit: LocalCredit) -> dict[str, object]:
    """What never changes of a payment, so that a repetition gets the same answer."""
    taken_at = datetime.fromtimestamp(credit.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "receipt": credit.number,
        "meter_id": credit.label,
        "amount": credit.amount_stroops,
        "taken_at": taken_at,
    }


def _created(document: Mapping[str, object]) -> Response[bytes]:
    return Response(
        json.dumps(document).encode(),
        status_code=HTTPStatus.CREATED,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _refused(found: Refused) -> Response[bytes]:
    if found.refusal is Refusal.WAIT:
        wait = {"Retry-After": str(found.wait_s)}
        return problem(HTTPStatus.TOO_MANY_REQUESTS, found.sentence, wait)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, found.sentence)
