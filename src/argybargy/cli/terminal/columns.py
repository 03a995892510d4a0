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
_LEAST: Final = 8
"""Least width of a column of a table that is narrowed."""
_TEXT: Final = frozenset({"TEXT", "CAPABILITIES", "STATUS", "VALUE", "DETAIL"})
_WHOLE: Final = frozenset({"ID", "KEY ID", "SEQ"})


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


def split_at(text: str, most: int) -> tuple[str, str]:
    """Split a line after at most `most` columns, but not before its first character.

    Combining characters stay with their base.
    """
    taken, end = 0, 0
    for place, columns in enumerate(_columns(text)):
        if columns and place and taken + columns > most:
            break
        taken, end = taken + columns, place + 1
    return text[:end], text[end:]


def fitted(heads: Sequence[str], widths: Sequence[int], most: int) -> list[int]:
    """Return the widths of a table's columns, reduced to fit a terminal.

    Columns of text are narrowed before names, the widest one first; ids and numbers,
    which have to be copied, stay whole.

    Args:
        heads: Headings.
        widths: Widths without a limit.
        most: Width of the terminal.
    """
    fit = list(widths)
    text = [place for place, head in enumerate(heads) if head in _TEXT]
    names = [
        place
        for place, head in enumerate(heads)
        if head not in _TEXT and head not in _WHOLE
    ]
    for places in (text, names):
        while True:
            excess = sum(fit) + 2 * (len(fit) - 1) - most
            wide = [place for place in places if fit[place] > _LEAST]
            if excess <= 0 or not wide:
                break
            widest = max(wide, key=fit.__getitem__)
            others = [fit[place] for place in wide if fit[place] < fit[widest]]
            least = max([_LEAST, *others])
            # Columns of the same width are narrowed by turns, one at a time.
            same = [place for place in wide if fit[place] == fit[widest]]
            step = 1 if len(same) > 1 else min(excess, fit[widest] - least)
            fit[widest] -= max(1, step)
    return fit


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
