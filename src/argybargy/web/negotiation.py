"""Content negotiation: JSON, minimal JSON, or the text form for language models.

JSON is the default, also for ``Accept: */*`` and for clients that name JSON and text
alike. The rules here never raise, so that an error of authentication can already be
rendered in the form that was asked for.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from argybargy.domain.errors import RelayError
from argybargy.web.endpoints.route import Route
from argybargy.web.request import Headers, Request, ResponseForm

_FORMAT: Final = re.compile(rb"(?:^|&)format=([^&]*)")
_MINIMAL: Final = re.compile(
    r'(?:^|,)\s*return\s*=\s*"?minimal"?\s*(?:[;,]|$)', re.IGNORECASE
)
_QUALITY: Final = re.compile(r"q\s*=\s*(?:(\d+(?:\.\d+)?)|.+)", re.ASCII)
_INVALID: Final = math.inf
"""Quality of a media range whose quality is no number: the range is ignored."""
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"


def response_form(route: Route, request: Request) -> ResponseForm:
    """Return the form of the response that a client prefers, if the route offers it.

    The query field ``format`` has precedence over ``Accept``.
    """
    if route.speaks_text and asks_for_text(request.query, request.headers):
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
    if route.speaks_text and _format(request.query) not in {None, b"text", b"json"}:
        raise RelayError.invalid("format", "'text' or 'json'")


def asks_for_text(query: bytes, headers: Headers) -> bool:
    """Tell whether a client prefers the text form, for errors of any path."""
    named = _format(query)
    if named is not None:
        return named == b"text"
    accept = headers.get(b"accept", b"").decode("latin-1")
    return "text" in accept.lower() and prefers_text(accept)


def _format(query: bytes) -> bytes | None:
    """Return the last value of ``format``, undecoded: no valid one is encoded."""
    if b"format=" not in query:
        return None
    values = _FORMAT.findall(query)
    return values[-1] if values else None


# Agents repeat the same few headers. Each is at most as long as a request head.
@lru_cache(maxsize=64)
def prefers_text(accept: str) -> bool:
    """Tell whether an ``Accept`` header prefers plain text to JSON.

    Parameters other than ``q``, such as a charset, are ignored.
    """
    qualities = _qualities(accept)
    return _quality(qualities, _TEXT) > _quality(qualities, _JSON)


def _qualities(accept: str) -> dict[str, float]:
    """Return the highest quality of each media range, without those out of range.

    It does the work of Werkzeug's parser, which takes too long to import for agents.
    """
    qualities: dict[str, float] = {}
    for item in accept.lower().split(","):
        media_range, *parameters = item.split(";")
        named = [_QUALITY.fullmatch(each.strip()) for each in parameters]
        said = [float(each[1]) if each[1] else _INVALID for each in named if each]
        quality = said[-1] if said else 1.0
        if quality <= 1.0:
            key = media_range.strip()
            qualities[key] = max(quality, qualities.get(key, 0.0))
    return qualities


def _quality(qualities: Mapping[str, float], media_type: str) -> float:
    """Return the quality of a media type: that of its most specific media range."""
    family = media_type.partition("/")[0]
    for media_range in (media_type, f"{family}/*", "*/*"):
        if media_range in qualities:
            return qualities[media_range]
    return 0.0
