"""Tokenizer: splits text into words and normalises them for comparison.

Words consist of letters, digits and their combining marks; all other characters
separate words. Case, accents of Latin letters, and the difference between NFC and NFD
are ignored. All stores search by these rules: the index holds the normalised forms.

Texts and queries are untrusted, so work on a whole text runs in C: no loop in Python
visits every word of a text for every term of a query.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from argybargy.system.values import frozen

_BETWEEN: Final = " "
_DROPPED: Final = "\0"
"""Placeholder for a dropped accent. No text has this character."""
_RUN: Final = re.compile(f"[^{_BETWEEN}]+")
_MARKS: Final = frozenset({"Mc", "Mn"})
_ACCENTS: Final = range(0x300, 0x332)
_PICTURES: Final = (range(0xFE00, 0xFE10), range(0x1F000, 0x1FB00))
"""Emoji and their variation selectors: never part of an adjacent word."""
_JOINING_LETTERS: Final = (range(0x1160, 0x1200), range(0x16D67, 0x16D68))
"""Letters that compose with the previous letter: Hangul and Kirat Rai vowels."""

# Normalisation sorts runs of marks in quadratic time and would block the event loop.
# Unicode calls a text with at most 30 marks in a row "stream-safe".
_LONG_RUN: Final = re.compile(r"[^\w\x00-\x7f]{30}")


@frozen
class Token:
    """One word of a text.

    Attributes:
        form: The normalised word.
        start: Offset of its first character in the text.
        end: Offset after its last character.
    """

    form: str
    start: int
    end: int


def line_of(text: str) -> str:
    """Return the normalised words of a text, separated and surrounded by spaces."""
    forms = _flatten(_compose(text)).replace(_DROPPED, "").split()
    return f" {' '.join(forms)} " if forms else ""


def tokens_of(text: str, skip: int = 0) -> Iterator[Token]:
    """Yield the tokens of a text in order, without the first `skip`."""
    composed = _compose(text)
    origins = range(len(text) + 1) if composed == text else _origins(text)
    runs = _RUN.finditer(_flatten(composed))
    said = (run for run in runs if run.group().strip(_DROPPED))
    for run in islice(said, skip, None):
        form = run.group().replace(_DROPPED, "")
        yield Token(form, origins[run.start()], origins[run.end()])


def _compose(text: str) -> str:
    """Return the text in NFC, except within long runs of marks."""
    if text.isascii():
        return text
    places = [0, *_cuts(text), len(text)]
    return "".join(
        unicodedata.normalize("NFC", text[start:end]) for start, end in pairwise(places)
    )


def _cuts(text: str) -> list[int]:
    return [run.end() for run in _LONG_RUN.finditer(text)]


def _origins(text: str) -> list[int]:
    """Return the offset in the text of each character of its composed form.

    The last entry is the length of the text.
    """
    starts = {place for place, each in enumerate(text) if not _joins(each)}
    places = sorted(starts | {0, *_cuts(text), len(text)})
    origins: list[int] = []
    for start, end in pairwise(places):
        # Characters composed with the first one come first; the rest come last.
        is_alone = end - start == 1
        left = 0 if is_alone else len(_compose(text[start:end])) - 1
        origins += [start, *range(end - left, end)]
    return [*origins, len(text)]


def _joins(character: str) -> bool:
    """Tell whether a character may compose with the previous one."""
    code = ord(character)
    return unicodedata.category(character)[0] == "M" or any(
        code in letters for letters in _JOINING_LETTERS
    )


def _flatten(text: str) -> str:
    """Normalise a composed text character by character, which keeps all offsets."""
    return text.translate({ord(each): _fold(each) for each in set(text)})


def _fold(character: str) -> str:
    """Return the normalised form of a character."""
    # A text may have thousands of different characters: test common categories first.
    category = unicodedata.category(character)
    if category == "Lo":
        return character
    if category[0] not in "LN" and category not in _MARKS:
        return _BETWEEN
    return _fold_letter(character)


@lru_cache(maxsize=16_384)  # exceeds the number of cased letters, digits and marks
def _fold_letter(character: str) -> str:
    if ord(character) in _ACCENTS:
        return _DROPPED
    if any(ord(character) in pictures for pictures in _PICTURES):
        return _BETWEEN
    lower = _first_single(character.casefold(), character.lower(), character)
    parts = unicodedata.normalize("NFD", lower)
    base, accents = parts[0], parts[1:]
    is_latin = base.isascii() and all(map(unicodedata.combining, accents))
    return base.lower() if is_latin else lower


def _first_single(*texts: str) -> str:
    return next(text for text in texts if len(text) == 1)


@frozen
class Term:
    """A search term: one word, or several adjacent ones.

    Attributes:
        forms: The normalised words; at least one.
        is_prefix: Whether the last one matches as a prefix.
    """

    forms: tuple[str, ...]
    is_prefix: bool = False

    @classmethod
    def of(cls, text: str, *, is_prefix: bool = False) -> "Term | None":
        """Parse a term; ``None`` when the text has no words.

        A single cased letter or digit never matches as a prefix, because too many words
        start with it. A single letter without case, such as a Chinese one, does.
        """
        forms = tuple(line_of(text).split())
        return cls(forms, is_prefix and _can_be_prefix(forms[-1])) if forms else None

    @property
    def line(self) -> str:
        """The substring by which the term matches a result of :func:`line_of`."""
        return f" {' '.join(self.forms)}{'' if self.is_prefix else ' '}"

    def matches_in(self, words: Sequence[Token]) -> Iterator[tuple[int, int]]:
        """Yield start and end of each match among some tokens."""
        line, wanted = f" {' '.join(word.form for word in words)} ", self.line
        match = line.find(wanted)
        while match >= 0:
            first = line.count(" ", 0, match)
            yield words[first].start, words[first + len(self.forms) - 1].end
            match = line.find(wanted, match + 1)


def _can_be_prefix(form: str) -> bool:
    return len(form) > 1 or unicodedata.category(form) == "Lo"
