"""Find the readers of a message, by the acknowledged cursors of the room's members.

An agent has read what lies at or below the cursor that it sent back, see
`argybargy.domain.cursors`. Nothing else counts: a delivered answer may be lost.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, peer_key

MAX_READERS: Final = 100
"""Maximum names of readers returned with one message."""


def maybe_called_later(message: Message) -> frozenset[PeerKey]:
    """Return the addressees that may have been added after a question was posted.

    A peer that gains a wanted capability is added to the addressees of the question.
    Its cursor may be beyond the question already, and then says nothing about it. The
    names from before the question are in front of the last address ``can:WORD``; which
    of the others were there from the beginning is not stored.
    """
    if not (message.calls and message.is_question):
        return frozenset()
    last = max(map(message.to.index, message.calls))
    return frozenset(map(peer_key, message.to[last + 1 :]))


def readers_of(
    message: Message,
    members: Iterable[str],
    cursors: Mapping[PeerKey, int],
    replies: Iterable[Message] = (),
) -> tuple[str, ...]:
    """Return the members that have read a message, at most :data:`MAX_READERS`.

    A peer that may have been called later has read it when it has replied.

    Args:
        message: The message.
        members: The names of the room's members, in the order of the result.
        cursors: The acknowledged cursor of each peer.
        replies: The replies to the message.
    """
    unsure = maybe_called_later(message) - {each.agent_key for each in replies}
    readers = (
        name
        for name in members
        if message.is_for(key := peer_key(name))
        and cursors.get(key, 0) >= message.seq
        and key not in unsure
    )
    return tuple(islice(readers, MAX_READERS))
