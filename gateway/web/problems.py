"""What a client is told when there is no answer: problem documents (RFC 9457), or a small page.

A stack trace goes to the log, never to the client, and nothing that was sent comes back.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from gateway.errors import Transient

_log = logging.getLogger(__name__)

AnyRequest = Request[None, None, State]

# The framework sends none.
_READ_ONLY = {"Allow": "GET, OPTIONS"}
_WRITE_ONLY = {"/api/credits", "/api/tokens"}

_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The request could not be understood.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address can only be read (GET).",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is too much: send a few hundred bytes at most.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The gateway is busy; try again in a few seconds.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The gateway could not answer. Its log says why.",
}


def problem(
    status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A problem document.

    Args:
        status: also sets the title.
        detail: one sentence for a person.
        headers: to add to the reply.
    """
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
    }
    return Response(
        json.dumps(document).encode(),
        status_code=status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def answer_refusal(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused: a wrong address, a wrong method."""
    status = HTTPStatus(error.status_code)
    if status is not HTTPStatus.METHOD_NOT_ALLOWED:
        return _answer(request, status, {})
    if request.scope["path"] in _WRITE_ONLY:
        return problem(status, "This address takes POST only.", {"Allow": "POST, OPTIONS"})
    return _answer(request, status, _READ_ONLY)


def answer_transient(request: AnyRequest, error: Transient) -> Response[bytes]:
    """Answer that the store is busy."""
    _log.warning("request put off path=%.100r reason=%s", request.scope["path"], error)
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})


def answer_failure(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer an error of ours, and write it to the log with its trace."""
    _log.error("request failed path=%.100r", request.scope["path"], exc_info=error)
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})


def _answer(request: AnyRequest, status: HTTPStatus, headers: Mapping[str, str]) -> Response[bytes]:
    sentence = _SENTENCES.get(status, f"{status.phrase}.")
    if request.scope["path"].startswith("/api/"):
        return problem(status, sentence, headers)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{status.phrase}</title><h1>{status.phrase}</h1><p>{sentence}</p>"
        '<p><a href="/">All meters</a></p></html>'
    )
    return Response(
        page.encode(),
        status_code=status,
        media_type="text/html",
        headers={"Cache-Control": "no-store", **headers},
    )
