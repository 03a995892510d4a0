"""HTTP/1.1 response writer: ASGI messages in, bytes out.

The head is held back until the first part of the body, so that a complete response is
one write. An app that declares ``Content-Length`` may send the body in any number of
parts. Without a length, a body in several parts is chunked for HTTP/1.1, and for
HTTP/1.0 it ends with the connection.
"""

import enum
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import Fields

_CRLF = b"\r\n"
_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
_BODILESS = frozenset({204, 304})
_FIRST_FINAL_STATUS = 200

_OURS = frozenset({b"content-length", b"connection", b"transfer-encoding"})
"""Fields about the connection, which the server decides; the app only suggests."""

_REPEATED = frozenset(
    {
        b"cache-control",
        b"connection",
        b"content-length",
        b"content-security-policy",
        b"content-type",
        b"cross-origin-resource-policy",
        b"date",
        b"referrer-policy",
        b"transfer-encoding",
        b"vary",
        b"x-content-type-options",
    }
)
"""Fields whose rendered lines are cached, as nearly all responses share the values.

Other fields are not cached: a cached cookie would be a secret that outlives its
session.
"""


class ErrorBody(NamedTuple):
    """Body of an error response, with the header fields that describe it.

    Attributes:
        body: Body as sent.
        fields: Header fields, except ``Content-Length`` and ``Connection``.
    """

    body: bytes
    fields: Iterable[tuple[bytes, bytes]]


Render = Callable[[RelayError], ErrorBody]
"""Renders an error in the same format as the app's own errors."""


class ResponseError(Exception):
    """The app broke the rules of ASGI or HTTP; its response cannot be sent."""


class _Framing(enum.Enum):
    """Message framing: how the client finds the end of the body (RFC 9112, 6.3)."""

    NONE = enum.auto()
    """No body: HEAD, 204 and 304."""
    LENGTH = enum.auto()
    CHUNKS = enum.auto()
    CLOSE = enum.auto()
    """The body ends with the connection."""


