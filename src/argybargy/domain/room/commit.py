"""Commits: one batch of decisions, as another node has to know it.

A store keeps the newest commits of a room beside its rows, so that a node which has the
room in memory can follow what other nodes have decided, see `argybargy.domain.room.
following`. Whoever encodes a commit must keep three things of its messages that a row
does not have: `turn_with`, `answers_to`, and whether `heard_ms` is known.
"""

from collections.abc import Sequence
from typing import Final, Self

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.writes import AppendMessage, KeepReceipt, Write
from argybargy.domain.seq_gaps import SeqGap
from argybargy.system.values import frozen

_SEPARATOR: Final = "-"


def make_nonce(node: str, number: int) -> str:
    """Return the nonce of a commit: its node, and the number of the commit there.

    Args:
        node: A random name of the node, new in each run of it.
        number: A number that the node has not used before.
    """
    return f"{node}{_SEPARATOR}{number:x}"


def node_of(nonce: str) -> str:
    """Return the node that made the commit with a nonce."""
    return nonce.partition(_SEPARATOR)[0]


@frozen
class Commit:
    """One batch of decisions, as another node has to know it.

    Attributes:
        version: The version of the room after it.
        nonce: Says which node has made it, see :func:`make_nonce`. No two attempts to
            commit have the same.
        status: The name of the room as first spelled, and whether it is open.
        exists: Whether the room exists after it.
        head: The newest seq.
        first: The oldest seq within retention.
        fence: The newest fence granted.
        created_ms: Time of creation, in milliseconds since 1970 UTC.
        last_ms: Timestamp of the newest message.
        last_spoken_ms: Time of the last post, creation or reopening.
        seq_gaps: The gaps above `first`, oldest first.
        writes: The changes, in order; none if it only ends a doubt.
    """

    version: int
    nonce: str
    status: RoomStatus
    exists: bool
    head: int
    first: int
    fence: int
    created_ms: int
    last_ms: int
    last_spoken_ms: int
    seq_gaps: tuple[SeqGap, ...] = ()
    writes: tuple[Write, ...] = ()

    @classmethod
    def of(cls, room: Room, version: int, nonce: str, writes: Sequence[Write]) -> Self:
        """Return the commit that makes `room` durable with its writes.

        Args:
            room: The room after the decision.
            version: The version after the commit.
            nonce: The nonce of the commit.
            writes: The writes of the decision.
        """
        return cls(
            version=version,
            nonce=nonce,
            status=room.status,
            exists=room.exists,
            head=room.head,
            first=room.first,
            fence=room.fence,
            created_ms=room.created_ms,
            last_ms=room.last_ms,
            last_spoken_ms=room.last_spoken_ms,
            seq_gaps=room.seq_gaps,
            writes=tuple(writes),
        )

    @property
    def node(self) -> str:
        """The node that made it."""
        return node_of(self.nonce)

    def received(self, now: Instant) -> Self:
        """Return the commit with the times that count on the clock of this process."""
        writes = tuple(_received(write, now) for write in self.writes)
        return attrs.evolve(self, writes=writes)


def _received(write: Write, now: Instant) -> Write:
    match write:
        case AppendMessage(message):
            if message.heard_ms is None:
                return write
            heard_ms = now.counted(message.at_ms)
            return AppendMessage(attrs.evolve(message, heard_ms=heard_ms))
        case KeepReceipt(receipt=receipt):
            heard_ms = now.counted(receipt.at_ms)
            return attrs.evolve(write, receipt=attrs.evolve(receipt, heard_ms=heard_ms))
        case _:
            return write
