"""Parked polls: who is subscribed to a room, and who is woken by what.

The order that loses nothing is *subscribe, read, park, read again*: whatever is
published after the subscription leaves a token in its slot, so a poll that read
just before it wakes at once. A token carries no data; the data is read from the
room, in one piece with the cursor.
"""

import math
from collections.abc import Iterable
from typing import Self

import attrs
import trio

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey


@attrs.define(eq=False)
class Subscription:
    """One poll's place in a room.

    Attributes:
        peer: The folded name of the peer that polls.
        since: When it began, on the steady clock.
        is_parked: Whether it waits, and does not only read.
        is_displaced: Whether a newer poll of the same peer has taken its place.
        woken_at: When that was published which woke it last, on the steady clock;
            ``None`` while nothing has.
    """

    peer: PeerKey
    since: float
    _polls: "Subscriptions"
    is_parked: bool = False
    is_displaced: bool = False
    woken_at: float | None = None
    # Most polls find something and never park: they need no channel to wait on.
    _has_early_token: bool = False
    _send: trio.MemorySendChannel[None] | None = None
    _receive: trio.MemoryReceiveChannel[None] | None = None

    def __enter__(self) -> Self:
        self._polls.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._polls.remove(self)

    def wake(self) -> None:
        """Leave a token. One that is there already says the same: look again."""
        if self._send is None:
            self._has_early_token = True
            return
        try:
            self._send.send_nowait(None)
        except trio.WouldBlock:
            return
        self.woken_at = self._polls.published_at

    def open_slot(self) -> None:
        """Make the slot that the poll is about to wait on, with what came so far."""
        self._send, self._receive = trio.open_memory_channel[None](1)
        if self._has_early_token:
            self._send.send_nowait(None)

    async def wait_woken(self) -> None:
        """Wait for a token and take it; only a parked poll may.

        There is no deadline here: the caller parks under its own.
        """
        assert self._receive is not None
        await self._receive.receive()


@attrs.define
class Subscriptions:
    """The subscriptions of one room.

    The mutable state is one dict, folded peer name to subscriptions, oldest first;
    and, derived from it, the names of those of whom one is parked.

    Attributes:
        max_per_peer: Subscriptions of one peer; one more displaces the oldest.
        published_at: When the room last published, on the steady clock.
    """

    max_per_peer: int
    published_at: float = 0.0
    _by_peer: dict[PeerKey, list[Subscription]] = attrs.field(factory=dict)
    _parked: set[PeerKey] = attrs.field(factory=set)
    _emptied: trio.Event = attrs.field(factory=trio.Event)

    def subscribe(self, peer: PeerKey) -> Subscription:
        """Hold a subscription for the length of a ``with`` block, however it ends."""
        return Subscription(peer, trio.current_time(), self)

    def add(self, subscription: Subscription) -> None:
        """Let a subscription begin."""
        self._by_peer.setdefault(subscription.peer, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Let a subscription end."""
        peer = subscription.peer
        mine = self._by_peer[peer]
        mine.remove(subscription)
        if not any(each.is_parked for each in mine):
            self._parked.discard(peer)
        if not mine:
            del self._by_peer[peer]
        if not self._by_peer:
            self._emptied.set()
            self._emptied = trio.Event()

    def park(self, subscription: Subscription) -> None:
        """Count a subscription as parked, and send the oldest one too many home."""
        subscription.is_parked = True
        subscription.open_slot()
        self._parked.add(subscription.peer)
        mine = self._by_peer[subscription.peer]
        parked = [each for each in mine if each.is_parked and not each.is_displaced]
        if len(parked) > self.max_per_peer:
            parked[0].is_displaced = True
            parked[0].wake()

    async def wait_empty(self) -> None:
        """Wait until nobody is subscribed; the caller sets the deadline."""
        while self._by_peer:
            await self._emptied.wait()

    def wake_addressed(self, message: Message) -> None:
        """Wake the polls that `message` is for, and no others."""
        peers: Iterable[PeerKey] = self._by_peer
        if not message.is_broadcast:
            peers = message.addressee_keys & self._by_peer.keys()
        for peer in peers:
            if peer != message.agent_key:
                self.wake_peer(peer)

    def wake_peer(self, peer: PeerKey) -> None:
        """Wake every poll of one peer."""
        for subscription in self._by_peer.get(peer, ()):
            subscription.wake()

    def wake_all(self) -> None:
        """Wake every poll of the room."""
        for peer in self._by_peer:
            self.wake_peer(peer)

    def is_parked(self, peer: PeerKey) -> bool:
        """Tell whether any poll of the peer with this folded name waits here."""
        return peer in self._parked

    def since(self, peer: PeerKey) -> float:
        """Return when the oldest poll of a peer began; infinity without one."""
        return min(
            (each.since for each in self._by_peer.get(peer, ())), default=math.inf
        )

    def parked_peers(self) -> frozenset[PeerKey]:
        """Return the folded names of all peers with a poll that waits here."""
        return frozenset(self._parked)

    def __len__(self) -> int:
        return sum(map(len, self._by_peer.values()))
