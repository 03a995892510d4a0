"""A batch of commands as decided, before it is committed."""

from collections.abc import Sequence

import attrs

from argybargy.domain.commands import Answer, UpdateClaim, Write
from argybargy.domain.errors import RelayError
from argybargy.domain.message import Message
from argybargy.domain.state import Room
from argybargy.relay.cards import reclaimed


@attrs.frozen
class Trial:
    """What becomes of a room if its writes are made durable.

    Attributes:
        room: The room after it.
        writes: All it writes.
        outcomes: The answer or refusal of each command.
    """

    room: Room
    writes: tuple[Write, ...]
    outcomes: tuple[Answer | RelayError, ...]


def follow(recalled: dict[int, Message], writes: Sequence[Write]) -> None:
    """Bring looked-up messages up to date with what a decision says of them."""
    for write in writes:
        if isinstance(write, UpdateClaim) and write.seq in recalled:
            recalled[write.seq] = reclaimed(recalled[write.seq], write)
