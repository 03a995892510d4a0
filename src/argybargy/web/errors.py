"""The one place that turns a refusal into an answer."""

import secrets
from http import HTTPStatus

import msgspec
from structlog.contextvars import get_contextvars

from argybargy.domain.errors import RelayError
from argybargy.web.request import DESCRIBED_BY, Response, json_response


def new_request_id() -> str:
    """Return a name for one request, to find it in the log by.

    It is the one that it goes by already, where requests are logged.
    """
    known = get_contextvars().get("request_id")
    return str(known) if known else secrets.token_hex(8)


def error_response(
    error: RelayError, request_id: str | None = None, **beside: object
) -> Response:
    """Render a refusal in the one shape that every error has.

    Args:
        error: The refusal.
        request_id: The name of the request; that among the facts, or a new one, if
            it is not given.
        beside: Fields beside ``detail``, where the contract has them.
    """
    kind = error.problem.value
    detail = {
        "error": kind.code,
        "detail": error.text,
        **error.facts,
        "request_id": request_id or error.facts.get("request_id") or new_request_id(),
    }
    answer = json_response(
        msgspec.json.encode({**beside, "detail": detail}), kind.status
    )
    if "retry_after" in error.facts:
        seconds = str(error.facts["retry_after"]).encode()
        answer = answer.with_headers((b"retry-after", seconds))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        challenge = (b"www-authenticate", b'Bearer realm="argybargy"')
        answer = answer.with_headers(challenge, (b"link", DESCRIBED_BY))
    return answer
