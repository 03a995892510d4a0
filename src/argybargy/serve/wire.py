"""The bytes of one client: what was read ahead, and by when they must move."""

import select
from typing import TYPE_CHECKING

import trio

from argybargy.serve.closing import end_tls

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 16 * 1024
"""Progress is seen between pieces: one of them in `write_seconds` is 1.6 KB/s."""

NEVER = float("inf")


class Wire:
    """A stream with a memory of what was read too far.

    Deadlines are two plain numbers that the server compares with the clock: the
    deadline of a cancel scope costs 2 us to move, and a request moves it three
    times.

    Attributes:
        stream: What carries the bytes.
        pending: Bytes that were read and not used yet.
        read_by: When the client must have sent what it owes, on Trio's clock.
        write_by: When the client must have taken what is being sent.
    """

    __slots__ = (
        "_ask_hangup",
        "_write_seconds",
        "pending",
        "read_by",
        "stream",
        "write_by",
    )

    def __init__(self, stream: trio.abc.Stream, write_seconds: float) -> None:
        self.stream = stream
        self.pending = b""
        self.read_by = NEVER
        self.write_by = NEVER
        self._write_seconds = write_seconds
        self._ask_hangup: Callable[[], bool] | None = None

    @property
    def is_mid_write(self) -> bool:
        """Whether a write is under way, or was given up half-way."""
        return self.write_by != NEVER

    async def read_more(self) -> bool:
        """Wait for more bytes and add them to `pending`.

        Returns:
            Whether there were any; False when the client has closed its side, or
            the connection broke.
        """
        try:
            data = await self.stream.receive_some(_READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        if self.pending:
            self.pending += data
        else:
            self.pending = bytes(data)
        return bool(data)

    async def write(self, data: bytes) -> None:
        """Send, for as long as the client takes something now and then.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        if not data:
            return
        self.write_by = trio.current_time() + self._write_seconds
        if len(data) <= _WRITE_BYTES:
            await self.stream.send_all(data)
        else:
            await self._write_pieces(memoryview(data))
        self.write_by = NEVER

    async def _write_pieces(self, data: memoryview) -> None:
        for start in range(0, len(data), _WRITE_BYTES):
            self.write_by = trio.current_time() + self._write_seconds
            await self.stream.send_all(data[start : start + _WRITE_BYTES])

    async def wait_gone(self, read_ahead_bytes: int) -> None:
        """Wait until the client has closed its side, or the connection broke.

        What it sends meanwhile belongs to its next requests and is kept. Once that
        is `read_ahead_bytes`, no more is read, and its end is still noticed where
        the system can tell it apart from data (Linux), looking once a second.
        """
        while len(self.pending) < read_ahead_bytes:
            if not await self.read_more():
                return
        while not self._is_hung_up():  # noqa: ASYNC110 - nothing announces it
            await trio.sleep(1)

    def _is_hung_up(self) -> bool:
        if self._ask_hangup is None:
            self._ask_hangup = make_hangup_question(self.stream)
        return self._ask_hangup()

    async def linger(self, seconds: float, most_bytes: int) -> None:
        """Say that no more will be sent, and throw away what still comes.

        Closing a socket with unread bytes resets the connection, which may take
        the last answer from a client that has not read it yet.
        """
        with trio.move_on_after(seconds):
            if isinstance(self.stream, trio.SSLStream):
                transport = await end_tls(self.stream)
                if transport is None:
                    return
                self.stream = transport
            if isinstance(self.stream, trio.abc.HalfCloseableStream):
                await self.stream.send_eof()
            while most_bytes > 0:
                self.pending = b""
                if not await self.read_more():
                    return
                most_bytes -= len(self.pending)


def make_hangup_question(stream: trio.abc.Stream) -> "Callable[[], bool]":
    """Make a function that tells whether the other side has stopped sending.

    It does not wait, and is not fooled by bytes that nobody has read yet. Where the
    system cannot tell the two apart, it always says no.
    """
    transport = getattr(stream, "transport_stream", stream)
    if not isinstance(transport, trio.SocketStream) or not hasattr(select, "POLLRDHUP"):
        return lambda: False
    question = select.poll()
    question.register(transport.socket.fileno(), select.POLLRDHUP)
    return lambda: bool(question.poll(0))
