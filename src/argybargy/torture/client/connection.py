"""A keep-alive connection for those who drive a relay, to try it or to measure it.

Rules of this file:
- Every exchange has a deadline; a server that does not answer costs its caller that
  time and a ``TooSlowError``, never the run.
- One request at a time on a connection, none pipelined. After an exchange that was
  cancelled or failed the connection is closed, because a late answer would be taken
  for the next one's.
- A request is never sent twice: a connection that has been idle is opened anew
  instead, since the server may have closed it meanwhile.
"""

import attrs
import trio

from argybargy.torture.client.messages import (
    BadResponse,
    HttpResponse,
    encode_request,
    parse_answer,
)

# Below every server's keep-alive timeout (uvicorn's is 5 s).
REUSE_WITHIN_SECONDS = 2.0
EXCHANGE_SECONDS = 10.0
RECEIVE_BYTES = 262_144


@attrs.frozen
class Address:
    """Where a server listens."""

    host: str
    port: int


@attrs.define
class KeepAliveConnection:
    """One keep-alive connection, opened when it is first needed."""

    address: Address
    # The only state: the socket, if open, and when it was last used.
    _stream: trio.SocketStream | None = attrs.field(default=None, init=False)
    _used_at: float = attrs.field(default=0.0, init=False)

    async def exchange(
        self, request: bytes, deadline_seconds: float = EXCHANGE_SECONDS
    ) -> HttpResponse:
        """Send a request and return its answer.

        Raises:
            trio.TooSlowError: If there was no answer in ``deadline_seconds``.
            BadAnswer: If the answer was cut off or is no HTTP.
            OSError: If the server does not accept the connection.
            trio.BrokenResourceError: If the server reset it.
        """
        is_done = False
        try:
            with trio.fail_after(deadline_seconds):
                stream = await self._open_stream()
                await stream.send_all(request)
                answer = await _receive_answer(stream)
            is_done = not answer.is_last
        finally:
            self._used_at = trio.current_time()
            if not is_done:
                self.close_nowait()
        return answer

    async def open(self) -> None:
        """Connect now, so that the first request does not pay for it."""
        with trio.fail_after(EXCHANGE_SECONDS):
            await self._open_stream()

    def close_nowait(self) -> None:
        """Close the socket, if it is open; the next exchange opens another."""
        if self._stream is not None:
            self._stream.socket.close()
            self._stream = None

    async def _open_stream(self) -> trio.SocketStream:
        if trio.current_time() - self._used_at > REUSE_WITHIN_SECONDS:
            self.close_nowait()
        if self._stream is None:
            where = self.address
            self._stream = await trio.open_tcp_stream(where.host, where.port)
            self._used_at = trio.current_time()
        return self._stream


async def _receive_answer(stream: trio.SocketStream) -> HttpResponse:
    data = b""
    while True:
        more = await stream.receive_some(RECEIVE_BYTES)
        data += more
        parsed = parse_answer(data, at_end=not more)
        if parsed is None:
            continue
        if parsed.size_bytes != len(data):
            raise BadResponse("bytes after the answer that nobody asked for")
        return parsed.answer


async def is_healthy(address: Address, deadline_seconds: float = 1.0) -> bool:
    """Ask ``/health`` once, on a connection of its own."""
    connection = KeepAliveConnection(address)
    request = encode_request("GET", "/health", {})
    try:
        return (await connection.exchange(request, deadline_seconds)).status == 200
    except (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError):
        return False
    finally:
        connection.close_nowait()
