"""Names of peers and rooms: what is allowed, what is taken, what is the same."""

import re
from typing import Final, NewType

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
NAME_RULE: Final = (
    "a name is 1 to 64 letters, digits, dots, dashes or underscores, "
    "and begins with a letter or digit"
)

RoomKey = NewType("RoomKey", str)
"""A room name, case-folded: what rooms are looked up and compared by."""

PeerKey = NewType("PeerKey", str)
"""A peer name, case-folded: how the peers of one room are looked up and compared."""

EVERYONE: Final = PeerKey("all")
ANYONE: Final = PeerKey("anyone")
NOBODY: Final = PeerKey("none")
OPERATOR: Final = PeerKey("operator")
SYSTEM: Final = PeerKey("system")

RESERVED_PEER_NAMES: Final = frozenset(
    {EVERYONE, ANYONE, NOBODY, OPERATOR, SYSTEM, "admin"}
)

_NAME = re.compile(NAME_PATTERN)


def fold(name: str) -> str:
    """Return the form in which two spellings of one name are equal.

    Names are ASCII, so lower case is all there is to it.
    """
    return name.lower()


def room_key(name: str) -> RoomKey:
    """Fold the name of a room, in any spelling, to its key."""
    return RoomKey(fold(name))


def peer_key(name: str) -> PeerKey:
    """Fold the name of a peer, in any spelling, to its key."""
    return PeerKey(fold(name))


def is_name(text: str) -> bool:
    """Tell whether `text` can name a room, or address a peer."""
    return _NAME.fullmatch(text) is not None


def is_peer_name(text: str) -> bool:
    """Tell whether an agent may be called `text`."""
    return is_name(text) and fold(text) not in RESERVED_PEER_NAMES
