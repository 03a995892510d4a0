"""The relay in numbers."""

import attrs

from argybargy.system.histogram import SECONDS, Histogram


@attrs.frozen
class RelayStatistics:
    """The relay in numbers.

    Attributes:
        live_rooms: Rooms in memory.
        parked_polls: Polls subscribed in them.
        codes: Codes there are.
    """

    live_rooms: int
    parked_polls: int
    codes: int


@attrs.frozen
class OverviewStatistics:
    """What the operator sees at a glance, in numbers.

    Attributes:
        rooms_open: Rooms that are open.
        rooms_closed: Rooms that are closed.
        online: Agents who are here, counted in each of their rooms.
        questions: Unanswered questions in open rooms.
        oldest_wait_seconds: How long the one that waits longest has waited; 0 when
            none does.
    """

    rooms_open: int
    rooms_closed: int
    online: int
    questions: int
    oldest_wait_seconds: float


def _seconds() -> Histogram:
    return Histogram(SECONDS)


@attrs.define
class RelayCounters:
    """What has happened in all rooms since the relay was started.

    Attributes:
        messages: Messages that were stored, those of the system included.
        claims_won: Questions that somebody got hold of.
        wake_seconds: How long after a message was published the polls that it woke
            had their answers made.
    """

    messages: int = 0
    claims_won: int = 0
    wake_seconds: Histogram = attrs.field(factory=_seconds)
