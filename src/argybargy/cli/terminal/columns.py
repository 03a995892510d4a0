"""How many columns of a terminal a text takes, which is not how many characters it has.

By the categories and widths of Unicode alone, which Python has at hand: a library for
this costs more at the start of a command than all of its tables. Terminals differ about
rare scripts and new emoji, and nobody can ask them.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

_NO_COLUMNS: Final = frozenset({"Mn", "Me", "Mc", "Cf"})
_WIDE: Final = frozenset({"W", "F"})
_JOINER: Final = "\u200d"
_EMOJI_PRESENTATION: Final = "\ufe0f"
_CUT: Final = "…"


def columns_of(text: str) -> int:
    """Return how many columns a line takes."""
    return len(text) if text.isascii() else sum(_columns(text))


def padded(text: str, columns: int) -> str:
    """Return a line with blanks behind it, so that it takes so many columns."""
    return text + " " * (columns - columns_of(text))


def cut(text: str, most: int) -> str:
    """Return as much of a line as fits into so many columns.

    Where it was cut, it says so; what belongs to one character stays together.
    """
    if columns_of(text) <= most:
        return text
    taken, end = 0, 0
    for place, columns in enumerate(_columns(text)):
        if columns and taken + columns > most - len(_CUT):
            break
        taken, end = taken + columns, place + 1
    return text[:end].rstrip() + _CUT


def _columns(text: str) -> Iterator[int]:
    """Yield how many columns each character adds to those before it."""
    before, is_joined, last = 0, False, ""
    for character in text:
        if character == _EMOJI_PRESENTATION:
            added = 1 if before == 1 and not last.isascii() else 0
        elif is_joined or _is_mark(character):
            added = 0
        else:
            is_wide = unicodedata.east_asian_width(character) in _WIDE
            added = before = 2 if is_wide else 1
            last = character
        is_joined = character == _JOINER and before > 1
        yield added


def _is_mark(character: str) -> bool:
    """Tell whether a character is drawn into the one before it."""
    return (
        unicodedata.category(character) in _NO_COLUMNS
        or "\u1160" <= character <= "\u11ff"  # vowels and ends of Korean syllables
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # colours of skin
    )
