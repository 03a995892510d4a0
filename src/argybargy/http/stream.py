"""The bytes of one client: what was read ahead, and by when they must move."""

import os
import select
from typing import TYPE_CHECKING

import trio

from argybargy.http.tls import end_tls

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 16 * 1024
"""Progress is seen between pieces: one of them in `write_seconds` is 1.6 KB/s."""

NEVER = float("inf")

_HAS_DESCRIPTORS = os.name == "posix"
"""Whether a socket is a file descriptor, which ``os.read`` and ``os.write`` take."""


class BufferedStream:
    """A stream with a memory of what was read too far.

    A plain socket is read and written past Trio's stream, whose checkpoints before
    and after each call are two thirds of what the call costs. So a request makes one
    checkpoint, where it waits for the next one, and whoever goes on without waiting
    makes its own.

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
        self._ask_hangup: Callable[[], bool] | None = None
        self._socket: trio.socket.SocketType | None = None
        if _HAS_DESCRIPTORS and isinstance(stream, trio.SocketStream):
            self._socket = stream.socket

    @property
    def is_mid_write(self) -> bool:
        """Whether a write is under way, or was given up half-way."""
        return self.write_by != NEVER

    async def read_more(self) -> bool:
        """Wait for more bytes and add them to `pending`. Always a checkpoint.

        Returns:
            Whether there were any; False when the client has closed its side, or
            the connection broke.
        """
        try:
            if self._socket is None:
                data = await self.stream.receive_some(_READ_BYTES)
            else:
                data = await _receive(self._socket)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            return False
        if self.pending:
            self.pending += data
        else:
            self.pending = bytes(data)
        return bool(data)

    async def write(self, data: bytes) -> None:
        """Send, for as long as the client takes something now and then.

        A checkpoint only where the client must be waited for.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        if self._socket is not None:
            data = data[_offer(self._socket, data) :]
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


async def _receive(sock: trio.socket.SocketType) -> bytes:
    """Wait, then read: a client that got its answer has hardly sent more yet."""
    while True:
        descriptor = _descriptor_of(sock)
        await trio.lowlevel.wait_readable(descriptor)
        try:
            return os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            continue


def _offer(sock: trio.socket.SocketType, data: bytes) -> int:
    """Say how many bytes the system takes without waiting."""
    try:
        return os.write(_descriptor_of(sock), data)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise trio.BrokenResourceError("the client is gone") from error


def _descriptor_of(sock: trio.socket.SocketType) -> int:
    descriptor = sock.fileno()
    if descriptor < 0:
        raise trio.ClosedResourceError("the connection was closed here")
    return descriptor


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
