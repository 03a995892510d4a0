"""Who watches the relay, and which rooms something has happened in.

The order that loses nothing is that of polls: *watch, look, wait, look again*. A
token in a watcher's slot says that there may be something new, never what.
"""

from weakref import WeakSet

import attrs
import trio


@attrs.define(eq=False)
class Watcher:
    """One wake-up slot. Its place is free when it is closed, or dropped unused."""

    _watchers: "Watchers"
    _send: trio.MemorySendChannel[None]
    _receive: trio.MemoryReceiveChannel[None]

    def wake(self) -> None:
        """Leave a token. One that is there already says the same: look again."""
        try:
            self._send.send_nowait(None)
        except trio.WouldBlock:
            return

    async def wait_woken(self) -> None:
        """Wait for a token and take it.

        There is no deadline here: who watches sends a sign of life under its own.
        """
        await self._receive.receive()

    def close(self) -> None:
        """Give the place back."""
        self._watchers.leave(self)


@attrs.define(eq=False)
class Watchers:
    """All watchers, and the rooms that were touched since anybody looked.

    Mutable state: the watchers, at most as many as their caller lets in, and one
    set of room names, bounded by the rooms there are.

    Attributes:
        touched: Folded names of rooms in which anything may look different now.
    """

    touched: set[str] = attrs.field(factory=set, repr=False)
    _watchers: WeakSet[Watcher] = attrs.field(factory=WeakSet, repr=False)

    def watch(self) -> Watcher:
        """Take a place, and be woken from now on."""
        send, receive = trio.open_memory_channel[None](1)
        watcher = Watcher(self, send, receive)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Wake a watcher no more."""
        self._watchers.discard(watcher)

    def touch(self, room: str) -> None:
        """Say that a room (folded) may look different now."""
        self.touched.add(room)
        self.wake()

    def wake(self) -> None:
        """Let everybody look again."""
        for watcher in self._watchers:
            watcher.wake()

    def __len__(self) -> int:
        return len(self._watchers)
