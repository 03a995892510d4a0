"""What counts as a word of a text, and which words are the same.

Letters, digits and the marks that belong to them are words; everything else stands
between them. Case does not matter, nor do the accents of Latin letters, nor whether
a character was typed whole or as a letter with marks after it (NFC and NFD). Every
store finds by these rules: the index is made of the forms that are decided here.

Agents choose the texts and the queries, so the work on a whole text runs in C: no loop
in Python visits every word of a text for every term of a query.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

import attrs

_BETWEEN: Final = " "
_DROPPED: Final = "\0"
"""Stands for an accent that is a character of its own. No text has this character."""
_RUN: Final = re.compile(f"[^{_BETWEEN}]+")
_MARKS: Final = frozenset({"Mc", "Mn"})
_ACCENTS: Final = range(0x300, 0x332)
_PICTURES: Final = (range(0xFE00, 0xFE10), range(0x1F000, 0x1FB00))
"""Emoji, and what makes them coloured: never a part of the word beside them."""
_JOINING_LETTERS: Final = (range(0x1160, 0x1200), range(0x16D67, 0x16D68))
"""Letters that may become one with the letter before: Hangul and Kirat Rai vowels."""

# Putting marks in order takes time that grows with the square of their number, while
# nothing else runs. Unicode calls a text with no more than 30 in a row "stream-safe".
_LONG_RUN: Final = re.compile(r"[^\w\x00-\x7f]{30}")


@attrs.frozen
class Token:
    """One word of a text.

    Attributes:
        form: What it is equal by.
        start: Where it begins, in characters.
        end: Where it ends.
    """

    form: str
    start: int
    end: int


def line_of(text: str) -> str:
    """Return the forms of all words of a text, with a space around each."""
    forms = _flatten(_compose(text)).replace(_DROPPED, "").split()
    return f" {' '.join(forms)} " if forms else ""


def tokens_of(text: str, skip: int = 0) -> Iterator[Token]:
    """Yield the words of a text, in order, from the one after `skip` others on."""
    composed = _compose(text)
    origins = range(len(text) + 1) if composed == text else _origins(text)
    runs = _RUN.finditer(_flatten(composed))
    said = (run for run in runs if run.group().strip(_DROPPED))
    for run in islice(said, skip, None):
        form = run.group().replace(_DROPPED, "")
        yield Token(form, origins[run.start()], origins[run.end()])


def _compose(text: str) -> str:
    """Return the text in NFC, but that marks far down a long run of them stay apart."""
    if text.isascii():
        return text
    places = [0, *_cuts(text), len(text)]
    return "".join(
        unicodedata.normalize("NFC", text[start:end]) for start, end in pairwise(places)
    )


def _cuts(text: str) -> list[int]:
    return [run.end() for run in _LONG_RUN.finditer(text)]


def _origins(text: str) -> list[int]:
    """Return where in the text each character of its composed form comes from.

    The last entry is the end of the text.
    """
    starts = {place for place, each in enumerate(text) if not _joins(each)}
    places = sorted(starts | {0, *_cuts(text), len(text)})
    origins: list[int] = []
    for start, end in pairwise(places):
        # What becomes one with the character at the start is first; the rest is last.
        is_alone = end - start == 1
        left = 0 if is_alone else len(_compose(text[start:end])) - 1
        origins += [start, *range(end - left, end)]
    return [*origins, len(text)]


def _joins(character: str) -> bool:
    """Tell whether a character may become one with the character before."""
    code = ord(character)
    return unicodedata.category(character)[0] == "M" or any(
        code in letters for letters in _JOINING_LETTERS
    )


def _flatten(text: str) -> str:
    """Fold a composed text, character for character: places stay what they are."""
    return text.translate({ord(each): _fold(each) for each in set(text)})


def _fold(character: str) -> str:
    """Return the one character that stands for all that are the same in a word."""
    # A text may hold thousands of different characters: the many kinds come first.
    category = unicodedata.category(character)
    if category == "Lo":
        return character
    if category[0] not in "LN" and category not in _MARKS:
        return _BETWEEN
    return _fold_letter(character)


@lru_cache(maxsize=16_384)  # more than there are with case, of numbers and of marks
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


@attrs.frozen
class Term:
    """Words that stand next to each other.

    Attributes:
        forms: What the words are equal by; at least one.
        is_prefix: Whether the last one may go on.
    """

    forms: tuple[str, ...]
    is_prefix: bool = False

    @classmethod
    def of(cls, text: str, *, is_prefix: bool = False) -> "Term | None":
        """Return the term that a text is, or ``None`` when it has no words.

        A single letter is a whole word, whatever is asked: too many words begin
        with it. Letters without case, such as Chinese, say enough alone.
        """
        forms = tuple(line_of(text).split())
        return cls(forms, is_prefix and _may_go_on(forms[-1])) if forms else None

    @property
    def line(self) -> str:
        """What the line of a text has where the term is."""
        return f" {' '.join(self.forms)}{'' if self.is_prefix else ' '}"

    def matches_in(self, words: Sequence[Token]) -> Iterator[tuple[int, int]]:
        """Yield where the term is among some words: beginning and end."""
        said, wanted = f" {' '.join(word.form for word in words)} ", self.line
        place = said.find(wanted)
        while place >= 0:
            first = said.count(" ", 0, place)
            yield words[first].start, words[first + len(self.forms) - 1].end
            place = said.find(wanted, place + 1)


def _may_go_on(form: str) -> bool:
    return len(form) > 1 or unicodedata.category(form) == "Lo"