def render_head(status: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render the status line, the header fields and the blank line.

    Raises:
        ResponseError: A field contains a line break or NUL.
    """
    lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    lines += [
        (_repeated_field if name in _REPEATED else _render_field)(name, value)
        for name, value in fields
    ]
    lines.append(_CRLF)
    return b"".join(lines)


def _render_field(name: bytes, value: bytes) -> bytes:
    """Render one field.

    Raises:
        ResponseError: It contains a line break or NUL (response splitting).
    """
    line = b"%b: %b\r\n" % (name, value)
    if not line.count(b"\n") == line.count(b"\r") == 1 or b"\0" in line:
        raise ResponseError("a header field contains a line break")
    return line


_repeated_field = lru_cache(maxsize=256)(_render_field)


class ResponseWriter:
    """Renders one response. It decides on framing; the caller does the I/O.

    Attributes:
        is_persistent: Whether the connection stays open after the response.
        is_begun: Whether the head was rendered, so that no other response may be
            sent.
        is_complete: Whether the last byte was rendered.
    """

    __slots__ = (
        "_fields",
        "_framing",
        "_is_head",
        "_is_http10",
        "_left",
        "_status",
        "is_begun",
        "is_complete",
        "is_persistent",
    )

    def __init__(self, method: str, http_version: str) -> None:
        self._is_head = method == "HEAD"
        self._is_http10 = http_version == "1.0"
        self._status = 0
        self._fields: Iterable[tuple[bytes, bytes]] = ()
        self._framing = _Framing.NONE
        self._left = 0
        self.is_persistent = True
        self.is_begun = False
        self.is_complete = False

    @property
    def is_head_due(self) -> bool:
        """Whether the next part of the body is sent together with the head."""
        return self._status != 0 and not self.is_begun

    def start(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Accept ``http.response.start``; the head is held back.

        Raises:
            ResponseError: The second start, or an interim status (1xx).
        """
        if self._status:
            raise ResponseError("the response was started twice")
        if status < _FIRST_FINAL_STATUS:
            raise ResponseError("the app may not send an interim response")
        self._status = status
        self._fields = fields

    def add(
        self, part: bytes, *, more: bool, is_persistent: bool, date: bytes
    ) -> bytes:
        """Accept ``http.response.body``.

        Args:
            part: Next bytes of the body.
            more: Whether further parts follow.
            is_persistent: Whether the connection may stay open. Used with the first
                part only, which is sent together with the head.
            date: Value of the ``Date`` field, likewise; empty to leave it out.

        Returns:
            The bytes to send now; empty at the end of a body of declared length.

        Raises:
            ResponseError: The body does not match its declared length, or it came
                before the start or after the end of the response.
        """
        if self.is_begun:
            return self._frame(part, more=more)
        if not self._status:
            raise ResponseError("a body before the start of its response")
        self.is_persistent = is_persistent
        fields = self._choose_framing(part, more=more)
        if date:
            fields.append((b"date", date))
        if self._framing is _Framing.CLOSE:
            self.is_persistent = False
        if not self.is_persistent:
            fields.append((b"connection", b"close"))
        elif self._is_http10:
            fields.append((b"connection", b"keep-alive"))
        head = render_head(self._status, fields)
        framed = self._frame(part, more=more)
        self.is_begun = True
        return head + framed

    def _choose_framing(self, part: bytes, *, more: bool) -> Fields:
        """Choose the framing, and return the fields with those that declare it."""
        fields, length = self._sort_fields()
        if length is None and not more and self._status not in _BODILESS:
            length = b"%d" % len(part)
        if length is not None:
            self._left = _parse_length(length)
            fields.append((b"content-length", length))
        if self._is_head or self._status in _BODILESS:
            self._framing = _Framing.NONE
        elif length is not None:
            self._framing = _Framing.LENGTH
        elif self._is_http10:
            self._framing = _Framing.CLOSE
        else:
            fields.append((b"transfer-encoding", b"chunked"))
            self._framing = _Framing.CHUNKS
        return fields

    def _sort_fields(self) -> tuple[Fields, bytes | None]:
        """Separate the app's fields from its length and its wish to close."""
        fields: Fields = []
        length: bytes | None = None
        for name, value in self._fields:
            lower = name.lower()
            if lower not in _OURS:
                fields.append((lower, value))
            elif lower == b"content-length":
                length = value
            elif lower == b"connection" and b"close" in value.lower():
                self.is_persistent = False
        return fields, length

    def _frame(self, part: bytes, *, more: bool) -> bytes:
        match self._framing:
            case _Framing.LENGTH:
                return self._count(part, more=more)
            case _ if self.is_complete and part:
                raise ResponseError("a body after the end of its response")
            case _Framing.CHUNKS:
                framed = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
                framed += b"" if more or self.is_complete else b"0\r\n\r\n"
            case _Framing.CLOSE:
                framed = part
            case _Framing.NONE:
                framed = b""
        self.is_complete = not more
        return framed

    def _count(self, part: bytes, *, more: bool) -> bytes:
        self._left -= len(part)
        if self._left < 0 or (self._left and not more):
            raise ResponseError("the body does not match its declared length")
        self.is_complete = self._left == 0
        return part


def _parse_length(value: bytes) -> int:
    if not value.isdigit():
        raise ResponseError("the declared length is not a number")
    return int(value)


def render_refusal(error: RelayError, rendered: ErrorBody, date: bytes) -> bytes:
    """Render a complete error response, after which the connection closes."""
    fields = [
        *rendered.fields,
        (b"content-length", b"%d" % len(rendered.body)),
        (b"connection", b"close"),
    ]
    if "retry_after" in error.facts:
        fields.append((b"retry-after", str(error.facts["retry_after"]).encode()))
    if date:
        fields.append((b"date", date))
    return render_head(error.problem.value.status, fields) + rendered.body
