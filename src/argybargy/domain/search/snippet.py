"""A line out of a message, around what was looked for."""

from collections.abc import Sequence
from typing import Final

import attrs

from argybargy.domain.search.tokens import Term, Token, line_of, tokens_of

SNIPPET_CHARS: Final = 200
_LEAD_CHARS: Final = 60
_CUT: Final = "…"

Mark = tuple[int, int]


@attrs.frozen
class Snippet:
    """A part of a text, on one line.

    Attributes:
        text: The part: characters as they were said, but that line breaks and the
            like are spaces; with an ellipsis where it was cut.
        marks: Where in it, in characters, what was looked for begins and ends.
    """

    text: str = ""
    marks: tuple[Mark, ...] = ()


def snippet(text: str, terms: Sequence[Term]) -> Snippet:
    """Cut out of a text what shows best why it was found.

    What this costs grows with the text and with the terms, never with the product.
    """
    marks = _marks(text, terms)
    first = marks[0][0] if marks else 0
    start = 0 if len(text) <= SNIPPET_CHARS else _start(text, first)
    end = min(len(text), start + SNIPPET_CHARS)
    lead, tail = _CUT if start else "", _CUT if end < len(text) else ""
    part = text[start:end]
    if not part.isprintable():
        part = "".join(map(_shown, part))
    shift = len(lead) - start
    return Snippet(
        f"{lead}{part}{tail}",
        tuple(
            (begin + shift, min(stop, end) + shift)
            for begin, stop in marks
            if start <= begin < end
        ),
    )


def _shown(character: str) -> str:
    is_space = character.isspace() and not character.isprintable()
    return " " if is_space else character


def _start(text: str, first: int) -> int:
    """Return where to begin: a little before what was found, between two words."""
    start = min(max(0, first - _LEAD_CHARS), len(text) - SNIPPET_CHARS)
    space = text.find(" ", start, first)
    return start if start == 0 or space < 0 else space + 1


def _marks(text: str, terms: Sequence[Term]) -> Sequence[Mark]:
    """Return where the terms are, in order; those that overlap as one.

    Only those that can be shown: from the first one on, as far as an excerpt goes.
    """
    words = _near_first(text, terms)
    places = sorted(place for term in terms for place in term.matches_in(words))
    marks: list[Mark] = []
    for begin, end in places:
        if marks and begin < marks[-1][1]:
            marks[-1] = marks[-1][0], max(end, marks[-1][1])
        else:
            marks.append((begin, end))
    return marks


def _near_first(text: str, terms: Sequence[Term]) -> list[Token]:
    """Return the words from the first term on that an excerpt may show."""
    line = line_of(text)
    places = [line.find(term.line) for term in terms]
    found = [place for place in places if place >= 0]
    if not found:
        return []
    words = tokens_of(text, skip=line.count(" ", 0, min(found)))
    # A term that begins where the excerpt ends goes on for so many words.
    beyond = max(len(term.forms) for term in terms)
    near: list[Token] = []
    for word in words:
        near.append(word)
        beyond -= word.start >= near[0].start + SNIPPET_CHARS
        if not beyond:
            break
    return near
