"""Snippets: one line of a message around the matches of a query."""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.search.tokens import Term, Token, line_of, tokens_of
from argybargy.system.values import frozen

SNIPPET_CHARS: Final = 200
_LEAD_CHARS: Final = 60
_CUT: Final = "…"

Mark = tuple[int, int]


@frozen
class Snippet:
    """A part of a text on one line.

    Attributes:
        text: The part, with line breaks and the like as spaces, and an ellipsis where
            it was cut.
        marks: Start and end of each match in `text`, in characters.
    """

    text: str = ""
    marks: tuple[Mark, ...] = ()


def snippet(text: str, terms: Sequence[Term]) -> Snippet:
    """Extract the part of a text around its first match.

    Takes time in proportion to the sum of text and terms, not to their product.
    """
    marks = _marks(text, terms)
    first = marks[0][0] if marks else 0
    start = 0 if len(text) <= SNIPPET_CHARS else _start(text, first)
    end = min(len(text), start + SNIPPET_CHARS)
    lead, tail = _CUT if start else "", _CUT if end < len(text) else ""
    part = text[start:end]
    if not part.isprintable():
        part = "".join(map(_to_one_line, part))
    shift = len(lead) - start
    return Snippet(
        f"{lead}{part}{tail}",
        tuple(
            (begin + shift, min(stop, end) + shift)
            for begin, stop in marks
            if start <= begin < end
        ),
    )


def _to_one_line(character: str) -> str:
    is_space = character.isspace() and not character.isprintable()
    return " " if is_space else character


def _start(text: str, first: int) -> int:
    """Return the start of the snippet: shortly before the first match, at a word."""
    start = min(max(0, first - _LEAD_CHARS), len(text) - SNIPPET_CHARS)
    space = text.find(" ", start, first)
    return start if start == 0 or space < 0 else space + 1


def _marks(text: str, terms: Sequence[Term]) -> Sequence[Mark]:
    """Return the matches in order, with overlapping ones merged.

    Only matches within a snippet that starts at the first one.
    """
    words = _near_first(text, terms)
    matches = sorted(match for term in terms for match in term.matches_in(words))
    marks: list[Mark] = []
    for begin, end in matches:
        if marks and begin < marks[-1][1]:
            marks[-1] = marks[-1][0], max(end, marks[-1][1])
        else:
            marks.append((begin, end))
    return marks


def _near_first(text: str, terms: Sequence[Term]) -> list[Token]:
    """Return the tokens from the first match on that a snippet may show."""
    line = line_of(text)
    places = [line.find(term.line) for term in terms]
    found = [place for place in places if place >= 0]
    if not found:
        return []
    words = tokens_of(text, skip=line.count(" ", 0, min(found)))
    # A match that starts at the end of the snippet extends over so many tokens.
    beyond = max(len(term.forms) for term in terms)
    near: list[Token] = []
    for word in words:
        near.append(word)
        beyond -= word.start >= near[0].start + SNIPPET_CHARS
        if not beyond:
            break
    return near
