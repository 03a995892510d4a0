"""The quota of rooms that hold messages: the only rule that spans rooms."""

from collections.abc import Iterable
from typing import TypeGuard

import attrs

from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.commands import Command, Import, Post
from argybargy.system.values import define


@define
class RoomQuota:
    """The rooms that hold messages, or are about to.

    A room takes its place before its first message is decided, and gives it back if
    the commit fails: two room tasks cannot both take the last place. Where other nodes
    give places as well, the commit decides, and a place that it refused is not taken
    until it is given back.

    Mutable state: the rooms with a place, and those that the commit has refused, both
    bounded by the rooms there are.

    Attributes:
        limit: The most rooms with messages; 0 for any number.
        is_shared: Whether other nodes use the store as well.
    """

    limit: int
    is_shared: bool = False
    _rooms: set[RoomKey] = attrs.field(factory=set)
    _refused: set[RoomKey] = attrs.field(factory=set)

    def fill(self, names: Iterable[str]) -> None:
        """Add rooms that hold messages already."""
        self._rooms.update(map(room_key, names))

    def has_places_for(self, names: Iterable[str]) -> bool:
        """Tell whether all these rooms fit together; takes no place."""
        wanted = self._rooms | set(map(room_key, names))
        return not self.limit or len(wanted) <= self.limit

    def take(self, name: str) -> bool:
        """Take a place for a room; return False when the quota is used up."""
        key = room_key(name)
        if self.is_shared:
            return key not in self._refused
        if self.limit and key not in self._rooms and len(self._rooms) >= self.limit:
            return False
        self._rooms.add(key)
        return True

    def give_back(self, name: str) -> None:
        """Give back the place of a room that holds no message."""
        self._rooms.discard(room_key(name))
        self._refused.discard(room_key(name))

    def refuse(self, name: str) -> None:
        """Note that the store has no place for a room."""
        self._refused.add(room_key(name))

    def note(self, name: str, *, is_empty: bool) -> None:
        """Note whether a room holds messages, which another node may have changed."""
        if is_empty:
            self._rooms.discard(room_key(name))
        else:
            self._rooms.add(room_key(name))


def speaks(command: Command) -> TypeGuard[Post | Import]:
    """Tell whether a command would give an empty room its first message."""
    return isinstance(command, Post) or (isinstance(command, Import) and command.speaks)
