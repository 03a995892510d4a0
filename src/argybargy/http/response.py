"""From the messages of an ASGI app to the bytes of one answer.

The head waits for the first part of the body, so that a complete answer is one
write. An app that declares its length may send the body in any number of parts;
one that does not, and has more to come, is sent in chunks to a client of HTTP/1.1
and up to the end of the connection to one of HTTP/1.0.
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
_OK_FROM = 200

_OURS = frozenset({b"content-length", b"connection", b"transfer-encoding"})
"""The fields that speak of this connection: the app's word on them is a wish."""

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
"""The fields that are kept rendered: nearly all answers have the same values.

Others are not: a cookie is a secret, and would outlive its session here.
"""


class ErrorBody(NamedTuple):
    """The body of a refusal, and the header fields that describe it.

    Attributes:
        body: The body.
        fields: Its header fields, without its length and those of the connection.
    """

    body: bytes
    fields: Iterable[tuple[bytes, bytes]]


Render = Callable[[RelayError], ErrorBody]
"""Renders a refusal in the shape that all errors of the app have."""


class ResponseError(Exception):
    """The app broke the rules of ASGI or HTTP; its answer cannot be sent."""


class _Framing(enum.Enum):
    """How the client finds the end of the body."""

    NONE = enum.auto()
    LENGTH = enum.auto()
    CHUNKS = enum.auto()
    CLOSE = enum.auto()


def render_head(status: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render a status line, fields and the blank line.

    Raises:
        AnswerError: A field would break out of its line.
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
        AnswerError: It would break out of its line.
    """
    line = b"%b: %b\r\n" % (name, value)
    if not line.count(b"\n") == line.count(b"\r") == 1 or b"\0" in line:
        raise ResponseError("a header field with a line break in it")
    return line


_repeated_field = lru_cache(maxsize=256)(_render_field)


class ResponseWriter:
    """One answer in the making.

    Attributes:
        is_persistent: Whether another request may follow on the connection.
        is_begun: Whether bytes of it went out.
        is_whole: Whether all of its bytes went out.
    """

    __slots__ = (
        "_fields",
        "_framing",
        "_is_head",
        "_is_old",
        "_left",
        "_status",
        "is_begun",
        "is_persistent",
        "is_whole",
    )

    def __init__(self, method: str, http_version: str) -> None:
        self._is_head = method == "HEAD"
        self._is_old = http_version == "1.0"
        self._status = 0
        self._fields: Iterable[tuple[bytes, bytes]] = ()
        self._framing = _Framing.NONE
        self._left = 0
        self.is_persistent = True
        self.is_begun = False
        self.is_whole = False

    @property
    def is_head_due(self) -> bool:
        """Whether the next part of the body takes the head along."""
        return self._status != 0 and not self.is_begun

    def start(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Take ``http.response.start``; nothing is sent yet."""
        if self._status:
            raise ResponseError("the answer was started twice")
        if status < _OK_FROM:
            raise ResponseError("an interim answer is not the app's to give")
        self._status = status
        self._fields = fields

    def add(
        self, part: bytes, *, more: bool, is_persistent: bool, date: bytes
    ) -> bytes:
        """Take ``http.response.body``.

        Args:
            part: More of the body.
            more: Whether there is more to come.
            is_persistent: Whether another request may follow, should this be
                the part that takes the head along.
            date: The value of the ``Date`` field, for that same part.

        Returns:
            The bytes to send now; none for the end of a body of declared length.

        Raises:
            AnswerError: The body does not fit its declared length, or there is
                no answer to add it to.
        """
        if self.is_begun:
            return self._frame(part, more=more)
        if not self._status:
            raise ResponseError("a body before its start")
        self.is_persistent = is_persistent
        fields = self._choose_framing(part, more=more)
        if date:
            fields.append((b"date", date))
        if self._framing is _Framing.CLOSE:
            self.is_persistent = False
        if not self.is_persistent:
            fields.append((b"connection", b"close"))
        elif self._is_old:
            fields.append((b"connection", b"keep-alive"))
        head = render_head(self._status, fields)
        framed = self._frame(part, more=more)
        self.is_begun = True
        return head + framed

    def _choose_framing(self, part: bytes, *, more: bool) -> Fields:
        """Decide how the body ends, and return the fields that say so."""
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
        elif self._is_old:
            self._framing = _Framing.CLOSE
        else:
            fields.append((b"transfer-encoding", b"chunked"))
            self._framing = _Framing.CHUNKS
        return fields

    def _sort_fields(self) -> tuple[Fields, bytes | None]:
        """Part the app's fields from what it says of length and connection."""
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
            case _ if self.is_whole and part:
                raise ResponseError("a body after its end")
            case _Framing.CHUNKS:
                framed = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
                framed += b"" if more or self.is_whole else b"0\r\n\r\n"
            case _Framing.CLOSE:
                framed = part
            case _Framing.NONE:
                framed = b""
        self.is_whole = not more
        return framed

    def _count(self, part: bytes, *, more: bool) -> bytes:
        self._left -= len(part)
        if self._left < 0 or (self._left and not more):
            raise ResponseError("a body that is not as long as it was declared")
        self.is_whole = self._left == 0
        return part


def _parse_length(value: bytes) -> int:
    if not value.isdigit():
        raise ResponseError("a length that is not a number")
    return int(value)


def render_refusal(error: RelayError, rendered: ErrorBody, date: bytes) -> bytes:
    """Render a whole answer that ends its connection."""
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
