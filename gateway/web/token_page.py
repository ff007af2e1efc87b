"""The page on which a household enters a token, and what came of it. Works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import jinja2
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from gateway.store.database import Database
from gateway.store.points import find_points
from gateway.store.slots import SUPPLY
from gateway.store.tokens import Accepted
from gateway.web import words
from gateway.web.assets import Asset
from gateway.web.problems import AnyRequest
from gateway.web.settings import WebSettings
from gateway.web.token_door import MOST_BYTES, TokenDoor, client_of

_HEADERS = {"Cache-Control": "no-store"}


def token_page_handlers(
    database: Database,
    settings: WebSettings,
    door: TokenDoor,
    template: jinja2.Template,
    assets: Mapping[str, Asset],
    *,
    accepted: Callable[[], None],
) -> list[HTTPRouteHandler]:
    """The page's routes.

    Args:
        database: knows the meters.
        settings: what to call things.
        door: takes tokens.
        template: renders form and outcome.
        assets: the page's files.
        accepted: told of each token that counts.
    """

    async def render(
        status: HTTPStatus, *, meter: str = "", good: str = "", bad: str = ""
    ) -> Response[str]:
        points = await find_points(database)
        labels = [
            one.label for one in points if one.kind == SUPPLY and one.settlement_mode == "prepaid"
        ]
        html = template.render(
            village=settings.village,
            assets=assets,
            labels=labels,
            meter=meter if meter in labels else "",
            good=good,
            bad=bad,
        )
        return Response(html, status_code=status, media_type="text/html", headers=_HEADERS)

    @get("/token")
    async def show_form() -> Response[str]:
        return await render(HTTPStatus.OK)

    @post("/token", request_max_body_size=MOST_BYTES)
    async def take_form(request: AnyRequest) -> Response[str]:
        if not _is_own_form(request):
            bad = "That came from another page: enter the token here."
            return await render(HTTPStatus.FORBIDDEN, bad=bad)
        client = client_of(request)
        if not door.allows(client):
            bad = "Too many tries: wait a minute, then try again."
            return await render(HTTPStatus.TOO_MANY_REQUESTS, bad=bad)
        fields = _fields(await request.body())
        meter, digits = (fields.get(name, [""])[0] for name in ("meter", "token"))
        found = await door.enter(client, meter, digits)
        if found is None:
            bad = "Choose your meter first."
            return await render(HTTPStatus.UNPROCESSABLE_ENTITY, bad=bad)
        if not isinstance(found, Accepted):
            return await render(HTTPStatus.UNPROCESSABLE_ENTITY, meter=meter, bad=found.sentence)
        accepted()
        amount = words.money(found.credit.amount_stroops, settings.token_decimals, settings.token)
        good = (
            f"{amount} count for {found.credit.label} from now on. "
            f"Receipt {found.credit.number}. The supply follows within seconds."
        )
        return await render(HTTPStatus.OK, good=good)

    return [show_form, take_form]


def _fields(body: bytes) -> Mapping[str, list[str]]:
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except ValueError:  # a form with so many fields is none of ours
        return {}


def _is_own_form(request: AnyRequest) -> bool:
    """Whether a browser that says where a form stood says that it stood here; old ones say nothing.

    Else another site's page could spend a household's tries.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
