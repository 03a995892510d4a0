"""A TCP proxy before PostgreSQL that cuts one exchange after a number of bytes.

An exchange is what goes both ways from BEGIN until the server is idle again, or all of
a connection. Which one is to be cut is known once it sends the marker of the cut;
before that, the first one of a writer is taken for it.
"""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

_IDLE: Final = b"Z\x00\x00\x00\x05I"
"""The end of an answer after which no transaction is open."""
_OF_A_WRITER: Final = b"ab_commit_1"
"""What a connection prepares before its first commit to a room."""
_SOCKET: Final = ".s.PGSQL.5432"
_CHUNK_BYTES: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger no time: the other end gets a reset."""


class Side(Enum):
    """Which way bytes go."""

    TO_SERVER = auto()
    TO_CLIENT = auto()


class How(Enum):
    """What becomes of the connection.

    ``CLOSE`` ends it in order, ``RESET`` with a reset. ``SILENCE`` keeps both ends
    open and passes nothing on any more; ``HALF`` goes on passing the other way.
    """

    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()
    HALF = auto()


@attrs.frozen
class Cut:
    """Where to cut.

    Attributes:
        side: The way whose bytes count.
        after_bytes: How many of them pass.
        marker: What the exchange sends to the server.
        is_fresh: Whether the exchange is that of a new connection, from its first byte.
        how: What becomes of the connection.
    """

    side: Side
    after_bytes: int
    marker: bytes
    is_fresh: bool = False
    how: How = How.CLOSE


@attrs.define(eq=False)
class _Exchange:
    """Bytes passed each way since the beginning.

    Attributes:
        is_sure: Whether the marker was sent.
    """

    is_sure: bool = False
    passed: dict[Side, int] = attrs.field(factory=lambda: dict.fromkeys(Side, 0))


@attrs.define(eq=False)
class _Connection:
    """One connection through the proxy.

    Attributes:
        client: The end of PostgreSQL's client.
        server: The end of the server.
        exchange: The exchange that may have to be cut.
        is_idle: Whether no transaction is open.
        is_writer: Whether it commits to rooms.
        silent: The ways on which nothing passes any more.
        is_closed: Whether the proxy has closed it.
    """

    client: trio.SocketStream
    server: trio.SocketStream
    exchange: _Exchange | None = None
    is_idle: bool = False
    is_writer: bool = False
    silent: set[Side] = attrs.field(factory=set)
    is_closed: bool = False

    def sink(self, side: Side) -> trio.SocketStream:
        return self.server if side is Side.TO_SERVER else self.client

    def source(self, side: Side) -> trio.SocketStream:
        return self.client if side is Side.TO_SERVER else self.server

    def close(self, how: How) -> None:
        """Close both ends; the tasks that read from them end."""
        self.is_closed = True
        if how is How.RESET:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.client.socket.close()
        self.server.socket.close()


@attrs.define(eq=False)
class CuttingProxy:
    """A running proxy.

    Mutable state: the open connections, the cut to make and whether it was made.

    Attributes:
        folder: The folder of the server's socket.
        port: Its own port.
        delay_seconds: How long each chunk is held back.
        is_refusing: Whether new connections are closed at once.
        was_cut: Whether the last armed cut was made.
        passed: The bytes of the last exchange with the marker, each way.
    """

    folder: Path
    port: int = 0
    delay_seconds: float = 0.0
    is_refusing: bool = False
    was_cut: bool = False
    passed: dict[Side, int] = attrs.field(factory=lambda: dict.fromkeys(Side, 0))
    _cut: Cut | None = None
    _open: set[_Connection] = attrs.field(factory=set)

    def url(self, url: str) -> str:
        """Return the URL of a database of the server, through the proxy."""
        parts = urlsplit(url)
        user = parts.username or ""
        options = "sslmode=disable&gssencmode=disable"
        return f"postgresql://{user}@127.0.0.1:{self.port}{parts.path}?{options}"

    def arm(self, cut: Cut) -> None:
        """Make a cut, once."""
        self._cut, self.was_cut = cut, False
        for each in self._open:
            each.exchange = None

    def disarm(self) -> None:
        """Make no cut any more."""
        self._cut = None

    def cut_idle_writers(self) -> None:
        """Close the connections of writers between two commits."""
        for each in list(self._open):
            if each.is_writer and each.is_idle:
                each.close(How.CLOSE)

    async def serve(self, client: trio.SocketStream) -> None:
        """Pass on what one client and the server say, until one of them ends."""
        async with client:
            if self.is_refusing:
                return
            try:
                server = await trio.open_unix_socket(self.folder / _SOCKET)
            except OSError:
                return
            cut, connection = self._cut, _Connection(client, server)
            if cut is not None and cut.is_fresh and not self._is_taken():
                connection.exchange = _Exchange(is_sure=True)
            self._open.add(connection)
            try:
                async with server, trio.open_nursery() as nursery:
                    for side in Side:
                        nursery.start_soon(self._pass, connection, side, nursery)
            finally:
                self._open.discard(connection)

    def _is_taken(self) -> bool:
        return any(each.exchange is not None for each in self._open)

    async def _pass(
        self, connection: _Connection, side: Side, nursery: trio.Nursery
    ) -> None:
        """Pass bytes one way."""
        gone = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
        try:
            while chunk := await connection.source(side).receive_some(_CHUNK_BYTES):
                if side in connection.silent:
                    continue
                self._note(connection, side, chunk)
                await trio.sleep(self.delay_seconds)
                passing, cut = self._let_pass(connection, side, chunk)
                if cut is not None:
                    # Now: while the last bytes are sent, the other end may answer.
                    connection.silent |= {side} if cut.how is How.HALF else set(Side)
                if passing:
                    await connection.sink(side).send_all(passing)
                if cut is not None and cut.how in {How.CLOSE, How.RESET}:
                    connection.close(cut.how)
        except gone:
            pass  # an end of the connection has gone, or was cut
        if side in connection.silent and not connection.is_closed:
            # Nobody says that the other end has gone.
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()

    def _note(self, connection: _Connection, side: Side, chunk: bytes) -> None:
        """Find out which exchange some bytes belong to."""
        if side is Side.TO_CLIENT:
            connection.is_idle = chunk.endswith(_IDLE)
            return
        cut, was_idle = self._cut, connection.is_idle
        connection.is_idle = False
        connection.is_writer |= _OF_A_WRITER in chunk
        if cut is None or cut.is_fresh:
            return
        if was_idle:
            connection.exchange = _Exchange() if connection.is_writer else None
        elif connection.exchange is not None and not connection.exchange.is_sure:
            connection.exchange.is_sure = cut.marker in chunk
            if not connection.exchange.is_sure:
                connection.exchange = None

    def _let_pass(
        self, connection: _Connection, side: Side, chunk: bytes
    ) -> tuple[bytes, Cut | None]:
        """Return what passes of a chunk, and the cut to make after it, if any."""
        cut, exchange = self._cut, connection.exchange
        if exchange is None:
            return chunk, None
        passed = exchange.passed[side]
        exchange.passed[side] += len(chunk)
        if exchange.is_sure:
            self.passed = exchange.passed
        if cut is None or cut.side is not side or len(chunk) < cut.after_bytes - passed:
            return chunk, None
        self._cut, self.was_cut = None, True
        return chunk[: cut.after_bytes - passed], cut


@asynccontextmanager
async def open_cutting_proxy(server: Path) -> AsyncIterator[CuttingProxy]:
    """Run a proxy on loopback before the server with its socket in a folder."""
    proxy = CuttingProxy(server)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, proxy.serve, listeners)
        proxy.port = listeners[0].socket.getsockname()[1]
        yield proxy
        nursery.cancel_scope.cancel()
