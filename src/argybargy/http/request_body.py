"""Request body parsers: ``Content-Length`` and chunked transfer coding."""

import httptools

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.limits import ConnectionLimits

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_FRAMING_RATIO = 8
"""Maximum raw bytes per byte of body: chunks of one byte have five bytes of framing."""


class SizedBody:
    """Body of a declared length; length 0 for a request without a body."""

    __slots__ = ("_left", "is_whole")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_whole = length == 0

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into bytes of the body and the bytes after it."""
        part = data[: self._left]
        self._left -= len(part)
        self.is_whole = self._left == 0
        return part, data[len(part) :]


class ChunkedBody:
    """Body in chunked transfer coding, parsed by llhttp.

    llhttp cannot stop at the end of a body, and would take the next request for part
    of this one. So it is fed pieces that cannot reach beyond the end: one line of
    framing, or at most the bytes that the last chunk size announced. The arithmetic
    here only cuts the pieces; llhttp decides what is valid. Trailer fields are
    parsed and dropped.

    The mutable state is the line that is being collected, the bytes left of the
    current chunk, and the sizes so far; `body_bytes` bounds them.
    """

    __slots__ = (
        "_body_bytes",
        "_chunk_left",
        "_is_size_line",
        "_limits",
        "_line",
        "_llhttp",
        "_parts",
        "_raw_bytes",
        "is_whole",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self.is_whole = False
        self._limits = limits
        self._line = b""
        self._chunk_left = 0
        self._body_bytes = 0
        self._raw_bytes = 0
        self._is_size_line = False
        self._parts: list[bytes] = []
        self._llhttp: httptools.HttpRequestParser | None
        self._llhttp = httptools.HttpRequestParser(self)
        self._llhttp.feed_data(_CHUNKED_HEAD)

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into decoded bytes of the body and the bytes after it.

        Raises:
            RelayError: ``malformed`` or ``body_too_large``.
        """
        self._parts = []
        at = 0
        while at < len(data) and not self.is_whole:
            stop = self._next_stop(data, at)
            self._parse(data[at:stop])
            at = stop
        self._raw_bytes += at
        if self._raw_bytes > self._limits.body_bytes * _FRAMING_RATIO:
            raise self._too_large()
        return b"".join(self._parts), data[at:]

    def _next_stop(self, data: bytes, at: int) -> int:
        if self._chunk_left:
            stop = min(len(data), at + self._chunk_left)
            self._chunk_left -= stop - at
            return stop
        newline = data.find(b"\n", at)
        stop = len(data) if newline < 0 else newline + 1
        if len(self._line) + stop - at > self._limits.chunk_line_bytes:
            raise RelayError(Problem.MALFORMED)
        self._line += data[at:stop]
        return stop

    def _parse(self, piece: bytes) -> None:
        assert self._llhttp is not None
        try:
            self._llhttp.feed_data(piece)
        except httptools.HttpParserError:
            raise RelayError(Problem.MALFORMED) from None
        if self._is_size_line:
            self._begin_chunk(int(self._line.partition(b";")[0], 16))
            self._is_size_line = False
        if self._line.endswith(b"\n"):
            self._line = b""

    def _begin_chunk(self, size: int) -> None:
        self._body_bytes += size
        if self._body_bytes > self._limits.body_bytes:
            raise self._too_large()
        self._chunk_left = size + 2 if size else 0

    def _too_large(self) -> RelayError:
        return RelayError(Problem.BODY_TOO_LARGE, limit_bytes=self._limits.body_bytes)

    # Callbacks of llhttp.

    def on_chunk_header(self) -> None:
        """Note that the current line is a chunk size."""
        self._is_size_line = True

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Note the end of the body, after its trailer."""
        self.is_whole = True


Body = SizedBody | ChunkedBody


def open_body(content_length: int | None, limits: ConnectionLimits) -> Body:
    """Return a parser for a body of that length; chunked if None."""
    if content_length is None:
        return ChunkedBody(limits)
    return SizedBody(content_length)
