"""HTTP/1.1 request head parser on llhttp.

llhttp parses in its strict mode, and is fed the bytes of exactly one head. In strict
mode lines end in CRLF and contain no other CR or LF, so that a head ends at the first
blank line, which is found without parsing. `_validate` rejects what llhttp accepts and
a relay should not. If the two ever disagree about the end of a head, the request is
refused: such disagreements are how requests get smuggled.

Most requests of an agent have the same header fields, byte for byte, as the one before
on their connection. Then only the request line is parsed, if it is a plain one; the
fields mean what they meant. It saves three quarters of the parsing.
"""

import re
from urllib.parse import unquote

import httptools

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import Fields
from argybargy.http.limits import ConnectionLimits
from argybargy.system.values import frozen

_BLANK_LINE = b"\r\n\r\n"

_OWN_FIELDS = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade"}
)
"""Fields that the server interprets; repeated ones are refused."""

_FOREIGN_METHODS = frozenset(
    b"SOURCE DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER "
    b"SET_PARAMETER REDIRECT RECORD FLUSH".split()
)
"""Methods of RTSP and ICE, which llhttp also accepts."""

_USUAL_NAMES = {
    spelled: lower
    for lower in (
        b"host accept accept-encoding accept-language authorization connection "
        b"content-length content-type user-agent"
    ).split()
    for spelled in (lower, lower.title())
}
"""Names of most fields in lower case, kept once and not for each connection."""

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|[^]\x00-\x20\x7f-\xff[:@/?#\\]*)(?::[0-9]*)?"
)
_PLAIN_LINE = re.compile(rb"([A-Z]+) (/[\w.~/-]*)(?:\?([\w.~=&*,:-]*))? HTTP/1\.1\r\n")
"""A request line that llhttp and `_validate` accept whatever the fields after it."""

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?@]+)((?:[/?].*)?)", re.DOTALL)


@frozen
class RequestHead:
    """Request line and header fields of a request.

    Attributes:
        method: Method in upper case.
        http_version: ``1.0`` or ``1.1``.
        raw_path: Path as sent, percent-encoded, without the query.
        path: Path with percent-encoding decoded.
        query: Query string as sent, without the question mark.
        fields: All header fields.
        content_length: Bytes of the body, 0 without one; None if it is chunked.
        is_expecting: Whether the client waits for ``100 Continue``.
        is_persistent: Whether the client keeps the connection open afterwards.
    """

    method: str
    http_version: str
    raw_path: bytes
    path: str
    query: bytes
    fields: Fields
    content_length: int | None
    is_expecting: bool
    is_persistent: bool


