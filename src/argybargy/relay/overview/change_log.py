"""What has changed since a version: a bounded log of keys, without values."""

import enum
from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.names import RoomKey

NO_ROOM: Final = RoomKey("")
CHANGES_KEPT: Final = 4_096
"""Changes remembered; who is further behind than that begins anew."""


class Topic(enum.Enum):
    """What sort of thing has changed."""

    ROOM = "room"
    WAITING = "waiting"
    CODE = "code"
    ROSTER = "roster"
    MESSAGE = "message"
    HINTS = "hints"


@attrs.frozen
class Change:
    """One thing that is not any more what it was.

    Attributes:
        topic: What sort of thing.
        room: The folded name of its room; empty for codes.
        key: Which one: the seq of a message or question, the name of a roster row,
            the handle of a code. Nothing for a room itself, nor for `HINTS`: who
            is meant by ``anyone`` may have changed in any message of the room.
    """

    topic: Topic
    room: RoomKey = NO_ROOM
    key: int | str = ""


@attrs.define
class ChangeLog:
    """The newest changes, each with the version that it made.

    Mutable state: the version, and one deque of :data:`CHANGES_KEPT` entries.

    Attributes:
        version: Grows with each batch of changes.
    """

    version: int = 0
    _kept: deque[tuple[int, Change]] = attrs.field(
        factory=lambda: deque(maxlen=CHANGES_KEPT), repr=False
    )
    _forgotten: int = 0

    def note(self, changes: Iterable[Change]) -> None:
        """Add changes that happened together, under one new version, if any."""
        version = self.version + 1
        for change in changes:
            if len(self._kept) == CHANGES_KEPT:
                self._forgotten = self._kept[0][0]
            self._kept.append((version, change))
            self.version = version

    def since(self, version: int) -> tuple[Change, ...] | None:
        """Return what has changed after a version, each once, the first ones first.

        Returns:
            ``None`` when nobody remembers: the version is too old, or of another
            life of the relay.
        """
        if not self._forgotten <= version <= self.version:
            return None
        newer = []
        for at, change in reversed(self._kept):
            if at <= version:
                break
            newer.append(change)
        return tuple(dict.fromkeys(reversed(newer)))
