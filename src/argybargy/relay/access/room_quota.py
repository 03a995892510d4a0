"""How many rooms may hold messages: the one rule that spans rooms."""

from collections.abc import Iterable
from typing import TypeGuard

import attrs

from argybargy.domain.names import fold
from argybargy.domain.room.commands import Command, Import, Post


@attrs.define
class RoomQuota:
    """Counts rooms that hold messages, those about to included.

    A place is taken before the first message is decided and given back if nothing
    came of it, so two rooms cannot both take the last one.

    Attributes:
        limit: How many there may be; 0 is any number.
    """

    limit: int
    _names: set[str] = attrs.field(factory=set)

    def fill(self, names: Iterable[str]) -> None:
        """Count rooms that hold messages already."""
        self._names.update(map(fold, names))

    def has_places_for(self, names: Iterable[str]) -> bool:
        """Tell whether all these rooms may hold messages; none gets a place by that."""
        return not self.limit or len(self._names | set(map(fold, names))) <= self.limit

    def take(self, name: str) -> bool:
        """Take a place for a room, or tell that there is none."""
        is_new = fold(name) not in self._names
        if self.limit and is_new and len(self._names) >= self.limit:
            return False
        self._names.add(fold(name))
        return True

    def give_back(self, name: str) -> None:
        """Give the place of a room back that holds no message after all."""
        self._names.discard(fold(name))


def speaks(command: Command) -> TypeGuard[Post | Import]:
    """Tell whether a command would give an empty room its first message."""
    return isinstance(command, Post) or (isinstance(command, Import) and command.speaks)
