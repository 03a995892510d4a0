"""Content negotiation: JSON, minimal JSON, or the text form for language models.

JSON is the default, also for ``Accept: */*`` and for clients that name JSON and text
alike. The rules here never raise, so that an error of authentication can already be
rendered in the form that was asked for.
"""

import re
from functools import lru_cache
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from argybargy.domain.errors import RelayError
from argybargy.web.endpoints.route import Route
from argybargy.web.request import Request, ResponseForm

_FORMAT: Final = re.compile(rb"(?:^|&)format=([^&]*)")
_MINIMAL: Final = re.compile(
    r'(?:^|,)\s*return\s*=\s*"?minimal"?\s*(?:[;,]|$)', re.IGNORECASE
)
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"


def response_form(route: Route, request: Request) -> ResponseForm:
    """Return the form of the response that a client prefers, if the route offers it.

    The query field ``format`` has precedence over ``Accept``.
    """
    if route.speaks_text and _asks_for_text(request):
        return ResponseForm.TEXT
    prefer = request.header(b"prefer") if route.minimal_body is not None else None
    if prefer is not None and _MINIMAL.search(prefer):
        return ResponseForm.MINIMAL_JSON
    return ResponseForm.JSON


def check_format(route: Route, request: Request) -> None:
    """Reject an unknown value of the query field ``format``.

    Args:
        route: A route; without a text form it ignores the field.
        request: A request to it.

    Raises:
        RelayError: ``invalid_request``.
    """
    if route.speaks_text and _format(request) not in {None, b"text", b"json"}:
        raise RelayError.invalid("format", "'text' or 'json'")


def _asks_for_text(request: Request) -> bool:
    named = _format(request)
    if named is not None:
        return named == b"text"
    accept = request.header(b"accept")
    return accept is not None and "text" in accept.lower() and prefers_text(accept)


def _format(request: Request) -> bytes | None:
    """Return the last value of ``format``, undecoded: no valid one is encoded."""
    if b"format=" not in request.query:
        return None
    values = _FORMAT.findall(request.query)
    return values[-1] if values else None


# Agents repeat the same few headers. Each is at most as long as a request head.
@lru_cache(maxsize=64)
def prefers_text(accept: str) -> bool:
    """Tell whether an ``Accept`` header prefers plain text to JSON."""
    # Parameters such as a charset would keep the types from matching.
    types = re.sub(r";\s*(?!q\s*=)[^;,]*", "", accept)
    accepted = parse_accept_header(types, MIMEAccept)
    return accepted[_TEXT] > accepted[_JSON]