class HeadParser:
    """Parser for all request heads of one connection.

    The mutable state is the head in progress: llhttp's callbacks so far, its size,
    and its last three bytes, since a blank line may arrive in parts. Also the last
    head with the bytes of its fields, if it arrived in one piece.
    """

    __slots__ = (
        "_before",
        "_fields",
        "_has_repeated",
        "_is_persistent",
        "_is_spent",
        "_is_upgrade",
        "_is_whole",
        "_limits",
        "_llhttp",
        "_method",
        "_own_fields",
        "_size",
        "_tail",
        "_url",
        "_version",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._before: tuple[bytes, RequestHead] | None = None
        self._is_spent = True
        self._tail = b""
        self._reset()

    def close(self) -> None:
        """Break the reference cycle: llhttp holds its callbacks, and so this parser.

        Without this, each connection would wait for the cycle collector.
        """
        del self._llhttp

    def feed(self, data: bytes) -> tuple[RequestHead | None, bytes]:
        """Parse more bytes.

        Args:
            data: Next bytes of the connection.

        Returns:
            The head and the bytes after it; or None and no bytes if all of `data` was
            consumed and the head is incomplete.

        Raises:
            RelayError: The request is refused; do not use the parser again.
        """
        if self._before is not None and not self._size:
            repeated = self._repeat(data, *self._before)
            if repeated is not None:
                return repeated
        while data:
            is_first = not self._size
            taken, found = self._next_part(data)
            part, data = data[:taken], data[taken:]
            self._parse(part)
            if self._is_whole != (found and bool(self._url)):
                raise self._unfinished()
            if self._is_whole:
                head = self._validate()
                self._reset()
                self._before = _fields_of(part, head) if is_first else None
                return head, data
        return None, b""

    def _repeat(
        self, data: bytes, fields: bytes, before: RequestHead
    ) -> tuple[RequestHead, bytes] | None:
        """Parse a head with the fields of the last one; None if it is another.

        Args:
            data: Next bytes of the connection.
            fields: The bytes of the last head after its request line.
            before: The last head.
        """
        line = _PLAIN_LINE.match(data)
        if line is None or not data.startswith(fields, line.end()):
            return None
        method, raw_path, query = line.groups(b"")
        end, limits = line.end() + len(fields), self._limits
        target_bytes = len(raw_path) + 1 + len(query)
        if end > limits.head_bytes or target_bytes > limits.url_bytes:
            return None
        if method.decode("ascii") != before.method:
            return None
        head = RequestHead(
            before.method,
            before.http_version,
            raw_path,
            raw_path.decode("ascii"),
            query,
            before.fields,
            before.content_length,
            before.is_expecting,
            before.is_persistent,
        )
        return head, data[end:]

    def _next_part(self, data: bytes) -> tuple[int, bool]:
        """Return how many bytes to feed to llhttp, and whether a blank line ends them.

        Raises:
            RelayError: The head is too large.
        """
        room = self._limits.head_bytes - self._size
        tail = self._tail
        seam = len(tail)
        found = (tail + data if seam else data).find(_BLANK_LINE)
        taken = len(data) if found < 0 else found + len(_BLANK_LINE) - seam
        if taken > room:
            self._parse(data[:room])
            raise self._too_large()
        self._size += taken
        self._tail = b"" if found >= 0 else (tail + data[-3:])[-3:]
        return taken, found >= 0

    def _parse(self, data: bytes) -> None:
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_spent = True
        except httptools.HttpParserError as error:
            if str(error) == "Invalid HTTP version":
                raise RelayError(Problem.VERSION_NOT_SUPPORTED) from None
            raise RelayError(Problem.MALFORMED) from None

    def _reset(self) -> None:
        if self._is_spent:
            self._llhttp = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: Fields = []
        self._own_fields: dict[bytes, bytes] = {}
        self._size = 0
        self._tail = b""
        self._has_repeated = self._is_whole = self._is_spent = False
        self._method = b""
        self._version = ""
        self._is_persistent = self._is_upgrade = False

    # Callbacks of llhttp. An exception here would leave `feed_data` as a parser
    # error, so that these only record what they get.

    def on_url(self, part: bytes) -> None:
        """Record a part of the request target."""
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Record one field; llhttp keeps white space at the end of its value."""
        name = _USUAL_NAMES.get(name) or name.lower()
        value = value.rstrip(b" \t")
        self._fields.append((name, value))
        if name in _OWN_FIELDS:
            self._has_repeated |= name in self._own_fields
            self._own_fields[name] = value

    def on_headers_complete(self) -> None:
        """Record the head's properties, some of which llhttp resets right after."""
        llhttp = self._llhttp
        self._is_whole = True
        self._method = llhttp.get_method()
        self._version = llhttp.get_http_version()
        self._is_persistent = llhttp.should_keep_alive()
        self._is_upgrade = llhttp.should_upgrade()

    # Validation beyond llhttp's.

    def _unfinished(self) -> RelayError:
        """Return the error for a head whose end llhttp finds at another place."""
        if self._llhttp.get_method() == b"PRI":
            # The preface of HTTP/2 with prior knowledge, which resembles a head.
            return RelayError(Problem.VERSION_NOT_SUPPORTED)
        return RelayError(Problem.MALFORMED)

    def _too_large(self) -> RelayError:
        limits = self._limits
        if len(self._url) > limits.url_bytes:
            return RelayError(Problem.URL_TOO_LONG, limit_bytes=limits.url_bytes)
        return RelayError(
            Problem.HEADERS_TOO_LARGE,
            limit_bytes=limits.head_bytes,
            limit_fields=limits.head_fields,
        )

    def _validate(self) -> RequestHead:
        version = self._version
        if version not in {"1.1", "1.0"}:
            raise RelayError(Problem.VERSION_NOT_SUPPORTED)
        limits = self._limits
        if len(self._url) > limits.url_bytes or len(self._fields) > limits.head_fields:
            raise self._too_large()
        raw_path, query = self._split_target()
        self._validate_host(version)
        length = self._validate_body(version)
        self._validate_upgrade()
        return RequestHead(
            method=self._validate_method(raw_path),
            http_version=version,
            raw_path=raw_path,
            path=_decode(raw_path),
            query=query,
            fields=self._fields,
            content_length=length,
            is_expecting=self._validate_expectation(version),
            is_persistent=self._is_persistent,
        )

    def _validate_method(self, raw_path: bytes) -> str:
        method = self._method
        if method in _FOREIGN_METHODS or (raw_path == b"*" and method != b"OPTIONS"):
            raise RelayError(Problem.MALFORMED)
        return method.decode("ascii")

    def _split_target(self) -> tuple[bytes, bytes]:
        """Split path and query; an absolute target replaces the ``Host`` field."""
        target = self._url
        if b"#" in target:
            raise RelayError(Problem.MALFORMED)
        is_local = target.startswith(b"/") or target == b"*"
        # The target of CONNECT is an authority only; `_validate_upgrade` refuses it.
        if not is_local and self._method != b"CONNECT":
            target = self._take_authority(target)
        path, _, query = target.partition(b"?")
        return path or b"/", query

    def _take_authority(self, target: bytes) -> bytes:
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None or b"host" not in self._own_fields:
            raise RelayError(Problem.MALFORMED)
        authority, rest = absolute.groups()
        if not is_host(authority):
            raise RelayError(Problem.MALFORMED)
        self._fields = [
            (name, authority if name == b"host" else value)
            for name, value in self._fields
        ]
        return rest

    def _validate_host(self, version: str) -> None:
        host = self._own_fields.get(b"host")
        if host is None:
            if version == "1.1":
                raise RelayError(Problem.MALFORMED)
        elif not is_host(host):
            raise RelayError(Problem.MALFORMED)
        if self._has_repeated:
            raise RelayError(Problem.MALFORMED)

    def _validate_body(self, version: str) -> int | None:
        coding = self._own_fields.get(b"transfer-encoding")
        if coding is None:
            length = int(self._own_fields.get(b"content-length", b"0"))
            self._is_spent |= length > 0
            if length > self._limits.body_bytes:
                raise RelayError(
                    Problem.BODY_TOO_LARGE, limit_bytes=self._limits.body_bytes
                )
            return length
        if version != "1.1":
            raise RelayError(Problem.MALFORMED)
        if coding.lower() != b"chunked":
            raise RelayError(Problem.NOT_IMPLEMENTED)
        self._is_spent = True
        return None

    def _validate_upgrade(self) -> None:
        """Refuse CONNECT and every upgrade except ``h2c``.

        A server may ignore ``Upgrade: h2c`` (RFC 9110, 7.8). Some HTTP clients add
        it to every first request, and continue in HTTP/1.1.
        """
        if self._is_upgrade and self._own_fields.get(b"upgrade", b"").lower() != b"h2c":
            raise RelayError(Problem.NOT_IMPLEMENTED)

    def _validate_expectation(self, version: str) -> bool:
        expectation = self._own_fields.get(b"expect")
        if expectation is None:
            return False
        if expectation.lower() != b"100-continue":
            raise RelayError(Problem.EXPECTATION_FAILED)
        # HTTP/1.0 has no interim responses (RFC 9110, 10.1.1).
        return version == "1.1"


def _fields_of(data: bytes, head: RequestHead) -> tuple[bytes, RequestHead] | None:
    """Return the bytes of the fields, with the head, if the request line is plain."""
    line = _PLAIN_LINE.match(data)
    return None if line is None else (data[line.end() :], head)


def is_host(value: bytes) -> bool:
    """Return whether a ``Host`` field is a host with an optional port."""
    return _HOST.fullmatch(value) is not None


def _decode(raw_path: bytes) -> str:
    path = raw_path.decode("ascii")
    return unquote(path) if "%" in path else path
