"""Render errors as responses."""

import secrets
from http import HTTPStatus

from structlog.contextvars import get_contextvars

from argybargy.domain.errors import RelayError
from argybargy.web.request import DESCRIBED_BY, Response, json_response


def new_request_id() -> str:
    """Return the id of the current request, or a new one.

    The access log binds an id to the context before the app runs. An error shows the
    same id, so that it can be found in the log.
    """
    known = get_contextvars().get("request_id")
    return str(known) if known else secrets.token_hex(8)


def error_response(
    error: RelayError, request_id: str | None = None, **beside: object
) -> Response:
    """Render an error in the shape that all errors share.

    Args:
        error: The error.
        request_id: Id of the request. Default: the one among the error's facts, or
            that of the context, or a new one.
        beside: Fields beside ``detail``, for endpoints whose contract has them.
    """
    kind = error.problem.value
    detail = {
        "error": kind.code,
        "detail": error.text,
        **error.facts,
        "request_id": request_id or error.facts.get("request_id") or new_request_id(),
    }
    response = json_response({**beside, "detail": detail}, status=kind.status)
    if "retry_after" in error.facts:
        seconds = str(error.facts["retry_after"]).encode()
        response = response.with_headers((b"retry-after", seconds))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        challenge = (b"www-authenticate", b'Bearer realm="argybargy"')
        response = response.with_headers(challenge, (b"link", DESCRIBED_BY))
    return response
