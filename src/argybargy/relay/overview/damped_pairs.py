"""The damped pairs of a room, as shown to the operator."""

from heapq import nsmallest
from typing import Final

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey
from argybargy.relay.overview.room_card import RoomCard
from argybargy.system.values import frozen

DAMPED_ROWS: Final = 8
"""Maximum damped pairs shown for a room."""


@frozen
class DampedPair:
    """A pair of agents that wake each other no more for a while.

    Attributes:
        names: Their names as spelled.
        until: The end of the damping, on the steady clock.
        until_ms: The same on the wall clock. Not compared: it is computed anew each
            time, and may differ by a millisecond.
    """

    names: tuple[str, str]
    until: float
    until_ms: int = attrs.field(eq=False)


def damped_pairs(card: RoomCard, now: Instant) -> tuple[DampedPair, ...]:
    """Return the damped pairs of an open room, those that are free soonest first."""
    if card.summary.status.is_closed:
        return ()

    def spelled(peer: PeerKey) -> str:
        member = card.members.get(peer)
        return peer if member is None else member.name

    pairs = (
        DampedPair(
            (spelled(one), spelled(other)),
            found.until,
            now.wall_ms + round((found.until - now.steady_seconds) * 1000),
        )
        for (one, other), found in card.exchanges.damped(now.steady_seconds)
    )
    return tuple(nsmallest(DAMPED_ROWS, pairs, key=lambda pair: pair.until))
