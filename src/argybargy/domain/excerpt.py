"""A line out of a message, around what was looked for."""

from collections.abc import Sequence
from typing import Final

import attrs

from argybargy.domain.search import Query
from argybargy.domain.words import words_of

EXCERPT_CHARS: Final = 200
_LEAD_CHARS: Final = 60
_CUT: Final = "…"

Mark = tuple[int, int]


@attrs.frozen
class Excerpt:
    """A part of a text, on one line.

    Attributes:
        text: The part: characters as they were said, but that line breaks and the
            like are spaces; with an ellipsis where it was cut.
        marks: Where in it, in characters, what was looked for begins and ends.
    """

    text: str
    marks: tuple[Mark, ...]


def excerpt(text: str, query: Query) -> Excerpt:
    """Cut out of a text what shows best why it was found."""
    marks = _marks(text, query)
    first = marks[0][0] if marks else 0
    start = 0 if len(text) <= EXCERPT_CHARS else _start(text, first)
    end = min(len(text), start + EXCERPT_CHARS)
    lead, tail = _CUT if start else "", _CUT if end < len(text) else ""
    part = "".join(
        each if each.isprintable() else _shown(each) for each in text[start:end]
    )
    shift = len(lead) - start
    return Excerpt(
        f"{lead}{part}{tail}",
        tuple(
            (begin + shift, min(stop, end) + shift)
            for begin, stop in marks
            if start <= begin < end
        ),
    )


def _shown(character: str) -> str:
    return " " if character.isspace() else character


def _start(text: str, first: int) -> int:
    """Return where to begin: a little before what was found, between two words."""
    start = min(max(0, first - _LEAD_CHARS), len(text) - EXCERPT_CHARS)
    space = text.find(" ", start, first)
    return start if start == 0 or space < 0 else space + 1


def _marks(text: str, query: Query) -> Sequence[Mark]:
    """Return where the phrases are, in order; those that overlap as one."""
    words = list(words_of(text))
    places = sorted(
        place for phrase in query.phrases for place in phrase.places_in(words)
    )
    marks: list[Mark] = []
    for begin, end in places:
        if marks and begin < marks[-1][1]:
            marks[-1] = marks[-1][0], max(end, marks[-1][1])
        else:
            marks.append((begin, end))
    return marks
