"""Keep-alive HTTP/1.1 client connection, for proofs and benchmarks.

Rules of this file:
- Every exchange has a deadline, after which it raises ``TooSlowError``.
- One request at a time, no pipelining. A cancelled or failed exchange closes the
  connection, because its late response would be read as that of the next request.
- No request is sent twice. A connection that was idle is reopened before the next
  request instead, since the server may have closed it meanwhile.
"""

import attrs
import trio

from argybargy.system.values import define, frozen
from argybargy.torture.client.messages import (
    BadResponse,
    HttpResponse,
    encode_request,
    parse_response,
)

# Below every server's keep-alive timeout (uvicorn's is 5 s).
REUSE_WITHIN_SECONDS = 2.0
EXCHANGE_SECONDS = 10.0
RECEIVE_BYTES = 262_144


@frozen
class Address:
    """Host and port of a server."""

    host: str
    port: int


@define
class KeepAliveConnection:
    """A keep-alive connection; opens on first use and after each failure."""

    address: Address
    # The only state: the socket, if open, and when it was last used.
    _stream: trio.SocketStream | None = attrs.field(default=None, init=False)
    _used_at: float = attrs.field(default=0.0, init=False)

    async def exchange(
        self, request: bytes, deadline_seconds: float = EXCHANGE_SECONDS
    ) -> HttpResponse:
        """Send an encoded request and return the response.

        Raises:
            trio.TooSlowError: No complete response within ``deadline_seconds``.
            BadResponse: The response was truncated or is not HTTP.
            OSError: The server does not accept the connection.
            trio.BrokenResourceError: The server reset the connection.
        """
        is_reusable = False
        try:
            with trio.fail_after(deadline_seconds):
                stream = await self._open_stream()
                await stream.send_all(request)
                response = await _receive_response(stream)
            is_reusable = not response.is_last
        finally:
            self._used_at = trio.current_time()
            if not is_reusable:
                self.close_nowait()
        return response

    async def open(self) -> None:
        """Connect ahead of the first request."""
        with trio.fail_after(EXCHANGE_SECONDS):
            await self._open_stream()

    def close_nowait(self) -> None:
        """Close the socket, if open; the next exchange opens another."""
        if self._stream is not None:
            self._stream.socket.close()
            self._stream = None

    async def _open_stream(self) -> trio.SocketStream:
        if trio.current_time() - self._used_at > REUSE_WITHIN_SECONDS:
            self.close_nowait()
        if self._stream is None:
            self._stream = await trio.open_tcp_stream(
                self.address.host, self.address.port
            )
            self._used_at = trio.current_time()
        return self._stream


async def _receive_response(stream: trio.SocketStream) -> HttpResponse:
    data = b""
    while True:
        more = await stream.receive_some(RECEIVE_BYTES)
        data += more
        parsed = parse_response(data, at_end=not more)
        if parsed is None:
            continue
        if parsed.size_bytes != len(data):
            raise BadResponse("unexpected bytes after the response")
        return parsed.response


async def is_healthy(address: Address, deadline_seconds: float = 1.0) -> bool:
    """Request ``/health`` once, on a new connection."""
    connection = KeepAliveConnection(address)
    request = encode_request("GET", "/health", {})
    try:
        return (await connection.exchange(request, deadline_seconds)).status == 200
    except (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError):
        return False
    finally:
        connection.close_nowait()
