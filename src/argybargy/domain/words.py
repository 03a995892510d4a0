"""What counts as a word of a text, and which words are the same.

The rule is that of SQLite's `unicode61` tokenizer with `remove_diacritics`, so that
the index of a store and what is written here find alike: letters, digits and the
marks that belong to them are words, everything else stands between them; case does
not matter, nor do the accents of Latin letters. At the edges of Unicode the two
differ; the store that has an index has the last word there.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import attrs

_BETWEEN: Final = " "
_DROPPED: Final = "\0"
"""Stands for an accent that is a character of its own. No text has this character."""
_RUN: Final = re.compile(f"[^{_BETWEEN}]+")
_MARKS: Final = frozenset({"Mc", "Mn"})
_ACCENTS: Final = range(0x300, 0x332)
PICTURES: Final = (range(0xFE00, 0xFE10), range(0x1F000, 0x1FB00))
"""Emoji, and what makes them coloured: never a part of the word beside them."""


@attrs.frozen
class Word:
    """One word of a text.

    Attributes:
        form: What it is equal by.
        start: Where it begins, in characters.
        end: Where it ends.
    """

    form: str
    start: int
    end: int


def words_of(text: str) -> Iterator[Word]:
    """Yield the words of a text, in order."""
    # Character for character, so that places in one are places in the other.
    flat = text.translate({ord(each): _flatten(each) for each in set(text)})
    for run in _RUN.finditer(flat):
        form = run.group().replace(_DROPPED, "")
        if form:
            yield Word(form, *run.span())


@lru_cache(maxsize=4096)
def _flatten(character: str) -> str:
    """Return the one character that stands for all that are the same in a word."""
    if ord(character) in _ACCENTS:
        return _DROPPED
    category = unicodedata.category(character)
    if any(ord(character) in pictures for pictures in PICTURES):
        return _BETWEEN
    if category[0] not in "LN" and category not in _MARKS:
        return _BETWEEN
    lower = _first_single(character.casefold(), character.lower(), character)
    parts = unicodedata.normalize("NFD", lower)
    base, accents = parts[0], parts[1:]
    is_latin = base.isascii() and all(map(unicodedata.combining, accents))
    return base.lower() if is_latin else lower


def _first_single(*texts: str) -> str:
    return next(text for text in texts if len(text) == 1)


@attrs.frozen
class Phrase:
    """Words that stand next to each other.

    Attributes:
        forms: What the words are equal by; at least one.
        written: The words as they were written, with a space between them.
        is_prefix: Whether the last one may go on.
    """

    forms: tuple[str, ...]
    written: str
    is_prefix: bool = False

    @classmethod
    def of(cls, text: str, *, is_prefix: bool = False) -> "Phrase | None":
        """Return the phrase that a text is, or ``None`` when it has no words."""
        words = list(words_of(text))
        written = " ".join(text[word.start : word.end] for word in words)
        forms = tuple(word.form for word in words)
        return cls(forms, written, is_prefix) if forms else None

    def is_in(self, words: Sequence[Word]) -> bool:
        """Tell whether the phrase is among the words of a text."""
        return any(True for _ in self.places_in(words))

    def places_in(self, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """Yield where the phrase is among the words of a text: beginning and end."""
        count = len(self.forms)
        for index in range(len(words) - count + 1):
            found = words[index : index + count]
            if self._fits(word.form for word in found):
                yield found[0].start, found[-1].end

    def _fits(self, forms: Iterable[str]) -> bool:
        *firsts, last = forms
        *wanted, ending = self.forms
        if firsts != wanted:
            return False
        return last.startswith(ending) if self.is_prefix else last == ending
