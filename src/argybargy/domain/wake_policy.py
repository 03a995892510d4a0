"""Which messages end the wait of a poll, and how long the others are held back.

A turn of a model costs far more than the bytes of a message. So a poll may say what is
worth a turn:

=========  ======================================================================
``wake``   ends the wait
=========  ======================================================================
asks       an open question that names the reader; an open question to ``anyone``,
           or to a capability of the reader, that nobody has claimed, or that the
           reader may claim again; an answer to a question of the reader; any
           message of the operator
direct     the same, and every message addressed to the reader
all        every message for the reader
=========  ======================================================================

A person who is not the operator wakes as an agent does. The notice of a damping wakes
nobody, and the turns of a damped pair wake neither of the two while the damping lasts,
see `argybargy.domain.damping`; that holds for ``all`` as well.

The other messages are held back. They are delivered together with the next message
that ends the wait, or when the oldest of them is ``hold`` seconds old. They are not
held back from a poll that does not wait, nor when the room is closed: its reader may
never come back.
"""

import enum
from collections.abc import Iterable
from math import inf
from typing import Final, Self

import attrs

from argybargy.domain.addressing import NO_ADDRESSES, is_asked, is_asked_by_name
from argybargy.domain.instant import Instant
from argybargy.domain.message import CALLED, DAMPED, REOPENED, Message, SenderKind
from argybargy.domain.names import NOBODY, PeerKey
from argybargy.domain.room.claims import is_claimable_by
from argybargy.domain.room.state import Room
from argybargy.system.values import frozen


class Wake(enum.Enum):
    """The messages that end the wait of a poll."""

    ASKS = "asks"
    DIRECT = "direct"
    ALL = "all"


@frozen
class WakePolicy:
    """The wishes of a poll about its wait.

    Attributes:
        wake: What ends the wait.
        hold_seconds: How long other messages are held back; 0 means without end.
        settle_seconds: How long to gather more after a message that ends the wait.
    """

    wake: Wake = Wake.ALL
    hold_seconds: float = 0
    settle_seconds: float = 0

    @property
    def is_default(self) -> bool:
        """Whether every message for the reader ends the wait at once."""
        return self.wake is Wake.ALL and not self.settle_seconds


WAKE_AT_ONCE: Final = WakePolicy()


def ends_wait(
    message: Message,
    replied_to: Message | None,
    reader: PeerKey,
    wake: Wake,
    addresses: frozenset[PeerKey] = NO_ADDRESSES,
) -> bool:
    """Tell whether a message for a reader ends the wait of its poll.

    Args:
        message: A message that a poll of the reader delivers.
        replied_to: The message that it replies to; ``None`` if that is not in memory.
        reader: The reading peer.
        wake: What ends the wait.
        addresses: The addresses ``can:WORD`` of the reader's capabilities.
    """
    if message.event == DAMPED:
        return False
    is_call = message.event == CALLED  # to the reader alone
    if wake is Wake.ALL or message.kind is SenderKind.OPERATOR or is_call:
        return True
    if message.event == REOPENED:
        # When in doubt, wake: an open question that nobody hears of is worse.
        return replied_to is None or (
            replied_to.claimed_by is None
            and is_claimable_by(replied_to, reader, addresses)
        )
    if wake is Wake.DIRECT and not message.is_broadcast:
        return True
    if is_asked(message, reader, addresses) and message.resolution is None:
        return is_asked_by_name(message, reader) or message.claimed_by is None
    return reader in message.answers_to or (
        replied_to is not None
        and replied_to.agent_key == reader
        and replied_to.expects != NOBODY
    )


def is_held_for(
    room: Room,
    message: Message,
    reader: PeerKey,
    wake: Wake,
    now: Instant,
    *,
    addresses: frozenset[PeerKey] = NO_ADDRESSES,
) -> bool:
    """Tell whether a message for a reader does not end the wait of its poll now.

    Args:
        room: The room of the message.
        message: A message that a poll of the reader delivers.
        reader: The reading peer.
        wake: What ends the wait.
        now: The current time.
        addresses: The addresses ``can:WORD`` of the reader's capabilities.
    """
    until = room.exchanges.damped_until(message, reader, now.steady_seconds)
    replied_to = replied_message(room, message)
    ends = ends_wait(message, replied_to, reader, wake, addresses)
    return until is not None or not ends


