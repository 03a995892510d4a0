"""Capabilities: the words for what an agent can do.

A peer has a text, from the operator or from itself, and the text has words:

==========================================  =======================================
the text                                    its words
==========================================  =======================================
``sql postgres``                            ``sql``, ``postgres``
``Rust, reviews; can run tests.``           ``rust``, ``reviews``, ``can``, ``run``,
                                            ``tests``
``C++ (SQL)``                               ``c``, ``sql``
==========================================  =======================================

A word is 1 to 32 characters of ``a-z``, ``0-9``, dot, underscore and dash, and begins
and ends with a letter or digit. Case does not matter. Longer words, and words after the
32nd, are left out.

``can:WORD`` addresses the peers whose text has the word.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from argybargy.domain.names import PeerKey

MAX_WORDS: Final = 32
"""Maximum capabilities of a peer."""
MAX_WORD_CHARS: Final = 32
"""Longest capability, in characters."""
MAX_STATED_CHARS: Final = MAX_WORDS * (MAX_WORD_CHARS + 1) - 1
"""Longest text of stated capabilities: the words with a space between them."""
WORD_PATTERN: Final = rf"[a-z0-9](?:[a-z0-9._-]{{0,{MAX_WORD_CHARS - 2}}}[a-z0-9])?"
WORD_RULE: Final = (
    f"a capability is 1 to {MAX_WORD_CHARS} lower-case letters, digits, dots, dashes "
    "or underscores, and begins and ends with a letter or digit"
)
CAN: Final = "can:"
"""Prefix of an address that stands for every peer with a capability."""

_WORD: Final = re.compile(WORD_PATTERN)
_APART: Final = re.compile(r"[^a-z0-9._-]+")


def is_word(text: str) -> bool:
    """Tell whether `text` is a capability."""
    return _WORD.fullmatch(text) is not None


# Every read of a roster derives the words of the same few texts. The cache holds the
# 1,024 texts used last, none longer than MAX_STATED_CHARS, until the process ends.
@lru_cache(maxsize=1024)
def words_of(text: str) -> tuple[str, ...]:
    """Return the capabilities in a text, each once, in the order of the text."""
    parts = (part.strip("._-") for part in _APART.split(text.lower()))
    return tuple(dict.fromkeys(filter(is_word, parts)))[:MAX_WORDS]


def text_of(words: Iterable[str]) -> str:
    """Return the text with exactly these capabilities."""
    return " ".join(dict.fromkeys(words))


def address_of(word: str) -> PeerKey:
    """Return the address of all peers with a capability."""
    return PeerKey(CAN + word)


def addresses_of(text: str) -> frozenset[PeerKey]:
    """Return the addresses ``can:WORD`` of a peer whose capabilities are `text`."""
    return frozenset(map(address_of, words_of(text)))


def word_of_address(address: str) -> str | None:
    """Return the capability of an address ``can:WORD``; ``None`` for any other name."""
    word = address.lower().removeprefix(CAN)
    return word if len(word) < len(address) and is_word(word) else None
