"""Subscriptions of waiting requests to a room, and those that a publication wakes.

A poll goes *subscribe, read, park, read again*. A publication after the subscription
leaves a token in its slot (see `argybargy.relay.wake_slot`), so a poll that read just
before a publication wakes at once. A token carries no message: a woken poll reads rows
and cursor from the room, as one value.

A request that waits for the end of one question goes the same way. Messages do not wake
it, however many there are: only the end of that question does, and a question that may
ask back.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Self

import attrs
import trio

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.wake_policy import WAKE_AT_ONCE, WakePolicy
from argybargy.relay.wake_slot import WakeSlot
from argybargy.system.values import define


@define(eq=False)
class Subscription(WakeSlot):
    """The subscription of one waiting request to a room, held with ``with``.

    Attributes:
        peer: The key of the polling peer.
        since: When the poll began, on the steady clock.
        policy: What ends the wait of the poll.
        is_ear: Whether the poll holds the seat of its peer.
        is_parked: Whether the poll is waiting, as opposed to reading.
        is_displaced: Whether a newer poll of the same peer has taken its place.
        woken_at: When the publication that woke the poll was made, on the steady
            clock; ``None`` until a parked poll is woken.
        question: The question whose end it waits for; ``None`` for a poll, which
            waits for messages.
    """

    peer: PeerKey
    since: float
    _subscriptions: "Subscriptions"
    policy: WakePolicy = WAKE_AT_ONCE
    is_ear: bool = False
    is_parked: bool = False
    is_displaced: bool = False
    woken_at: float | None = None
    question: int | None = None

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


@define
class Subscriptions:
    """The subscriptions of one room.

    Mutable state: the subscriptions by peer, oldest first, bounded by connections;
    and, derived from them, those that wait for a question, the peers with anything
    parked, and the peers with a parked poll, which messages wake.

    Attributes:
        max_per_peer: Parked subscriptions of one peer; one more displaces the oldest.
        published_at: When the room last published, on the steady clock.
    """

    max_per_peer: int
    published_at: float = 0.0
    _by_peer: dict[PeerKey, list[Subscription]] = attrs.field(factory=dict)
    _by_question: dict[int, list[Subscription]] = attrs.field(factory=dict)
    _parked: set[PeerKey] = attrs.field(factory=set)
    _listening: set[PeerKey] = attrs.field(factory=set)
    _emptied: trio.Event = attrs.field(factory=trio.Event)

    def subscribe(
        self,
        peer: PeerKey,
        policy: WakePolicy = WAKE_AT_ONCE,
        *,
        is_ear: bool = False,
        question: int | None = None,
    ) -> Subscription:
        """Return a subscription; a ``with`` block adds it and always removes it.

        An ear takes the place of the earlier polls of the same seat, which answer.

        Args:
            peer: The waiting peer.
            policy: What ends the wait of a poll.
            is_ear: Whether the poll holds the seat of its peer.
            question: The question whose end it waits for; ``None`` for messages.
        """
        if is_ear:
            for each in self._by_peer.get(peer, ()):
                if each.is_ear and not each.is_displaced:
                    each.is_displaced = True
                    each.wake()
        return Subscription(
            peer, trio.current_time(), self, policy, is_ear, question=question
        )

    def add(self, subscription: Subscription) -> None:
        """Add a subscription."""
        self._by_peer.setdefault(subscription.peer, []).append(subscription)
        if subscription.question is not None:
            waiting = self._by_question.setdefault(subscription.question, [])
            waiting.append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription."""
        peer = subscription.peer
        mine = self._by_peer[peer]
        mine.remove(subscription)
        if not any(each.is_parked for each in mine):
            self._parked.discard(peer)
        if not any(each.is_parked and each.question is None for each in mine):
            self._listening.discard(peer)
        if not mine:
            del self._by_peer[peer]
        if subscription.question is not None:
            waiting = self._by_question[subscription.question]
            waiting.remove(subscription)
            if not waiting:
                del self._by_question[subscription.question]
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
        if subscription.question is None:
            self._listening.add(subscription.peer)
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
        """Wake the polls of the message's audience, its sender's excepted.

        Leaves those alone that wait for the end of a question.
        """
        peers: Iterable[PeerKey] = self._by_peer
        if not message.is_broadcast:
            peers = message.addressee_keys & self._by_peer.keys()
        for peer in peers:
            if peer == message.agent_key:
                continue
            for subscription in self._by_peer[peer]:
                if subscription.question is None:
                    subscription.wake()

    def wake_question(self, seq: int) -> None:
        """Wake those that wait for the end of a question."""
        for subscription in self._by_question.get(seq, ()):
            subscription.wake()

    def wake_asked_back(self, message: Message) -> None:
        """Wake those that wait for a question which a new message may ask back about.

        They look themselves whether it does.
        """
        if message.reply_to is not None:
            self.wake_question(message.reply_to)
        for subscription in self._by_peer.get(peer_key(message.expects), ()):
            if subscription.question is not None:
                subscription.wake()

    def wake_questions_below(self, seq: int) -> None:
        """Wake those that wait for questions which retention has dropped."""
        for question in [each for each in self._by_question if each < seq]:
            self.wake_question(question)

    def wake_peer(self, peer: PeerKey) -> None:
        """Wake everything of one peer that waits."""
        for subscription in self._by_peer.get(peer, ()):
            subscription.wake()

    def wake_all(self) -> None:
        """Wake everything that waits in the room."""
        for peer in self._by_peer:
            self.wake_peer(peer)

    @property
    def has_waits(self) -> bool:
        """Whether anybody waits for the end of a question."""
        return bool(self._by_question)

    def is_woken(self, peer: PeerKey, answered: Iterable[int] = ()) -> bool:
        """Tell whether a message to the peer wakes something of it that is parked.

        Args:
            peer: The addressee.
            answered: The questions that the message answers.
        """
        return peer in self._listening or self.awaits(peer, answered)

    def awaits(self, peer: PeerKey, seqs: Iterable[int]) -> bool:
        """Tell whether the peer has parked until the end of one of these questions."""
        # Those of the peer are few; a question may have as many waits as readers.
        wanted = frozenset(seqs)
        return any(
            each.is_parked and each.question in wanted
            for each in self._by_peer.get(peer, ())
        )

    def awaiting(self, seq: int) -> Iterator[PeerKey]:
        """Yield the peers that have parked until the end of a question."""
        for each in self._by_question.get(seq, ()):
            if each.is_parked and not each.is_displaced:
                yield each.peer

    def listening_peers(self) -> frozenset[PeerKey]:
        """Return the peers with a parked poll, which a message wakes."""
        return frozenset(self._listening)

    def parked_policies(self, peer: PeerKey) -> Iterator[WakePolicy]:
        """Yield what ends the wait of each parked poll of a peer."""
        for each in self._by_peer.get(peer, ()):
            is_poll = each.question is None
            if is_poll and each.is_parked and not each.is_displaced:
                yield each.policy

    def since(self, peer: PeerKey) -> float:
        """Return when the peer's oldest poll began; infinity without a poll."""
        return min(
            (each.since for each in self._by_peer.get(peer, ())), default=math.inf
        )

    def is_parked(self, peer: PeerKey) -> bool:
        """Tell whether anything of a peer is parked."""
        return peer in self._parked

    def parked_peers(self) -> frozenset[PeerKey]:
        """Return the peers with anything parked."""
        return frozenset(self._parked)

    def __len__(self) -> int:
        return sum(map(len, self._by_peer.values()))
