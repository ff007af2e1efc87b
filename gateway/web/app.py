"""The web application: its routes, its errors and the headers on every answer.

Trusts nothing that a client sends: no Host header, no forwarded address, no path.
"""

from __future__ import annotations

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from gateway.clock import Clock
from gateway.errors import Transient
from gateway.store.database import Database
from gateway.web.api import api_handlers
from gateway.web.doors import door_handlers
from gateway.web.pages import page_handlers
from gateway.web.problems import answer_failure, answer_refusal, answer_transient
from gateway.web.settings import WebSettings
from gateway.web.token_door import TokenDoor

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers older than frame-ancestors
}
_LEAST_TO_COMPRESS_B = 1_000


def create_app(database: Database, clock: Clock, settings: WebSettings) -> Litestar:
    """Everything that the village can ask for over HTTP.

    Args:
        database: open; payments are written to it; never closed here.
        clock: the village's time.
        settings: what to call things.
    """
    door = TokenDoor(database, clock, settings)
    return Litestar(
        [
            *api_handlers(database, clock),
            *door_handlers(database, clock, settings, door),
            *page_handlers(database, clock, settings, door),
        ],
        before_send=[_add_headers],
        compression_config=CompressionConfig("gzip", minimum_size=_LEAST_TO_COMPRESS_B),
        debug=False,
        exception_handlers={
            HTTPException: answer_refusal,
            Transient: answer_transient,
            Exception: answer_failure,
        },
        logging_config=None,  # the program around us has set logging up; problems.py writes to it
        openapi_config=None,
        pdb_on_exception=False,
    )


async def _add_headers(message: Message, _: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _HEADERS.items():
            headers[name] = value
