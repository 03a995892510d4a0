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
