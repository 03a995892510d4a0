"""Text from strangers, made harmless for a terminal.

A terminal obeys control characters, and bidi characters make text read otherwise
than it is. Both are shown as the escapes that Python and JSON would write. The
backslash itself stays as it is, so this is for reading, not for reading back.
"""

import unicodedata
from typing import Final

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero width, but words and emoji fall apart without them."""


def escape(text: str) -> str:
    """Return `text` on one line, with nothing in it that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escape_character, text))


def escape_lines(text: str) -> str:
    """Return `text` with its line breaks, and nothing else that is obeyed."""
    return "\n".join(map(escape, text.split("\n")))


def _escape_character(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSAFE:
        return character
    return ascii(character)[1:-1]
