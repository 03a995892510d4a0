"""Watchers of the relay, and the rooms touched since the overview was recomputed.

A watcher goes *watch, read, wait, read again*, like a poll; its token means that
something may have changed, and carries no data (see `argybargy.relay.wake_slot`).
"""

from weakref import WeakSet

import attrs

from argybargy.domain.names import RoomKey
from argybargy.relay.wake_slot import WakeSlot
from argybargy.system.values import define


@define(eq=False)
class Watcher(WakeSlot):
    """The wake-up slot of one watching stream."""

    _watchers: "Watchers"

    def close(self) -> None:
        """Stop watching."""
        self._watchers.remove(self)


@define(eq=False)
class Watchers:
    """All watchers, and the rooms touched since the last recomputation.

    Mutable state: the watchers, bounded by the streams the web layer admits, and one
    set of rooms, bounded by the rooms there are. The set of watchers is weak: a
    stream whose response is dropped before it starts never gets to close its watcher.

    Attributes:
        touched: Keys of rooms whose view may have changed.
        are_elsewhere: Whether the operator has a stream open at another node.
    """

    touched: set[RoomKey] = attrs.field(factory=set, repr=False)
    are_elsewhere: bool = False
    _watchers: WeakSet[Watcher] = attrs.field(factory=WeakSet, repr=False)

    def watch(self) -> Watcher:
        """Add a watcher, which is woken from now on."""
        watcher = Watcher(self)
        self._watchers.add(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Remove a watcher; a second removal does nothing."""
        self._watchers.discard(watcher)

    def touch(self, room: RoomKey) -> None:
        """Note that a room's view may have changed, and wake the watchers."""
        self.touched.add(room)
        self.wake()

    @property
    def has_any(self) -> bool:
        """Whether the operator has a stream open, at any node."""
        return self.are_elsewhere or len(self._watchers) > 0

    def wake(self) -> None:
        """Wake every watcher."""
        for watcher in self._watchers:
            watcher.wake()

    def __len__(self) -> int:
        return len(self._watchers)
