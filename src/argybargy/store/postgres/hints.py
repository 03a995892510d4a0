"""Hints: notifications of commits, and the socket that hears those of other nodes.

A hint is sent after its commit, by a connection of its own that does not wait for the
disk: in the transaction itself, NOTIFY would make the commits of the whole server wait
for each other. So a hint may get lost. Whoever loses one says so: a sender that could
not send tells all nodes that there is a gap, and a listener that has lost its
connection takes that for one.

The channel is one of 64, by the room. A payload is the sender, the version, the name
of the room and the commit in base64; without the commit where that is too long.
"""

import base64
import binascii
import contextlib
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import attrs
import psycopg
import trio

from argybargy.domain.names import room_key
from argybargy.store.errors import StoreError
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.postgres.deltas import decode_commit
from argybargy.store.protocol import DirectoryHint, Hint, RoomHint
from argybargy.system.values import define

CHANNELS: Final = 64
_PREFIX: Final = "argybargy_"
_GENERAL: Final = f"{_PREFIX}all"
"""The channel of what concerns no single room."""
_DIRECTORY: Final = "directory"
_GAP: Final = "gap"
PAYLOAD_BYTES: Final = 7_800
"""Longest payload; PostgreSQL takes up to 8,000 bytes."""
QUEUE_HINTS: Final = 1_024
"""Hints that may wait; beyond that, other nodes are told of a gap."""
BATCH_HINTS: Final = 256
RETRY_SECONDS: Final = (0.1, 0.2, 0.4, 0.8)
"""Pauses between attempts to reach the server; the last one repeats."""
PING_SECONDS: Final = 1.0
"""Time without a hint after which the listening connection is tried."""
SENDER_SETTINGS: Final = ("SET synchronous_commit = off",)
_NOTIFY: Final = "SELECT pg_notify(c, p) FROM unnest(%s::text[], %s::text[]) AS x(c, p)"


def channel_of(room: str) -> str:
    """Return the channel of a room."""
    return f"{_PREFIX}{zlib.crc32(room_key(room).encode()) % CHANNELS}"


def _notify(connection: Connection, notes: Sequence[tuple[str, str]]) -> None:
    channels, payloads = zip(*notes, strict=True)
    connection.execute(_NOTIFY, (list(channels), list(payloads)))


@define(eq=False)
class HintSender:
    """Queues hints and sends them in batches.

    Mutable state: the queue, bounded by `QUEUE_HINTS`, and whether hints were lost.

    Attributes:
        node: The name of this node, which drops its own hints.
    """

    node: str
    _link: Link
    _send: trio.MemorySendChannel[tuple[str, str]] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[tuple[str, str]] = attrs.field(init=False)
    _has_lost: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        channel = trio.open_memory_channel[tuple[str, str]](QUEUE_HINTS)
        self._send, self._receive = channel

    def tell_commit(self, room: str, version: int, delta: bytes) -> None:
        """Queue the hint of a commit. Neither blocks nor raises.

        Args:
            room: The room, as first spelled.
            version: Its version after the commit.
            delta: The commit, encoded.
        """
        payload = f"{self.node} {version} {room}"
        encoded = base64.b64encode(delta).decode()
        if len(payload) + 1 + len(encoded) <= PAYLOAD_BYTES:
            payload = f"{payload} {encoded}"
        self._tell(channel_of(room), payload)

    def tell_directory(self) -> None:
        """Queue the hint that the directory has changed."""
        self._tell(_GENERAL, f"{self.node} {_DIRECTORY}")

    def tell_gap(self) -> None:
        """Queue the news that hints of this node may have been lost."""
        self._tell(_GENERAL, f"{self.node} {_GAP}")

    def _tell(self, channel: str, payload: str) -> None:
        try:
            self._send.send_nowait((channel, payload))
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._has_lost = True

    async def run(self) -> None:
        """Send hints until closed."""
        with self._receive:
            async for note in self._receive:
                await self._send_batch(self._take_queued(note))

    def close(self) -> None:
        """Send what is queued, and end."""
        self._send.close()

    def _take_queued(self, first: tuple[str, str]) -> list[tuple[str, str]]:
        notes = [first]
        while len(notes) < BATCH_HINTS:
            try:
                notes.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return notes

    async def _send_batch(self, notes: Sequence[tuple[str, str]]) -> None:
        """Send notes; if that fails, send the news of a gap until it arrives."""
        try:
            await self._link.run(_notify, notes)
        except StoreError:
            self._has_lost = True
        attempt = 0
        while self._has_lost:
            try:
                await self._link.run(_notify, [(_GENERAL, f"{self.node} {_GAP}")])
                self._has_lost = False
            except StoreError:
                await trio.sleep(_pause(attempt))
                attempt += 1


