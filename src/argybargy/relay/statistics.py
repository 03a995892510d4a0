"""The relay in numbers."""

import attrs


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
class BoardStatistics:
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
