"""Change log of the overview: a bounded log of keys, without values."""

import enum
from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.names import RoomKey
from argybargy.system.values import define, frozen

NO_ROOM: Final = RoomKey("")
CHANGES_KEPT: Final = 4_096
"""Changes kept. A client further behind than that gets a new snapshot."""


class Topic(enum.Enum):
    """The kind of a change."""

    ROOM = "room"
    WAITING = "waiting"
    CODE = "code"
    ROSTER = "roster"
    MESSAGE = "message"
    HINTS = "hints"


@frozen
class Change:
    """A change of one item. It has no value: readers take the newest one.

    Attributes:
        topic: The kind of the item.
        room: The room of the item; `NO_ROOM` for codes.
        key: The seq of a message or question, the name of a roster row, or the handle
            of a code. For a room itself, its name if it was deleted, else empty. Empty
            for `HINTS`: the members meant by ``anyone`` may have changed in any message
            of the room.
    """

    topic: Topic
    room: RoomKey = NO_ROOM
    key: int | str = ""


@define
class ChangeLog:
    """The newest changes, each with its version.

    Mutable state: the version, and one deque of :data:`CHANGES_KEPT` entries.

    Attributes:
        version: The version of the newest change; each call of :meth:`note` makes one.
    """

    version: int = 0
    _kept: deque[tuple[int, Change]] = attrs.field(
        factory=lambda: deque(maxlen=CHANGES_KEPT), repr=False
    )
    _forgotten: int = 0

    def note(self, changes: Iterable[Change]) -> None:
        """Add changes under one new version; without changes the version stays."""
        version = self.version + 1
        for change in changes:
            if len(self._kept) == CHANGES_KEPT:
                self._forgotten = self._kept[0][0]
            self._kept.append((version, change))
            self.version = version

    def since(self, version: int) -> tuple[Change, ...] | None:
        """Return the changes after a version, oldest first, without duplicates.

        Returns:
            ``None`` when the log does not reach back: the version is too old, or of
            another run of the relay.
        """
        if not self._forgotten <= version <= self.version:
            return None
        newer = []
        for at, change in reversed(self._kept):
            if at <= version:
                break
            newer.append(change)
        return tuple(dict.fromkeys(reversed(newer)))
