"""A request as the endpoints see it, and the answer they give."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Final

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.web.identity import OperatorIdentity

Headers = Mapping[bytes, bytes]
"""Header fields by lower-case name; of several that may be repeated, the last."""

_ONLY_ONCE: Final = {
    b"authorization": "Authorization",
    b"x-admin-token": "X-Admin-Token",
    b"x-admin-session": "X-Admin-Session",
    b"idempotency-key": "Idempotency-Key",
    b"content-type": "Content-Type",
    b"content-length": "Content-Length",
    b"origin": "Origin",
    b"host": "Host",
}
"""Fields of which two would say two things, as they are written."""

Parts = Callable[[], AsyncGenerator[bytes, None]]
"""Begins a body that is sent as it comes.

Whoever sends it closes the generator, at its end or when the client has left.
"""

JSON: Final = (b"content-type", b"application/json")

COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""What goes with every answer; beside a content security policy of its own."""

DESCRIBED_BY: Final = b'</llms.txt>; rel="describedby"; type="text/markdown"'
"""The link to the page that says what the relay is, for whoever has no code yet."""

NO_SCRIPTS: Final = b"default-src 'none'; frame-ancestors 'none'"
"""The content security policy of what is data and not a page."""

BARE_HEADERS: Final = ((b"content-security-policy", NO_SCRIPTS), *COMMON_HEADERS)
"""What goes with every answer that is no page."""

DATA_HEADERS: Final = (JSON, *BARE_HEADERS)


def read_headers(fields: Collection[tuple[bytes, bytes]]) -> Headers:
    """Return header fields by name.

    Raises:
        RelayError: ``bad_request``, when one stands there twice that may not. A proxy
            may act on the first and the relay on the last.
    """
    headers = dict(fields)
    if len(headers) == len(fields):
        return headers
    seen = set()
    for name, _ in fields:
        if name in seen and name in _ONLY_ONCE:
            problem = f"Send the header field {_ONLY_ONCE[name]} only once."
            raise RelayError(Problem.BAD_REQUEST, problem=problem)
        seen.add(name)
    return headers


class ClientGoneError(Exception):
    """The client left before its request was complete: nobody waits for an answer."""


@attrs.frozen
class Request:
    """One request, whichever door it came through.

    Attributes:
        method: In upper case.
        path: Decoded, without the query.
        query: As it came.
        headers: Header fields.
        client: The address it comes from.
        params: What the path's placeholders stand for.
        read_body: Reads the body; called only once the caller is known. Raises
            RelayError, ``body_too_large``, and ClientGoneError.
        operator: As what the operator came in, at the operator's endpoints.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    client: str
    params: Mapping[str, str]
    read_body: Callable[[], Awaitable[bytes]]
    operator: OperatorIdentity | None = None

    def header(self, name: bytes) -> str | None:
        """Return a header field as text, or ``None``."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters; empty if none is named."""
        return (self.header(b"content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the body is said to be JSON, or nothing is said of it."""
        return self.media_type in {"application/json", ""}


@attrs.frozen
class Response:
    """What is sent back.

    Attributes:
        status: The HTTP status.
        body: The whole body; empty when there are `parts`.
        headers: All header fields but the length.
        parts: Begins the body, when it is sent as it comes.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = DATA_HEADERS
    parts: Parts | None = None

    def with_headers(self, *headers: tuple[bytes, bytes]) -> "Response":
        """Return the same answer with more header fields."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


def json_response(body: bytes, status: int = HTTPStatus.OK) -> Response:
    """Make an answer of encoded JSON."""
    return Response(status, body)


def stream_response(parts: Parts, media_type: bytes) -> Response:
    """Make an answer whose body is sent as it comes."""
    _, *others = DATA_HEADERS
    headers = ((b"content-type", media_type), *others)
    return Response(HTTPStatus.OK, b"", headers, parts)


def page_response(body: bytes, media_type: bytes, policy: bytes) -> Response:
    """Make an answer of a file, under a content security policy of its own."""
    headers = (
        (b"content-type", media_type),
        (b"content-security-policy", policy),
        *COMMON_HEADERS,
    )
    return Response(HTTPStatus.OK, body, headers)
