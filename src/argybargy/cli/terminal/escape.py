"""Escape control characters in text of strangers.

A terminal obeys control characters, and bidi characters reorder what is displayed. Both
are shown as the escapes of Python and JSON. A backslash itself is not escaped, so the
result is for reading only.
"""

import unicodedata
from typing import Final

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width joiners, which scripts and emoji need."""


def escape(text: str) -> str:
    """Return `text` on one line, without control characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escape_character, text))


def escape_lines(text: str) -> str:
    """Return `text` with its line breaks, and no other control characters."""
    return "\n".join(map(escape, text.split("\n")))


def _escape_character(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]
