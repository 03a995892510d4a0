"""Names of peers and rooms: syntax, reserved words and case-folded keys."""

import re
from typing import Final, NewType

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
NAME_RULE: Final = (
    "a name is 1 to 64 letters, digits, dots, dashes or underscores, "
    "and begins with a letter or digit"
)

RoomKey = NewType("RoomKey", str)
"""A case-folded room name, for look-ups and comparisons."""

PeerKey = NewType("PeerKey", str)
"""A case-folded peer name, for look-ups and comparisons within one room."""

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
    """Case-fold a name. Names are ASCII, so lower case suffices."""
    return name.lower()


def room_key(name: str) -> RoomKey:
    """Return the key of a room name in any spelling."""
    return RoomKey(fold(name))


def peer_key(name: str) -> PeerKey:
    """Return the key of a peer name in any spelling."""
    return PeerKey(fold(name))


def is_name(text: str) -> bool:
    """Tell whether `text` is a syntactically valid name of a room or an addressee."""
    return _NAME.fullmatch(text) is not None


def is_peer_name(text: str) -> bool:
    """Tell whether `text` is a valid and unreserved name for an agent."""
    return is_name(text) and fold(text) not in RESERVED_PEER_NAMES
