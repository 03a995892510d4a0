"""Render errors as responses."""

import secrets
from http import HTTPStatus

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.text_form import escape_text
from argybargy.system.logs import get_contextvars
from argybargy.web.request import (
    DESCRIBED_BY,
    Response,
    json_response,
    text_response,
)


def new_request_id() -> str:
    """Return the id of the current request, or a new one.

    The access log binds an id to the context before the app runs. An error shows the
    same id, so that it can be found in the log.
    """
    known = get_contextvars().get("request_id")
    return str(known) if known else secrets.token_hex(8)


def error_response(
    error: RelayError,
    request_id: str | None = None,
    *,
    as_text: bool = False,
    **beside: object,
) -> Response:
    """Render an error in the shape that all errors share.

    Args:
        error: The error.
        request_id: Id of the request. Default: the one among the error's facts, or
            that of the context, or a new one.
        as_text: Whether to render one line of text instead of JSON.
        beside: Fields beside ``detail``, for endpoints whose contract has them.
    """
    kind = error.problem.value
    shown_id = request_id or error.facts.get("request_id") or new_request_id()
    if as_text:
        response = text_response(_line(error, str(shown_id)), status=kind.status)
    else:
        detail = {
            "error": kind.code,
            "detail": error.text,
            **error.facts,
            "request_id": shown_id,
        }
        response = json_response({**beside, "detail": detail}, status=kind.status)
    if "retry_after" in error.facts:
        seconds = str(error.facts["retry_after"]).encode()
        response = response.with_headers((b"retry-after", seconds))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        challenge = (b"www-authenticate", b'Bearer realm="argybargy"')
        response = response.with_headers(challenge, (b"link", DESCRIBED_BY))
    return response


def _line(error: RelayError, request_id: str) -> str:
    """Return an error as one line: ``error: CODE: SENTENCE``."""
    code, sentence = error.problem.value.code, error.text
    fields = error.facts.get("errors")
    if error.problem is Problem.INVALID_REQUEST and isinstance(fields, list):
        sentence = "; ".join(f"{each['field']}: {each['problem']}" for each in fields)
    if error.problem is Problem.INTERNAL:
        sentence = f"{sentence} (request {request_id})"
    return escape_text(f"error: {code}: {sentence}").replace("\n", " ")
