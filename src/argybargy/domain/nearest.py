"""Find the known word that a mistyped one is nearest to, for errors and warnings."""

from collections.abc import Iterable
from heapq import nsmallest
from itertools import islice
from typing import Final

MAX_COMPARED: Final = 32
"""Maximum known words that one mistyped word is compared with.

Long words that are almost alike take 0.25 ms each, and other tasks wait meanwhile.
"""
MAX_KNOWN: Final = 1024
"""Maximum known words that these are chosen from."""
_LONGEST: Final = 64
"""Longest mistyped word that is compared; known words are no longer."""
_LEAST_PREFIX: Final = 3
"""Least letters with which a word may be the beginning of a known one."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is probably meant; ``None`` if none is similar.

    Case, ``-`` and ``_`` make no difference: ``replyTo`` is near ``reply_to``.

    Args:
        word: The word that is not known.
        known: The known words, of which :data:`MAX_KNOWN` are looked at.
    """
    import difflib  # noqa: PLC0415 - few relays ever meet a mistyped word

    wanted = _plain(word)
    if not 1 <= len(wanted) <= _LONGEST:
        return None
    plain = {_plain(each): each for each in islice(known, MAX_KNOWN)}

    def unlikeness(each: str) -> tuple[bool, int]:
        return each[:1] != wanted[0], abs(len(each) - len(wanted))

    likely = nsmallest(MAX_COMPARED, plain, key=unlikeness)
    near = difflib.get_close_matches(wanted, likely, n=1, cutoff=0.7)
    if near:
        return plain[near[0]]
    begun = [each for each in plain if each.startswith(wanted)]
    is_clear = len(begun) == 1 and len(wanted) >= _LEAST_PREFIX
    return plain[begun[0]] if is_clear else None


def _plain(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")
