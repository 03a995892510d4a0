"""Commits with an unknown outcome, and the empty commit that ends the doubt.

The version of a room cannot say whose commit it counts: another node may have committed
in the place of ours. So a node that does not know what became of its commit commits
nothing, at the same version. If that is accepted, the commit in doubt never will be
applied, even if it is still on its way. If it conflicts, the store says whose commit
has come first.
"""

from collections.abc import Iterator

from argybargy.domain.room.commit import Commit, make_nonce
from argybargy.domain.room.state import Room
from argybargy.store.errors import Conflict, StoreError, Unknown, Yield
from argybargy.store.protocol import RoomStore
from argybargy.system.values import define, frozen


@define
class Nonces:
    """The nonces of one relay.

    Attributes:
        node: A random name, new in each run of a relay.
    """

    node: str
    _number: int = 0

    def next(self) -> str:
        """Return a nonce that was not used before."""
        self._number += 1
        return make_nonce(self.node, self._number)


@frozen
class Doubt:
    """A commit with an unknown outcome.

    Attributes:
        room: The room before it.
        nonce: Its nonce.
    """

    room: Room
    nonce: str


@frozen
class Settled:
    """The end of a doubt.

    Attributes:
        is_applied: Whether the commit was applied; ``None`` if the store does not know
            any more.
        is_empty: Whether the empty commit took its place.
        commits: The commits that were found there, its own included; none if they have
            to be read.
    """

    is_applied: bool | None
    is_empty: bool = False
    commits: tuple[Commit, ...] = ()


async def settle(store: RoomStore, doubt: Doubt, nonce: str) -> Settled:
    """End a doubt.

    Args:
        store: The store.
        doubt: The commit in doubt.
        nonce: The nonce of the empty commit.

    Raises:
        Unknown: No commit is possible now; the outcome stays unknown.
    """
    room = doubt.room
    try:
        await store.commit(room, room.version, (), nonce=nonce)
    except Yield as error:
        raise Unknown(str(error)) from error
    except Conflict as conflict:
        found = conflict
    except StoreError as error:
        raise Unknown(str(error)) from error
    else:
        return Settled(is_applied=False, is_empty=True)
    if found.nonce:
        return Settled(found.nonce == doubt.nonce, commits=found.commits)
    first = next(await _commits_after(store, doubt), None)
    return Settled(None if first is None else first.nonce == doubt.nonce)


async def _commits_after(store: RoomStore, doubt: Doubt) -> Iterator[Commit]:
    try:
        return iter(await store.commits(doubt.room.name, doubt.room.version) or ())
    except StoreError as error:
        raise Unknown(str(error)) from error