def _pause(attempt: int) -> float:
    return RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]


@contextlib.asynccontextmanager
async def open_sender(node: str, link: Link) -> AsyncIterator[HintSender]:
    """Run a sender while the block runs; then send what is queued for a second.

    Args:
        node: The name of this node.
        link: The connection to send with, used by the sender alone.
    """
    sender = HintSender(node, link)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.run)
        try:
            yield sender
        finally:
            sender.close()
            # Other nodes do without what is left: they confirm their rooms.
            nursery.cancel_scope.deadline = trio.current_time() + 1


@define(eq=False)
class Listener:
    """Hears the hints of other nodes on a connection of its own.

    Attributes:
        node: The name of this node, whose hints are dropped.
    """

    node: str
    _link: Link
    _heard: Callable[[Hint], None]

    async def start(self) -> None:
        """Connect and listen.

        Raises:
            StoreError: The server cannot be reached.
        """
        await self._link.run(_listen)

    async def run(self) -> None:
        """Tell of hints until cancelled; reconnect after a loss."""
        while True:
            with contextlib.suppress(StoreError, psycopg.Error, OSError):
                await self._hear()
            self._link.close()
            self._heard(None)
            await self._reconnect()
            self._heard(None)

    async def _reconnect(self) -> None:
        attempt = 0
        while True:
            await trio.sleep(_pause(attempt))
            attempt += 1
            with contextlib.suppress(StoreError):
                await self.start()
                return

    async def _hear(self) -> None:
        """Tell of hints until the connection is lost."""
        while (connection := self._link.connection) is not None:
            is_readable = False
            with trio.move_on_after(PING_SECONDS):
                await trio.lowlevel.wait_readable(connection.fileno())
                is_readable = True
            if not is_readable:
                # What it receives meanwhile is kept for the next `notifies`.
                await self._link.run(_ping)
            for notify in connection.notifies(timeout=0):
                self._take(notify.payload)

    def _take(self, payload: str) -> None:
        node, _, news = payload.partition(" ")
        if node == self.node:
            return
        if news == _GAP:
            self._heard(None)
        elif news == _DIRECTORY:
            self._heard(DirectoryHint())
        else:
            hint = parse_hint(news)
            if hint is not None:
                self._heard(hint)


def parse_hint(news: str) -> RoomHint | None:
    """Parse the news of a commit; ``None`` if it is not from a relay.

    A commit that this version does not know is left out: the room is read.
    """
    version, _, rest = news.partition(" ")
    room, _, encoded = rest.partition(" ")
    if not (version.isascii() and version.isdigit() and room):
        return None
    try:
        delta = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    commit = decode_commit(delta, room) if delta else None
    return RoomHint(room, int(version), commit)


def _listen(connection: Connection) -> None:
    for channel in [_GENERAL, *(f"{_PREFIX}{number}" for number in range(CHANNELS))]:
        connection.execute(f"LISTEN {channel}")


def _ping(connection: Connection) -> None:
    connection.execute("SELECT 1")


@contextlib.asynccontextmanager
async def listen(
    node: str, link: Link, heard: Callable[[Hint], None]
) -> AsyncIterator[None]:
    """Hear hints while the block runs. Exceptions of it arrive in a group.

    Raises:
        StoreError: The server cannot be reached.
    """
    listener = Listener(node, link, heard)
    await listener.start()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.run)
            yield
            nursery.cancel_scope.cancel()
    finally:
        link.close()
