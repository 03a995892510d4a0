"""Wrap Markdown for a terminal, as text: nothing is rendered, and code stays code.

Fenced and indented code and tables keep their lines, so that they can be copied; the
other lines are wrapped, with their continuation under the text of a list item or behind
the mark of a quotation.
"""

import re
from collections.abc import Iterator
from typing import Final

from argybargy.cli.terminal.columns import columns_of, split_at
from argybargy.cli.terminal.escape import escape
from argybargy.system.values import frozen

_TAB: Final = 4
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_QUOTATION: Final = re.compile(r"\s*(?:>\s?)+")
_INDENTED: Final = " " * 4
_WORDS: Final = re.compile(r"\s+|\S+")
_LEAST_COLUMNS: Final = 16


@frozen
class TextLine:
    """Line to print, with control characters escaped.

    Attributes:
        text: The line.
        is_fence: Whether it is the mark at the beginning or the end of code.
    """

    text: str
    is_fence: bool = False


def markdown_lines(text: str, columns: int) -> Iterator[TextLine]:
    """Yield the lines of a text, wrapped to a width in columns."""
    most, fence, is_after_code = max(columns, _LEAST_COLUMNS), "", True
    for raw in text.expandtabs(_TAB).split("\n"):
        line = escape(raw.rstrip("\r")).rstrip()
        mark = _FENCE.match(line)
        if fence:
            is_end = mark is not None and line.strip().strip(fence[0]) == ""
            is_end = is_end and mark is not None and mark[1].startswith(fence)
            yield TextLine(line, is_fence=is_end)
            fence = "" if is_end else fence
        elif mark is not None:
            fence = mark[1]
            yield TextLine(line, is_fence=True)
        elif line.lstrip().startswith("|") or (
            is_after_code and line.startswith(_INDENTED) and not _ITEM.match(line)
        ):
            yield TextLine(line)
            continue  # the next line may go on with the code
        else:
            yield from map(TextLine, wrap_line(line, most, _hanging(line)))
        is_after_code = not line


def _hanging(line: str) -> str:
    """Return the beginning of the further lines of a line that is wrapped."""
    quotation = _QUOTATION.match(line)
    if quotation is not None:
        return quotation[0]
    item = _ITEM.match(line)
    indent = len(line) - len(line.lstrip()) if item is None else len(item[0])
    return " " * indent


def wrap_line(line: str, most: int, hanging: str = "") -> list[str]:
    """Wrap a line at spaces.

    A word that does not fit is split, except for an address, which has to be copied.

    Args:
        line: The line.
        most: Width, in columns.
        hanging: Beginning of the further lines.
    """
    if columns_of(line) <= most:
        return [line]
    if columns_of(hanging) > most // 2:
        hanging = ""
    lines, current, space, has_word = list[str](), "", "", False
    for word in _WORDS.findall(line):
        if word.isspace():
            space = word
            continue
        if has_word and columns_of(current + space + word) > most:
            lines.append(current)
            current, space = hanging, ""
        current, space, has_word = current + space + word, "", True
        while columns_of(current) > most and "://" not in word:
            head, tail = split_at(current, most)
            if not tail:
                break
            lines.append(head)
            current = hanging + tail
    return [*lines, current]
