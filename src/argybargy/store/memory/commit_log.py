"""The newest commits of a room in the memory store, and whose turn it is."""

from collections import deque
from typing import Final

import attrs
import trio

from argybargy.domain.room.commit import Commit, node_of
from argybargy.system.values import define

COMMITS_KEPT: Final = 256
"""Commits kept of a room. A node that is further behind loads the room."""
TURN_SECONDS: Final = 0.1
"""Time for which the node that lost a race goes first."""


def _kept() -> deque[Commit]:
    return deque(maxlen=COMMITS_KEPT)


@define
class CommitLog:
    """The newest commits of a room, and whose turn it is.

    Without turns, the faster of two nodes wins nearly every race in a busy room.

    Mutable state: one deque of :data:`COMMITS_KEPT` commits, and the turn.
    """

    _kept: deque[Commit] = attrs.field(factory=_kept, repr=False)
    _turn: str = ""
    _turn_until: float = float("-inf")

    @property
    def newest(self) -> Commit | None:
        """The newest commit."""
        return self._kept[-1] if self._kept else None

    def add(self, commit: Commit) -> None:
        """Add a commit; its node has used its turn."""
        self._kept.append(commit)
        if commit.node == self._turn:
            self._turn = ""

    def after(self, version: int) -> tuple[Commit, ...] | None:
        """Return the commits after a version; ``None`` if some are not kept."""
        found = tuple(each for each in self._kept if each.version > version)
        return found if found and found[0].version == version + 1 else None

    def give_turn(self, nonce: str) -> None:
        """Let the node of a commit that lost a race go first, unless another does."""
        now = trio.current_time()
        if not self._turn or now >= self._turn_until:
            self._turn, self._turn_until = node_of(nonce), now + TURN_SECONDS

    def may_commit(self, nonce: str) -> bool:
        """Tell whether it is not another node's turn."""
        is_over = trio.current_time() >= self._turn_until
        return is_over or self._turn in {"", node_of(nonce)}
