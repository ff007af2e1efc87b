"""The village page, the part of it that refreshes itself, and the files it needs."""

from __future__ import annotations

import jinja2
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.clock import Clock
from gateway.store.database import Database
from gateway.web.assets import load_assets, version_of
from gateway.web.live import LiveVillage
from gateway.web.settings import WebSettings
from gateway.web.token_door import TokenDoor
from gateway.web.token_page import token_page_handlers

_HTML = "text/html"
_FRESH = {"Cache-Control": "no-store"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def page_handlers(
    database: Database, clock: Clock, settings: WebSettings, door: TokenDoor
) -> list[HTTPRouteHandler]:
    """The routes for people.

    Args:
        database: where to look.
        clock: the village's time.
        settings: what to call things.
        door: takes tokens.
    """
    assets = load_assets()
    files = {asset.url.rpartition("/")[2]: asset for asset in assets.values()}
    version = version_of(assets)
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("page.html")
    live = LiveVillage(database, clock, settings, templates.get_template("live.html"))

    @get("/")
    async def show_village() -> Response[str]:
        html = page.render(
            village=settings.village,
            assets=assets,
            version=version,
            live=await live.html(),
            takes_tokens=settings.tokens is not None,
        )
        return Response(html, media_type=_HTML, headers=_FRESH)

    @get("/live/{shown:str}")
    async def refresh_village(shown: FromPath[str]) -> Response[str]:
        """The changing part, for a page of this version; another has to be loaded anew."""
        if shown != version:
            raise NotFoundException
        return Response(await live.html(), media_type=_HTML, headers=_FRESH)

    @get("/static/{name:str}")
    async def send_file(name: FromPath[str]) -> Response[bytes]:
        asset = files.get(name)
        if asset is None:
            raise NotFoundException
        return Response(asset.content, media_type=asset.media_type, headers=_FOR_EVER)

    @get("/healthz")
    async def tell_health() -> Response[str]:
        return Response("ok\n", media_type="text/plain", headers=_FRESH)

    handlers = [show_village, refresh_village, send_file, tell_health]
    if settings.tokens is not None:
        form = templates.get_template("token.html")
        handlers += token_page_handlers(
            database, settings, door, form, assets, accepted=live.forget
        )
    return handlers
