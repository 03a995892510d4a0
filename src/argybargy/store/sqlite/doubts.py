"""Commits with an unknown outcome, and the commit that is found in their place.

A relay ends a doubt by an empty commit at the version of the doubtful one. If that
conflicts, it wants the nonce of what was committed there. This store has no column for
nonces, and needs none:

* Only this process commits, because it holds the lock of the data directory. So what is
  found in the place of a doubtful commit is that commit, once the doubt is over.
* A doubt does not outlive the process. Nobody asks after a restart: by then, a post
  that is repeated with its key is found by its receipt, or was not made.
* A doubt is over after one more durable write. The commit failed at the disk. Until
  something durable follows in the log, a crash could undo what a read shows now, or
  bring back what it does not show. So the first commit to a room in doubt makes a
  durable write of its own before it looks at the version; were both in one transaction
  and that failed too, there would be two candidates for one version.
"""

from collections.abc import Awaitable, Callable

import attrs

from argybargy.domain.names import RoomKey, room_key
from argybargy.system.values import define


@define
class _Doubt:
    """One commit with an unknown outcome.

    Attributes:
        version: The version it was based on.
        nonce: Its nonce.
        is_over: Whether a durable write has followed.
    """

    version: int
    nonce: str
    is_over: bool = False


@define
class Doubts:
    """The commits with an unknown outcome, at most one of each room.

    Mutable state: one dict, bounded by the rooms; the next commit to a room empties its
    place.

    Attributes:
        by_room: The doubt of each room; nearly always empty.
    """

    by_room: dict[RoomKey, _Doubt] = attrs.field(factory=dict)

    def begin(self, room: str, version: int, nonce: str) -> None:
        """Note that the outcome of a commit is unknown.

        An earlier doubt is over: :meth:`end` came before the commit.
        """
        self.by_room[room_key(room)] = _Doubt(version, nonce)

    async def end(self, room: str, write: Callable[[], Awaitable[None]]) -> None:
        """Make a durable write if a commit to a room is in doubt.

        Args:
            room: The room.
            write: Makes a durable write.

        Raises:
            StoreError: The write failed; the doubt goes on, and nothing was begun.
        """
        doubt = self.by_room.get(room_key(room))
        if doubt is not None and not doubt.is_over:
            await write()
            doubt.is_over = True

    def settled_nonce(self, room: str, version: int) -> str:
        """Return the nonce of the commit found after a version; empty if unknown."""
        doubt = self.by_room.get(room_key(room))
        return doubt.nonce if doubt is not None and doubt.version == version else ""

    def forget(self, room: str) -> None:
        """Forget the doubt of a room: another commit has been made since."""
        self.by_room.pop(room_key(room), None)
