"""Encode HTTP/1.1 requests and parse responses, without I/O.

Kept minimal, because a load generator must cost less than the server it measures.
Responses may be framed by ``Content-Length``, by chunks, or by the end of the
connection.
"""

import json
from collections.abc import Mapping

from argybargy.system.values import frozen


class BadResponse(Exception):
    """The bytes are not an HTTP/1.1 response, or not an expected one."""


@frozen
class HttpResponse:
    """One response.

    Attributes:
        status: The status code.
        body: The body, without framing.
        is_last: Whether the server closes the connection after it.
    """

    status: int
    body: bytes
    is_last: bool = False


@frozen
class Parsed:
    """A response, and the number of input bytes that it took."""

    response: HttpResponse
    size_bytes: int


@frozen
class _Head:
    status: int
    fields: Mapping[bytes, bytes]
    size_bytes: int

    @property
    def is_chunked(self) -> bool:
        return self.fields.get(b"transfer-encoding", b"").lower() == b"chunked"

    @property
    def is_last(self) -> bool:
        return self.fields.get(b"connection", b"").lower() == b"close"

    @property
    def length_bytes(self) -> int | None:
        if self.status in {204, 304}:
            return 0
        declared = self.fields.get(b"content-length")
        return None if declared is None else int(declared)


def encode_request(
    method: str, target: str, fields: Mapping[str, str], body: object = None
) -> bytes:
    """Encode a request; a body other than ``None`` as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    elif method == "POST":
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode() + content


def parse_response(data: bytes, *, at_end: bool = False) -> Parsed | None:
    """Parse one response from the start of ``data``.

    Args:
        data: The bytes received so far, from the first one of the response.
        at_end: Whether the server has closed the connection.

    Returns:
        The response, or ``None`` if more bytes are needed.

    Raises:
        BadResponse: Not a response, or the connection ended inside it.
    """
    parsed = _parse(data, at_end)
    if parsed is None and at_end:
        raise BadResponse("the connection ended inside the response")
    return parsed


def _parse(data: bytes, at_end: bool) -> Parsed | None:
    head = _parse_head(data)
    if head is None:
        return None
    if head.is_chunked:
        return _parse_chunked(head, data)
    length = head.length_bytes
    if length is None:
        return _parse_until_close(head, data) if at_end else None
    end = head.size_bytes + length
    if len(data) < end:
        return None
    body = data[head.size_bytes : end]
    return Parsed(HttpResponse(head.status, body, head.is_last), end)


def _parse_until_close(head: _Head, data: bytes) -> Parsed:
    return Parsed(
        HttpResponse(head.status, data[head.size_bytes :], is_last=True), len(data)
    )


def _parse_chunked(head: _Head, data: bytes) -> Parsed | None:
    at, parts = head.size_bytes, []
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = _chunk_size(data[at:line_end])
        at = line_end + 2 + size + 2
        if len(data) < at:
            return None
        if size == 0:
            break
        parts.append(data[at - size - 2 : at - 2])
    return Parsed(HttpResponse(head.status, b"".join(parts), head.is_last), at)


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise BadResponse(f"not a chunk size: {line[:40]!r}") from None


def _parse_head(data: bytes) -> _Head | None:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *rest = data[:end].split(b"\r\n")
    if not first.startswith(b"HTTP/1.") or not first[9:12].isdigit():
        raise BadResponse(f"not a status line: {first[:40]!r}")
    pairs = (line.partition(b":") for line in rest)
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return _Head(int(first[9:12]), fields, end + 4)