def replied_message(room: Room, message: Message) -> Message | None:
    """Return the message that another one replies to, if it is in memory."""
    return None if message.reply_to is None else room.messages.get(message.reply_to)


@frozen
class Backlog:
    """Undelivered messages of a waiting reader, up to the last one scanned.

    Messages are held back only while they are in the tail of the room. A reader that
    is further behind is answered at once, which bounds the looking.

    Attributes:
        cursor: The last seq scanned.
        held_ms: Arrival of the oldest message for the reader, on this process's count;
            ``None`` without one.
        ended_ms: Arrival of the first message that ends the wait, or the end of its
            damping.
        damped: Messages that would end the wait, the oldest of each damped sender.
        damped_until: When the first of these dampings ends, on the steady clock.
    """

    cursor: int
    held_ms: int | None = None
    ended_ms: float | None = None
    damped: tuple[Message, ...] = ()
    damped_until: float = inf

    @property
    def has_ended(self) -> bool:
        """Whether a message has ended the wait."""
        return self.ended_ms is not None

    def looked_through(
        self,
        room: Room,
        reader: PeerKey,
        wake: Wake,
        now: Instant,
        addresses: frozenset[PeerKey] = NO_ADDRESSES,
    ) -> Self:
        """Return the backlog up to the head of the room.

        Nothing after the first message that ends the wait changes the result. A message
        that does not end the wait now never will, unless it is damped: when a claim on
        it ends, a system message says so, and that one ends the wait.
        """
        start = max(self.cursor + 1, room.first)
        if start < room.tail_first:
            return attrs.evolve(self, cursor=room.head, ended_ms=-inf)
        held_ms, ended_ms = self.held_ms, self.ended_ms
        damped = {each.sender_key: each for each in self.damped}
        for seq in range(start, room.head + 1):
            if ended_ms is not None:
                break
            message = room.messages[seq]
            if not message.is_for(reader):
                continue
            heard_ms = now.heard_at(message.at_ms, message.heard_ms)
            held_ms = heard_ms if held_ms is None else held_ms
            replied_to = replied_message(room, message)
            if not ends_wait(message, replied_to, reader, wake, addresses):
                continue
            until = room.exchanges.damped_until(message, reader, now.steady_seconds)
            if until is None:
                ended_ms = heard_ms
            else:
                damped.setdefault(message.sender_key, message)
        damped_until = _end_of_damping(room, damped.values(), reader, now)
        if ended_ms is None and damped_until is None:
            ended_ms = now.counted_ms
        return attrs.evolve(
            self,
            cursor=room.head,
            held_ms=held_ms,
            ended_ms=ended_ms,
            damped=tuple(damped.values()),
            damped_until=damped_until or inf,
        )

    def seconds_left(self, policy: WakePolicy, now: Instant) -> float:
        """Return the time until the messages are due; infinite if they are not."""
        due_ms = inf
        if self.ended_ms is not None:
            due_ms = self.ended_ms + policy.settle_seconds * 1000
        if self.held_ms is not None and policy.hold_seconds:
            due_ms = min(due_ms, self.held_ms + policy.hold_seconds * 1000)
        left = (due_ms - now.counted_ms) / 1000
        return min(left, self.damped_until - now.steady_seconds)


def _end_of_damping(
    room: Room, damped: Iterable[Message], reader: PeerKey, now: Instant
) -> float | None:
    """Return when the first damping ends; ``None`` if one has, infinity without any."""
    first = inf
    for message in damped:
        until = room.exchanges.damped_until(message, reader, now.steady_seconds)
        if until is None:
            return None
        first = min(first, until)
    return first
