"""Receipts of a post: how soon each addressee hears of the message.

The first line that fits decides:

=========================================  ==========================================
the addressee                              the receipt
=========================================  ==========================================
is the operator                            ``watching``, ``notified TIME`` if a push
                                           about it was sent, or ``away``
has acknowledged the message (a repeated   ``read``
post)
has no access code                         ``unknown``
has made no request lately                 ``not listening since TIME``; without the
                                           time if the relay has never seen it
is damped with the sender                  ``damped until TIME``
has an ear, and the message wakes          ``wakes now``, or ``next turn`` if the ear
                                           only keeps it for the next turn
has a parked poll, and the message wakes,  ``parked``
or waits for this answer
has one of these, and its polls hold the   ``held``
message back
has a wake hook, and the message calls it  ``next turn``
has neither                                ``online``
=========================================  ==========================================
"""

import enum
from collections.abc import Iterator

from argybargy.domain.access_codes import Peer
from argybargy.domain.capabilities import word_of_address
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.message import Message
from argybargy.domain.names import ANYONE, NOBODY, PeerKey, peer_key
from argybargy.domain.readers import maybe_called_later
from argybargy.domain.room.state import Room
from argybargy.domain.seat import Listening, SeatLease
from argybargy.domain.wake_policy import (
    Wake,
    WakePolicy,
    ends_wait,
    is_held_for,
    replied_message,
)
from argybargy.relay.access.presence import PresenceRecord
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.system.values import frozen


class ReceiptKind(enum.StrEnum):
    """The receipts, in the words of the answer to a post."""

    WATCHING = "watching"
    NOTIFIED = "notified"
    AWAY = "away"
    READ = "read"
    UNKNOWN = "unknown"
    NOT_LISTENING = "not listening"
    NOT_LISTENING_SINCE = "not listening since"
    DAMPED_UNTIL = "damped until"
    WAKES_NOW = "wakes now"
    NEXT_TURN = "next turn"
    PARKED = "parked"
    HELD = "held"
    ONLINE = "online"


@frozen
class Receipt:
    """The word of an addressee, and the time that belongs to it.

    Attributes:
        kind: The words.
        at_ms: The time that belongs to them, in milliseconds since 1970 UTC.
    """

    kind: ReceiptKind
    at_ms: int | None = None

    def __str__(self) -> str:
        if self.at_ms is None:
            return self.kind.value
        return f"{self.kind.value} {format_timestamp(self.at_ms)}"


@frozen
class Addressee:
    """An addressee, as far as the relay knows it.

    Attributes:
        peer: The addressee.
        is_known: Whether it has an access code.
        is_online: Whether it has made a request recently.
        record: Its presence, if the relay has seen it.
        cursor: The cursor that it has acknowledged.
        addresses: The addresses ``can:WORD`` of its capabilities.
        awaits: Whether it has parked until the end of a question that the message
            answers.
        called_for: The messages that its wake hook is called for; ``None`` if it is
            not called.
    """

    peer: Peer
    is_known: bool
    is_online: bool
    record: PresenceRecord | None
    cursor: int
    addresses: frozenset[PeerKey] = frozenset()
    awaits: bool = False
    called_for: Wake | None = None

    @property
    def is_parked_elsewhere(self) -> bool:
        """Whether a message wakes a poll of it at another node."""
        there = None if self.record is None else self.record.elsewhere
        return there is not None and there.is_listening


def named_addressees(message: Message) -> tuple[str, ...]:
    """Return the names that get receipts: addressees, and the peer asked by name."""
    if not message.is_broadcast:
        return tuple(name for name in message.to if word_of_address(name) is None)
    expects = peer_key(message.expects)
    is_name = expects not in (NOBODY, ANYONE) and word_of_address(expects) is None
    return (message.expects,) if is_name else ()


def receipt_of(
    room: Room, polls: Subscriptions, message: Message, to: Addressee, now: Instant
) -> Receipt:
    """Return the receipt of an agent.

    Args:
        room: The room, with the message.
        polls: The room's subscriptions.
        message: The message.
        to: The agent.
        now: The current time.
    """
    reader, steady = to.peer.name, now.steady_seconds
    if to.cursor >= message.seq and reader not in maybe_called_later(message):
        return Receipt(ReceiptKind.READ)
    seat = None if to.record is None else to.record.latest_seat
    heard = Listening.of(
        seat,
        steady,
        is_parked=to.awaits or to.is_parked_elsewhere or polls.is_woken(reader),
        is_online=to.is_online,
        is_called=_is_called(room, message, to),
    )
    if heard is Listening.NOT_LISTENING:
        return _absent(to, now)
    if to.awaits:
        return Receipt(ReceiptKind.PARKED)
    until = room.exchanges.damped_until(message, reader, steady)
    if until is not None:
        until_ms = now.wall_ms + round((until - steady) * 1000)
        return Receipt(ReceiptKind.DAMPED_UNTIL, until_ms)
    policies = list(_policies(polls, to, seat, steady))
    is_held = policies and all(
        is_held_for(room, message, reader, each.wake, now, addresses=to.addresses)
        for each in policies
    )
    return Receipt(ReceiptKind.HELD if is_held else ReceiptKind(heard.value))


def _is_called(room: Room, message: Message, to: Addressee) -> bool:
    """Tell whether the wake hook of an agent is called for a message."""
    if to.called_for is None:
        return False
    replied_to = replied_message(room, message)
    return ends_wait(message, replied_to, to.peer.name, to.called_for, to.addresses)


def _absent(to: Addressee, now: Instant) -> Receipt:
    """Return the receipt of an agent that is not there, or of no agent."""
    if not to.is_known:
        return Receipt(ReceiptKind.UNKNOWN)
    if to.record is None:
        return Receipt(ReceiptKind.NOT_LISTENING)
    ago_ms = round((now.steady_seconds - to.record.latest_at) * 1000)
    return Receipt(ReceiptKind.NOT_LISTENING_SINCE, now.wall_ms - ago_ms)


def _policies(
    polls: Subscriptions, to: Addressee, seat: SeatLease | None, now: float
) -> Iterator[WakePolicy]:
    """Yield the policies of an agent's parked polls, and of its ear between polls."""
    yield from polls.parked_policies(to.peer.name)
    there = None if to.record is None else to.record.elsewhere
    if there is not None and there.is_listening:
        yield there.policy
    if seat is not None and seat.is_live(now):
        yield seat.policy
