"""Commits of other nodes that a room has not followed yet."""

from typing import Final

import attrs
import trio

from argybargy.domain.room.commit import Commit
from argybargy.system.values import define, frozen

MAX_AHEAD: Final = 256
"""Commits that wait for one room task. With more, all are read from the store."""


@frozen
class Reading:
    """The state at the beginning of a read of the store.

    Attributes:
        asked: How often reading had been asked for.
        versions: The versions of the commits that waited.
    """

    asked: int
    versions: frozenset[int]


@define(eq=False)
class CommitsAhead:
    """Commits of other nodes that a room has not followed yet.

    They may come in any order, twice, or not at all: the room task follows those that
    are next, and reads the others from the store. What comes while it reads stays.

    Mutable state: the commits, bounded by :data:`MAX_AHEAD`; how often reading was
    asked for, and how many of those times have been read for.

    Attributes:
        is_empty: Whether there is nothing to follow and nothing to read. No property,
            because a task asks for it with each batch, and mostly in vain.
    """

    is_empty: bool = True
    _by_version: dict[int, Commit] = attrs.field(factory=dict)
    _asked: int = 0
    _answered: int = 0
    _came: trio.Event = attrs.field(factory=trio.Event)

    @property
    def must_read(self) -> bool:
        """Whether there may be commits that only the store has."""
        return self._asked > self._answered

    def put(self, commit: Commit) -> None:
        """Add a commit. When full, all have to be read."""
        if len(self._by_version) >= MAX_AHEAD:
            self._by_version.clear()
            self._asked += 1
        else:
            self._by_version[commit.version] = commit
        self._note_news()

    def miss(self) -> None:
        """Note that there may be commits that only the store has."""
        self._asked += 1
        self._note_news()

    def _note_news(self) -> None:
        self.is_empty = False
        self._came.set()

    def pop_next(self, version: int) -> Commit | None:
        """Remove and return the commit after a version; drop those up to it."""
        for old in [each for each in self._by_version if each <= version]:
            del self._by_version[old]
        found = self._by_version.pop(version + 1, None)
        self.is_empty = not (self._by_version or self.must_read)
        return found

    def begin_reading(self) -> Reading:
        """Return what is to be read, for :meth:`end_reading`."""
        return Reading(self._asked, frozenset(self._by_version))

    def end_reading(self, reading: Reading, *, has_found: bool) -> None:
        """Note that the store was read. What has come meanwhile stays.

        Args:
            reading: The one from before.
            has_found: Whether the room is newer for it. A store with nothing new has
                lost the commits that were known before; they are dropped.
        """
        self._answered = max(self._answered, reading.asked)
        if not has_found:
            for version in reading.versions:
                self._by_version.pop(version, None)
        self.is_empty = not (self._by_version or self.must_read)

    async def wait_came(self, seconds: float) -> None:
        """Wait for news, but not longer than `seconds`."""
        if self.is_empty:
            self._came = trio.Event()
            with trio.move_on_after(seconds):
                await self._came.wait()
