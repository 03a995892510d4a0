"""From bytes to the head of one request, or to the reason it is refused.

llhttp judges the syntax, in its strict mode. It is shown the bytes of one head
and not one byte more: strict lines end in CRLF and hold no other CR or LF, so a
head ends at the first blank line and we can find it without parsing. What llhttp
lets pass and a relay should not is checked in `_judge`. Should the two ever
disagree about where a head ends, the request is refused.
"""

import re
from urllib.parse import unquote

import attrs
import httptools

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import Fields
from argybargy.http.limits import ConnectionLimits

_BLANK_LINE = b"\r\n\r\n"

_OURS = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade"}
)
"""The fields that this layer acts upon; all others are the app's."""

_OTHER_PROTOCOLS = frozenset(
    b"SOURCE DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER "
    b"SET_PARAMETER REDIRECT RECORD FLUSH".split()
)
"""Methods of RTSP and ICE, which llhttp reads as well."""

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|[^]\x00-\x20\x7f-\xff[:@/?#\\]*)(?::[0-9]*)?"
)
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?@]+)((?:[/?].*)?)", re.DOTALL)


@attrs.frozen
class RequestHead:
    """What a request says before its body.

    Attributes:
        method: In upper case.
        http_version: ``1.0`` or ``1.1``.
        raw_path: The path as it was sent, without the query.
        path: The path with its percent signs decoded.
        query: What stands behind the question mark.
        fields: All header fields.
        content_length: Bytes of body, or None for a chunked one.
        is_expecting: Whether the client waits for ``100 Continue``.
        is_persistent: Whether the client would send another request afterwards.
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
    """Reads the heads of one connection, one after the other.

    The state is the head that is being read: what llhttp has said of it, how
    many bytes it has, and its last three, since a blank line may come in parts.
    """

    __slots__ = (
        "_fields",
        "_is_doubled",
        "_is_persistent",
        "_is_upgrade",
        "_is_whole",
        "_limits",
        "_llhttp",
        "_method",
        "_ours",
        "_size",
        "_tail",
        "_url",
        "_used_up",
        "_version",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._used_up = True
        self._tail = b""
        self._reset()

    def close(self) -> None:
        """Let go of llhttp, which holds on to its callbacks and so to us."""
        del self._llhttp

    def feed(self, data: bytes) -> tuple[RequestHead | None, bytes]:
        """Read on.

        Args:
            data: The next bytes of the connection.

        Returns:
            The head, and the bytes behind it; or None and no bytes, when all of
            `data` was taken and the head is not complete.

        Raises:
            RelayError: The request is refused. The parser is of no more use.
        """
        while data:
            taken, found = self._next_part(data)
            self._parse(data[:taken])
            data = data[taken:]
            if self._is_whole != (found and bool(self._url)):
                raise self._unfinished()
            if self._is_whole:
                head = self._judge()
                self._reset()
                return head, data
        return None, b""

    def _next_part(self, data: bytes) -> tuple[int, bool]:
        """Say how many bytes llhttp may see, and whether a blank line ends them."""
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
            self._used_up = True
        except httptools.HttpParserError as error:
            if str(error) == "Invalid HTTP version":
                raise RelayError(Problem.VERSION_NOT_SUPPORTED) from None
            raise RelayError(Problem.MALFORMED) from None

    def _reset(self) -> None:
        if self._used_up:
            self._llhttp = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: Fields = []
        self._ours: dict[bytes, bytes] = {}
        self._size = 0
        self._tail = b""
        self._is_doubled = self._is_whole = self._used_up = False
        self._method = b""
        self._version = ""
        self._is_persistent = self._is_upgrade = False

    # What llhttp calls. An exception here would come out of `feed_data` as a
    # parser error, so these only take notes.

    def on_url(self, part: bytes) -> None:
        """Note a part of the request target."""
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note one field; llhttp leaves white space at the end of its value."""
        name = name.lower()
        value = value.rstrip(b" \t")
        self._fields.append((name, value))
        if name in _OURS:
            self._is_doubled |= name in self._ours
            self._ours[name] = value

    def on_headers_complete(self) -> None:
        """Note what llhttp makes of the head; it forgets some of it at once."""
        llhttp = self._llhttp
        self._is_whole = True
        self._method = llhttp.get_method()
        self._version = llhttp.get_http_version()
        self._is_persistent = llhttp.should_keep_alive()
        self._is_upgrade = llhttp.should_upgrade()

    # What llhttp does not refuse.

    def _unfinished(self) -> RelayError:
        """Say why llhttp does not end the head where we do."""
        if self._llhttp.get_method() == b"PRI":
            # HTTP/2 without asking first: its preface only looks like a head.
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

    def _judge(self) -> RequestHead:
        version = self._version
        if version not in {"1.1", "1.0"}:
            raise RelayError(Problem.VERSION_NOT_SUPPORTED)
        limits = self._limits
        if len(self._url) > limits.url_bytes or len(self._fields) > limits.head_fields:
            raise self._too_large()
        raw_path, query = self._split_target()
        self._judge_host(version)
        length = self._judge_body(version)
        self._judge_upgrade()
        return RequestHead(
            method=self._judge_method(raw_path),
            http_version=version,
            raw_path=raw_path,
            path=_decode(raw_path),
            query=query,
            fields=self._fields,
            content_length=length,
            is_expecting=self._judge_expectation(version),
            is_persistent=self._is_persistent,
        )

    def _judge_method(self, raw_path: bytes) -> str:
        method = self._method
        if method in _OTHER_PROTOCOLS or (raw_path == b"*" and method != b"OPTIONS"):
            raise RelayError(Problem.MALFORMED)
        return method.decode("ascii")

    def _split_target(self) -> tuple[bytes, bytes]:
        """Split path from query; an absolute target overrules the Host field."""
        target = self._url
        if b"#" in target:
            raise RelayError(Problem.MALFORMED)
        is_local = target.startswith(b"/") or target == b"*"
        # The target of CONNECT is an authority alone; it is refused in the end.
        if not is_local and self._method != b"CONNECT":
            target = self._take_authority(target)
        path, _, query = target.partition(b"?")
        return path or b"/", query

    def _take_authority(self, target: bytes) -> bytes:
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None or b"host" not in self._ours:
            raise RelayError(Problem.MALFORMED)
        authority, rest = absolute.groups()
        if not is_host(authority):
            raise RelayError(Problem.MALFORMED)
        self._fields = [
            (name, authority if name == b"host" else value)
            for name, value in self._fields
        ]
        return rest

    def _judge_host(self, version: str) -> None:
        host = self._ours.get(b"host")
        if host is None:
            if version == "1.1":
                raise RelayError(Problem.MALFORMED)
        elif not is_host(host):
            raise RelayError(Problem.MALFORMED)
        if self._is_doubled:
            raise RelayError(Problem.MALFORMED)

    def _judge_body(self, version: str) -> int | None:
        coding = self._ours.get(b"transfer-encoding")
        if coding is None:
            length = int(self._ours.get(b"content-length", b"0"))
            self._used_up |= length > 0
            if length > self._limits.body_bytes:
                raise RelayError(
                    Problem.BODY_TOO_LARGE, limit_bytes=self._limits.body_bytes
                )
            return length
        if version != "1.1":
            raise RelayError(Problem.MALFORMED)
        if coding.lower() != b"chunked":
            raise RelayError(Problem.NOT_IMPLEMENTED)
        self._used_up = True
        return None

    def _judge_upgrade(self) -> None:
        """Refuse to change protocols.

        The wish for ``h2c`` is declined by not granting it (RFC 9110, 7.8): some
        HTTP clients add it to every first request and go on in HTTP/1.1.
        """
        if self._is_upgrade and self._ours.get(b"upgrade", b"").lower() != b"h2c":
            raise RelayError(Problem.NOT_IMPLEMENTED)

    def _judge_expectation(self, version: str) -> bool:
        expectation = self._ours.get(b"expect")
        if expectation is None:
            return False
        if expectation.lower() != b"100-continue":
            raise RelayError(Problem.EXPECTATION_FAILED)
        # A client of 1.0 cannot wait for what it does not know.
        return version == "1.1"


def is_host(value: bytes) -> bool:
    """Tell whether a Host field holds a host, perhaps a port, and nothing else."""
    return _HOST.fullmatch(value) is not None


def _decode(raw_path: bytes) -> str:
    path = raw_path.decode("ascii")
    return unquote(path) if "%" in path else path
