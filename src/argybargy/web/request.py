"""Requests as endpoints see them, and the responses that endpoints return."""

import enum
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Final

import attrs
import msgspec

from argybargy.domain.errors import Problem, RelayError
from argybargy.system.values import frozen
from argybargy.web.identity import OperatorIdentity
from argybargy.web.ignored import NONE_IGNORED, Ignored

Headers = Mapping[bytes, bytes]
"""Header fields by lower-case name; the last value of a repeated field."""

# A proxy in front may act on the first of two values and the relay on the last, so
# a repeated field of this table is an error. Values: the names as people write them.
_ONLY_ONCE: Final = {
    b"authorization": "Authorization",
    b"x-admin-token": "X-Admin-Token",
    b"x-admin-session": "X-Admin-Session",
    b"idempotency-key": "Idempotency-Key",
    b"if-match": "If-Match",
    b"x-argybargy-ear": "X-Argybargy-Ear",
    b"content-type": "Content-Type",
    b"content-length": "Content-Length",
    b"origin": "Origin",
    b"host": "Host",
}

Parts = Callable[[], AsyncGenerator[bytes, None]]
"""Starts a streamed body.

The code that sends the response closes the generator, at its end or when the client
disconnects; so the generator's ``finally`` blocks always run.
"""

JSON: Final = (b"content-type", b"application/json")
TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")

COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Header fields of every response, except its content security policy."""

DESCRIBED_BY: Final = b'</llms.txt>; rel="describedby"; type="text/markdown"'
"""Link to the page that introduces the relay to clients without an access code."""

NO_SCRIPTS: Final = b"default-src 'none'; frame-ancestors 'none'"
"""Content security policy of responses that are data, not pages."""

BARE_HEADERS: Final = ((b"content-security-policy", NO_SCRIPTS), *COMMON_HEADERS)
"""Header fields of every data response, without a content type."""

DATA_HEADERS: Final = (JSON, *BARE_HEADERS)
"""Header fields of a JSON response."""

TEXT_HEADERS: Final = (TEXT, *BARE_HEADERS)
"""Header fields of a response in the text form."""

MINIMAL_APPLIED: Final = (b"preference-applied", b"return=minimal")


class ResponseForm(enum.Enum):
    """The form of a response that the client prefers."""

    JSON = "json"
    MINIMAL_JSON = "minimal"
    TEXT = "text"


def read_headers(fields: Collection[tuple[bytes, bytes]]) -> Headers:
    """Index header fields by name.

    Raises:
        RelayError: ``bad_request``, for a second value of a field that allows one.
    """
    headers = dict(fields)
    if len(headers) == len(fields):
        return headers
    # HTTP/2 clients may send each cookie in a field of its own.
    cookies = [value for name, value in fields if name == b"cookie"]
    if len(cookies) > 1:
        headers[b"cookie"] = b"; ".join(cookies)
    seen = set()
    for name, _ in fields:
        if name in seen and name in _ONLY_ONCE:
            problem = f"Send the header field {_ONLY_ONCE[name]} only once."
            raise RelayError(Problem.BAD_REQUEST, problem=problem)
        seen.add(name)
    return headers


class ClientGoneError(Exception):
    """The client disconnected before its request was complete; send no response."""


@frozen
class Request:
    """One request, independent of the app that received it.

    Attributes:
        method: HTTP method, in upper case.
        path: Decoded path, without the query.
        query: Raw query string.
        headers: Header fields.
        client: IP address of the client.
        params: Values of the path's placeholders.
        read_body: Reads the whole body, once. Endpoints call it after authentication,
            so that nobody without credentials can make the relay receive a body.
            Raises RelayError (``body_too_large``) and ClientGoneError.
        operator: Identity of the operator; None at other endpoints.
        form: Form of the response, as far as the endpoint offers it.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    client: str
    params: Mapping[str, str]
    read_body: Callable[[], Awaitable[bytes]]
    operator: OperatorIdentity | None = None
    form: ResponseForm = ResponseForm.JSON

    @property
    def wants_text(self) -> bool:
        """Whether the response is to be in the text form."""
        return self.form is ResponseForm.TEXT

    def header(self, name: bytes) -> str | None:
        """Return a header field as text, or ``None``."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def media_type(self) -> str:
        """Media type of the body, without parameters; empty without Content-Type."""
        return (self.header(b"content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether Content-Type is JSON or missing."""
        return self.media_type in {"application/json", ""}


@frozen
class Response:
    """An HTTP response.

    Attributes:
        status: HTTP status.
        body: The whole body; empty if the response has `parts`.
        headers: All header fields except Content-Length.
        parts: Starts the body of a streamed response.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = DATA_HEADERS
    parts: Parts | None = None

    def with_headers(self, *headers: tuple[bytes, bytes]) -> "Response":
        """Return the response with header fields appended."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


def json_response(
    body: msgspec.Struct | msgspec.Raw | Mapping[str, object],
    ignored: Ignored = NONE_IGNORED,
    *,
    status: int = HTTPStatus.OK,
) -> Response:
    """Encode a JSON response.

    Args:
        body: A body of :mod:`argybargy.web.codec`, or JSON that is encoded already.
        ignored: Unknown fields of the request. They fill the fields ``ignored`` and
            ``did_you_mean`` of `body`, which are left out of the JSON when empty.
        status: HTTP status.
    """
    if ignored:
        assert isinstance(body, msgspec.Struct)
        body = msgspec.structs.replace(
            body,
            ignored=list(ignored.names),
            did_you_mean=ignored.near or msgspec.UNSET,
        )
    # The final newline is for terminals: curl would print two answers on one line.
    return Response(status, msgspec.json.encode(body) + b"\n")


def text_response(lines: str, *, status: int = HTTPStatus.OK) -> Response:
    """Make a response in the text form; no lines make an empty body."""
    body = f"{lines}\n".encode() if lines else b""
    return Response(status, body, TEXT_HEADERS)


def stream_response(parts: Parts, media_type: bytes) -> Response:
    """Make a response whose body is streamed."""
    headers = ((b"content-type", media_type), *BARE_HEADERS)
    return Response(HTTPStatus.OK, b"", headers, parts)


def page_response(body: bytes, media_type: bytes, policy: bytes) -> Response:
    """Make a response from a file, with its own content security policy."""
    headers = (
        (b"content-type", media_type),
        (b"content-security-policy", policy),
        *COMMON_HEADERS,
    )
    return Response(HTTPStatus.OK, body, headers)
