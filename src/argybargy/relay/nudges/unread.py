"""The messages that a wake hook has not been called for yet.

A hook is shown the messages of its room in the order of their numbers, each once:

==================================  ==================================================
the message                         what becomes of it
==================================  ==================================================
was handed to a parked request of   nothing
the agent, or is below its `wake`
is damped                           it is kept aside until the damping ends or is
                                    lifted, and then counts
any other                           it counts: the agent is to be called
==================================  ==================================================
"""

from math import inf
from typing import Final

import attrs

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.domain.nudging import Nudging
from argybargy.domain.room.state import Room
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import ends_wait, replied_message
from argybargy.system.values import define, frozen

MAX_DAMPED_SENDERS: Final = 16
"""Maximum senders whose damped messages are kept aside for one hook; messages of others
count at once."""
MAX_HANDED: Final = 64
"""Maximum answers that are known as handed over but not looked at."""


@frozen
class Damped:
    """The unread damped messages of one sender.

    Attributes:
        first: The oldest of them.
        newest: The seq of the newest.
        count: Their number.
    """

    first: Message
    newest: int
    count: int = 1

    def and_one(self, seq: int) -> "Damped":
        """Return the messages with one more."""
        return attrs.evolve(self, newest=seq, count=self.count + 1)


@define(eq=False)
class HookState:
    """A hook with its unread messages.

    Mutable state: all attributes.

    Attributes:
        hook: The hook.
        nudging: The messages that the agent is called for.
        looked: The seq up to which messages were looked at; ``None`` to begin with
            the acknowledged cursor of the agent.
        is_calling: Whether a call is under way.
    """

    hook: WakeHook
    nudging: Nudging = attrs.field(factory=Nudging)
    looked: int | None = None
    is_calling: bool = False
    _damped: dict[PeerKey, Damped] = attrs.field(factory=dict)
    _handed: tuple[int, ...] = ()

    @property
    def is_working(self) -> bool:
        """Whether the last call was not refused, or the agent has read since."""
        return not self.nudging.has_failed

    def begin_again(self) -> None:
        """Forget what is unread, and look again from the acknowledged cursor."""
        self.nudging, self.looked = Nudging(), None
        self._damped.clear()

    def skip_to(self, seq: int) -> None:
        """Note that a parked poll has looked at the messages up to a seq."""
        self.looked = seq

    def hand(self, seq: int) -> None:
        """Note that a message was handed to a parked request of the agent."""
        self._handed = (*self._handed, seq)[-MAX_HANDED:]

    def read_up_to(self, cursor: int) -> None:
        """Note that the agent has acknowledged a cursor."""
        self.nudging = self.nudging.read_up_to(cursor)
        for sender, damped in list(self._damped.items()):
            if damped.newest <= cursor:
                del self._damped[sender]

    def look_through(
        self, room: Room, addresses: frozenset[PeerKey], now: float, most: int
    ) -> int:
        """Look at messages in the memory of the room, from `looked` on.

        Args:
            room: The room.
            addresses: The addresses ``can:WORD`` of the agent's capabilities.
            now: The time, on the steady clock.
            most: The most messages to look at.

        Returns:
            How many were looked at.
        """
        assert self.looked is not None
        start = max(self.looked + 1, room.tail_first)
        end = min(room.head, start + most - 1)
        for seq in range(start, end + 1):
            self._look_at(room, room.messages[seq], addresses, now)
        self.looked = max(self.looked, end)
        if self.looked >= room.head:
            self._handed = ()
        return max(0, end + 1 - start)

    def _look_at(
        self, room: Room, message: Message, addresses: frozenset[PeerKey], now: float
    ) -> None:
        reader = self.hook.peer.name
        if not message.is_for(reader) or message.seq in self._handed:
            return
        replied_to = replied_message(room, message)
        if not ends_wait(message, replied_to, reader, self.hook.wake, addresses):
            return
        sender = message.sender_key
        is_damped = room.exchanges.damped_until(message, reader, now) is not None
        if is_damped and sender in self._damped:
            self._damped[sender] = self._damped[sender].and_one(message.seq)
        elif is_damped and len(self._damped) < MAX_DAMPED_SENDERS:
            self._damped[sender] = Damped(message, message.seq)
        else:
            self.nudging = self.nudging.noted(message.seq)

    def release_damped(self, room: Room, now: float) -> float:
        """Count the messages whose damping has ended.

        Returns:
            When the next damping ends, on the steady clock; infinity without one.
        """
        reader = self.hook.peer.name
        next_end = inf
        for sender, damped in list(self._damped.items()):
            until = room.exchanges.damped_until(damped.first, reader, now)
            if until is None:
                self.nudging = self.nudging.noted(damped.newest, damped.count)
                del self._damped[sender]
            else:
                next_end = min(next_end, until)
        return next_end
