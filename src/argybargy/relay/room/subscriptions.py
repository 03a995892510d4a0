"""Subscriptions of polls to a room, and the polls that each publication wakes.

A poll goes *subscribe, read, park, read again*. A publication after the subscription
leaves a token in its slot (see `argybargy.relay.wake_slot`), so a poll that read just
before a publication wakes at once. A token carries no message: a woken poll reads rows
and cursor from the room, as one value.
"""

import math
from collections.abc import Iterable
from typing import Self

import attrs
import trio

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.relay.wake_slot import WakeSlot


@attrs.define(eq=False)
class Subscription(WakeSlot):
    """One poll's subscription to a room, held with ``with``.

    Attributes:
        peer: The key of the polling peer.
        since: When the poll began, on the steady clock.
        is_parked: Whether the poll is waiting, as opposed to reading.
        is_displaced: Whether a newer poll of the same peer has taken its place.
        woken_at: When the publication that woke the poll was made, on the steady
            clock; ``None`` until a parked poll is woken.
    """

    peer: PeerKey
    since: float
    _subscriptions: "Subscriptions"
    is_parked: bool = False
    is_displaced: bool = False
    woken_at: float | None = None

    def __enter__(self) -> Self:
        self._subscriptions.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._subscriptions.remove(self)

    def wake(self) -> None:
        """Put a token into the slot, and note the time of the publication.

        A token that arrived before the poll parked is not timed: the poll did not wait.
        """
        if self.is_parked and not self._has_token:
            self.woken_at = self._subscriptions.published_at
        super().wake()


@attrs.define
class Subscriptions:
    """The subscriptions of one room.

    Mutable state: the subscriptions by peer, oldest first, bounded by connections;
    and, derived from them, the peers with a parked poll.

    Attributes:
        max_per_peer: Parked polls of one peer; one more displaces the oldest.
        published_at: When the room last published, on the steady clock.
    """

    max_per_peer: int
    published_at: float = 0.0
    _by_peer: dict[PeerKey, list[Subscription]] = attrs.field(factory=dict)
    _parked: set[PeerKey] = attrs.field(factory=set)
    _emptied: trio.Event = attrs.field(factory=trio.Event)

    def subscribe(self, peer: PeerKey) -> Subscription:
        """Return a subscription; a ``with`` block adds it and always removes it."""
        return Subscription(peer, trio.current_time(), self)

    def add(self, subscription: Subscription) -> None:
        """Add a subscription."""
        self._by_peer.setdefault(subscription.peer, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription."""
        peer = subscription.peer
        mine = self._by_peer[peer]
        mine.remove(subscription)
        if not any(each.is_parked for each in mine):
            self._parked.discard(peer)
        if not mine:
            del self._by_peer[peer]
        if not self._by_peer:
            # A waiting task keeps the old event; the next wait needs a new one.
            self._emptied.set()
            self._emptied = trio.Event()

    def park(self, subscription: Subscription) -> None:
        """Mark a subscription as parked, and displace the peer's oldest if too many.

        The displaced poll is woken and answers; it leaves when its ``with`` block
        ends. Until then it is left out of the count, so it is displaced once.
        """
        subscription.is_parked = True
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
        """Wake the polls of the message's audience, its sender's excepted."""
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
        """Tell whether the peer has a parked poll."""
        return peer in self._parked

    def since(self, peer: PeerKey) -> float:
        """Return when the peer's oldest poll began; infinity without a poll."""
        return min(
            (each.since for each in self._by_peer.get(peer, ())), default=math.inf
        )

    def parked_peers(self) -> frozenset[PeerKey]:
        """Return the peers with a parked poll."""
        return frozenset(self._parked)

    def __len__(self) -> int:
        return sum(map(len, self._by_peer.values()))
