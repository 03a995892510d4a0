"""Words of the search index: each word of a text, once for each scope that may find it.

==================  ==================================================================
scope               finds
==================  ==================================================================
``*/``              everything; for the operator
``room:all/``       the messages to everybody in a room; room and peer as keys
``room:peer/``      the other messages that a peer may see
==================  ==================================================================

No name of a room has ``*``, ``:`` or ``/`` in it, and words have only letters and
digits, so no two scopes meet. Each message has the scopes alone as well, for searches
with no word.
"""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.message import Message
from argybargy.domain.names import EVERYONE, RoomKey
from argybargy.domain.search.tokens import line_of

EVERYWHERE: Final = "*/"
"""The scope of the operator."""
_WORD_CHARS: Final = 200
"""PostgreSQL refuses words of over 2 KB. Longer ones are cut here and in queries; the
rule of the domain looks at the whole word."""
_ALL_BYTES: Final = 400_000
_SOME_BYTES: Final = 10_000
"""Bytes of the words of a message in one scope. PostgreSQL keeps up to 1 MB of a row. A
message to everybody has two scopes; another one may get many addressees later."""
UNINDEXED: Final = "!"
"""Stands for the words of a message that has too many. Each search looks at it."""


def scope_of(room: RoomKey, peer: str) -> str:
    """Return the scope of a peer of a room, or of everybody in it."""
    return f"{room}:{peer}/"


def scopes_of(message: Message, room: RoomKey) -> list[str]:
    """Return the scopes that may find a message."""
    if message.is_broadcast:
        return [EVERYWHERE, scope_of(room, EVERYONE)]
    own = message.agent_key
    peers = message.addressee_keys | (set() if own is None else {own})
    return [EVERYWHERE, *(scope_of(room, peer) for peer in sorted(peers))]


def cut_word(word: str) -> str:
    """Return a word as it is in the index."""
    return word[:_WORD_CHARS]


def words_of(message: Message, scopes: Sequence[str]) -> list[str]:
    """Return the words of a message's text, and the empty one that all texts have.

    Args:
        message: The message.
        scopes: Its scopes, each of which goes before each word.
    """
    words = dict.fromkeys(map(cut_word, line_of(message.search_text).split()))
    longest = max(len(scope) for scope in scopes)
    size = sum(len(word.encode()) + longest for word in words)
    most = _ALL_BYTES if message.is_broadcast else _SOME_BYTES
    return ["", UNINDEXED] if size > most else ["", *words]
