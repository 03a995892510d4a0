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
"""Most names of readers returned with one message."""


def readers_of(
    message: Message, members: Iterable[str], cursors: Mapping[PeerKey, int]
) -> tuple[str, ...]:
    """Return the members that have read a message, at most :data:`MAX_READERS`.

    Args:
        message: The message.
        members: The names of the room's members, in the order of the result.
        cursors: The acknowledged cursor of each peer.
    """
    readers = (
        name
        for name in members
        if message.is_for(peer_key(name))
        and cursors.get(peer_key(name), 0) >= message.seq
    )
    return tuple(islice(readers, MAX_READERS))
