"""Width of text in terminal columns, which differs from its number of characters.

It uses the categories and widths of Python's Unicode tables: importing a library for
this costs more at the start of a command. Terminals disagree about rare scripts and new
emoji, and cannot be asked.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import Final

_NO_COLUMNS: Final = frozenset({"Mn", "Me", "Mc", "Cf"})
_WIDE: Final = frozenset({"W", "F"})
_JOINER: Final = "\u200d"
_EMOJI_PRESENTATION: Final = "\ufe0f"
_CUT: Final = "…"


def columns_of(text: str) -> int:
    """Return the width of a line in columns."""
    return len(text) if text.isascii() else sum(_columns(text))


def padded(text: str, columns: int) -> str:
    """Pad a line with spaces to a width in columns."""
    return text + " " * (columns - columns_of(text))


def cut(text: str, most: int) -> str:
    """Cut a line to at most `most` columns.

    A cut line ends in an ellipsis; combining characters stay with their base.
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
    """Yield the columns that each character adds."""
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
    """Tell whether a character combines with the one before it."""
    return (
        unicodedata.category(character) in _NO_COLUMNS
        or "\u1160" <= character <= "\u11ff"  # vowels and ends of Korean syllables
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # colours of skin
    )


def without_empty(
    heads: Sequence[str], rows: Sequence[Sequence[str]], seldom: Collection[str]
) -> tuple[list[str], list[list[str]]]:
    """Return a table without some columns, if they are empty in every row.

    Args:
        heads: Headings.
        rows: Cells of each row; an empty one is shown as ``-``.
        seldom: Headings of the columns that may be left out.
    """
    kept = [
        number
        for number, head in enumerate(heads)
        if head not in seldom or any(row[number] for row in rows)
    ]
    cells = [[row[number] or "-" for number in kept] for row in rows]
    return [heads[number] for number in kept], cells
