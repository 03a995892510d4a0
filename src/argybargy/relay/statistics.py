"""Figures about the relay, for metrics, status and tests."""

import attrs

from argybargy.system.histogram import SECONDS, Histogram
from argybargy.system.values import define, frozen


@frozen
class RelayStatistics:
    """Sizes of the relay's collections.

    Attributes:
        live_rooms: Rooms in memory.
        parked_polls: Subscribed polls.
        codes: Access codes.
    """

    live_rooms: int
    parked_polls: int
    codes: int


@frozen
class OverviewStatistics:
    """Figures of the operator's read model.

    Attributes:
        rooms_open: Open rooms.
        rooms_closed: Closed rooms.
        online: Online agents, counted once per room.
        questions: Unanswered questions of agents in open rooms.
        claimed: How many of them somebody has claimed.
        oldest_wait_seconds: Age of the longest waiting question; 0 without one.
    """

    rooms_open: int
    rooms_closed: int
    online: int
    questions: int
    claimed: int
    oldest_wait_seconds: float


def _seconds() -> Histogram:
    return Histogram(SECONDS)


@define
class RelayCounters:
    """Totals over all rooms since the relay was started.

    Attributes:
        messages: Stored messages, system messages included.
        claims_won: Granted claims.
        nudges_sent: Calls of wake hooks that were accepted.
        nudges_failed: Calls of wake hooks that failed.
        wake_seconds: Time from a publication to the answer of a poll that it woke.
        conflicts: Commits that were decided again because another node came first.
        turn_seconds: Waits for the commit of another node whose turn it was.
    """

    messages: int = 0
    claims_won: int = 0
    nudges_sent: int = 0
    nudges_failed: int = 0
    wake_seconds: Histogram = attrs.field(factory=_seconds)
    conflicts: int = 0
    turn_seconds: Histogram = attrs.field(factory=_seconds)
