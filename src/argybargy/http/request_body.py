"""Where the body of a request ends, for both ways of saying so."""

import httptools

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.limits import ConnectionLimits

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_FRAMING_RATIO = 8
"""A body in chunks of one byte has five bytes of framing for each: allow that."""


class SizedBody:
    """A body whose length was declared; none at all is one of length 0."""

    __slots__ = ("_left", "is_whole")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_whole = length == 0

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into what belongs to the body and what comes after."""
        part = data[: self._left]
        self._left -= len(part)
        self.is_whole = self._left == 0
        return part, data[len(part) :]


class ChunkedBody:
    """A body in the chunked coding, as llhttp reads it.

    llhttp has no way to stop behind a body, so it is shown pieces that cannot
    reach beyond: a line of framing, or as much of a chunk as the line before
    announced. Our own arithmetic only says how much it may see; llhttp judges.
    Trailer fields are read and dropped.
    """

    __slots__ = (
        "_body_bytes",
        "_is_size_line",
        "_limits",
        "_line",
        "_llhttp",
        "_owed",
        "_parts",
        "_raw_bytes",
        "is_whole",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self.is_whole = False
        self._limits = limits
        self._line = b""
        self._owed = 0
        self._body_bytes = 0
        self._raw_bytes = 0
        self._is_size_line = False
        self._parts: list[bytes] = []
        self._llhttp: httptools.HttpRequestParser | None
        self._llhttp = httptools.HttpRequestParser(self)
        self._llhttp.feed_data(_CHUNKED_HEAD)

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into what the body gains by it and what comes after.

        Raises:
            RelayError: The coding is broken, or the body too large.
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
        if self._owed:
            stop = min(len(data), at + self._owed)
            self._owed -= stop - at
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
            self._announce(int(self._line.partition(b";")[0], 16))
            self._is_size_line = False
        if self._line.endswith(b"\n"):
            self._line = b""

    def _announce(self, size: int) -> None:
        self._body_bytes += size
        if self._body_bytes > self._limits.body_bytes:
            raise self._too_large()
        self._owed = size + 2 if size else 0

    def _too_large(self) -> RelayError:
        return RelayError(Problem.BODY_TOO_LARGE, limit_bytes=self._limits.body_bytes)

    # What llhttp calls.

    def on_chunk_header(self) -> None:
        """Note that the line just shown was the size of a chunk."""
        self._is_size_line = True

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Note the end of the body, behind its trailer."""
        self.is_whole = True


Body = SizedBody | ChunkedBody


def open_body(content_length: int | None, limits: ConnectionLimits) -> Body:
    """Make what finds the end of a body: of that length, or chunked if None."""
    if content_length is None:
        return ChunkedBody(limits)
    return SizedBody(content_length)
