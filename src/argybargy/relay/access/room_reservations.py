"""Reservations of rooms, so that none is deleted while a code is made for it.

Making a code takes several steps: the room is created if need be, then the code is
stored. A room deleted in between would leave a code that opens no room.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import RoomKey
from argybargy.system.values import define

RETRY_SECONDS = 1


@define
class RoomReservations:
    """The rooms that requests are making codes for, and those being deleted.

    Mutable state: a counter and a set, bounded by the requests under way.
    """

    _used: Counter[RoomKey] = attrs.field(factory=Counter)
    _ending: set[RoomKey] = attrs.field(factory=set)

    @contextmanager
    def for_codes(self, rooms: Collection[RoomKey]) -> Iterator[None]:
        """Keep rooms from being deleted while codes are made for them.

        Raises:
            RelayError: ``busy``: one of them is being deleted.
        """
        if not self._ending.isdisjoint(rooms):
            raise RelayError(Problem.BUSY, retry_after=RETRY_SECONDS)
        self._used.update(rooms)
        try:
            yield
        finally:
            self._used.subtract(rooms)
            for room in rooms:
                if not self._used[room]:
                    del self._used[room]

    @contextmanager
    def for_deletion(self, room: RoomKey) -> Iterator[None]:
        """Keep codes from being made for a room while it is deleted.

        Raises:
            RelayError: ``busy``: codes are being made for it, or another request is
                deleting it.
        """
        if room in self._used or room in self._ending:
            raise RelayError(Problem.BUSY, retry_after=RETRY_SECONDS)
        self._ending.add(room)
        try:
            yield
        finally:
            self._ending.discard(room)
