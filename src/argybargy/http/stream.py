"""Buffered byte stream of one client, with read and write deadlines.

This is the border to Trio's streams: their exceptions do not pass it. A client that is
gone makes `read_more` return False and `write` raise `ClientGoneError`.
"""

import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from argybargy.http.tls import STREAM_ERRORS, end_tls

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 16 * 1024
"""Size of one piece of a large write. The write deadline restarts with each piece, so
that the slowest client accepted takes 16 KiB in `write_seconds`, or 1.6 KB/s."""

NEVER = float("inf")
"""Deadline that does not expire."""

_HAS_DESCRIPTORS = os.name == "posix"
"""Whether a socket is a file descriptor that ``os.read`` and ``os.write`` accept."""


class ClientGoneError(OSError):
    """The client left. ASGI requires an OSError from ``send`` in that case."""


class BufferedStream:
    """Byte stream with a buffer for bytes that were read ahead.

    Plain sockets are read and written past Trio's `SocketStream`: its checkpoints
    before and after each call are two thirds of the cost of the call. A request
    thus makes one checkpoint, where it waits for the next request; code that goes
    on without waiting must make its own.

    Deadlines are two plain numbers, which the server compares with the clock once a
    second. Moving the deadline of a cancel scope costs 2 us, and each request would
    move it three times.

    Only one task may read, and only one may write, at any time.

    Attributes:
        stream: Underlying stream; after `linger` over TLS, its bare socket.
        pending: Bytes that were read and not consumed yet.
        read_by: Deadline for the bytes the client owes, on Trio's clock; `NEVER`
            while it owes none.
        write_by: Deadline for the client to accept the piece being written; `NEVER`
            while nothing blocks.
    """

    __slots__ = (
        "_is_hung_up",
        "_socket",
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
        self._is_hung_up: Callable[[], bool] | None = None
        self._socket: trio.socket.SocketType | None = None
        if _HAS_DESCRIPTORS and isinstance(stream, trio.SocketStream):
            self._socket = stream.socket

    @property
    def descriptor(self) -> int | None:
        """The file descriptor of a plain socket; None over TLS, or once closed."""
        descriptor = -1 if self._socket is None else self._socket.fileno()
        return None if descriptor < 0 else descriptor

    @property
    def is_mid_write(self) -> bool:
        """Whether a write blocks, or was cancelled with part of its data sent."""
        return self.write_by != NEVER

    async def read_more(self) -> bool:
        """Wait for more bytes and append them to `pending`. Always a checkpoint.

        Returns:
            Whether bytes arrived; False once the client has closed its side or the
            connection broke.
        """
        try:
            if self._socket is None:
                data = await self.stream.receive_some(_READ_BYTES)
            else:
                data = await _receive(self._socket)
        except (*STREAM_ERRORS, OSError):
            return False
        if self.pending:
            self.pending += data
        else:
            self.pending = bytes(data)
        return bool(data)

    async def write(self, data: bytes) -> None:
        """Send all of `data`, and block while the client does not read.

        A checkpoint only if the socket's send buffer is full. A cancelled write may
        have sent a part: `is_mid_write` stays true, and the connection must close.

        Raises:
            ClientGoneError: The client left.
        """
        try:
            if self._socket is not None:
                data = data[_write_now(self._socket, data) :]
            if not data:
                return
            self.write_by = trio.current_time() + self._write_seconds
            if len(data) <= _WRITE_BYTES:
                await self.stream.send_all(data)
            else:
                await self._write_pieces(memoryview(data))
        except (*STREAM_ERRORS, OSError) as error:
            raise ClientGoneError("the client left") from error
        # Not in a `finally`: after a cancelled write this deadline marks the stream.
        self.write_by = NEVER

    async def _write_pieces(self, data: memoryview) -> None:
        for start in range(0, len(data), _WRITE_BYTES):
            self.write_by = trio.current_time() + self._write_seconds
            await self.stream.send_all(data[start : start + _WRITE_BYTES])

    async def wait_gone(self, read_ahead_bytes: int) -> None:
        """Wait until the client has closed its side, or the connection broke.

        Bytes that arrive meanwhile belong to the client's next requests and are kept
        in `pending`. Once `read_ahead_bytes` are buffered, reading stops, and the
        client's end is polled for once a second. That works on Linux only; elsewhere
        the wait then lasts until it is cancelled.
        """
        while len(self.pending) < read_ahead_bytes:
            if not await self.read_more():
                return
        if self._is_hung_up is None:
            self._is_hung_up = make_hangup_check(self.stream)
        # Trio waits for readability alone, and unread bytes keep a socket readable.
        while not self._is_hung_up():  # noqa: ASYNC110 - no event announces it
            await trio.sleep(1)

    async def linger(self, seconds: float, most_bytes: int) -> None:
        """Half-close, then discard what the client still sends.

        Closing a socket with unread bytes sends a reset, which can destroy the last
        response before the client has read it. Both bounds keep a client that never
        stops sending from holding the connection.

        Args:
            seconds: Longest time to wait for the client's end.
            most_bytes: Maximum bytes to discard.
        """
        with trio.move_on_after(seconds), suppress(*STREAM_ERRORS):
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


async def _receive(sock: trio.socket.SocketType) -> bytes:
    """Wait until the socket is readable, then read.

    Trio's own `recv` tries to read first. Here that would nearly always fail: a
    client that just got its response has rarely sent the next request.
    """
    while True:
        descriptor = _descriptor_of(sock)
        await trio.lowlevel.wait_readable(descriptor)
        try:
            return os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            continue  # a spurious wake-up


def _write_now(sock: trio.socket.SocketType, data: bytes) -> int:
    """Write without blocking; return how many bytes the send buffer accepted."""
    try:
        return os.write(_descriptor_of(sock), data)
    except BlockingIOError:
        return 0


def _descriptor_of(sock: trio.socket.SocketType) -> int:
    """Return the file descriptor of a socket.

    Raises:
        trio.ClosedResourceError: The socket is closed. Its old number may belong to
            another connection by now.
    """
    descriptor = sock.fileno()
    if descriptor < 0:
        raise trio.ClosedResourceError("the connection was closed by the server")
    return descriptor


def make_hangup_check(stream: trio.abc.Stream) -> "Callable[[], bool]":
    """Make a function that tells whether the other side has stopped sending.

    The function never blocks, and sees the end behind bytes that nobody has read. On
    systems without ``POLLRDHUP`` it always returns False.
    """
    transport = getattr(stream, "transport_stream", stream)
    if sys.platform == "win32" or not hasattr(select, "POLLRDHUP"):
        return lambda: False
    if not isinstance(transport, trio.SocketStream):
        return lambda: False
    poll = select.poll()
    poll.register(transport.socket.fileno(), select.POLLRDHUP)
    return lambda: bool(poll.poll(0))
