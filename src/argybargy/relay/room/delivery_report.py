"""Delivery reports: the reachability of the addressees of a message."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import zip_longest
from typing import Final, Self

from argybargy.domain.access_codes import Peer, Role
from argybargy.domain.capabilities import CAN, addresses_of, word_of_address
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.message import Message
from argybargy.domain.names import OPERATOR, PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.nearest import nearest
from argybargy.domain.room.state import Room
from argybargy.relay.access.capable import Capable
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.clock import Clock
from argybargy.relay.notifications.registry import Notifications
from argybargy.relay.nudges.hooks import WakeHooks
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.room.receipts import (
    Addressee,
    Receipt,
    ReceiptKind,
    named_addressees,
    receipt_of,
)
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.system.values import frozen

MAX_NEAR: Final = 2
"""Maximum unknown names of a message for which a similar one is looked for."""


class Reachability(StrEnum):
    """Reachability of an addressee at the moment of a post.

    The operator is ``watching``, ``notified`` or ``away``; the other values are those
    of agents.
    """

    PARKED = "parked"
    ONLINE = "online"
    AWAY = "away"
    UNKNOWN = "unknown"
    WATCHING = "watching"
    NOTIFIED = "notified"


@frozen
class DeliveryReport:
    """The report that a sender gets with its post.

    Attributes:
        to: Each addressee by name with its reachability; empty for a broadcast.
        counts: For a broadcast, the number of peers by reachability; else ``None``.
        receipts: How soon each addressee hears of the message, and a peer asked by
            name; empty for a broadcast that asks nobody by name.
        missing: The capabilities wanted that nobody in the room has.
        unknown: The addressees, and the peer asked by name, that have no code of the
            room; each with the most similar name, if one is similar.
    """

    to: tuple[tuple[str, Reachability], ...] = ()
    counts: tuple[tuple[Reachability, int], ...] | None = None
    receipts: tuple[tuple[str, Receipt], ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str | None], ...] = ()

    @property
    def warning(self) -> str | None:
        """A sentence about addressees that the relay does not know, if there are any.

        They may join later, so the message is accepted.
        """
        return "; ".join(self.warnings) or None

    @property
    def warnings(self) -> list[str]:
        """A sentence about each name and each capability that nobody has."""
        return [
            f"nobody called {name} is in this room"
            + ("" if near is None else f": did you mean {near}?")
            for name, near in self.unknown
        ] + self.missing_warnings

    @property
    def missing_warnings(self) -> list[str]:
        """A sentence about each capability that nobody in the room has."""
        return [f"nobody in this room can {word}" for word in self.missing]


@frozen
class OperatorPresence:
    """The presence of the operator, as senders are told.

    Attributes:
        reach: ``watching``, ``notified`` or ``away``.
        notified_ms: When a push was sent, in milliseconds since 1970 UTC; ``None`` in
            the other cases.
    """

    reach: Reachability
    notified_ms: int | None = None

    @classmethod
    def of(cls, watchers: Watchers, told_ms: int | None) -> Self:
        """Return ``watching`` while a stream is open, else whether a push was sent.

        Args:
            watchers: The operator's open streams.
            told_ms: When the operator was notified; ``None`` if not.
        """
        if watchers.has_any:
            return cls(Reachability.WATCHING)
        if told_ms is not None:
            return cls(Reachability.NOTIFIED, told_ms)
        return cls(Reachability.AWAY)

    def __str__(self) -> str:
        if self.notified_ms is None:
            return self.reach.value
        return f"{self.reach.value} {format_timestamp(self.notified_ms)}"


@frozen
class DeliveryReporter:
    """Reports on deliveries; reads, and changes nothing.

    Attributes:
        codes: The access codes; a peer without a code counts as unknown.
        presence: The latest requests of peers.
        watchers: The operator's open streams.
        clock: The relay's clock.
        hooks: The wake hooks.
        notifications: What the operator was told.
    """

    codes: CodeRegistry
    presence: Presence
    watchers: Watchers
    clock: Clock
    hooks: WakeHooks
    notifications: Notifications

    def report(
        self,
        room: Room,
        polls: Subscriptions,
        cursors: Mapping[PeerKey, int],
        message: Message,
        answered: tuple[int, ...] = (),
    ) -> DeliveryReport:
        """Report how the addressees of a message in a room can be reached now.

        A peer that waits for the end of a question is ``parked`` only for its answer
        and for what asks back about it: nothing else wakes it.

        Args:
            room: The room.
            polls: The room's subscriptions.
            cursors: The acknowledged cursors of the room's peers.
            message: The message, just published.
            answered: The questions that it answers or asks back about.
        """
        key, now = room_key(room.name), self.clock.now()

        def operator() -> OperatorPresence:
            told_ms = self.notifications.told_ms(key, message.seq)
            return OperatorPresence.of(self.watchers, told_ms)

        def receipt(name: str) -> Receipt:
            if peer_key(name) == OPERATOR:
                present = operator()
                return Receipt(ReceiptKind(present.reach.value), present.notified_ms)
            peer = Peer(key, peer_key(name))
            if not message.is_broadcast and self._is_reader(peer):
                return Receipt(ReceiptKind.UNKNOWN)
            awaits = polls.awaits(peer.name, answered)
            to = self._addressee(peer, cursors, now, awaits=awaits)
            return receipt_of(room, polls, message, to, now)

        receipts = tuple((name, receipt(name)) for name in named_addressees(message))
        if message.is_broadcast:
            counts = self._counts(key, polls, message)
            unknown = self._unknown(key, receipts)
            return DeliveryReport(counts=counts, receipts=receipts, unknown=unknown)
        to = (
            (name, operator().reach)
            if peer_key(name) == OPERATOR
            else (name, self._reach(key, polls, peer_key(name), answered))
            for name in message.to
            if word_of_address(name) is None
        )
        missing = self._missing(key, message)
        unknown = self._unknown(key, receipts)
        return DeliveryReport(
            tuple(to), receipts=receipts, missing=missing, unknown=unknown
        )

    def _unknown(
        self, room: RoomKey, receipts: tuple[tuple[str, Receipt], ...]
    ) -> tuple[tuple[str, str | None], ...]:
        """Return the names that nobody has, the first with the nearest that is known.

        Only the first few are compared: a message has up to 16 addressees, and other
        tasks wait meanwhile.
        """
        names = [name for name, each in receipts if each.kind is ReceiptKind.UNKNOWN]
        if not names:
            return ()
        known = sorted(self.codes.live_names(room, self.clock.now()) - set(names))
        near = [self._nearest(room, name, known) for name in names[:MAX_NEAR]]
        return tuple(zip_longest(names, near))

    def _nearest(self, room: RoomKey, name: str, known: list[PeerKey]) -> str | None:
        found = nearest(name, known)
        if found is None or peer_key(found) == peer_key(name):
            return None
        held = self.codes.codes_of(Peer(room, peer_key(found)))
        return held[-1].name if held else None

    def _missing(self, room: RoomKey, message: Message) -> tuple[str, ...]:
        """Return the wanted capabilities that only the sender has, if anybody."""
        capable = Capable(self.codes, room, self.clock.now())
        return tuple(
            call.removeprefix(CAN)
            for call in message.calls
            if not capable.has_other(call, message.sender_key)
        )

    def _addressee(
        self, peer: Peer, cursors: Mapping[PeerKey, int], now: Instant, *, awaits: bool
    ) -> Addressee:
        return Addressee(
            peer=peer,
            is_known=bool(self.codes.codes_of(peer)),
            is_online=self.presence.is_online(peer, now.steady_seconds),
            record=self.presence.find(peer),
            cursor=cursors.get(peer.name, 0),
            addresses=addresses_of(self.codes.capabilities_of(peer, now)),
            awaits=awaits,
            called_for=self.hooks.called_for(peer),
        )

    def _is_reader(self, peer: Peer) -> bool:
        """Tell whether a peer is a guest that only reads, and no direct messages."""
        held = self.codes.codes_of(peer)
        return bool(held) and held[-1].role is Role.READER

    def _reach(
        self,
        room: RoomKey,
        polls: Subscriptions,
        name: PeerKey,
        answered: tuple[int, ...],
    ) -> Reachability:
        peer = Peer(room, name)
        if self._is_reader(peer):
            return Reachability.UNKNOWN
        is_parked = polls.is_woken(name, answered)
        if is_parked or self.presence.is_listening_elsewhere(peer):
            return Reachability.PARKED
        if self.presence.is_online(peer, self.clock.now().steady_seconds):
            return Reachability.ONLINE
        is_known = bool(self.codes.codes_of(peer))
        return Reachability.AWAY if is_known else Reachability.UNKNOWN

    def _counts(
        self, room: RoomKey, polls: Subscriptions, message: Message
    ) -> tuple[tuple[Reachability, int], ...]:
        now = self.clock.now()
        others = self.codes.live_names(room, now) - {message.agent_key}
        listening = self.presence.listening_elsewhere(room) | polls.listening_peers()
        parked = others & listening
        online = others & self.presence.online_peers(room, now.steady_seconds) - parked
        return (
            (Reachability.PARKED, len(parked)),
            (Reachability.ONLINE, len(online)),
            (Reachability.AWAY, len(others) - len(parked) - len(online)),
        )
